"""How fast the local page is on a replay of ten million events over a month, in a real browser.

Makes the market, replays it once, starts `engine ui` as a process of its own and drives Chromium over it: the first
paint of the time-travel view once the server has the replay, zooms, steps, and the server's own memory above the
mapped tape. Prints each figure beside its bar. `python bench/page.py [EVENTS]`; needs the development packages.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from playwright.sync_api import Page, sync_playwright
from touchline import engine
from touchline.engine.page.folders import name_of
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

DAY_NS = 86_400_000_000_000
START = 1_790_000_000_000_000_000
DEEP, BASE, SEGMENT = 6, 4_000, 20_000


def month(events: int, seed: int = 0) -> dict[str, pl.DataFrame]:
    """A market over 30 days: six levels a side that come and go, a new mid every so often, trades at the touch."""
    rng = np.random.default_rng(seed)
    ts = START + np.sort(rng.integers(0, 30 * DAY_NS, events))
    segment = np.arange(events) // SEGMENT
    mid = np.clip(50 + np.cumsum(rng.integers(-2, 3, segment[-1] + 1)), 15, 85)
    side = np.where(rng.random(events) < 0.5, 1, -1)
    level = rng.integers(1, DEEP + 1, events)
    price = (mid[segment] - side * level) * 100
    order = np.lexsort((np.arange(events), price, side, segment))
    grouped = np.stack([segment[order], side[order], price[order]])
    first = np.flatnonzero((np.diff(grouped, axis=1, prepend=-9) != 0).any(axis=0))
    rank = np.arange(events) - np.repeat(first, np.diff(np.append(first, events)))
    size = np.empty(events, np.int64)
    size[order] = np.where(rank % 2 == 0, 1, -1) * 500
    rows = [pl.DataFrame({"ts": ts, "kind": 0, "side": side, "price": price, "size": size, "of": 2})]
    starts = ts[np.flatnonzero(np.diff(segment, prepend=-1))]
    rows.append(pl.DataFrame({"ts": starts, "kind": 2, "side": 0, "price": 0, "size": 0, "of": 0}))
    rows += [
        pl.DataFrame({"ts": starts, "kind": 1, "side": one, "price": (mid - one * deep) * 100, "size": BASE, "of": 1})
        for one in (1, -1)
        for deep in range(1, DEEP + 1)
    ]
    book = pl.concat(rows, how="vertical_relaxed").sort("ts", "of", maintain_order=True).drop("of")
    hit = np.sort(rng.choice(events, events // 25, replace=False))
    taker = np.where(rng.random(len(hit)) < 0.5, 1, -1)
    trades = pl.DataFrame(
        {"ts": ts[hit], "price": (mid[segment[hit]] + taker) * 100, "size": rng.integers(1, 60, len(hit)) * 50,
         "taker_side": taker}
    )  # fmt: skip
    facts = {"ticker": ["MONTH"], "series": ["MONTH"], "event": ["MONTH"], "open_ts": [START]}
    facts |= {"close_ts": [START + 31 * DAY_NS]}
    named = [frame.with_columns(ticker=pl.lit("MONTH")) for frame in (book, trades)]
    return {"markets": pl.DataFrame(facts), "book": named[0], "trades": named[1]}


def anonymous(pid: int) -> float:
    """The memory of a process that is no mapped file, MB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) / 1024


def waited(page: Page, act: str, done: str, argument: Any = None) -> float:
    """Do something in the page and say after how many ms it is drawn."""
    return page.evaluate(
        f"""async (given) => {{
            const began = performance.now();
            {act}
            while (!({done})) await new Promise((next) => setTimeout(next, 1));
            await new Promise((next) => requestAnimationFrame(next));
            return performance.now() - began;
        }}""",
        argument,
    )


def key(name: str) -> str:
    """Script that presses a key."""
    return f"window.dispatchEvent(new KeyboardEvent('keydown', {{key: '{name}', bubbles: true}}));".replace(
        "window.", "document.body."
    )


def measure(page: Page, address: str, first: str) -> dict[str, list[float]]:
    """Times in ms of first paints, zooms and steps."""
    canvas, event = "document.querySelector('main canvas')", "document.querySelector('.at b')?.dataset.event"
    found: dict[str, list[float]] = {"first paint": [], "zoom": [], "step": []}
    for turn in range(6):
        page.goto(f"{address}#/results")
        page.wait_for_selector("main table")
        ready = f"{canvas}?.dataset.window && {event}"
        took = waited(page, f"location.hash = given + '&n={turn}';", ready, first)
        if turn:  # the first one walks the replay: that is no warm one
            found["first paint"].append(took)
    for turn in range(14):
        before = page.evaluate(f"{canvas}.dataset.window")
        found["zoom"].append(waited(page, key("+" if turn < 10 else "-"), f"{canvas}.dataset.window !== given", before))
    for turn in range(40):
        before = page.evaluate(event)
        name = "ArrowRight" if turn % 2 else "ArrowLeft"
        found["step"].append(waited(page, key(name if turn < 30 else "f"), f"{event} !== given", before))
    return found


def main() -> None:
    """Make, serve, measure, print."""
    events = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        began = time.monotonic()
        Store(root / "store").ingest("bench", f"month {events}", [Chunk(month(events))])
        engine.backtest("fixed-spread", "MONTH", str(root / "store"), params={"half_spread": 1}, out=root / "replay")
        print(f"made and replayed {events:,} events in {time.monotonic() - began:.0f} s")
        command = [Path(sys.executable).with_name("engine"), "ui", root, "--no-browser"]
        served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        try:
            assert served.stdout is not None
            url = served.stdout.readline().strip()
            with sync_playwright() as play:
                path = shutil.which("chromium") or shutil.which("google-chrome")
                browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.goto(url)
                page.wait_for_selector("main table")
                empty = anonymous(served.pid)
                found = measure(page, url.partition("?")[0], f"#/replay/{name_of(root / 'replay')}?event={events // 2}")
                held = anonymous(served.pid)
                browser.close()
        finally:
            served.send_signal(signal.SIGINT)
            served.wait(20)
    bars = {"first paint": 1_500.0, "zoom": 150.0, "step": 30.0}
    for name, times in found.items():
        middle, most = statistics.median(times), max(times)
        print(
            f"{name}: {middle:.0f} ms, at most {most:.0f} ms; bar {bars[name]:.0f} ms, ratio {middle / bars[name]:.2f}"
        )
    print(f"server: {held:.0f} MB beside mapped files, {empty:.0f} MB before the replay; bar 300 MB")
    print(json.dumps({"events": events, "ms": found, "mb": [empty, held]}))


if __name__ == "__main__":
    main()
