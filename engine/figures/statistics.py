"""How much of a Sharpe ratio to believe: its probability, its deflation by the number of trials, the data it needs.

All ratios here are per period, not annualised. Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012)
and "The Deflated Sharpe Ratio" (2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ...io.ground.errors import InputError
from .metrics import Floats, Numbers, floats, sharpe

_NORMAL = NormalDist()
_EULER = 0.5772156649015329
#: Cells whose P&L correlates at least this much share half of their variance and count as one trial.
SAME_TRIAL = math.sqrt(0.5)


@dataclass(frozen=True)
class Moments:
    """What the statistics need of a row of returns: the Sharpe ratio, skewness, kurtosis (normal: 3) and the count."""

    sharpe: float
    skew: float
    kurtosis: float
    periods: int


def moments(returns: Numbers) -> Moments | None:
    """Measure a row of returns; None if it does not vary.

    >>> moments([1.0, -1.0, 1.0, -1.0])
    Moments(sharpe=0.0, skew=0.0, kurtosis=1.0, periods=4)
    """
    values = floats(returns, "returns")
    ratio = sharpe(values, periods_per_year=1)
    if ratio is None:
        return None
    scaled = (values - values.mean()) / values.std()
    return Moments(ratio, float(np.mean(scaled**3)), float(np.mean(scaled**4)), values.size)


def _variance(ratio: float, skew: float, kurtosis: float) -> float:
    """Return the variance of an estimated Sharpe ratio times the number of periods less one."""
    return 1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio


def probabilistic_sharpe(
    ratio: float, periods: int, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0
) -> float | None:
    """Probability that the true ratio exceeds ``benchmark``; ``kurtosis`` is 3 for the normal law, not its excess.

    >>> round(probabilistic_sharpe(1.585 / 12**0.5, 24, -2.448, 10.164), 7)
    0.9132343
    """
    variance = _variance(ratio, skew, kurtosis)
    if periods < 2 or variance <= 0:
        return None
    return _NORMAL.cdf((ratio - benchmark) * math.sqrt(periods - 1) / math.sqrt(variance))


def expected_max(trials: float) -> float:
    """Expected largest of ``trials`` independent standard normal values; 0 for a single one.

    >>> round(expected_max(100), 7)
    2.5306029
    """
    if trials <= 1:
        return 0.0
    first, second = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return (1 - _EULER) * first + _EULER * second


@dataclass(frozen=True)
class Deflated:
    """The ratio that luck alone would reach, and the probability that the true ratio exceeds it."""

    threshold: float
    probability: float | None


def deflated_sharpe(
    ratio: float, periods: int, trials: float, trial_variance: float, skew: float = 0.0, kurtosis: float = 3.0
) -> Deflated:
    """Judge the best of ``trials`` independent ratios that vary by ``trial_variance`` among each other.

    >>> done = deflated_sharpe(2.5 / 250**0.5, 1250, 100, 0.5 / 250, -3, 10)
    >>> round(done.threshold, 7), round(done.probability, 7)
    (0.113172, 0.9003968)
    """
    threshold = math.sqrt(max(trial_variance, 0.0)) * expected_max(trials)
    return Deflated(threshold, probabilistic_sharpe(ratio, periods, skew, kurtosis, threshold))


def min_track_record(
    ratio: float, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0, confidence: float = 0.95
) -> float | None:
    """Periods needed to say with ``confidence`` that the true ratio exceeds ``benchmark``; None if it does not.

    >>> round(min_track_record(0.2, skew=-0.5, kurtosis=5.0), 1)
    78.1
    """
    if ratio <= benchmark or (variance := _variance(ratio, skew, kurtosis)) <= 0:
        return None
    return 1 + variance * (_NORMAL.inv_cdf(confidence) / (ratio - benchmark)) ** 2


def min_backtest_years(trials: float, annual_ratio: float = 1.0) -> float | None:
    """Years of data below which ``trials`` worthless cells are expected to show ``annual_ratio``.

    >>> round(min_backtest_years(45), 6)
    4.998087
    """
    return (expected_max(trials) / annual_ratio) ** 2 if annual_ratio > 0 else None


@dataclass(frozen=True)
class Trials:
    """Independent trials among many cells, counted in two ways, and the spread of their Sharpe ratios."""

    count: int  #: implied by the average correlation of the cells that vary; rounded
    clusters: int  #: groups of cells that correlate with their leader; far fewer where all cells move together
    variance: float  #: of the Sharpe ratios of the cells that vary
    cluster: npt.NDArray[np.int64]  #: each cell's group; -1: never varied


def effective_trials(pnl: Floats, same: float = SAME_TRIAL) -> Trials:
    """Count the independent trials among the columns of a periods x cells matrix.

    The count is that of Bailey and Lopez de Prado (2014): M cells whose P&L correlates by r on average are worth
    r + (1 - r) M independent ones; r below zero counts as zero. Beside it stand clusters: a cell joins the first leader
    that it correlates with, leaders taken in the order of their Sharpe ratio.

    >>> base = np.sin(np.arange(40.0))
    >>> effective_trials(np.column_stack([base, 2 * base, 3 * base])).count
    1
    """
    values = np.asarray(pnl, dtype=np.float64)
    if values.ndim != 2:
        raise InputError("effective_trials needs a matrix of periods by cells")
    cluster = np.full(values.shape[1], -1, dtype=np.int64)
    centred = values - values.mean(axis=0) if len(values) else values
    length = np.sqrt((centred**2).sum(axis=0))
    varied = length > 1e-12 * np.maximum(np.abs(values).max(axis=0, initial=0.0), 1e-300) * math.sqrt(len(values))
    moving = np.flatnonzero(varied)
    unit = (centred[:, moving] / length[moving]).T.copy()
    ratio = values[:, moving].mean(axis=0) / length[moving] if len(values) else np.zeros(0)
    open_cells = np.argsort(-ratio, kind="stable")
    clusters = 0
    while open_cells.size:
        near = unit[open_cells] @ unit[open_cells[0]] >= same
        near[0] = True
        cluster[moving[open_cells[near]]] = clusters
        clusters += 1
        open_cells = open_cells[~near]
    sharpes = ratio * math.sqrt(max(len(values) - 1, 0))
    variance = float(np.var(sharpes, ddof=1)) if moving.size > 1 else 0.0
    return Trials(_implied(unit), clusters, variance, cluster)


def _implied(unit: Floats) -> int:
    """Return the number of trials that rows of length one are worth by their average correlation."""
    cells = len(unit)
    if cells < 2:
        return cells
    together = unit.sum(axis=0)
    correlation = (float(together @ together) - cells) / (cells * (cells - 1))
    correlation = min(max(correlation, 0.0), 1.0)
    return max(round(correlation + (1.0 - correlation) * cells), 1)
