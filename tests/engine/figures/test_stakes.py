"""Figures of bets are taken over the time in which something was at stake."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from touchline import engine
from touchline.engine.cli.tell.runs import tell_bets
from touchline.engine.figures.performance import DAY_NS
from touchline.engine.figures.stakes import at_stake
from touchline.engine.reports import pictures, pictures_bets
from touchline.engine.results.results import read_bets
from touchline.io.store.chunk import Chunk

from ..histories import HOUR, made_up

OPTIONS = {"min_score": 0.005, "max_spread": 10, "k": 20, "min_hours": 0}
WEEKS = 10 * 7 * 24


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return engine.backtest(
        "quant", store=made_up(tmp_path_factory.mktemp("plain") / "store", 3, hours=40), params=OPTIONS
    )


@pytest.fixture(scope="module")
def stretched(tmp_path_factory):
    """The same history, and one market that nobody bets on and that settles ten weeks later."""
    store = made_up(tmp_path_factory.mktemp("slow") / "store", 3, hours=40)
    ts = np.arange(1, WEEKS, 24, dtype=np.int64) * HOUR
    row = {"ticker": "KXSLOW-1", "series": "KXSLOW", "event": "KXSLOW-1", "category": "Slow", "open_ts": HOUR}
    row |= {"close_ts": WEEKS * HOUR, "settled_ts": WEEKS * HOUR + HOUR, "result": "yes", "settlement": 10_000}
    quotes = {"ts": ts, "ticker": "KXSLOW-1", "bid": 1_000, "bid_size": 100, "ask": 9_000, "ask_size": 100}
    store.ingest("made up", "slow", [Chunk({"markets": pl.DataFrame([row]), "quotes": pl.DataFrame(quotes)})])
    return engine.backtest("quant", store=store, params=OPTIONS)


def test_one_slow_market_does_not_stretch_the_figures(plain, stretched):
    assert stretched.trades.equals(plain.trades)
    assert stretched.record["to_ts"] - stretched.record["from_ts"] > 60 * DAY_NS
    one, other = plain.summary, stretched.summary
    for name in ("trades_a_day", "exposure", "max_exposure"):
        assert other[name] == pytest.approx(one[name]), name
    for name in one["figures"].keys() - {"assumptions"}:
        value = one["figures"][name]
        assert other["figures"][name] == (value if value is None else pytest.approx(value)), name
    days = other["at_stake"]["days"]
    assert days == one["at_stake"]["days"] <= 5
    assert other["at_stake"]["history_days"] > 60
    assert other["trades_a_day"] == stretched.trades.height / days > 1
    assert other["exposure"] > 0.001
    assert f"{days} days of {other['at_stake']['history_days']}" in other["figures"]["assumptions"]


def test_the_command_and_the_page_say_over_which_time(stretched, tmp_path, capsys):
    tell_bets(stretched.record)
    printed = capsys.readouterr().out
    told = stretched.summary["at_stake"]
    assert f"{told['days']} of {told['history_days']} days, 1970-01-0" in printed
    assert "a day at stake" in printed
    stretched.write(tmp_path)
    assert f"{told['days']} of {told['history_days']} days" in engine.report(tmp_path).read_text()


def test_pictures_show_the_time_at_stake(plain, stretched, tmp_path):
    drawn = []
    for number, result in enumerate((plain, stretched)):
        result.write(tmp_path / str(number))
        bets = read_bets(tmp_path / str(number))
        document = pictures.spec(pictures_bets.equity_curves(bets.equity, bets.about["capital"]))
        rows = next(iter(document["datasets"].values()))
        drawn.append([(row["time"], row["dollars"]) for row in rows])
    assert drawn[0] == drawn[1]
    assert len(drawn[1]) <= 24 * 8


def bars(held: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    times = np.arange(1, len(held) + 1, dtype=np.int64) * DAY_NS
    return times, np.full(len(held), 100), np.array(held)


def test_a_position_is_at_stake_until_the_bar_in_which_it_is_left():
    found = at_stake(*bars([0, 1, 1, 0, 0, 2, 0]), 100)
    assert found.bars.tolist() == [False, True, True, True, False, True, True]
    assert (found.days // DAY_NS).tolist() == [1, 2, 3, 5, 6]
    assert found.history_days == 7
    assert found.days_a_year == pytest.approx(365 * 5 / 6)
    assert (found.first_ts, found.last_ts) == (2 * DAY_NS, 7 * DAY_NS)
    assert found.text == "5 days of 7, 1970-01-02 to 1970-01-07"


def test_a_bet_that_was_made_and_left_within_a_bar_is_at_stake():
    times, equity, held = bars([0, 0, 0])
    equity[1:] = 90
    assert at_stake(times, equity, held, 100).bars.tolist() == [False, True, False]
    assert at_stake(times, equity, held, 99).bars.tolist() == [True, True, False]


def test_nothing_at_stake_is_no_day():
    found = at_stake(*bars([0, 0]), 100)
    assert (found.first_ts, found.last_ts, found.days_a_year) == (None, None, 365.0)
    assert found.text == "0 days of 2: nothing was"
    empty = np.zeros(0, dtype=np.int64)
    assert at_stake(empty, empty, empty, 100).history_days == 0


def test_long_nothing_between_bets_is_left_out_of_the_picture():
    ts = np.arange(1, 101, dtype=np.int64) * HOUR
    positions = np.zeros(100, dtype=np.int64)
    positions[[10, 11, 12, 80, 81]] = 1
    equity = 10**9 + np.cumsum(np.where(positions > 0, -(10**6), 0))
    frame = pl.DataFrame({"ts": ts, "equity": equity, "locked": positions * 5, "positions": positions})
    document = pictures.spec(pictures_bets.equity_curves(frame, 1_000.0))
    rows = next(iter(document["datasets"].values()))
    assert [row["time"] for row in rows] == list(range(8))
    assert rows[0]["dollars"] == 1_000
    assert rows[-1]["fall"] == -5
    assert document["vconcat"][0]["encoding"]["x"]["title"] == "hours with something at stake"
