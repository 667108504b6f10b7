"""Kelly against published and computed values, and against brute-force maximisation of growth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from touchline.engine.bets.portfolio.kelly import exclusive_kelly, growth, kelly_fraction
from touchline.io.ground.errors import InputError


@pytest.mark.parametrize(
    ("probability", "price", "fee", "share"),
    [
        (0.6, 0.5, 0.0, 0.2),
        (0.6, 0.5, 0.0175, 0.170984456),
        (0.6, 0.5, 0.02, 0.166666667),
        (0.55, 0.5, 0.0175, 0.067357513),
        (0.97, 0.95, 0.003325, 0.357257633),
        (0.10, 0.05, 0.003325, 0.049304143),
    ],
)
def test_single_bets(probability, price, fee, share):
    assert kelly_fraction(probability, price, fee) == pytest.approx(share, abs=1e-9)


def test_growth_of_full_half_and_double_kelly():
    found = [growth(0.6, 0.5, share) for share in (0.2, 0.1, 0.4)]
    assert found == pytest.approx([0.0201355136, 0.0150419016, -0.0024469], abs=1e-7)


def test_no_bet_without_an_edge():
    assert kelly_fraction(0.5, 0.5) == 0
    assert kelly_fraction(0.5, 0.49, fee=0.02) == 0


def test_exclusive_outcomes_hedge_with_a_losing_band():
    share = exclusive_kelly([0.5, 0.3, 0.2], [0.40, 0.33, 0.30])
    assert share == pytest.approx([0.203703704, 0.055555556, 0.0], abs=1e-9)
    assert 0.3 < 0.33  # the second band alone has a negative edge
    assert joint_growth(share, np.array([0.5, 0.3, 0.2]), np.array([0.40, 0.33, 0.30])) == pytest.approx(0.022957803)


def test_two_outcomes_that_cost_all_money_stop_the_choice():
    """Complementary outcomes at complementary costs: after the better one no money is left, whatever rounding says."""
    rng = np.random.default_rng(0)
    for p, c in zip(rng.integers(1, 100, 3_000) / 100, rng.integers(1, 100, 3_000) / 100, strict=True):
        share = exclusive_kelly([p, 1 - p], [c, 1 - c])
        better = 0 if p / c >= (1 - p) / (1 - c) else 1
        assert share[1 - better] == 0
        assert np.isfinite(share).all()
        assert 0 <= share[better] < 1


def joint_growth(share, p, c):
    wealth = 1 - share.sum() + share / c
    return float((p * np.log(wealth)).sum() + (1 - p.sum()) * np.log(1 - share.sum()))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.02, 1), st.floats(0.03, 0.9)), min_size=1, max_size=4),
    st.floats(0.5, 0.98),
)
def test_no_stake_does_better_than_the_exclusive_one(outcomes, total):
    weight, c = np.array(outcomes).T
    p = total * weight / weight.sum()
    share = exclusive_kelly(p, c)
    assert (share >= 0).all()
    assert share.sum() < 1
    best = joint_growth(share, p, c)
    for start in (share * 0.5 + 0.01, np.full(len(p), 0.1 / len(p))):
        found = minimize(
            lambda x: -joint_growth(np.maximum(x, 0), p, c) if np.maximum(x, 0).sum() < 0.999 else 1e3,
            start,
            method="Nelder-Mead",
            options={"maxiter": 400},
        )
        assert best >= -found.fun - 1e-7


@pytest.mark.parametrize("bad", [(1.2, 0.5, 0), (0.5, 0.0, 0), (0.5, 1.0, 0), (0.5, 0.5, -0.1)])
def test_impossible_inputs_are_refused(bad):
    with pytest.raises(InputError):
        kelly_fraction(*bad)


def test_exclusive_inputs_are_checked():
    with pytest.raises(InputError, match="sum to at most 1"):
        exclusive_kelly([0.7, 0.7], [0.5, 0.5])
    with pytest.raises(InputError, match="as many"):
        exclusive_kelly([0.7], [0.5, 0.5])
