"""Formulas for returns, curves and trade results.

Markets trade around the clock: a year has 365 daily periods, flat days included. A figure that the data does not
define is None, never 0 or infinity; ``performance.py`` adds the reason as a named warning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...io.ground.errors import InputError

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.int64]
Numbers = Sequence[float] | Floats | Integers

DAYS_PER_YEAR = 365
HOURS_PER_YEAR = 365 * 24

#: Figure -> when it has no value.
UNDEFINED: dict[str, str] = {
    "sharpe": "fewer than two periods, or returns that do not vary",
    "sortino": "no period, or none below the required return",
    "volatility": "fewer than two periods",
    "annual_growth": "no period",
    "calmar": "no period, or no drawdown",
    "omega": "no period below the threshold",
    "tail_ratio": "no period, or a lower tail of zero",
    "profit_factor": "no losing trade",
    "payoff": "no winning or no losing trade",
    "win_rate": "no trade with a result other than zero",
    "expectancy": "no trade with a result other than zero",
    "gain_to_pain": "no losing period",
    "max_drawdown_share": "no starting capital",
    "mean_hold_seconds": "no closed trade",
}


def floats(values: Numbers, what: str) -> Floats:
    """Return ``values`` as one row of finite floats, or say what is wrong with them."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InputError(f"{what} must be one row of finite numbers")
    return array


def _spread(values: Floats) -> float:
    """Return the sample deviation, exactly 0 where only rounding makes it differ from 0."""
    deviation = float(np.std(values, ddof=1))
    return deviation if deviation > 1e-12 * float(np.max(np.abs(values))) else 0.0


def sharpe(returns: Numbers, periods_per_year: float = DAYS_PER_YEAR, risk_free: float = 0.0) -> float | None:
    """Mean excess return over its sample deviation, annualised by the root of ``periods_per_year``.

    >>> round(sharpe([0.01, 0.10, -0.04, 0.02, 0.03, 0.02, 0.01, -0.10], periods_per_year=252), 4)
    1.7239
    """
    excess = floats(returns, "returns") - risk_free
    if excess.size < 2 or (deviation := _spread(excess)) == 0.0:
        return None
    return float(np.mean(excess)) / deviation * math.sqrt(periods_per_year)


def sharpe_growth(periods: int, autocorrelations: Numbers) -> float:
    """Lo's factor from a one-period to a ``periods``-long Sharpe ratio; without correlation the root of ``periods``.

    >>> round(sharpe_growth(12, [0.0] * 11), 6)
    3.464102
    """
    rho = floats(autocorrelations, "autocorrelations")
    lags = np.arange(1, rho.size + 1)
    return periods / math.sqrt(periods + 2 * float(np.sum((periods - lags) * rho)))


def volatility(returns: Numbers, periods_per_year: float = DAYS_PER_YEAR) -> float | None:
    """Sample deviation of returns, annualised."""
    values = floats(returns, "returns")
    return None if values.size < 2 else float(np.std(values, ddof=1)) * math.sqrt(periods_per_year)


def downside_risk(returns: Numbers, periods_per_year: float = DAYS_PER_YEAR, required: float = 0.0) -> float | None:
    """Root mean square of what falls short of ``required``, over all periods, annualised."""
    values = floats(returns, "returns")
    if not values.size:
        return None
    return float(np.sqrt(np.mean(np.minimum(values - required, 0.0) ** 2))) * math.sqrt(periods_per_year)


def sortino(returns: Numbers, periods_per_year: float = DAYS_PER_YEAR, required: float = 0.0) -> float | None:
    """Mean return above ``required`` over the downside risk, annualised."""
    risk = downside_risk(returns, periods_per_year, required)
    if not risk:
        return None
    return (float(np.mean(floats(returns, "returns"))) - required) * periods_per_year / risk


def annual_growth(returns: Numbers, periods_per_year: float = DAYS_PER_YEAR) -> float | None:
    """Compound growth a year; -1 once the capital is gone."""
    values = floats(returns, "returns")
    if not values.size:
        return None
    final = float(np.prod(1.0 + values)) if (values > -1.0).all() else 0.0
    if final <= 0.0:
        return -1.0
    try:
        return math.exp(math.log(final) * periods_per_year / values.size) - 1.0
    except OverflowError:
        return None


@dataclass(frozen=True)
class Drawdown:
    """The deepest fall of a curve: how far, from when to when, and when the old height was reached again."""

    depth: float  #: in the curve's unit, not negative
    share: float | None  #: of the height it fell from; None if that was not positive
    peak: int  #: index into the curve; -1 is the starting value
    trough: int
    recovery: int | None  #: None: not yet


def max_drawdown(curve: Numbers, start: float = 0.0) -> Drawdown:
    """Find the deepest fall of ``curve``, which began at ``start``.

    >>> max_drawdown([1.01, 1.2, 1.08, 1.3], start=1.0)
    Drawdown(depth=0.11999999999999988, share=0.09999999999999991, peak=1, trough=2, recovery=3)
    """
    heights = np.concatenate(([start], floats(curve, "curve")))
    peaks = np.maximum.accumulate(heights)
    trough = int(np.argmax(peaks - heights))
    peak = int(np.flatnonzero(heights[: trough + 1] == peaks[trough])[-1])
    depth = float(heights[peak] - heights[trough])
    back = np.flatnonzero(heights[trough:] >= heights[peak])
    recovery = trough + int(back[0]) - 1 if back.size else None
    share = depth / float(heights[peak]) if heights[peak] > 0 else None
    return Drawdown(depth, share, peak - 1, trough - 1, recovery)


def calmar(returns: Numbers, periods_per_year: float = DAYS_PER_YEAR) -> float | None:
    """Compound growth a year over the deepest fall of the compounded curve."""
    growth = annual_growth(returns, periods_per_year)
    if growth is None:
        return None
    share = max_drawdown(np.cumprod(1.0 + floats(returns, "returns")), 1.0).share
    return growth / share if share else None


def omega(returns: Numbers, threshold: float = 0.0) -> float | None:
    """Gains over losses, both about ``threshold``."""
    excess = floats(returns, "returns") - threshold
    losses = -float(np.sum(excess[excess < 0]))
    return float(np.sum(excess[excess > 0])) / losses if losses else None


def tail_ratio(returns: Numbers) -> float | None:
    """The 95th percentile over the 5th, without signs."""
    values = floats(returns, "returns")
    low = abs(float(np.percentile(values, 5))) if values.size else 0.0
    return abs(float(np.percentile(values, 95))) / low if low else None


def profit_factor(results: Numbers) -> float | None:
    """What winners made over what losers lost."""
    return omega(results)


def gain_to_pain(returns: Numbers) -> float | None:
    """The sum of all returns over the sum of the losing ones."""
    values = floats(returns, "returns")
    losses = -float(np.sum(values[values < 0]))
    return float(np.sum(values)) / losses if losses else None


def win_rate(results: Numbers) -> float | None:
    """Share of winners among results that are not zero."""
    values = floats(results, "results")
    decided = values[values != 0]
    return float(np.mean(decided > 0)) if decided.size else None


def payoff(results: Numbers) -> float | None:
    """The average winner over the average loser."""
    values = floats(results, "results")
    winners, losers = values[values > 0], values[values < 0]
    return float(np.mean(winners)) / -float(np.mean(losers)) if winners.size and losers.size else None


def expectancy(results: Numbers) -> float | None:
    """The average of results that are not zero."""
    values = floats(results, "results")
    decided = values[values != 0]
    return float(np.mean(decided)) if decided.size else None
