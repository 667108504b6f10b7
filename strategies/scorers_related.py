"""The scorer that listens to related markets: what led them lately is expected to lead them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import polars as pl

from ..features.related import related_pairs
from .parameters import Parameter
from .pipeline import DOLLAR, PanelView, Scorer, register


@register("correlation")
class Correlation(Scorer):
    """Markets of the same event or series lead and lag: follow the leaders by their trailing correlation."""

    PARAMETERS = (
        Parameter("window_bars", 96, low=8, kind="int", doc="changes over which the correlation is taken"),
        Parameter("lag_bars", 1, low=1, kind="int", doc="bars by which the others lead"),
        Parameter("related", 4, low=1, high=32, kind="int", doc="related markets a market is compared with"),
        Parameter("min_correlation", 0.2, low=0, high=1, doc="correlation below which a leader is not followed"),
        Parameter("cap", 0.05, low=0, high=1, doc="most edge that is claimed, dollars"),
    )

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """The change that the leaders make expect, ticks."""
        place = {ticker: index for index, ticker in enumerate(panel.markets["ticker"])}
        pairs = related_pairs(panel.markets, self.related)
        follower = np.array([place[t] for t in pairs["ticker"]], np.int32)
        leader = np.array([place[t] for t in pairs["other"]], np.int32)
        mark = panel.matrices["mark"]
        count = np.bincount(follower, minlength=mark.shape[1])
        start = np.concatenate(([0], np.cumsum(count))).astype(np.int64)
        ordered = leader[np.argsort(follower, kind="stable")]
        expected = np.zeros(mark.shape, np.float32)
        _follow_nb(mark, start, ordered, self.window_bars, self.lag_bars, self.min_correlation, expected)
        return {"led": expected}

    def score(self) -> pl.Expr:
        """The expected change in dollars."""
        return (pl.col("led") / DOLLAR).clip(-self.cap, self.cap)


@numba.njit(cache=True)
def step_nb(mark: Any, t: int, m: int) -> Any:
    """Change of a mark since the bar before, 0 where one of them is missing."""
    if t < 1 or mark[t, m] < 0 or mark[t - 1, m] < 0:
        return 0
    return np.int64(mark[t, m]) - np.int64(mark[t - 1, m])


@numba.njit(cache=True, parallel=True)
def _follow_nb(mark: Any, start: Any, leaders: Any, window: int, lag: int, least: float, expected: Any) -> None:
    """For each market: the mean over its leaders of slope x the leader's last ``lag`` changes, by trailing sums."""
    bars = mark.shape[0]
    for m in numba.prange(len(start) - 1):
        first, last = start[m], start[m + 1]
        own = np.empty(bars, np.int64)
        other = np.empty(bars, np.int64)
        for t in range(bars):
            own[t] = step_nb(mark, t, m)
        for p in range(first, last):
            for t in range(bars):
                other[t] = step_nb(mark, t, leaders[p])
            _lead_nb(own, other, window, lag, least, expected, m, 1.0 / (last - first))


@numba.njit(cache=True)
def _lead_nb(own: Any, other: Any, window: int, lag: int, least: float, expected: Any, m: int, weight: float) -> None:
    """Add one leader's forecast to market m. Sums are whole numbers, so nothing drifts."""
    sx = np.int64(0)
    sy = np.int64(0)
    sxx = np.int64(0)
    syy = np.int64(0)
    sxy = np.int64(0)
    for t in range(lag + 1, len(own)):
        x, y = other[t - lag], own[t]
        sx, sy, sxx, syy, sxy = sx + x, sy + y, sxx + x * x, syy + y * y, sxy + x * y
        gone = t - window
        if gone >= lag + 1:
            x, y = other[gone - lag], own[gone]
            sx, sy, sxx, syy, sxy = sx - x, sy - y, sxx - x * x, syy - y * y, sxy - x * y
        if gone < lag:
            continue
        vx = window * sxx - sx * sx
        vy = window * syy - sy * sy
        if vx <= 0 or vy <= 0:
            continue
        covariance = np.float64(window * sxy - sx * sy)
        if abs(covariance) < least * np.sqrt(np.float64(vx)) * np.sqrt(np.float64(vy)):
            continue
        ahead = np.int64(0)
        for k in range(lag):
            ahead += other[t - k]
        expected[t, m] += np.float32(weight * covariance / vx * ahead)
