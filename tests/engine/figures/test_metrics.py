"""Formulas against published fixtures, against quantstats where the definitions agree, and on degenerate input."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.engine.figures.metrics import (
    Drawdown,
    annual_growth,
    calmar,
    downside_risk,
    expectancy,
    gain_to_pain,
    max_drawdown,
    omega,
    payoff,
    profit_factor,
    sharpe,
    sharpe_growth,
    sortino,
    tail_ratio,
    volatility,
    win_rate,
)
from touchline.io.ground.errors import InputError

#: The fixture of the empyrical library, without its leading NaN.
EMPYRICAL = np.array([1.0, 10, -4, 2, 3, 2, 1, -10]) / 100
PYPBO_SHARPE = np.array([0.259, 0.198, 0.364, -0.081, 0.057, 0.055, 0.188, 0.317, 0.24, 0.184, -0.01, 0.526])
PYPBO_SORTINO = np.array([0.17, 0.15, 0.23, -0.05, 0.12, 0.09, 0.13, -0.04])
RETURNS = st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 4)), min_size=3, max_size=40)


def test_empyrical_fixture():
    assert sharpe(EMPYRICAL, 252) == pytest.approx(1.7238613962, abs=1e-9)
    assert sharpe(EMPYRICAL) == pytest.approx(2.0747, abs=5e-5)
    assert sortino(EMPYRICAL, 252) == pytest.approx(2.6055312517, abs=1e-9)
    assert volatility(EMPYRICAL, 252) == pytest.approx(0.9136465400, abs=1e-9)
    assert downside_risk(EMPYRICAL, 252) == pytest.approx(0.6044832504, abs=1e-9)
    assert annual_growth(EMPYRICAL, 252) == pytest.approx(2.3302927973, abs=1e-9)
    assert calmar(EMPYRICAL, 252) == pytest.approx(23.302927973, abs=1e-8)
    assert max_drawdown(np.cumprod(1 + EMPYRICAL), 1.0).share == pytest.approx(0.10, abs=1e-12)
    assert profit_factor(EMPYRICAL) == pytest.approx(1.357142857, abs=1e-9)
    assert expectancy(EMPYRICAL) == pytest.approx(0.00625, abs=1e-12)
    assert win_rate(EMPYRICAL) == 0.75


def test_empyrical_counts_the_leading_nan_as_a_period():
    """The published annual return of the fixture is for nine periods, of which the first has no return."""
    assert annual_growth(np.concatenate(([0.0], EMPYRICAL)), 252) == pytest.approx(1.9135925373, abs=1e-9)
    assert calmar(np.concatenate(([0.0], EMPYRICAL)), 252) == pytest.approx(19.135925373, abs=1e-8)


def test_pypbo_fixtures():
    assert sharpe(PYPBO_SHARPE, 1, risk_free=0.05) == pytest.approx(0.834364, abs=5e-7)
    assert sortino(PYPBO_SORTINO, 1) == pytest.approx(4.417261, abs=5e-7)


def test_lo_growth_of_the_sharpe_ratio():
    lags = np.arange(1, 12)
    assert sharpe_growth(12, 0.2**lags) == pytest.approx(2.878849, abs=5e-7)
    assert sharpe_growth(12, (-0.2) ** lags) == pytest.approx(4.170848, abs=5e-7)


def test_quantstats_agrees_where_the_definitions_do():
    pandas = pytest.importorskip("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the other library says of itself is not our test
        stats = pytest.importorskip("quantstats.stats")
        rng = np.random.default_rng(7)
        returns = rng.normal(0.001, 0.02, 400)
        series = pandas.Series(returns, index=pandas.date_range("2026-01-01", periods=400, freq="D"))
        theirs = {
            "sharpe": stats.sharpe(series, periods=365),
            "sortino": stats.sortino(series, periods=365),
            "volatility": stats.volatility(series, periods=365),
            "calmar": stats.calmar(series, periods=365),
            "profit_factor": stats.profit_factor(series),
            "payoff": stats.payoff_ratio(series),
            "win_rate": stats.win_rate(series),
            "tail_ratio": stats.tail_ratio(series),
            "gain_to_pain": stats.gain_to_pain_ratio(series),
            "omega": stats.omega(series, periods=365),
            "max_drawdown": stats.max_drawdown(series),
        }
        ruined = stats.cagr(pandas.Series([-1.5, 0.2], index=series.index[:2]), periods=365)
        winners_only = stats.profit_factor(series.abs())
    ours = {
        "sharpe": sharpe(returns),
        "sortino": sortino(returns),
        "volatility": volatility(returns),
        "calmar": calmar(returns),
        "profit_factor": profit_factor(returns),
        "payoff": payoff(returns),
        "win_rate": win_rate(returns),
        "tail_ratio": tail_ratio(returns),
        "gain_to_pain": gain_to_pain(returns),
        "omega": omega(returns),
        "max_drawdown": -(max_drawdown(np.cumprod(1 + returns), 1.0).share or 0.0),
    }
    assert ours == pytest.approx(theirs, rel=1e-9)
    # Stated differences: quantstats takes the size of a negative final value for growth, and infinity for "no loser".
    assert annual_growth([-1.5, 0.2]) == -1.0
    assert ruined != -1.0
    assert profit_factor(np.abs(returns)) is None
    assert not math.isfinite(winners_only)


@pytest.mark.parametrize("returns", [[], [0.01], [0.01] * 5, [0.0] * 5])
def test_degenerate_returns_have_no_sharpe(returns):
    assert sharpe(returns) is None


def test_figures_without_losers_or_data_are_none():
    winners = [0.01, 0.02]
    for figure in (sortino, omega, profit_factor, payoff, gain_to_pain, calmar):
        assert figure(winners) is None, figure.__name__
    for figure in (volatility, downside_risk, sortino, annual_growth, calmar, tail_ratio, win_rate, expectancy):
        assert figure([]) is None, figure.__name__
    assert win_rate([0.0, 0.0]) is None


def test_growth_beyond_what_a_float_holds_has_no_value():
    assert annual_growth([1.0], 365 * 24 * 60) is None


@pytest.mark.parametrize("bad", [[float("nan")], [1.0, float("inf")], [[1.0]]])
def test_input_that_is_no_row_of_numbers_is_named(bad):
    with pytest.raises(InputError, match="returns must be one row of finite numbers"):
        sharpe(bad)


def test_drawdown_counts_the_starting_value():
    assert max_drawdown([0.9, 0.95], 1.0) == Drawdown(pytest.approx(0.1), pytest.approx(0.1), -1, 0, None)


def test_drawdown_recovers_when_the_old_height_is_reached():
    assert max_drawdown([10, 4, 7, 10, 2], 0) == Drawdown(8.0, 0.8, 3, 4, None)
    assert max_drawdown([10, 4, 7, 10], 0) == Drawdown(6.0, 0.6, 0, 1, 3)


def test_drawdown_of_a_curve_that_starts_at_zero_has_no_share():
    assert max_drawdown([-3, -1]) == Drawdown(3.0, None, -1, 0, None)


def test_no_fall_is_a_drawdown_of_zero():
    assert max_drawdown([1, 2, 3]).depth == 0


@given(RETURNS)
def test_drawdown_equals_the_slow_definition(returns):
    curve = np.cumsum(returns)
    heights = [0.0, *curve]
    slow = max(heights[i] - heights[j] for i in range(len(heights)) for j in range(i, len(heights)))
    assert max_drawdown(curve).depth == pytest.approx(slow, abs=1e-12)


@given(RETURNS)
def test_expectancy_is_wins_less_losses(returns):
    values = [r for r in returns if r]
    won, lost = [r for r in values if r > 0], [-r for r in values if r < 0]
    if won and lost:
        share = len(won) / len(values)
        expected = share * sum(won) / len(won) - (1 - share) * sum(lost) / len(lost)
        assert expectancy(returns) == pytest.approx(expected, abs=1e-12)
