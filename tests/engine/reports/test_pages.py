"""The pages of all kinds of results: small, in words and units, without a path, readable on a phone and in the dark."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from pathlib import Path

import polars as pl
import pytest
from touchline import engine
from touchline.engine.reports import page, pictures
from touchline.engine.reports.clock import moving
from touchline.engine.reports.report import write_report
from touchline.engine.results.results import Runs, read_sweep

from ...browser import Browser, browser
from ..conftest import write_sweep
from ..histories import made_up
from ..made_books import made_books
from .pages import own, unpacked

KINDS = ("replay", "replays", "bets", "sweep")
MARKUP = "<img src=x onerror=\"document.title='run'\">&<b>bold</b>"
HOUR = 3_600 * 10**9


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """One result of each kind, in memory or on disk."""
    home = tmp_path_factory.mktemp("results")
    books = made_books(home / "books", markets=3, seconds=300)
    runs = engine.backtest("fixed-spread", ["MADE-00", "MADE-01", "MADE-02"], books, params={"half_spread": 1})
    bets = engine.backtest(
        "quant", store=made_up(home / "bets", 3, hours=40), params={"min_score": 0.005, "k": 20, "min_hours": 0},
        compare_random=20,
    )  # fmt: skip
    swept = read_sweep(write_sweep(home / "sweep", events=4))
    found = {"replay": runs.runs[0].recorded, "replays": runs.recorded, "bets": bets.recorded, "sweep": swept}
    return {kind: dataclasses.replace(one, folder=None) for kind, one in found.items()}


@pytest.fixture(scope="module")
def pages(results, tmp_path_factory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("pages")
    return {kind: write_report(found, home / f"{kind}.html") for kind, found in results.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_small(pages, kind):
    assert pages[kind].stat().st_size < 600_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_speaks_in_words_and_units(pages, kind):
    text = own(pages[kind].read_text())
    shown = re.sub(r"<code>.*?</code>", "", text)  # names that a person types
    assert not re.search(r"\b(lots?|micros|ticks)\b", shown)
    assert not re.search(r"[a-z]_[a-z]", re.sub(r'="[^"]*"', "", shown))
    figures = re.sub(r"<dt[^>]*>(<code>|Brier|log loss).*?</dd>", "", text)  # settings stand as they are typed
    assert not re.search(r">-?0\.\d{3,}<", figures), "a bare rate"


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_names_no_path_of_an_installation(pages, results, kind, tmp_path):
    text = pages[kind].read_text() + "".join(unpacked(pages[kind].read_text()))
    for path in (Path(engine.__file__).parent.parent, tmp_path.parent, Path.home() / "x"):
        assert str(path.parent) not in own(text)
    assert not re.search(r">(/|~|[A-Z]:\\)\w", own(text))


def renamed(found, old: str, new: str):
    """The same result with another name everywhere: in the record and in frames."""
    about = json.loads(json.dumps(found.about, default=str).replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]))
    frames = {
        name: frame.with_columns(pl.col(pl.String).str.replace_all(old, new.replace("$", "$$"), literal=True))
        for name, frame in found.frames.items()
    }
    more = {"runs": tuple(renamed(run, old, new) for run in found.runs)} if isinstance(found, Runs) else {}
    return dataclasses.replace(found, about=about, frames=frames, **more)


@pytest.fixture(scope="module")
def marked(results, tmp_path_factory) -> dict[str, Path]:
    """Pages of results whose strategy and market are named in markup."""
    home = tmp_path_factory.mktemp("marked")
    found = {}
    for kind in ("replay", "replays"):
        one = renamed(renamed(results[kind], "fixed-spread", MARKUP), "MADE-00", MARKUP)
        found[kind] = write_report(one, home / f"{kind}.html")
    one = renamed(renamed(results["bets"], "quant", MARKUP), "KXA-00-T0", MARKUP)
    found["bets"] = write_report(one, home / "bets.html")
    return found


@pytest.mark.parametrize("kind", ("replay", "replays", "bets"))
def test_markup_in_names_is_text(marked, kind):
    text = marked[kind].read_text()
    assert MARKUP not in text
    assert "<img" not in text
    assert "&lt;img src=x" in text


def test_the_page_on_several_markets_shows_each_and_the_best_and_worst_in_full(pages, results):
    text = own(pages["replays"].read_text())
    about = results["replays"].about
    assert f"The best market: {about['best']}" in text and f"The worst market: {about['worst']}" in text
    charts = unpacked(pages["replays"].read_text())
    small = next(json.loads(chart) for chart in charts if "Equity by market" in chart)
    rows = next(iter(small["datasets"].values()))
    assert len({row["market"] for row in rows}) == 3
    ends = {row["market"].split("  ")[0]: row["dollars"] for row in rows}
    for row in about["markets"]:
        assert ends[row["ticker"]] == pytest.approx(row["summary"]["pnl"] / 1e6), "the curve ends at the P&L"


def test_equity_of_several_ends_at_their_profit(results):
    drawn = pictures.spec(pictures.joined_equity(results["replays"]))
    rows = next(iter(drawn["datasets"].values()))
    assert rows[-1]["dollars"] == pytest.approx(results["replays"].about["total"]["pnl"] / 1e6)


def test_weeks_in_which_nothing_moved_are_no_part_of_a_picture():
    """A day of trading was a hair's breadth, because one market of the run was open for ten weeks."""
    day = [hour * HOUR for hour in range(8)]
    weeks = [day[-1] + (1 + bar) * 4 * HOUR for bar in range(420)]
    rows = pl.DataFrame({"ts": day + weeks, "equity": [0, 1, 2, 3, 4, 5, 6, 7] + [7] * len(weeks)})
    kept, _, notes = moving(rows, "equity")
    assert kept["ts"].to_list() == day
    assert notes == ["Nothing moved after 1970-01-01 07:00 UTC"]
    late = pl.concat([rows, pl.DataFrame({"ts": [weeks[-1] + HOUR], "equity": [9]})])
    kept, axis, notes = moving(late, "equity")
    assert axis.to_dict()["title"] == "hours in which something moved"
    assert notes == ["Time in which nothing moved is left out"]
    assert 7 < kept["time"].max() < 8
    assert kept["time"].is_sorted()
    still, _, notes = moving(rows.with_columns(equity=pl.lit(1)), "equity")
    assert (still.height, notes) == (rows.height, [])


def test_a_total_stands_out_and_numbers_stand_to_the_right():
    made = page.table(["market", "P&L"], [("A", "$1.00"), ("total", "-$2.00")], total=True)
    assert '<tr class="total"><td>total</td><td class="n bad">-$2.00</td></tr>' in made
    assert page.table(["market"], []) == ""
    empty = page.table(["market", "contracts", "P&L"], [("A", "3", "$1.00"), ("all", "", "$1.00")], total=True)
    assert '<td>all</td><td class="n"></td>' in empty, "what has no total stands to the right, too"


@pytest.fixture(scope="module")
def tab():
    with browser() as opened:
        yield opened


#: What sticks out of the window; of a table that slides by itself only the frame counts.
STICKING = """[...document.querySelectorAll("body *")].filter(one => !one.closest("table, svg, .vega-embed summary ~ *")
    && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 80))"""
CHARTS = """[...document.querySelectorAll(".chart")].map(one => {
    const drawn = one.querySelector("svg, canvas"), box = one.getBoundingClientRect();
    const own = drawn ? drawn.getBoundingClientRect() : {width: 0, right: 0};
    return [own.width / box.width, own.right - box.right];
})"""


def looked_at(tab: Browser, path: Path, width: int, dark: bool) -> None:
    tab.open(path, width, dark)
    assert tab.said == []
    assert tab.run("document.documentElement.scrollWidth") <= width
    assert tab.run(STICKING) == []
    for share, over in tab.run(CHARTS):
        assert share > (0.4 if width > 1_000 else 0.8), "a picture uses its place"
        assert over <= 1
    assert tab.run("document.fonts.size") == 0
    ground = tab.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == dark


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_fits_any_window_light_and_dark(tab, pages, kind):
    for width, dark in itertools.product((1280, 420), (False, True)):
        looked_at(tab, pages[kind], width, dark)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ("replay", "replays", "bets"))
def test_markup_in_names_is_shown_by_a_browser(tab, marked, kind):
    tab.open(marked[kind], 1280)
    assert tab.said == []
    assert MARKUP in tab.run("document.body.innerText")
    assert tab.run("document.title") != "run"
    assert tab.run("document.querySelectorAll('img').length") == 0
