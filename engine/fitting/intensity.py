"""How often a quote at a distance is reached: ``lambda(d) = A exp(-kappa d)`` by maximum likelihood.

In each short step the deepest distance from the mid that a trade reached is kept; a quote at any shorter distance
would have been reached too. Beyond the nearest possible distance such reaches are exponential, on a price grid
geometric.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.ground.errors import InputError

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class Intensity:
    """Fills a second at no distance, and how fast they vanish with distance."""

    A: float
    kappa: float
    A_se: float
    kappa_se: float
    reaches: int
    seconds: float


def exponential(reach: Floats, nearest: float, seconds: float) -> Intensity:
    """From reaches on a continuous scale, all beyond ``nearest``: ``kappa = 1 / (mean - nearest)``.

    >>> round(exponential(np.array([1.0, 2.0, 3.0]), 0.5, 60.0).kappa, 6)
    0.666667
    """
    _enough(reach)
    beyond = float(reach.mean()) - nearest
    if beyond <= 0:
        raise InputError(f"every reach is at the nearest distance, {nearest:g}: kappa cannot be told")
    kappa = 1 / beyond
    return _with_errors(kappa, kappa / math.sqrt(reach.size), reach.size, seconds, math.exp(kappa * nearest), nearest)


def geometric(index: NDArray[np.int64], tick: float, seconds: float, nearest: Floats, weight: Floats) -> Intensity:
    """From reaches on a grid: ``index`` counts ticks beyond the nearest price; ``kappa = ln(1 + 1 / mean) / tick``.

    The nearest price stood ``nearest`` from the mid for the share ``weight`` of the ``seconds``.

    >>> fitted = geometric(np.array([0, 1, 0, 3]), 1.0, 60.0, np.array([0.5]), np.array([1.0]))
    >>> round(fitted.kappa, 6), round(fitted.A, 6)
    (0.693147, 0.094281)
    """
    _enough(index)
    mean = float(index.mean())
    if mean == 0:
        raise InputError("every trade was at the nearest price: kappa cannot be told; give a longer time")
    kappa = math.log1p(1 / mean) / tick
    q = math.exp(-kappa * tick)
    kappa_se = (1 - q) / (math.sqrt(index.size * q) * tick)
    decay = np.exp(-kappa * nearest)
    share = float(weight @ decay)
    return _with_errors(kappa, kappa_se, index.size, seconds, 1 / share, float(weight @ (nearest * decay)) / share)


def reach_rates(reaches: Reaches, fitted: Intensity, tick: float, depth: int = 6) -> list[tuple[int, float, float]]:
    """Ticks beyond the nearest price; how often a second that was reached, and how often the fit says."""
    share = float(reaches.weight @ np.exp(-fitted.kappa * reaches.nearest))
    counted = [int(np.count_nonzero(reaches.index >= ticks)) for ticks in range(depth)]
    return [
        (ticks, count / fitted.seconds, fitted.A * share * math.exp(-fitted.kappa * tick * ticks))
        for ticks, count in enumerate(counted)
    ]


def _with_errors(kappa: float, kappa_se: float, n: int, seconds: float, growth: float, lever: float) -> Intensity:
    """A = n / seconds x growth; the count and kappa err independently, kappa with the ``lever`` of the distance."""
    a = n / seconds * growth
    return Intensity(a, kappa, a * math.sqrt(1 / n + (lever * kappa_se) ** 2), kappa_se, n, seconds)


def _enough(reach: NDArray[np.generic]) -> None:
    if reach.size < 2:
        raise InputError(f"{reach.size} trades reached beyond the mid: too few to fit A and kappa; give a longer time")


@dataclass(frozen=True)
class Reaches:
    """The deepest reach of each step and side in which trades came, and how long each nearest distance stood."""

    reach: Floats  #: cents from the mid
    index: NDArray[np.int64]  #: ticks beyond the nearest price
    is_ask: NDArray[np.bool_]  #: the reach was upwards: takers bought
    nearest: Floats  #: cents, one for each distance at which the nearest price stood
    weight: Floats  #: share of the time
    seconds: float  #: time with a known mid


def count_reaches(
    quote_ts: Times,
    mid: Floats,
    trade_ts: Times,
    price: Floats,
    taker: NDArray[np.int8],
    step_ns: int,
    tick: float,
) -> Reaches:
    """Group trades into steps of ``step_ns``, by side, against the mid as each step began.

    Prices are in cents; a mid of nan is not known, and its time and trades do not count. A trade whose taker is not
    known is one against the side of the mid it is on.
    """
    held = np.diff(quote_ts).astype(np.float64) * 1e-9
    known = np.isfinite(mid[:-1]) & (held > 0)
    distance, where = np.unique(_nearest(mid[:-1][known], tick), return_inverse=True)
    exposure = np.bincount(where, held[known], minlength=distance.size)
    seconds = float(exposure.sum())
    if seconds <= 0:
        raise InputError("no time with both a bid and an ask: A and kappa need the mid")
    step = (trade_ts - quote_ts[0]) // step_ns
    at = np.searchsorted(quote_ts, quote_ts[0] + step * step_ns, side="right") - 1
    now = np.where(at >= 0, mid[np.maximum(at, 0)], np.nan)
    up = np.where(taker == 0, price >= now, taker > 0)
    reach = np.where(up, price - now, now - price)
    near = _nearest(now, tick)
    index = np.floor((reach - near) / tick + 0.5)
    kept = np.isfinite(reach) & (index >= 0) & (trade_ts <= quote_ts[-1])
    key, reach, index = (step * 2 + up)[kept], reach[kept], index[kept].astype(np.int64)
    order = np.lexsort((reach, key))
    key, reach, index = key[order], reach[order], index[order]
    deepest = np.append(key[1:] != key[:-1], True) if key.size else np.zeros(0, np.bool_)
    return Reaches(
        reach[deepest], index[deepest], (key[deepest] % 2).astype(np.bool_), distance, exposure / seconds, seconds
    )


def _nearest(mid: Floats, tick: float) -> Floats:
    """Distance from a mid to the next price on either side: half a tick when the mid is between two prices."""
    between = np.round(np.nan_to_num(mid) * 2 / tick) % 2 == 1
    return np.where(between, 0.5, 1.0) * tick
