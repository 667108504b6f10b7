"""`engine.sweep` from Python, for both families of strategies."""

from __future__ import annotations

import inspect

import pytest
from touchline import engine
from touchline.engine.backtests import market_runs
from touchline.engine.bets.sweeping_bets import sweep_bets
from touchline.engine.sweeps import sweeping
from touchline.io.ground.errors import InputError
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.pipeline.pipeline import load_pipeline
from touchline.strategies.quoting.registry import RESERVED

from ..histories import made_up
from ..made_books import made_books

OPTIONS = {"min_score": 0.005, "max_spread": 10, "k": 20, "min_hours": 0}
STAKES = {"kelly_fraction": [0.1, 0.5]}
SPREADS = {"half_spread": [0.5, 1.0]}


@pytest.fixture(scope="module")
def bets(tmp_path_factory):
    return made_up(tmp_path_factory.mktemp("bets") / "store", 3)


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    return made_books(tmp_path_factory.mktemp("books") / "store", markets=2, seconds=300)


def test_no_parameter_of_a_model_can_be_taken_for_an_option():
    calls = (sweeping.sweep, engine.sweep, engine.backtest, market_runs._replay)
    named = {
        name for call in calls for name, of in inspect.signature(call).parameters.items() if of.kind != of.VAR_KEYWORD
    }
    assert named <= RESERVED


def test_a_pipeline_is_swept_across_markets(bets, tmp_path):
    wanted = sweep_bets("quant", bets, out=tmp_path / "wanted", grid=STAKES, options=OPTIONS, pictures=False)
    assert wanted.cells["fills"].sum() > 0
    for strategy in ("quant", load_pipeline("quant")):
        asked = {"out": tmp_path / "out", "grid": STAKES, "pictures": False}
        found = engine.sweep(strategy, store=bets, **asked, **OPTIONS)
        assert found.result_hash == wanted.result_hash


def test_a_model_is_swept_on_the_markets_named(books, tmp_path):
    markets, asked = ["MADE-00", "MADE-01"], {"grid": SPREADS, "pictures": False, "threads": 1, "skew": 0.1}
    wanted = sweeping.sweep(FixedSpread, markets, books, out=tmp_path / "wanted", **asked)
    assert wanted.cells["fills"].sum() > 0
    found = engine.sweep("fixed-spread", markets, books.path, out=tmp_path / "found", **asked)
    assert found.result_hash == wanted.result_hash


@pytest.mark.parametrize(
    ("strategy", "markets", "given", "message"),
    [
        ("quant", "MADE-00", {}, "finds its own markets: leave markets 'MADE-00' away"),
        ("glft", None, {}, "needs markets"),
        ("glft", "MADE-00", {"seed": 1}, "there is no parameter 'seed'"),
        ("quant", None, {"threads": 2}, "has no parameter 'threads'"),
        ("quantt", None, {}, "there is no strategy 'quantt'; did you mean 'quant'"),
    ],
)
def test_what_does_not_belong_is_named(books, tmp_path, strategy, markets, given, message):
    with pytest.raises(InputError, match=message):
        engine.sweep(strategy, markets, books, out=tmp_path, **given)
