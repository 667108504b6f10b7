"""Bets that enter as makers, from recorded books to trades: prices, fills, fees, money, the future, grids, commands."""

from __future__ import annotations

import json
import sys

import numpy as np
import polars as pl
import pytest
from touchline.engine.api.runs import sweep
from touchline.engine.bets.backtest import backtest, run_grid
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.bets.panel.maker import with_orders
from touchline.engine.bets.portfolio.columns import fee_rows
from touchline.engine.bets.results import BetsResult
from touchline.engine.bets.sweep import panel_hash
from touchline.engine.bets.types import Fate
from touchline.engine.cli import main
from touchline.engine.results.results import read_sweep
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io.ground.errors import InputError
from touchline.strategies.pipeline.pipeline import pipeline_of

from ..histories import made_up
from ..made_books import made_books
from .naive_portfolio import fee_of
from .test_panel_maker import one_order

MINUTE = 60 * 10**9
PATIENT = pipeline_of(
    {
        "source": {"step_minutes": 1},
        "scorer": {"name": "mean-reversion", "window_bars": 10},
        "selector": {"name": "threshold", "min_score": 0.005},
        "executor": {
            "entry": "maker",
            "sizing": "fixed-size",
            "contracts": 20,
            "max_positions": 20,
            "take_profit": 0.05,
            "stop_loss": 0.05,
        },
    },
    "patient",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return made_books(tmp_path_factory.mktemp("books") / "store", markets=6, seconds=3_000)


@pytest.fixture(scope="module")
def bare(store):
    return build_panel(store, step_ns=MINUTE)


@pytest.fixture(scope="module")
def panel(store, bare):
    return with_orders(store, bare, "power@3", 4)


@pytest.mark.parametrize("queue", ["power@3", "pessimistic@1", "touch@1"])
def test_a_trade_is_what_one_order_gets_in_the_bar_after_it_was_placed(store, bare, queue):
    panel = with_orders(store, bare, queue, 1)
    found = backtest(panel, PATIENT, options={"queue": queue})
    columns = found.columns
    tapes = [compile_tape(store, ticker, None, int(panel.times[-1]) + 1) for ticker in panel.markets["ticker"]]
    assert len(found.run.trades) > 20
    for trade in found.run.trades:
        m, t, side = int(trade["market"]), int(trade["entry_bar"]), int(trade["side"])
        touch = int(panel.matrices["bid" if side > 0 else "ask"][t - 1, m])
        assert trade["price"] == (touch if side > 0 else 10_000 - touch)
        fills = one_order(tapes[m], queue, panel.times[t - 1], panel.times[t], int(side < 0), int(trade["ordered"]))
        assert fills is not None
        assert trade["lots"] == sum(lots for _, lots in fills) <= trade["ordered"]
        rate = int(columns.fees["maker"][columns.market["fee_first"][m]])
        fee = fee_of(int(trade["price"]), int(trade["lots"]), rate, columns.rounding[t], True)
        assert trade["entry_fee"] == fee


def test_orders_are_counted_and_the_result_says_what_became_of_them(panel):
    result = BetsResult(backtest(panel, PATIENT, options={"maker_bars": 2}))
    told = result.summary["maker_orders"]
    assert told["orders"] == told["filled"] + told["part_filled"] + told["withdrawn"]
    assert min(told.values()) > 0
    fates = dict(result.candidates.select("fate", "candidates").iter_rows())
    assert fates["entered"] == told["filled"] + told["part_filled"] == len(result.found.run.trades)
    assert fates["unfilled"] == told["withdrawn"]
    money = result.equity.select("cash", "locked").to_numpy()
    assert (money >= 0).all()
    assert result.equity["equity"][-1] - 10_000 * 10**6 == result.trades["pnl"].sum()
    assert BetsResult(backtest(panel, PATIENT, options={"entry": "taker"})).summary["maker_orders"] is None


def test_money_for_an_order_is_locked_while_it_rests(panel):
    found = backtest(panel, PATIENT, options={"maker_bars": 4, "fees": "no"})
    resting = found.run.curve[:, 3] - [
        sum(t["entry_bar"] <= bar < t["exit_bar"] for t in found.run.trades) for bar in range(len(panel.times))
    ]
    held = [
        sum(int(t["price"]) * int(t["lots"]) for t in found.run.trades if t["entry_bar"] <= bar < t["exit_bar"])
        for bar in range(len(panel.times))
    ]
    assert resting.max() > 0
    assert ((found.run.curve[:, 2] > held) == (resting > 0)).all()
    assert (found.run.curve[:, 2] >= held).all()


def test_cutting_the_future_changes_nothing_earlier(store, panel):
    """The prover: the panel cut, and a panel built from nothing but what was recorded before the cut."""
    pipeline = PATIENT.with_values(maker_bars=4)
    whole = backtest(panel, pipeline)
    entered = np.unique(whole.run.trades["entry_bar"])
    for cut in (*entered[[3, 10, -3]].tolist(), *(entered[[5, 12, -5]] + 1).tolist(), 77):
        rebuilt = with_orders(
            store, build_panel(store, int(panel.times[0]) - MINUTE, int(panel.times[cut - 1]), MINUTE), "power@3", 4
        )
        for early in (backtest(panel.until(cut), pipeline), backtest(rebuilt, pipeline)):
            np.testing.assert_array_equal(early.run.curve, whole.run.curve[:cut])
            done = whole.run.trades[whole.run.trades["exit_bar"] < cut]
            np.testing.assert_array_equal(early.run.trades, done)


def test_the_result_is_shown_under_three_queue_models(store, bare):
    found = backtest(store, PATIENT)
    assert list(found.by_queue) == ["pessimistic@1", "power@3", "optimistic@1"]
    for queue, pnl in found.by_queue.items():
        assert pnl == backtest(with_orders(store, bare, queue, 1), PATIENT, options={"queue": queue}).run.pnl
    assert len(set(found.by_queue.values())) > 1
    result = BetsResult(found)
    assert result.summary["by_queue"] == {queue: pnl / 1e6 for queue, pnl in found.by_queue.items()}
    signs = {pnl > 0 for pnl in found.by_queue.values()}
    assert ("queue-sign" in {notice.name for notice in result.notices}) == (len(signs) > 1)
    assert not backtest(bare, PATIENT, options={"entry": "taker"}).by_queue


def test_markets_without_a_book_are_refused_by_name(store, tmp_path):
    mixed = made_books(tmp_path / "mixed", markets=2, seconds=1_200)
    rows = store.markets().collect().head(1).with_columns(ticker=pl.lit("QUOTED-1"), event=pl.lit("QUOTED"))
    rows = rows.with_columns(open_ts=pl.lit(None, pl.Int64), close_ts=pl.lit(None, pl.Int64))
    begin = int(mixed.trades().select(pl.col("ts").min()).collect().item())
    ts = [begin + bar * MINUTE for bar in range(60)]
    price = [3_000 + 100 * (bar * 7 % 13) for bar in range(60)]
    quotes = pl.DataFrame({"ts": ts, "ticker": "QUOTED-1", "bid": price, "ask": [p + 100 for p in price]})
    quotes = quotes.with_columns(bid_size=pl.lit(500), ask_size=pl.lit(500))
    from touchline.io.store.chunk import Chunk

    mixed.ingest("made up", "quoted", [Chunk({"markets": rows.select("ticker", "event", "series"), "quotes": quotes})])
    found = backtest(mixed, PATIENT)
    at = found.panel.markets["ticker"].to_list().index("QUOTED-1")
    lives = found.panel.lives
    assert (found.run.fates[lives.rows(slice(at, at + 1))] == Fate.NO_BOOK).any()
    assert not (found.run.trades["market"] == at).any()
    assert len(found.run.trades) > 2
    with pytest.raises(InputError, match="needs recorded order books, and no market here has one"):
        backtest(made_up(tmp_path / "bare", 1), PATIENT)


def test_a_panel_that_does_not_fit_is_refused(store, panel):
    for options in ({"maker_bars": 5}, {"queue": "touch"}):
        with pytest.raises(InputError, match=r"put it through with_orders\(…, '"):
            backtest(panel, PATIENT, options=options)
    with pytest.raises(InputError, match="put it through with_orders"):
        backtest(build_panel(store, step_ns=MINUTE), PATIENT)
    with pytest.raises(InputError, match="queue model 'powr@3' is unknown"):
        backtest(store, PATIENT, options={"queue": "powr@3"})


def test_a_longer_life_contains_the_shorter_ones(store, panel):
    """One panel for the longest serves all: a panel built for two bars gives the same run."""
    short = with_orders(store, build_panel(store, step_ns=MINUTE), "power@3", 2)
    from_short = backtest(short, PATIENT, options={"maker_bars": 2})
    from_long = backtest(panel, PATIENT, options={"maker_bars": 2})
    np.testing.assert_array_equal(from_short.run.curve, from_long.run.curve)
    assert panel_hash(short) != panel_hash(panel) != panel_hash(build_panel(store, step_ns=MINUTE))


def test_a_grid_over_the_entry_equals_single_runs(store, panel, tmp_path):
    cells = [{"entry": entry, "maker_bars": bars} for entry in ("taker", "maker") for bars in (1, 4)]
    frame = run_grid(panel, PATIENT, cells).frame
    assert frame["pnl"].n_unique() == 3
    for cell, row in zip(cells, frame.iter_rows(named=True), strict=True):
        alone = backtest(panel, PATIENT, options=cell)
        assert row["pnl"] == alone.run.pnl / 1e6
        assert row["orders"] == int(alone.run.account["orders"])
        assert (row["orders"] > 0) == (cell["entry"] == "maker")
    swept = sweep(
        PATIENT, store=store, out=tmp_path / "out", axes=["entry=taker,maker", "maker_bars=1,4"], pictures=False
    )
    by_cell = read_sweep(swept.folder).cells.group_by("cell").agg(pl.col("pnl").sum()).sort("cell")["pnl"] / 1e6
    assert by_cell.to_list() == pytest.approx(frame["pnl"].to_list())
    with pytest.raises(InputError, match="queue shapes the data of all cells"):
        sweep(PATIENT, store=store, out=tmp_path / "no", axes=["queue=touch,power@3"], pictures=False)
    with pytest.raises(InputError, match="one for all of them, not power@3, touch@1"):
        run_grid(panel, PATIENT, [{"queue": "power@3"}, {"queue": "touch"}])


def test_makers_pay_the_fee_of_their_type_and_day(panel):
    day = 86_400_000_000_000
    kinds = ["quadratic", "quadratic_with_maker_fees", "quadratic_with_combo_maker_fees"]
    markets = pl.DataFrame({"ticker": ["A-1", "B-1", "C-1", "KXINXY-1"], "fee_type": [*kinds, None]})
    markets = markets.with_columns(series=pl.col("ticker").str.split("-").list.first())
    from touchline.engine.bets.panel.panel import panel_of

    start = 20_620 * day  # 2026-06-16, before the index series' change on 2026-07-03
    fees, places = fee_rows(panel_of(np.full((40, 4), 5000), start + day * np.arange(1, 41), markets))
    assert [fees["maker"][first:end].tolist() for first, end in places] == [
        [0],
        [175_000],
        [350_000],
        [87_500, 175_000],
    ]
    assert fees["taker"][slice(*places[3])].tolist() == [350_000, 700_000]


def test_the_command_bets_as_maker_and_repeats(store, tmp_path, monkeypatch, capsys):
    def engine(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["engine", *arguments])
        try:
            main()
        except SystemExit as ended:
            assert not ended.code, capsys.readouterr().err
        return capsys.readouterr().out

    (tmp_path / "patient.toml").write_text(
        "[source]\nstep_minutes = 1\n[selector]\nmin_score = 0.005\n"
        '[scorer]\nname = "mean-reversion"\nwindow_bars = 10\n'
    )
    asked = ["--strategy", str(tmp_path / "patient.toml"), "--store", store.path, "--out", str(tmp_path / "out")]
    told = json.loads(engine("backtest", *asked, "--set", "executor.entry=maker", "--set", "maker_bars=3", "--json"))
    assert told["maker_orders"]["orders"] > 10
    assert "maker orders" in engine("summary", str(tmp_path / "out"))
    engine("verify", str(tmp_path / "out"))
    assert "maker_bars" in engine("strategies", "taker")
