"""The page in a real browser: every view and button, nothing foreign, nothing read as markup, readable by all."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from touchline import engine
from touchline.engine.page.folders import name_of
from touchline.engine.page.server import Page
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import JournalLine, SessionJournal
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..made_books import made_books
from .conftest import begun_session

pytestmark = pytest.mark.slow

MARKUP = "<img src=x onerror=window.hurt=1>"
WIDTHS = (1280, 420)
HOUR = 3_600_000_000_000
BUSIEST = "select ticker from trades where ticker like 'SYNINX-%' group by 1 order by count(*) desc, 1 limit 1"
Open = Callable[..., "Tab"]


def chromium() -> str:
    """The system's Chromium; without it these tests are skipped, or fail where a browser is needed."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None and os.environ.get("TOUCHLINE_BROWSER") == "needed":
        pytest.fail("there is no Chromium: apt-get install chromium")
    if found is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    return found


class Tab:
    """A page of the browser that notes what goes wrong in it."""

    def __init__(self, page, served: Page) -> None:
        self.page, self.served = page, served
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda said: said.type in ("error", "warning") and self.wrong.append(said.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.under_way: list[str] = []
        page.on("request", self._begun)
        page.on("requestfinished", lambda request: self.under_way.remove(request.url))
        page.on("requestfailed", lambda request: self.under_way.remove(request.url))

    def _begun(self, request) -> None:
        self.asked.append(request.url)
        self.under_way.append(request.url)

    def go(self, address: str, ready: str = "main h1") -> None:
        """Open an address of the page and wait until it stands."""
        self.page.goto(f"{self.served.address}{address}")
        self.page.wait_for_function(
            "a => document.querySelector('main').dataset.shown === a", arg=address, timeout=60_000
        )
        self.page.wait_for_selector(ready, timeout=60_000)
        self.quiet()

    def quiet(self) -> None:
        """Wait until nothing is asked for any more, apart from what a session goes on telling."""
        still = 0
        while still < 3:
            self.page.wait_for_timeout(50)
            still = 0 if any("/api/follow" not in url for url in self.under_way) else still + 1

    def well(self) -> None:
        """Nothing was said in the console, and nothing left this machine."""
        assert self.wrong == []
        foreign = [url for url in self.asked if not url.startswith((self.served.address, "blob:", "data:"))]
        assert foreign == []


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Bets, a sweep and a replay on a synthetic day, and results whose names are markup: addresses of views."""
    root = tmp_path_factory.mktemp("page")
    store = str(root / "demo" / "store")
    engine.sample(store, scale=0.01)
    first, last = Store(store).sql("select min(ts), max(ts) from book").row(0)
    busiest = str(Store(store).sql(BUSIEST).item())
    bets = {"step_minutes": 5, "min_hours": 0.1}
    engine.backtest("quant", store=store, start=first, end=last + HOUR, params=bets, out=root / "demo" / "bets")
    grid = {"gamma": "0.05:1:4", "kappa": "0.5:5:4"}
    engine.sweep("avellaneda-stoikov", busiest, store, axes=grid, out=root / "demo" / "sweep", pictures=False)
    given = {"half_spread": 2, "size": 5}
    engine.backtest("fixed-spread", busiest, store, params=given, out=root / "replay")
    made_books(root / "odd", markets=2, seconds=120, series=MARKUP)
    titles = pl.DataFrame({"ticker": [f"{MARKUP}-00"], "title": [MARKUP], "category": [MARKUP]})
    Store(root / "odd").ingest("by hand", "titles", [Chunk({"markets": titles})])
    odd = [f"{MARKUP}-00", f"{MARKUP}-01"]
    engine.backtest("fixed-spread", odd, str(root / "odd"), params=given, out=root / MARKUP)
    begun_session(root / "night", MARKUP)
    names = {
        name: name_of(root / name)
        for name in ("night", "replay", "demo/sweep", "demo/bets", "demo/store", "odd", MARKUP)
    }
    return {
        "root": str(root),
        "results": "#/results",
        "replay": f"#/replay/{names['replay']}",
        "sweep": f"#/sweep/{names['demo/sweep']}?cell=6",
        "cell": f"#/replay/{names['demo/sweep']}?cell=6&market={busiest}",
        "bets": f"#/bets/{names['demo/bets']}",
        "data": f"#/data/{names['demo/store']}",
        "book": f"#/book/{names['demo/store']}?market={busiest}",
        "compare": f"#/compare/{names['replay']},{names['demo/bets']}",
        "session": f"#/session/{names['night']}",
        "odd": f"#/result/{names[MARKUP]}",
        "odd data": f"#/data/{names['odd']}",
    }


VIEWS = ("results", "replay", "sweep", "cell", "bets", "data", "book", "compare", "session", "odd", "odd data")


@pytest.fixture(scope="module")
def served(shown: dict[str, str]) -> Iterator[Page]:
    with engine.ui(shown["root"]) as page:
        yield page


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def tab(browser, served: Page) -> Iterator[Open]:
    """Opens the page at a width, in dark or in light, let in by the address that the command prints."""
    contexts = []

    def opened(width: int = 1280, scheme: str = "dark") -> Tab:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        made = Tab(context.new_page(), served)
        made.page.goto(served.url)
        return made

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_view_stands_at_every_width_without_an_error(tab: Open, shown: dict[str, str], width: int):
    one = tab(width)
    for view in VIEWS:
        one.go(shown[view])
        assert one.page.locator("main .problem").count() == 0, view
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width, view
        assert one.page.locator("main canvas").count() > 0 or view in ("results", "session"), view
    one.well()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious(tab: Open, shown: dict[str, str], scheme: str):
    from axe_playwright_python.sync_playwright import Axe

    one = tab(1280, scheme)
    found = []
    for view in VIEWS:
        one.go(shown[view])
        one.page.wait_for_timeout(300)
        said = Axe().run(one.page).response["violations"]
        found += [
            (view, rule["id"], rule["nodes"][0]["html"][:120], rule["nodes"][0].get("failureSummary", "")[:200])
            for rule in said
            if rule["impact"] in ("serious", "critical")
        ]
    assert found == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_button_can_be_pressed(tab: Open, shown: dict[str, str], view: str):
    one = tab()
    one.go(shown[view])
    words = one.page.locator("main button:visible").evaluate_all("all => all.map(b => b.ariaLabel || b.textContent)")
    assert words or view == "odd"
    for word in dict.fromkeys(words):
        press = one.page.locator("main button:visible").filter(has_text=word)
        press = press if press.count() else one.page.get_by_label(word, exact=True)
        if press.count() and press.first.is_enabled():
            press.first.click(timeout=10_000)
            one.page.wait_for_timeout(60)
        if one.page.evaluate("location.hash").split("?")[0] != shown[view].split("?")[0]:
            one.go(shown[view])
    one.quiet()
    one.well()


def test_names_with_markup_are_text_everywhere(tab: Open, shown: dict[str, str]):
    one = tab()
    for view in ("results", "odd", "odd data", "session"):
        one.go(shown[view])
        one.page.wait_for_timeout(400)
        assert MARKUP in one.page.inner_text("main"), view
        assert one.page.locator("main img").count() == 0, view
    for at in (0, 1):
        one.go(shown["odd"])
        one.page.locator("main table a").nth(at).click()
        one.page.wait_for_selector(".ladder tbody tr", timeout=60_000)
        assert MARKUP in one.page.inner_text("main h1")
        one.page.get_by_role("button", name="Explain this moment").click()
        one.quiet()
    one.go(shown["odd data"])
    one.page.locator("main table a").first.click()
    one.page.wait_for_selector(".ladder tbody tr", timeout=60_000)
    assert one.page.evaluate("window.hurt") is None
    one.well()


def test_a_moment_is_kept_in_the_address_and_keys_move_it(tab: Open, shown: dict[str, str], served: Page):
    one = tab()
    one.go(shown["replay"], ".at b")
    at = lambda: int(one.page.get_attribute(".at b", "data-event") or -1)  # noqa: E731  # short, and local
    settled = one.quiet

    def pressed(key: str) -> int:
        one.page.keyboard.press(key)
        settled()
        return at()

    begun = at()
    assert pressed("ArrowRight") == begun + 1
    assert pressed("ArrowLeft") == begun
    assert pressed("Shift+ArrowRight") == begun + 100
    fill = pressed("f")
    assert pressed("Shift+F") != fill
    again = at()
    assert f"event={again}" in one.page.evaluate("location.hash")
    one.page.keyboard.press("+")
    settled()
    address = one.page.evaluate("location.hash")
    assert "from=" in address
    other = tab()
    other.go(address, ".at b")
    assert int(other.page.get_attribute(".at b", "data-event") or -1) == again
    assert other.page.inner_text(".ladder") == one.page.inner_text(".ladder")
    one.page.keyboard.press(" ")
    one.page.wait_for_timeout(600)
    one.page.keyboard.press(" ")
    settled()
    assert at() > again
    one.well()


def test_a_list_is_filtered_walked_through_opened_and_compared(tab: Open, shown: dict[str, str]):
    one = tab()
    one.go(shown["results"])
    whole = one.page.locator("main tbody tr").count()
    one.page.keyboard.press("/")
    one.page.keyboard.type("avellaneda")
    assert one.page.locator("main tbody tr").count() == 1 < whole
    one.page.keyboard.press("Escape")
    one.page.keyboard.press("j")
    one.page.keyboard.press("Enter")
    one.page.wait_for_selector("h1:has-text('Sweep of avellaneda-stoikov')", timeout=60_000)
    one.go(shown["results"])
    for kind in ("bets", "replay"):
        one.page.locator("tbody tr", has=one.page.locator(f".kind.{kind}")).first.locator("input").check()
    one.page.get_by_role("button", name="Compare 2").click()
    one.page.wait_for_selector("h1:has-text('2 results beside each other')", timeout=60_000)
    assert "strategy" in one.page.inner_text("main")
    one.well()


def test_a_click_on_the_grid_leads_to_a_cell_and_on_to_its_replay(tab: Open, shown: dict[str, str]):
    one = tab()
    one.go(shown["sweep"].partition("?")[0])
    map_ = one.page.locator("main canvas").first
    box = map_.bounding_box()
    assert box is not None
    map_.click(position={"x": box["width"] * 0.5, "y": box["height"] * 0.5})
    one.page.wait_for_selector("section[aria-label^='Cell ']", timeout=30_000)
    one.page.locator("section[aria-label^='Cell '] table a").first.click()
    one.page.wait_for_selector(".ladder tbody tr", timeout=60_000)
    assert "cell=" in one.page.evaluate("location.hash")
    one.well()


@pytest.mark.parametrize("what", ["PNG", "SVG", "CSV"])
def test_pictures_and_tables_are_saved_as_files(tab: Open, shown: dict[str, str], tmp_path: Path, what: str):
    one = tab()
    one.go(shown["replay"], ".at b")
    with one.page.expect_download() as started:
        one.page.locator("figure.picture button", has_text=what).first.click()
    file = tmp_path / started.value.suggested_filename
    started.value.save_as(file)
    content = file.read_bytes()
    if what == "PNG":
        assert content.startswith(b"\x89PNG")
    elif what == "SVG":
        assert content.startswith(b"<svg")
        assert content.count(b"<path") > 5
    else:
        frame = pl.read_csv(file, infer_schema_length=None)
        assert frame.height > 200
        assert {"bid", "ask", "own bid", "equity"} <= set(frame.columns)
    one.well()


def test_copy_gives_what_runs(browser, served: Page, shown: dict[str, str]):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    one = Tab(context.new_page(), served)
    one.page.goto(served.url)
    one.go(shown["cell"], ".at b")
    one.page.get_by_role("button", name="Copy as Python").first.click()
    one.page.wait_for_selector("#said.shown")
    text = one.page.evaluate("navigator.clipboard.readText()")
    made = eval(text, {"engine": engine})  # what a user would paste
    one.page.locator("table[aria-label=Fills]").wait_for()
    assert f"{made.fills.height}" in str(one.page.inner_text("main"))
    context.close()


def test_without_the_token_the_page_says_what_to_do(browser, served: Page):
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.address)
    page.wait_for_selector("main h1")
    assert "engine ui printed" in page.inner_text("main")
    context.close()


def test_an_order_to_a_session_is_confirmed_by_its_name(tab: Open, shown: dict[str, str]):
    one = tab()
    one.go(shown["session"])
    folder = SessionFolder(Path(shown["root"]) / "night")
    one.page.get_by_role("button", name="kill", exact=True).click()
    one.page.get_by_role("button", name="Yes, kill").click()
    one.page.wait_for_selector("[role=alert]:has-text('type the session')")
    assert folder.commands() == []
    one.wrong.clear()  # the refusal, which Chromium writes to the console
    one.page.get_by_label("The session's name, to confirm").fill("night")
    one.page.get_by_role("button", name="Yes, kill").click()
    one.page.wait_for_selector("#said.shown:has-text('kill was left')")
    assert [command.verb for _, command in folder.commands()] == ["kill"]
    one.well()


@pytest.mark.timeout(120)
def test_a_hundred_updates_a_second_drop_no_frames_and_keep_no_memory(tab: Open, shown: dict[str, str]):
    """Ten seconds here; TOUCHLINE_LIVE_SECONDS=600 is the whole of it."""
    seconds = float(os.environ.get("TOUCHLINE_LIVE_SECONDS", "10"))
    one = tab()
    one.go(shown["session"])
    folder = SessionFolder(Path(shown["root"]) / "night")
    status = folder.status()
    journal = SessionJournal(folder.journal)
    one.page.evaluate(
        """() => {
            window.slow = 0; window.frames_ = 0;
            let last = performance.now();
            const look = (now) => {
                window.frames_++;
                if (now - last > 100) window.slow++;
                last = now;
                requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        }"""
    )
    heap = "window.gc?.(), performance.memory ? performance.memory.usedJSHeapSize : 0"
    began, sent, first = time.monotonic(), 0, 0
    while (past := time.monotonic() - began) < seconds:
        while sent < past * 100:
            journal.append(JournalLine("quote", 1_790_000_000_000_000_000 + sent, b'{"market": "A", "bid": 4500}'))
            sent += 1
        journal.commit()
        folder.write_status(status | {"messages": sent})
        one.page.wait_for_timeout(20)
        if past > seconds / 3 and not first:
            first = one.page.evaluate(heap)
    journal.close()
    one.quiet()
    one.page.wait_for_timeout(600)
    assert f"{sent:,}" in one.page.inner_text(".numbers")
    assert one.page.locator("table[aria-label=Journal] tr").count() <= 60
    assert one.page.evaluate("window.slow") <= one.page.evaluate("window.frames_") * 0.02
    assert one.page.evaluate(heap) < first + 15e6
    one.well()
