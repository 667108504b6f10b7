"""A hundred updates a second of a session in the browser: are frames dropped, does the page's memory grow?

`python -m tests.engine.page.live_updates [SECONDS]` (600 unless given) has a process write a session's journal and
status a hundred times a second and the server send each as an event, and watches every frame that Chromium draws.
Prints the events a second that arrived, frames that came late beside those of a page at rest, and the heap after
collection.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import sync_playwright
from touchline import engine
from touchline.engine.page.folders import name_of
from touchline.engine.page.views import session
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import JournalLine, SessionJournal

from .browsing import chromium
from .conftest import begun_session

RATE = 100
#: The server looks twice as often here, so that nearly every update is an event of its own.
LOOK = 0.5 / RATE
#: A frame that comes so many ms after the one before it is seen to be missing: at 60 a second one takes 17 ms.
LATE_MS = 100
HEARD = "Number(document.body.dataset.told || 0)"
WATCH = """() => {
    window.late = []; window.drawn = 0; window.events = 0;
    let last = performance.now();
    const look = (now) => { window.drawn++; if (now - last > LATE) window.late.push(now - last); last = now; requestAnimationFrame(look); };
    requestAnimationFrame(look);
}""".replace("LATE", str(LATE_MS))  # noqa: E501  # a script on a line


@dataclass(frozen=True)
class Watched:
    """What was seen of a page over some seconds."""

    seconds: float
    written: int  #: updates
    heard: int  #: events that arrived
    drawn: int  #: frames
    late: int  #: frames that came late
    heap_early: float  #: MB, after a third of the time
    heap_late: float

    def __str__(self) -> str:
        return (
            f"{self.written:,} updates in {self.seconds:.0f} s, {self.heard / self.seconds:.0f} events a second heard; "
            f"{self.drawn / self.seconds:.0f} frames a second, {self.late} of {self.drawn:,} later than {LATE_MS} ms; "
            f"heap {self.heap_early:.1f} MB, then {self.heap_late:.1f} MB"
        )


def heap(page: BrowserPage) -> float:
    """The page's heap after a collection, MB."""
    page.evaluate("window.gc && window.gc()")
    return page.evaluate("performance.memory.usedJSHeapSize") / 1e6


def write(folder: Path, seconds: float, sent: Synchronized[int]) -> None:
    """Update a session a hundred times a second, each update when it is due, as its process would."""
    session, began = SessionFolder(folder), time.monotonic()
    status, journal = session.status(), SessionJournal(session.journal)
    quote = b'{"market": "KXTEST-26SEP21-B0", "bid": %d, "bid_size": 1000, "ask": 4700, "ask_size": 1000}'
    for n in range(round(seconds * RATE)):
        time.sleep(max(began + n / RATE - time.monotonic(), 0))
        ts = 1_790_000_000_000_000_000 + n * 10_000_000
        journal.append(JournalLine("quote", ts, quote % (4_500 + n % 9 * 10)))
        journal.commit()
        session.write_status(status | {"messages": n + 1, "now": ts})
        sent.value = n + 1
    journal.close()


def watch(page: BrowserPage, folder: SessionFolder, seconds: float) -> Watched:
    """Watch the page that shows a session, while another process updates it a hundred times a second."""
    spawned = get_context("spawn")
    sent = spawned.Value("q", 0)
    writer = spawned.Process(target=write, args=(folder.path, seconds, sent))
    writer.start()
    while not sent.value:
        page.wait_for_timeout(20)
    page.evaluate(WATCH)
    began, early, before = time.monotonic(), 0.0, page.evaluate(HEARD)
    while writer.is_alive():
        page.wait_for_timeout(200)
        if not early and time.monotonic() - began > seconds / 3:
            early = heap(page)
    took = time.monotonic() - began
    page.wait_for_timeout(500)
    drawn, late = page.evaluate("[window.drawn, window.late.length]")
    return Watched(took, sent.value, page.evaluate(HEARD) - before, drawn, late, early, heap(page))


def main() -> None:
    """Watch a page at rest, then one that is told a hundred times a second."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    session.LOOK = LOOK
    with tempfile.TemporaryDirectory() as made:
        folder = begun_session(Path(made) / "night")
        with engine.ui(made) as page, sync_playwright() as play:
            flags = ["--no-sandbox", "--js-flags=--expose-gc", "--enable-precise-memory-info"]
            browser = play.chromium.launch(executable_path=chromium(), args=flags)
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(page.url)
            tab.goto(f"{page.address}#/session/{name_of(folder.path)}")
            tab.wait_for_selector(".numbers b")
            tab.evaluate(WATCH)
            tab.wait_for_timeout(5_000)
            drawn, late = tab.evaluate("[window.drawn, window.late.length]")
            print(f"at rest: {drawn / 5:.0f} frames a second, {late} of {drawn} later than {LATE_MS} ms")
            tab.reload()
            tab.wait_for_selector(".numbers b")
            print(watch(tab, folder, seconds))
            browser.close()


if __name__ == "__main__":
    main()
