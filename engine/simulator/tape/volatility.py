"""The observations behind a tape's volatility, with running sums, for each way of measuring it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..state import F64, I64, Columns, Grid, Points
from .events import KIND, TRADE


def points_of(columns: Columns, grid: Grid, volatility: str, window_s: float) -> Points:
    """Return the observations: trade prices for ``levels``, changes of the mid for the others."""
    if volatility == "constant":
        return _points(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    if volatility == "levels":
        event = np.flatnonzero((columns.kind & KIND) == TRADE)
        level = columns.level[event].astype(np.int64)
        level = np.where(columns.side[event] == 0, level, int(grid.top) - level)
        return _points(columns.ts[event], event, grid.ticks[level].astype(np.int64), np.zeros(len(event)))
    two_sided = np.flatnonzero((columns.best_bid > 0) & (columns.best_ask < grid.top))
    doubled = (grid.ticks[columns.best_bid[two_sided]] + grid.ticks[columns.best_ask[two_sided]]).astype(np.int64)
    change = np.diff(doubled, prepend=doubled[:1])
    moved = np.flatnonzero(change != 0)
    event = two_sided[moved]
    value = np.zeros(len(event))
    if volatility == "decaying":
        value = decaying_variance(columns.ts[event], doubled[moved] / 200.0, window_s)
    return _points(columns.ts[event], event, change[moved], value)


@dataclass
class Decay:
    """Variance around a mean, both decaying with the time constant ``theta_s``, one observation after the other."""

    theta_s: float
    ts: int | None = None
    mean: float = 0.0
    variance: float = 0.0

    def add(self, ts: int, x: float) -> float:
        """Take an observation in. Returns the variance after it."""
        if self.ts is None:
            self.mean = x
        else:
            a = 1.0 - math.exp(-float(ts - self.ts) * 1e-9 / self.theta_s)
            d = x - self.mean
            self.mean += a * d
            self.variance = (1.0 - a) * (self.variance + a * d * d)
        self.ts = ts
        return self.variance


def decaying_variance(ts: I64, x: F64, theta_s: float) -> F64:
    """Variance around a decaying mean after each observation."""
    decay = Decay(theta_s)
    return np.array([decay.add(int(at), float(value)) for at, value in zip(ts, x, strict=True)], np.float64)


def _points(ts: I64, event: I64, observed: I64, value: F64) -> Points:
    rows = np.zeros((4, len(ts) + 1), np.int64)
    rows[0, : len(ts)], rows[1, : len(ts)] = ts, event
    rows[2, 1:], rows[3, 1:] = np.cumsum(observed), np.cumsum(observed * observed)
    return Points(rows, value)
