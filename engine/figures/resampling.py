"""Intervals and tests by resampling: whole events in blocks, so that what depends on each other stays together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...io.ground.errors import InputError
from .metrics import Floats, Numbers, floats

_DRAWS_AT_ONCE = 250


def block_length(rows: int) -> float:
    """The usual mean length of a block, the cube root of the number of rows."""
    return max(rows ** (1 / 3), 1.0)


def stationary_rows(rows: int, draws: int, mean_block: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw rows as Politis and Romano do: blocks of geometric length that wrap around; one sample a line.

    >>> stationary_rows(5, 1, 1e9, np.random.default_rng(0)).tolist()
    [[3, 4, 0, 1, 2]]
    """
    if rows < 1 or mean_block < 1:
        raise InputError(f"resampling needs rows and a block of at least one, got {rows} and {mean_block}")
    fresh = rng.random((draws, rows)) < 1 / mean_block
    fresh[:, 0] = True
    starts = rng.integers(0, rows, (draws, rows))
    place = np.arange(rows)
    began = np.maximum.accumulate(np.where(fresh, place, 0), axis=1)
    return (np.take_along_axis(starts, began, axis=1) + place - began) % rows


@dataclass(frozen=True)
class Interval:
    """A resampled confidence interval of a mean."""

    mean: float
    low: float
    high: float
    level: float
    positive_share: float  #: samples whose mean is above zero


def mean_interval(
    values: Numbers, level: float = 0.95, draws: int = 2_000, mean_block: float = 1.0, seed: int = 0
) -> Interval | None:
    """Percentile interval of the mean; rows are events (or periods) in time order. None below two rows.

    >>> done = mean_interval([1.0, 2.0, 3.0, 4.0])
    >>> done.low < done.mean == 2.5 < done.high
    True
    """
    rows = floats(values, "values")
    if rows.size < 2:
        return None
    rng = np.random.default_rng(seed)
    parts = range(0, draws, _DRAWS_AT_ONCE)
    samples = [
        rows[stationary_rows(rows.size, min(_DRAWS_AT_ONCE, draws - at), mean_block, rng)].mean(axis=1) for at in parts
    ]
    means = np.concatenate(samples)
    tail = (1 - level) / 2
    low, high = (float(np.quantile(means, share)) for share in (tail, 1 - tail))
    return Interval(float(rows.mean()), low, high, level, float(np.mean(means > 0)))


@dataclass(frozen=True)
class Snooping:
    """Probabilities that the best of all cells is no better than not trading."""

    reality_check: float  #: White
    spa_lower: float  #: Hansen, lower bound
    spa: float  #: Hansen, consistent
    spa_upper: float  #: Hansen, upper bound
    best: int  #: the cell with the largest studentised mean


def snooping_test(pnl: Floats, draws: int = 1_000, mean_block: float | None = None, seed: int = 0) -> Snooping | None:
    """White's reality check and Hansen's test of superior predictive ability for a rows x cells matrix.

    Cells that never vary are left out; None if no other is left or there are fewer than three rows.
    """
    values = np.asarray(pnl, dtype=np.float64)
    if values.ndim != 2:
        raise InputError("snooping_test needs a matrix, rows by cells")
    rows = len(values)
    moving = np.flatnonzero(np.ptp(values, axis=0) > 0) if rows else np.zeros(0, dtype=np.int64)
    if rows < 3 or not moving.size:
        return None
    values = values[:, moving]
    mean = values.mean(axis=0)
    moved = _resampled_means(values, draws, mean_block or block_length(rows), seed) - mean
    deviation = math.sqrt(rows) * np.sqrt((moved**2).mean(axis=0))
    deviation = np.maximum(deviation, 1e-12 * np.abs(values).max(axis=0))

    largest = math.sqrt(rows) * moved.max(axis=1)
    white = float(np.mean(largest >= math.sqrt(rows) * mean.max()))
    score = math.sqrt(rows) * mean / deviation
    observed = max(float(score.max()), 0.0)
    scaled = math.sqrt(rows) * moved / deviation
    threshold = -math.sqrt(2 * math.log(math.log(rows))) if rows > math.e else 0.0
    shifts = {
        "lower": np.minimum(score, 0.0),
        "consistent": np.where(score < threshold, score, 0.0),
        "upper": np.zeros_like(score),
    }
    share: dict[str, float] = {}
    for name, shift in shifts.items():
        best = np.maximum((scaled + shift).max(axis=1), 0.0)
        share[name] = float(np.mean(best >= observed))
    return Snooping(white, share["lower"], share["consistent"], share["upper"], int(moving[int(np.argmax(score))]))


def _resampled_means(values: Floats, draws: int, mean_block: float, seed: int) -> Floats:
    """Return draws x cells: each cell's mean over the same resampled rows."""
    rng = np.random.default_rng(seed)
    rows = len(values)
    parts: list[Floats] = []
    for at in range(0, draws, _DRAWS_AT_ONCE):
        taken = stationary_rows(rows, min(_DRAWS_AT_ONCE, draws - at), mean_block, rng)
        weight = np.zeros((len(taken), rows))
        np.add.at(weight, (np.arange(len(taken))[:, None], taken), 1.0 / rows)
        parts.append(weight @ values)
    return np.concatenate(parts)
