"""The page in a real browser: every view and button, nothing foreign, nothing read as markup, readable by all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from touchline import engine
from touchline.engine.page.folders import name_of
from touchline.engine.page.server import Page
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..made_books import made_books
from .browsing import Tab
from .conftest import begun_session, session_of_bets, trained_model

pytestmark = pytest.mark.slow

MARKUP = "<img src=x onerror=window.hurt=1>"
WIDTHS = (1280, 420)
HOUR = 3_600_000_000_000
BUSIEST = "select ticker from trades where ticker like 'SYNINX-%' group by 1 order by count(*) desc, 1 limit 1"
Open = Callable[..., "Tab"]


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
    made_books(root / "slow", markets=1, seconds=8_640, stretch=300)  # 30 days
    engine.backtest("fixed-spread", "MADE-00", str(root / "slow"), params=given, out=root / "month")
    begun_session(root / "night", MARKUP)
    session_of_bets(root / "betting", MARKUP)
    paid = {"rewards": "pool=20,per=15m,target=300,discount=0.5"}
    engine.backtest("fixed-spread", busiest, store, params=given, assume=paid, out=root / "paid")
    trained_model(root / "model", MARKUP, MARKUP)
    for kind, record in (("replay", "run.json"), ("demo/sweep", "sweep.json"), ("demo/bets", "run.json")):
        renamed(root / kind, root / "named" / kind, record)
    names = {
        name: name_of(root / name)
        for name in (
            "night", "betting", "month", "replay", "paid", "model", "demo/sweep", "demo/bets", "demo/store", "odd",
            MARKUP, "named/replay", "named/demo/sweep", "named/demo/bets",
        )
    }  # fmt: skip
    return {
        "root": str(root),
        "results": "#/results",
        "replay": f"#/replay/{names['replay']}",
        "month": f"#/replay/{names['month']}",
        "paid": f"#/replay/{names['paid']}",
        "model": f"#/result/{names['model']}",
        "mixed": f"#/compare/{names['model']},{names['night']},{names['replay']}",
        "named replay": f"#/result/{names['named/replay']}",
        "named sweep": f"#/sweep/{names['named/demo/sweep']}",
        "named bets": f"#/bets/{names['named/demo/bets']}",
        "sweep": f"#/sweep/{names['demo/sweep']}?cell=6",
        "cell": f"#/replay/{names['demo/sweep']}?cell=6&market={busiest}",
        "bets": f"#/bets/{names['demo/bets']}",
        "data": f"#/data/{names['demo/store']}",
        "book": f"#/book/{names['demo/store']}?market={busiest}",
        "compare": f"#/compare/{names['replay']},{names['demo/bets']}",
        "session": f"#/session/{names['night']}",
        "betting": f"#/session/{names['betting']}",
        "odd": f"#/result/{names[MARKUP]}",
        "odd data": f"#/data/{names['odd']}",
    }


def renamed(result: Path, to: Path, record: str) -> None:
    """A result as a stranger might send it: its strategy is called by markup."""
    shutil.copytree(result, to)
    (to / "checksums.json").unlink(missing_ok=True)
    document = json.loads((to / record).read_text())
    old = document["strategy"]
    document["strategy"] = old | {"name": MARKUP} if isinstance(old, dict) else MARKUP
    (to / record).write_text(json.dumps(document))


VIEWS = (
    "results", "replay", "month", "paid", "sweep", "cell", "bets", "data", "book", "compare", "model", "mixed",
    "session", "betting", "odd", "odd data",
)  # fmt: skip


@pytest.fixture(scope="module")
def served(shown: dict[str, str]) -> Iterator[Page]:
    with engine.ui(shown["root"]) as page:
        yield page


@pytest.mark.parametrize("width", WIDTHS)
def test_every_view_stands_at_every_width_without_an_error(tab: Open, shown: dict[str, str], width: int):
    one = tab(width)
    for view in VIEWS:
        one.go(shown[view])
        assert one.page.locator("main .problem").count() == 0, view
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width, view
        assert one.page.locator("main canvas").count() > 0 or view in ("results", "session", "model", "mixed"), view
    one.well()


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 420)])
def test_axe_finds_nothing_serious(tab: Open, shown: dict[str, str], scheme: str, width: int):
    from axe_playwright_python.sync_playwright import Axe

    one = tab(width, scheme)
    found = []
    for view in VIEWS:
        one.go(shown[view])
        said = Axe().run(one.page).response["violations"]
        found += [
            (view, rule["id"], rule["nodes"][0]["html"][:120], rule["nodes"][0].get("failureSummary", "")[:200])
            for rule in said
            if rule["impact"] in ("serious", "critical")
        ]
        one.page.get_by_role("button", name="Dark / light").click()
        again = Axe().run(one.page, options={"runOnly": ["color-contrast"]}).response["violations"]
        found += [(view, rule["id"], rule["nodes"][0]["html"][:120]) for rule in again]
        one.page.get_by_role("button", name="Dark / light").click()
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
    for view in (
        "results", "odd", "odd data", "session", "betting", "model", "mixed", "named replay", "named sweep",
        "named bets",
    ):  # fmt: skip
        one.go(shown[view])
        one.quiet()
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


def test_every_key_that_the_page_lists_does_what_it_says(tab: Open, shown: dict[str, str]):
    one = tab()
    one.go(shown["paid"], ".at b")
    at = lambda: int(one.page.get_attribute(".at b", "data-event") or -1)  # noqa: E731  # short, and local
    for key in ("f", "q", "t", "s"):
        begun = at()
        one.page.keyboard.press(key)
        one.quiet()
        assert at() > begun, key
        there = at()
        one.page.keyboard.press(f"Shift+{key.upper()}")
        one.quiet()
        assert at() < there, key
    one.page.keyboard.press("g")
    one.page.wait_for_selector("#said.shown:has-text('no later gap')")
    one.page.keyboard.press("w")
    one.page.wait_for_selector("main >> text=/^Decided /")
    window = "document.querySelector('main canvas').dataset.window"
    whole = one.page.evaluate(window)
    seen = [whole]
    for key in ("+", "+", "-", "0"):
        one.page.keyboard.press(key)
        one.quiet()
        seen.append(one.page.evaluate(window))
    assert len(set(seen[:3])) == 3
    assert (seen[3], seen[4]) == (seen[1], whole)
    theme = one.page.evaluate("document.documentElement.dataset.theme")
    one.page.keyboard.press("d")
    assert one.page.evaluate("document.documentElement.dataset.theme") != theme
    one.page.keyboard.press("?")
    listed = one.page.locator("dialog kbd").all_inner_texts()
    one.page.keyboard.press("?")
    assert one.page.locator("dialog").count() == 0
    assert {"j / k", "Enter", "/", "← →", "Space", "f / F", "q / Q", "t / T", "g / G", "s / S", "w", "d", "?"} < set(
        listed
    )
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


#: Keeps each file that the page makes instead of handing it to the browser, which drops some of many in a row.
KEEP = """() => {
    window.files = [];
    URL.createObjectURL = (blob) => { window.files.push(blob.text().then((text) => [blob.type, text])); return "blob:kept"; };
    HTMLAnchorElement.prototype.click = () => {};
}"""  # noqa: E501  # a script on a line
CHECKED = {
    "PNG": lambda kind, text: kind == "image/png" and text[1:4] == "PNG" and len(text) > 500,
    "SVG": lambda kind, text: kind == "image/svg+xml" and text.startswith("<svg") and text.endswith("</svg>"),
    "CSV": lambda kind, text: kind == "text/csv" and text.count("\n") >= 1 and "," in text,
}


def test_every_picture_and_table_is_saved_as_files(tab: Open, shown: dict[str, str]):
    one = tab()
    pressed: list[str] = []
    for view in (
        "results",
        "replay",
        "paid",
        "sweep",
        "bets",
        "data",
        "book",
        "compare",
        "model",
        "session",
        "betting",
    ):
        one.go(shown[view])
        assert one.page.locator("figure.picture").count() == one.page.locator("figure.picture >> text=SVG").count()
        one.page.evaluate(KEEP)
        for kind, is_one in CHECKED.items():
            one.page.evaluate("window.files.length = 0")
            for button in (buttons := one.page.locator(".files button", has_text=kind).all()):
                button.click()
            one.page.wait_for_function("count => window.files.length === count", arg=len(buttons))
            for made in one.page.evaluate("Promise.all(window.files)"):
                assert is_one(*made), (view, kind, made[1][:100])
            pressed += [kind] * len(buttons)
    assert pressed.count("PNG") == pressed.count("SVG") > 10
    assert pressed.count("CSV") > pressed.count("PNG") + 10
    one.well()


def test_a_replay_s_table_has_its_rewards_and_figures(tab: Open, shown: dict[str, str], tmp_path: Path):
    one = tab()
    one.go(shown["paid"], ".at b")
    with one.page.expect_download() as started:
        one.page.locator("figure.picture button", has_text="CSV").first.click()
    started.value.save_as(tmp_path / "board.csv")
    frame = pl.read_csv(tmp_path / "board.csv", infer_schema_length=None)
    assert frame.height > 200
    assert {"bid", "ask", "own bid", "equity", "share of rewards", "rewards so far"} <= set(frame.columns)
    assert frame["rewards so far"].max() > 0
    one.page.keyboard.press("s")
    one.quiet()
    first = one.page.get_attribute(".at b", "data-event")
    one.page.get_by_role("button", name="Next snapshot").click()
    one.quiet()
    assert one.page.get_attribute(".at b", "data-event") != first
    assert "rewards so far" in one.page.inner_text(".numbers")
    one.page.get_by_role("button", name="share of rewards").click()
    assert "hide=share" in one.page.evaluate("location.hash")
    one.well()


def test_every_view_copies_as_python_and_as_a_command(tab: Open, shown: dict[str, str]):
    one = tab()
    for view in VIEWS:
        one.go(shown[view])
        for what, begins in (("Copy as Python", ("engine.", "[engine.")), ("Copy as command", ("engine ",))):
            one.page.get_by_role("button", name=what).first.click()
            one.page.wait_for_selector("#said.shown")
            text = one.page.evaluate("navigator.clipboard.readText()")
            assert text.startswith(begins), (view, text)
    one.go(shown["cell"], ".at b")
    one.page.get_by_role("button", name="Copy as Python").first.click()
    made = eval(one.page.evaluate("navigator.clipboard.readText()"), {"engine": engine})  # what a user would paste
    assert f"{made.fills.height}" in str(one.page.inner_text("main"))
    one.well()


def test_a_day_of_a_cell_opens_its_replay_there(tab: Open, shown: dict[str, str]):
    one = tab()
    one.go(shown["sweep"])
    one.page.locator("table[aria-label='Days of the cell'] a").first.click()
    one.page.wait_for_selector(".ladder tbody tr", timeout=60_000)
    one.quiet()
    assert "cell=6" in one.page.evaluate("location.hash")
    about = one.page.evaluate("document.querySelector('main canvas').dataset.window")
    end = int(about.partition(":")[2])
    link = "([...document.querySelectorAll('table[aria-label=Fills] td')][0] || {}).textContent"
    assert one.page.evaluate(link)
    found = engine.open(Path(shown["root"]) / "demo/sweep").periods["period"]
    since, until = int(found[0]) + 3_600_000_000_000, int(found[0]) + 7_200_000_000_000
    one.go(f"{shown['cell']}&since={since}&until={until}", ".at b")
    begin, finish = map(int, one.page.evaluate("document.querySelector('main canvas').dataset.window").split(":"))
    assert 0 < begin < finish < end
    assert finish - begin == 3_600_000_000_000
    one.well()


def test_the_address_brings_back_what_a_view_showed(tab: Open, shown: dict[str, str]):
    one, other = tab(), tab()
    one.go(shown["sweep"].partition("?")[0])
    one.page.get_by_label("Figure").select_option("fills")
    one.go(shown["results"])
    one.page.get_by_label("Kind").select_option("bets")
    kept = one.page.evaluate("location.hash")
    other.go(kept)
    assert other.page.inner_text("main tbody") == one.page.inner_text("main tbody")
    for view, words in (("bets", "yes"), ("data", "syninx")):
        one.go(shown[view])
        one.page.keyboard.press("/")
        one.page.keyboard.type(words)
        one.quiet()
        other.go(one.page.evaluate("location.hash"))
        assert other.page.locator("input[type=search]").input_value() == words
    one.go(shown["data"])
    for key in ("j", "j", "k"):
        one.page.keyboard.press(key)
    assert one.page.evaluate("[...document.activeElement.parentNode.children].indexOf(document.activeElement)") == 0
    one.well()


def test_without_the_token_the_page_says_what_to_do(browser, served: Page):
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.address)
    page.wait_for_selector("main h1")
    assert "engine ui printed" in page.inner_text("main")
    context.close()
