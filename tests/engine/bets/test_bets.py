"""Bets on recorded and made-up history from end to end."""

from __future__ import annotations

import json
import re
from math import floor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.bets.backtest import backtest, run_grid, score_panel
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.bets.panel.panel import panel_of
from touchline.engine.bets.portfolio.columns import columns_of, fee_rows
from touchline.engine.bets.portfolio.portfolio import rules, run
from touchline.engine.bets.results import BetsResult
from touchline.engine.bets.types import Exit
from touchline.engine.reports.report_bets import write_bets_report
from touchline.engine.results.result_files import read_record
from touchline.engine.runs.result import Result
from touchline.engine.simulator.assumptions.fees import fee_table, market_schedule
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.pipeline.pipeline import load_pipeline, pipeline_of

from ..histories import HOUR, imported, made_up
from .naive_portfolio import fee_of

W3 = Path(__file__).resolve().parents[3] / "bench" / "bets" / "w3.toml"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return made_up(tmp_path_factory.mktemp("made") / "store", 11, markets=24, scalar=True)


@pytest.fixture(scope="module")
def weather(market_data, tmp_path_factory) -> Store:
    return imported(market_data / "kxhighny2025_quotes", tmp_path_factory.mktemp("weather") / "store")


def always(sign: int, **executor):
    return pipeline_of(
        {
            "scorer": {"name": "momentum", "strength": 0},
            "selector": {"name": "threshold", "min_score": 0},
            "executor": {"sizing": "fixed-size", "contracts": 1, "max_positions": 1000, "max_position_pct": 1}
            | {"take_profit": 0, "stop_loss": 0, "max_hold_hours": 0, "delay_bars": 0}
            | executor,
        },
        "always",
    ), np.int16(sign * 500)


def constant_run(panel, sign, **executor):
    pipeline, edge = always(sign, **executor)
    columns = columns_of(panel, np.full(panel.lives.total, edge))
    return columns, run(columns, rules(pipeline.limits()))


def test_bets_pay_the_fee_of_the_day_as_a_replay_does(tmp_path):
    """A series whose fee changed three times: what is charged at each bar, bought and sold, is the tape's fee then."""
    store, day = made_up(tmp_path / "store", 5), 24 * HOUR
    ticker = store.markets().collect()["ticker"][0]
    kinds = ["quadratic", "quadratic_with_maker_fees", None, "quadratic_with_combo_maker_fees"]
    rows = {"valid_from": [HOUR, day, 2 * day, 3 * day], "fee_type": kinds, "fee_multiplier": [0.5, 1.0, 2.0, None]}
    store.ingest("fees", "fees", [Chunk({"markets": pl.DataFrame({"ticker": [ticker] * 4, **rows})})])
    panel = build_panel(store, step_ns=HOUR)
    tape = compile_tape(store, ticker)
    charged = fee_table(market_schedule("KXA", tape.market.fee_rows()), int(panel.times[0]), int(panel.times[-1]))
    assert len(charged.from_ts) == 4
    m = panel.markets["ticker"].to_list().index(ticker)
    fees, places = fee_rows(panel)
    own = fees[slice(*places[m])]
    for t, ts in enumerate(panel.times.tolist()):
        row = own[own["from_bar"] <= t][-1]
        at = charged.row(ts)
        assert (row["taker"], row["maker"]) == (charged.taker_rate[at], charged.maker_rate[at])
    columns, found = constant_run(panel, 1, max_hold_hours=20)
    trades = found.trades[found.trades["market"] == m]
    rates = set()
    for trade in trades:
        rate = int(charged.taker_rate[charged.row(int(panel.times[trade["entry_bar"]]))])
        assert trade["entry_fee"] == fee_of(int(trade["price"]), 100, rate, columns.rounding[trade["entry_bar"]], True)
        rates.add(rate)
    assert len(rates) == 3


def test_every_weather_market_is_entered_held_and_paid_as_recorded(weather):
    panel = build_panel(weather, step_ns=HOUR // 12)
    columns, found = constant_run(panel, 1)
    assert panel.markets.height == 66
    bought = {panel.markets["ticker"][int(t["market"])]: t for t in found.trades}
    assert len(bought) == 66
    assert not len(found.still_open)
    recorded = dict(panel.markets.select("ticker", "result").iter_rows())
    for ticker, trade in bought.items():
        assert trade["reason"] == Exit.RESOLUTION
        paid = {"yes": 10_000, "no": 0}[recorded[ticker]] * int(trade["lots"])
        assert int(trade["proceeds"]) == paid
        close = panel.markets.filter(pl.col("ticker") == ticker)["close_ts"][0]
        assert panel.times[trade["entry_bar"]] < close <= panel.times[trade["exit_bar"]]
    assert sum(t["proceeds"] > 0 for t in found.trades) == 11
    assert columns.market["payout"].tolist().count(10_000) == 11


def test_a_result_is_whole(weather, tmp_path):
    found = backtest(weather, "quant", options={"step_minutes": 15}, random_portfolios=200, seed=3)
    result = BetsResult(found)
    written = read_record(Result(result.recorded).write(tmp_path / "out"))
    assert written == json.loads(json.dumps(result.summary))
    assert {"unknown-depth", "few-events"} <= {w["name"] for w in written["warnings"]}
    assert written["random"]["portfolios"] == 200
    trades = pl.read_parquet(tmp_path / "out" / "trades.parquet")
    assert round(trades["pnl"].sum() / 1e6, 6) == round(written["figures"]["pnl"], 6)
    assert trades["fees"].sum() == round(written["fees"] * 1e6)
    assert sum(g["pnl"] for g in written["groups"]["exit"]) == pytest.approx(written["figures"]["pnl"])
    equity = pl.read_parquet(tmp_path / "out" / "equity.parquet")
    assert equity["equity"][-1] == round(written["final_equity"] * 1e6)
    again = BetsResult(backtest(weather, "quant", options={"step_minutes": 15}, random_portfolios=200, seed=3))
    assert again.summary == result.summary


@pytest.mark.parametrize(
    ("step", "told"), [(60, r"candidates: \d+ weak(, \d+ .*)?"), (10_000, r"no candidate in \d+ bars?")]
)
def test_without_a_bet_one_warning_says_what_became_of_the_candidates(tmp_path, step, told):
    store = made_up(tmp_path / "store", 1, markets=6, hours=60)
    options = {"step_minutes": step, "min_score": 0.9}
    result, named = BetsResult(backtest(store, "bollinger", options=options, random_portfolios=5)), {}
    for notice in result.notices:
        named.setdefault(notice.name, []).append(notice.detail)
    assert not {"degenerate-statistic", "few-periods", "few-events"} & set(named)
    assert len(named["no-bets"]) == 1 and re.fullmatch(told, named["no-bets"][0]), named
    assert result.summary["random"] is None
    assert "no-bets" in write_bets_report(result.recorded, tmp_path / "page.html").read_text()


def test_selling_everything_in_a_picked_sample_raises_the_warning(market_data, tmp_path):
    store = imported(market_data / "kxinx2026", tmp_path / "store")
    panel = build_panel(store, step_ns=HOUR, where=pl.col("series") == "KXINX")
    pipeline, edge = always(-1, participation=1)
    columns = columns_of(panel, np.full(panel.lives.total, edge))
    rule = rules(pipeline.limits())
    found = backtest(panel, pipeline)
    sold = BetsResult(type(found)(pipeline, panel, columns, rule, found.scored, run(columns, rule), None, 0))
    assert sold.performance.values["pnl"] > 0
    named = {notice.name: notice.detail for notice in sold.notices}
    assert "settled NO" in named["one-sided-settlement"]


def by_bar(found, name):
    return found.panel.matrix_of(getattr(found.scored, name))


def test_cutting_the_future_changes_nothing_earlier(store):
    """The prover: what a pipeline did up to a bar is the same whatever comes after it."""
    pipeline = load_pipeline("quant").with_values(min_score=0.005, max_spread=10, k=20)
    pipeline = pipeline.with_values(max_positions=20, min_hours=0)
    panel = build_panel(store, step_ns=HOUR)
    whole = backtest(panel, pipeline)
    assert len(whole.run.trades) > 20
    for bars in (40, 77, 120):
        early = backtest(panel.until(bars), pipeline)
        np.testing.assert_array_equal(by_bar(early, "score"), by_bar(whole, "score")[:bars])
        np.testing.assert_array_equal(early.run.curve, whole.run.curve[:bars])
        done = whole.run.trades[whole.run.trades["exit_bar"] < bars]
        np.testing.assert_array_equal(early.run.trades, done)
        np.testing.assert_array_equal(by_bar(early, "passed"), by_bar(whole, "passed")[:bars])


@pytest.mark.parametrize("scorer", ["correlation", "ensemble"])
def test_scorers_that_prepare_do_not_look_ahead(store, scorer):
    given = (
        {"name": scorer, "window_bars": 24}
        if scorer == "correlation"
        else {
            "name": "ensemble",
            "adapt": "yes",
            "members": [{"name": "momentum"}, {"name": "mean-reversion", "window_bars": 12}],
        }
    )
    pipeline = pipeline_of({"scorer": given}, "prepared")
    panel = build_panel(store, step_ns=HOUR)
    whole, early = (one.matrix_of(score_panel(one, pipeline).score) for one in (panel, panel.until(90)))
    assert (whole != 0).sum() > 100
    np.testing.assert_array_equal(early, whole[:90])


def test_scores_one_bar_late_change_the_result(store):
    pipeline = load_pipeline("quant").with_values(min_score=0.005, max_spread=10, k=20, min_hours=0)
    panel = build_panel(store, step_ns=HOUR)
    whole = backtest(panel, pipeline)
    late = np.zeros_like(whole.scored.score)
    late[1:] = whole.scored.score[:-1]
    late[panel.lives.base + panel.lives.first] = 0
    shifted = run(columns_of(panel, late), whole.rule, whole.scored.passed)
    assert shifted.pnl != whole.run.pnl


def test_a_grid_equals_single_runs(store):
    panel = build_panel(store, -240 * HOUR, step_ns=HOUR)
    pipeline = load_pipeline("quant").with_values(min_score=0.005, max_spread=10, k=20, min_hours=0)
    cells = [
        {"kelly_fraction": k, "take_profit": t, "max_spread": s} for k in (0.1, 1.0) for t in (0, 0.1) for s in (3, 10)
    ]
    grid = run_grid(panel, pipeline, cells)
    frame, daily = grid.frame, grid.daily
    assert frame.height == 8
    for cell, row, days in zip(cells, frame.iter_rows(named=True), daily, strict=True):
        alone = backtest(panel, pipeline, options=cell)
        result = BetsResult(alone)
        assert row["pnl"] == pytest.approx(alone.run.pnl / 1e6)
        assert row["trades"] == len(alone.run.trades)
        assert int(days.sum()) == int(alone.run.curve[-1, 0]) - int(alone.rule["capital"][0])
        assert row["sharpe"] == pytest.approx(result.performance.values["sharpe"])
        assert row["exposure"] == pytest.approx(result.summary["exposure"])
        assert len(panel.times) - int(result.at_stake.bars.sum()) >= 240  # the days before the first market


def test_days_without_a_bar_make_and_lose_nothing(store):
    """A bar every three days: the days between had no equity, so that a sweep lost all of it and made it again."""
    panel = build_panel(store, step_ns=72 * HOUR)
    scorer = {"scorer": {"name": "momentum", "window_bars": 1}, "executor": {"delay_bars": 0, "min_price": 1}}
    pipeline = pipeline_of(scorer, "p")
    grid, alone = run_grid(panel, pipeline, [{}]), backtest(panel, pipeline)
    assert len(alone.run.trades) > 0
    made = np.diff(alone.run.curve[:, 0], prepend=alone.rule["capital"])
    days = (panel.times - 1) // (24 * HOUR)
    expected = np.zeros(grid.daily.shape[1], np.int64)
    np.add.at(expected, days - days[0], made)
    assert grid.daily[0].tolist() == expected.tolist()


def plain_w3(price):
    """W3 from its definition, bar by bar, in whole cents of a cent."""
    bars, markets = price.shape
    cash, held, trades, wins = 100_000 * 10**6, {}, 0, 0
    for t in range(bars):
        row = [int(p) for p in price[t]]
        equity = cash + sum(n * 100 * (row[m] if s > 0 else 10_000 - row[m]) for m, (s, n, _, _) in held.items())
        for m in range(markets):
            p = row[m]
            if m in held:
                side, n, entry, bar = held[m]
                gain = side * (p - entry)
                if gain >= 800 or gain <= -500 or t - bar >= 48 or t == bars - 1:
                    cash += n * 100 * (p if side > 0 else 10_000 - p)
                    del held[m]
                    trades, wins = trades + 1, wins + (gain > 0)
                continue
            if t < 24 or t == bars - 1 or len(held) >= 1500 or not 300 <= p <= 9700:
                continue
            recent = [int(x) for x in price[t - 19 : t + 1, m]]
            mean = sum(recent) / 20
            sd = (sum((x - mean) ** 2 for x in recent) / 20) ** 0.5
            if sd < 10:
                continue
            z, moved = (p - mean) / sd, p - int(price[t - 24, m])
            if (z <= -2 + 1e-6 and moved > -1000) or (moved >= 1000 and 1e-6 < z < 2 - 1e-6):
                side = 1
            elif (z >= 2 - 1e-6 and moved < 1000) or (moved <= -1000 and -2 + 1e-6 < z < -1e-6):
                side = -1
            else:
                continue
            cost = p if side > 0 else 10_000 - p
            n = floor(equity * 5 // 10_000 / (cost * 100))
            if n > 0:
                cash -= n * 100 * cost
                held[m] = (side, n, p, t)
    return trades, wins, cash - 100_000 * 10**6


def test_a_users_own_file_says_w3_exactly():
    rng = np.random.default_rng(8)
    price = np.clip(5000 + np.cumsum(rng.integers(-3, 4, (260, 40)) * 100, axis=0), 100, 9900)
    panel = panel_of(price, HOUR * np.arange(1, 261))
    found = backtest(panel, W3)
    expected = plain_w3(price)
    assert (len(found.run.trades), int(found.run.account["wins"]), found.run.pnl) == expected
    assert expected[0] > 300


def test_a_folder_of_csv_files_just_works(tmp_path):
    rng = np.random.default_rng(5)
    (tmp_path / "markets.csv").write_text(
        "ticker,event_ticker,series_ticker,open_time,close_time,result\n"
        + "".join(
            f"KXA-{m}-T1,KXA-{m},KXA,2024-01-01T00:00:00Z,2024-01-05T00:00:00Z,{'yes' if m % 2 else 'no'}\n"
            for m in range(8)
        )
    )
    lines = [
        f"2024-01-0{1 + h // 24}T{h % 24:02d}:30:00Z,KXA-{m}-T1,{rng.integers(20, 80)},{rng.integers(10, 400)},yes\n"
        for h in range(90)
        for m in range(8)
    ]
    (tmp_path / "trades.csv").write_text("created_time,ticker,yes_price,count,taker_side\n" + "".join(lines))
    found = backtest(tmp_path, "quant", start="2024-01-01", end="2024-01-06", options={"capital": 2000, "k": 5})
    assert found.panel.markets.height == 8
    assert len(found.run.trades) > 3
    assert (found.run.curve[:, 1] >= 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gama": 1}, "has no parameter 'gama'"),
        ({"kelly_fraction": 2}, "kelly_fraction is 0 to 1, not 2"),
        ({"window_bars": 3}, "'window_bars' is a parameter of several parts"),
    ],
)
def test_an_option_that_does_not_belong_is_an_error(store, options, message):
    with pytest.raises(InputError, match=message):
        backtest(store, "quant", options=options)


OWN_PARTS = """
import numpy as np
import polars as pl
from touchline.strategies.pipeline import Executor, Filter, Scorer, Selector, Source, Table


class Raises(Scorer):
    def score(self):
        raise ValueError("not\\ntoday")


class Prepares(Scorer):
    def prepare(self, panel):
        return {"a": 1 / 0}


class Silent(Scorer):
    pass


class Number(Scorer):
    def score(self):
        return 3


class Words(Scorer):
    def score(self):
        return pl.lit("up")


class Shorter(Scorer):
    def score(self):
        return pl.col("mark").slice(0, 3)


class Ticks(Scorer):
    def score(self):
        return pl.col("change_1") * 1.0


class Near(Scorer):
    def prepare(self, panel):
        return {self.own("edge"): np.full(panel.matrices["mark"].shape, 0.1)}

    def score(self):
        return pl.col(self.own("edge"))


class Far(Near):
    def prepare(self, panel):
        return {self.own("edge"): np.full(panel.matrices["mark"].shape, 0.3)}


class Prices(Filter):
    def keep(self):
        return pl.col("mark") * 2


class Lost(Filter):
    def keep(self):
        raise KeyError("k")


class Listed(Table):
    def prepare(self, panel):
        return {"t": [1, 2, 3]}


class Nothing(Table):
    def prepare(self, panel):
        return None


class Everything(Source):
    def keep(self):
        return True


class None_(Selector):
    def limits(self):
        return None


class Rough(Executor):
    def rules(self):
        raise RuntimeError("no")


class Unchecked(Scorer):
    def check(self):
        raise OSError("no file")
"""


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("scorer", "Raises", "score of mine.py:Raises fails with ValueError: not today"),
        ("scorer", "Prepares", "prepare of mine.py:Prepares fails with ZeroDivisionError: division by zero"),
        ("scorer", "Silent", "score of mine.py:Silent fails with NotImplementedError"),
        ("scorer", "Number", "score of mine.py:Number gives int; expected Expr"),
        ("scorer", "Words", "the scores and filters cannot be computed: InvalidOperationError: conversion from"),
        ("scorer", "Shorter", "the scores and filters cannot be computed: ShapeError"),
        ("scorer", "Unchecked", "check of mine.py:Unchecked fails with OSError: no file"),
        ("filters", "Prices", "the scores and filters cannot be computed: SchemaError"),
        ("filters", "Lost", "keep of mine.py:Lost fails with KeyError: 'k'"),
        ("tables", "Listed", "column 't' is (3,); expected"),
        ("tables", "Nothing", "prepare of mine.py:Nothing gives NoneType; expected Mapping"),
        ("source", "Everything", "keep of mine.py:Everything gives bool; expected Expr or NoneType"),
        ("selector", "None_", "limits of mine.py:None_ gives NoneType; expected Mapping"),
        ("executor", "Rough", "rules of mine.py:Rough fails with RuntimeError: no"),
    ],
)
def test_a_mistake_in_a_part_of_one_s_own_is_one_line(store, tmp_path, kind, name, message):
    (tmp_path / "mine.py").write_text(OWN_PARTS)
    part = {"name": f"mine.py:{name}"}
    document = {"scorer": {"name": "momentum"}, kind: [part] if kind.endswith("s") else part}
    with pytest.raises(InputError) as raised:
        backtest(store, pipeline_of(document, "p", tmp_path))
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_scores_in_another_unit_are_told(store, tmp_path):
    (tmp_path / "mine.py").write_text(OWN_PARTS)
    panel = build_panel(store, step_ns=HOUR)
    told = BetsResult(backtest(panel, pipeline_of({"scorer": {"name": "mine.py:Ticks"}}, "p", tmp_path)))
    assert "cut-scores" in [notice.name for notice in told.notices]
    fine = BetsResult(backtest(panel, pipeline_of({"scorer": {"name": "momentum"}}, "p")))
    assert "cut-scores" not in [notice.name for notice in fine.notices]
    swept = run_grid(panel, pipeline_of({"scorer": {"name": "mine.py:Ticks"}}, "p", tmp_path), [{}, {"capital": 500}])
    assert swept.cut > 0


def test_two_scorers_that_prepare_columns_alike_stand_side_by_side(store, tmp_path):
    (tmp_path / "mine.py").write_text(OWN_PARTS)
    panel = build_panel(store, step_ns=HOUR)
    members = [{"name": "mine.py:Near"}, {"name": "mine.py:Far"}]
    both = pipeline_of({"scorer": {"name": "ensemble", "members": members}}, "p", tmp_path)
    assert set(np.unique(score_panel(panel, both).score)) == {4_000}
