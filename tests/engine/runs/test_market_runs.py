"""`engine.backtest` from Python, for both families of strategies."""

from __future__ import annotations

import math

import pytest
from touchline import engine
from touchline.engine.bets.backtest import backtest
from touchline.engine.runs.replayed import notices_of, result_hash
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io.ground.errors import InputError
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.pipeline.pipeline import load_pipeline
from touchline.strategies.quoting.model import QuotingModel

from ..histories import made_up
from ..made_books import made_books

OPTIONS = {"min_score": 0.005, "max_spread": 10, "k": 20, "min_hours": 0}


@pytest.fixture(scope="module")
def bets(tmp_path_factory):
    return made_up(tmp_path_factory.mktemp("bets") / "store", 3)


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    return made_books(tmp_path_factory.mktemp("books") / "store", markets=1, seconds=300)


def test_a_pipeline_bets_across_markets(bets):
    wanted = backtest(bets, "quant", options=OPTIONS, random_portfolios=20, seed=4)
    for strategy in ("quant", load_pipeline("quant")):
        result = engine.backtest(strategy, store=bets, compare_random=20, seed=4, params=OPTIONS)
        assert round(result.summary["figures"]["pnl"] * 1e6) == wanted.run.pnl
        assert result.summary["random"]["mean"] == wanted.random.pnl.mean() / 1e6
        assert result.trades.height == len(wanted.run.trades) + len(wanted.run.still_open) > 3
    by_panel = engine.backtest("quant", store=wanted.panel, params=OPTIONS)
    assert round(by_panel.summary["figures"]["pnl"] * 1e6) == wanted.run.pnl
    owned = engine.backtest("quant", store=bets.path, params={"bollinger.width": 1.5, **OPTIONS})
    assert owned.record["strategy"]["scorer"]["members"][1]["width"] == 1.5


def test_a_model_is_replayed_on_one_market(books):
    wanted = replay(compile_tape(books, "MADE-00"), FixedSpread, {"half_spread": 2.0})
    for strategy, store in (("fixed-spread", books), (FixedSpread, books.path)):
        found = engine.backtest(strategy, "MADE-00", store, params={"half_spread": 2.0})
        assert found.hash == result_hash(wanted)
        totals = wanted.totals.record()
        assert {name: found.summary[name] for name in totals} == totals
        assert list(found.summary["by_queue"]) == ["pessimistic@1", "power@3", "optimistic@1"]
        assert [notice.name for notice in found.warnings] == [notice.name for notice in notices_of(wanted, {})]
    assert wanted.totals.fills > 0


class InSeconds(QuotingModel):
    """Quotes while more than ten seconds are left, by a tau in seconds."""

    name = "in-seconds"

    @staticmethod
    def quote(known, p):
        if known.tau > 10.0:
            return known.bid, known.ask, 1.0, 1.0
        return math.nan, math.nan, 0.0, 0.0


@pytest.mark.usefixtures("plain_kernels")
def test_a_model_that_counts_seconds_is_told_that_tau_is_a_share(books):
    tape = compile_tape(books, "MADE-00")
    shares = replay(tape, InSeconds, {})
    assert shares.totals.fills == 0
    assert "tau-is-a-share" in [notice.name for notice in notices_of(shares, {})]
    seconds = replay(tape, InSeconds, {}, Assumptions(horizon="to-close"))
    assert seconds.totals.fills > 0
    wide = replay(tape, FixedSpread, {"half_spread": 40.0})
    for other in (seconds, wide):
        assert "tau-is-a-share" not in [notice.name for notice in notices_of(other, {})]


@pytest.mark.parametrize(("strategy", "market"), [("fixed-spread", "MADE-00"), ("quant", None)])
def test_a_reversed_window_says_so(books, bets, strategy, market):
    for end in ("2026-09-20", "2026-09-21"):
        with pytest.raises(InputError, match=f"window is empty: its start 2026-09-21 is not before its end {end}"):
            engine.backtest(strategy, market, books if market else bets, start="2026-09-21", end=end)


@pytest.mark.parametrize(
    ("strategy", "market", "given", "message"),
    [
        ("quant", "MADE-00", {}, "which finds its own markets"),
        ("glft", None, {}, "is replayed on a market"),
        ("quant", None, {"params": {"assumptions": None}}, "pipeline quant has no parameter 'assumptions'"),
        ("glft", "MADE-00", {"seed": 1}, "seed= belongs to betting pipelines, and glft is a quoting strategy"),
        ("glft", "MADE-00", {"params": {"seed": 1}}, "there is no parameter 'seed'"),
        ("quant", None, {"queue": "log"}, "queue= belongs to quoting strategies, and quant is a betting pipeline"),
        ("quant", None, {"params": {"gama": 1}}, "has no parameter 'gama'"),
        ("quantt", None, {}, "there is no strategy 'quantt'; did you mean 'quant'"),
    ],
)
def test_what_does_not_belong_is_named(books, strategy, market, given, message):
    with pytest.raises(InputError, match=message):
        engine.backtest(strategy, market, books, **given)
