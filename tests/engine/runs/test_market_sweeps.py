"""`engine.sweep` from Python, for both families of strategies."""

from __future__ import annotations

import pytest
from touchline import engine
from touchline.engine.bets.sweep import sweep_bets
from touchline.engine.sweeps.sweeping import sweep_quotes
from touchline.io.ground.errors import InputError
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.parameters import Parameter
from touchline.strategies.pipeline.pipeline import load_pipeline

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


@pytest.mark.usefixtures("plain_kernels")
def test_a_parameter_of_a_model_may_have_the_name_of_an_option(books, tmp_path):
    """Parameters are a mapping, so that none of them is taken for an option of the call."""

    class Named(FixedSpread):
        name = "named"
        parameters = (*FixedSpread.parameters, Parameter("out", 1.0, low=0.0, high=2.0))

    found = engine.sweep(Named, "MADE-00", books, out=tmp_path, axes=SPREADS, params={"out": 2.0}, pictures=False)
    assert found.record["fixed"] == {"out": 2.0}
    assert engine.backtest(Named, "MADE-00", books, params={"out": 2.0}).record["values"]["out"] == 2.0


def test_a_pipeline_is_swept_across_markets(bets, tmp_path):
    wanted = sweep_bets("quant", bets, tmp_path / "wanted", axes=STAKES, params=OPTIONS)
    assert wanted.cells["fills"].sum() > 0
    for strategy in ("quant", load_pipeline("quant")):
        asked = {"out": tmp_path / "out", "axes": STAKES, "pictures": False}
        found = engine.sweep(strategy, store=bets, **asked, params=OPTIONS)
        assert found.hash == wanted.about["result_hash"]


def test_a_model_is_swept_on_the_markets_named(books, tmp_path, plain_kernels):
    markets, asked = ["MADE-00", "MADE-01"], {"axes": SPREADS, "threads": 1, "params": {"skew": 0.1}}
    wanted = sweep_quotes(FixedSpread, markets, books, tmp_path / "wanted", **asked)
    assert wanted.cells["fills"].sum() > 0
    found = engine.sweep("fixed-spread", markets, books.path, out=tmp_path / "found", pictures=False, **asked)
    assert found.hash == wanted.about["result_hash"]


@pytest.mark.parametrize(
    ("strategy", "markets", "given", "message"),
    [
        ("quant", "MADE-00", {}, "which finds its own markets"),
        ("glft", None, {}, "needs markets"),
        ("glft", "MADE-00", {"params": {"seed": 1}}, "there is no parameter 'seed'"),
        ("quant", None, {"params": {"threads": 2}}, "has no parameter 'threads'"),
        ("quantt", None, {}, "there is no strategy 'quantt'; did you mean 'quant'"),
    ],
)
def test_what_does_not_belong_is_named(books, tmp_path, strategy, markets, given, message):
    with pytest.raises(InputError, match=message):
        engine.sweep(strategy, markets, books, out=tmp_path, **given)
