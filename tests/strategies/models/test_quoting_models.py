"""Every shipped quoting model: compiles to the very same floats, leaks no nan, has limits and documentation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from touchline.strategies.models.registry import QUOTING, quoting_model
from touchline.strategies.quoting.known import Known

from .quotes import TOLD, bits, compiled, moments, random_row, row, rungs, told

MODELS = sorted(QUOTING)
#: Models that quote a side only where it is worth it.
NOT_ALWAYS = ("avellaneda-stoikov-stationary", "reward-maker")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "reward-maker" else name for name in MODELS]
)  # its quote alone compiles for seconds
def test_the_compiled_quote_is_the_python_quote_bit_for_bit(name: str):
    model, rng = quoting_model(name), np.random.default_rng(1)
    fast = compiled(model)
    pair = row(model)
    for moment in moments(1):
        known = moment._replace(signals=told(model, rng).signals)
        p = pair._replace(**random_row(model, rng)._asdict())
        assert bits(fast(known, p)) == bits(model.quote(known, p)), (known, p)


@pytest.mark.parametrize("name", MODELS)
def test_no_nan_and_no_infinity_leaks_where_everything_is_known(name: str):
    model, rng = quoting_model(name), np.random.default_rng(2)
    p = row(model)
    for moment in moments(2):
        known = moment._replace(signals=told(model, rng).signals)
        for bid, ask, bid_size, ask_size in rungs(model.quote(known, p)):
            assert math.isfinite(bid_size) and math.isfinite(ask_size)
            assert not math.isinf(bid) and not math.isinf(ask)
            if not model.needs_underlying and model.from_market == () and name not in NOT_ALWAYS:
                assert not math.isnan(bid) and not math.isnan(ask)


@pytest.mark.parametrize("name", MODELS)
def test_the_bid_is_not_above_the_ask(name: str):
    model, rng = quoting_model(name), np.random.default_rng(3)
    for moment in moments(3):
        known = moment._replace(trigger=0.0, signals=told(model, rng).signals)
        p = random_row(model, rng)
        levels = rungs(model.quote(known, p))
        for bid, ask, *_ in levels:
            assert not bid > ask + 1e-6 * (abs(bid) + 1), (known, p)
        for (bid, ask, *_), (lower, higher, *_) in itertools.pairwise(levels):  # outwards
            assert lower <= bid and higher >= ask


@pytest.mark.parametrize("name", MODELS)
def test_holding_more_never_raises_a_quote(name: str):
    model = quoting_model(name)
    p = row(model, floor=3990, cap=4010) if model.needs_underlying else row(model)
    known = told(model)._replace(tau=600.0 if model.needs_underlying else TOLD.tau)
    quotes = [rungs(model.quote(known._replace(position=float(held)), p)) for held in range(-40, 41)]
    for side, level in itertools.product(range(2), range(model.levels)):
        shown = [levels[level][side] for levels in quotes if not math.isnan(levels[level][side])]
        assert len(shown) > 10
        assert all(later <= earlier for earlier, later in itertools.pairwise(shown))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_documented_and_its_grid_is_allowed(name: str):
    model = quoting_model(name)
    assert model.name == name
    assert model.__doc__ and all(parameter.doc for parameter in model.parameters)
    declared = {parameter.name: parameter for parameter in model.parameters}
    for axis, (low, high, count) in model.grid.items():
        assert declared[axis].check(low) < declared[axis].check(high) and count > 1
    assert set(model.from_market) <= set(declared)


def test_a_quote_uses_only_what_is_known():
    assert len(Known._fields) == len(TOLD)
