"""How much a price moves, per square root of a second, by several estimators on arrays."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]  # ns, not falling


def realised(ts: Times, x: Floats) -> float:
    """Square root of ``sum dx^2`` per second; nan without a change of time.

    >>> round(realised(np.array([0, 1, 4]) * 10**9, np.array([50.0, 51.0, 50.0])), 6)
    0.707107
    """
    seconds = _seconds(ts)
    return math.sqrt(float(np.sum(np.diff(x) ** 2)) / seconds) if seconds > 0 else math.nan


def bipower(ts: Times, x: Floats) -> float:
    """The same, hardly moved by jumps: ``pi / 2 sum |dx_i| |dx_(i-1)|`` per second, for steps of equal length."""
    size, seconds = np.abs(np.diff(x)), _seconds(ts)
    if size.size < 2:
        return math.nan
    steps = size.size / (size.size - 1)
    return math.sqrt(math.pi / 2 * steps * float(size[1:] @ size[:-1]) / seconds) if seconds > 0 else math.nan


def from_levels(ts: Times, x: Floats, window_ns: int) -> float:
    """From the variance of levels in windows that do not overlap: of a Brownian path it is ``sigma^2 window / 6``.

    Levels count for as long as they hold; a window without an observation at its start is left out.
    """
    edges = np.arange(ts[0], ts[-1] + 1, window_ns, dtype=np.int64) if ts.size else np.zeros(0, np.int64)
    if edges.size < 2:
        return math.nan
    # Each window's value at its start is one more observation, so that the levels of a window tile it.
    at = np.union1d(ts, edges)
    at = at[at <= edges[-1]]
    level = x[np.searchsorted(ts, at, side="right") - 1]
    level = level - level[0]
    weight = np.diff(at).astype(np.float64)
    window = np.searchsorted(edges, at[:-1], side="right") - 1
    total, first, second = (np.bincount(window, weight * level[:-1] ** power) for power in (0, 1, 2))
    variance = second / total - (first / total) ** 2
    return math.sqrt(max(float(variance.mean()), 0.0) * 6e9 / window_ns)


def ewma(ts: Times, x: Floats, theta_s: float) -> tuple[Floats, Floats]:
    """Mean and variance of levels that forget with time constant ``theta_s``, after each observation.

    >>> mean, variance = ewma(np.array([0, 2, 3, 10]) * 10**9, np.array([50.0, 51, 49, 52]), 5)
    >>> mean.round(6).tolist(), variance.round(6).tolist()
    ([50.0, 50.32968, 50.08865, 51.528667], [0.0, 0.220991, 0.44333, 0.788051])
    """
    mean, variance = np.zeros(x.size), np.zeros(x.size)
    gain = -np.expm1(-np.diff(ts) * 1e-9 / theta_s)
    m, v = float(x[0]) if x.size else 0.0, 0.0
    if x.size:
        mean[0] = m
    for i, (a, value) in enumerate(zip(gain.tolist(), x[1:].tolist(), strict=True), start=1):
        d = value - m
        m += a * d
        v = (1 - a) * (v + a * d * d)
        mean[i], variance[i] = m, v
    return mean, variance


def from_ewma(ts: Times, x: Floats, theta_s: float) -> float:
    """From the mean of the variance of ``ewma`` on a clock of ``theta_s / 60``: for steps that forget the share a, of
    a Brownian path it is ``sigma^2 step (1 - a) / (a (2 - a))``, near ``sigma^2 theta / 2``.

    The first five time constants warm up and do not count.
    """
    step_ns = max(round(theta_s * 1e9 / 60), 1)
    variance = ewma(*on_a_clock(ts, x, step_ns), theta_s)[1][300:]
    if not variance.size:
        return math.nan
    a = -math.expm1(-step_ns * 1e-9 / theta_s)
    return math.sqrt(float(variance.mean()) * a * (2 - a) / (1 - a) / (step_ns * 1e-9))


def on_a_clock(ts: Times, x: Floats, step_ns: int) -> tuple[Times, Floats]:
    """The last value seen at each step of a clock that starts with the first observation."""
    if ts.size == 0:
        return ts, x
    at = np.arange(ts[0], ts[-1] + 1, step_ns, dtype=np.int64)
    return at, x[np.searchsorted(ts, at, side="right") - 1]


def _seconds(ts: Times) -> float:
    return float(ts[-1] - ts[0]) * 1e-9 if ts.size > 1 else 0.0
