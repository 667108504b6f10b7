"""The scorer that listens to related markets: what led them lately is expected to lead them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import polars as pl

from ....features.related import correlated_leaders, related_pairs
from ....io.ground.jit import kept
from ...parameters import Parameter
from ..pipeline import DOLLAR, PanelView, Scorer, places, register

#: A correlation this little below the least asked for is that least: its roots are rounded.
_ROUNDING = 1e-9


@register("correlation")
class Correlation(Scorer):
    """Markets lead and lag each other: follow the leaders by their trailing correlation."""

    PARAMETERS = (
        Parameter("window_bars", 96, low=8, kind="int", doc="changes over which the correlation is taken"),
        Parameter("lag_bars", 1, low=1, kind="int", doc="bars by which the others lead"),
        Parameter("related", 4, low=1, high=32, kind="int", doc="related markets a market is compared with"),
        Parameter(
            "among",
            "series",
            kind="choice",
            choices=("series", "all"),
            doc="series: related are those of the same event, then series; all: those that correlated most so far",
        ),
        Parameter("choose_bars", 96, low=1, kind="int", doc="bars after which they are chosen anew (among all)"),
        Parameter("min_moves", 8, low=1, kind="int", doc="bars of the window in which both moved (among all)"),
        Parameter("min_correlation", 0.2, low=0, high=1, doc="correlation below which a leader is not followed"),
        Parameter("cap", 0.05, low=0, high=1, doc="most edge that is claimed, dollars"),
    )

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """The change that the leaders make expect, ticks."""
        expected = panel.column("led", np.float32)
        expected[:] = 0
        for first, last, leaders in self.periods(panel):
            start = np.concatenate(([0], np.cumsum((leaders >= 0).sum(axis=1)))).astype(np.int64)
            _follow_nb(
                panel.rows["mark"], places(panel), (first, last), start, leaders[leaders >= 0],
                self.window_bars, self.lag_bars, self.min_correlation, expected,
            )  # fmt: skip
        return {self.own("led"): expected}

    def periods(self, panel: PanelView) -> Iterator[tuple[int, int, npt.NDArray[np.int32]]]:
        """From which bar to before which one a market (row) follows which others (-1: none)."""
        bars = len(panel.times)
        if self.among == "series":
            yield 0, bars, _of_the_series(panel.markets, self.related)
            return
        reach = self.window_bars + self.lag_bars
        for first in range(reach, bars, self.choose_bars):
            seen = _marks(panel, first - reach, first + 1)
            chosen = correlated_leaders(seen, reach, self.window_bars, self.lag_bars, self.related, self.min_moves)
            yield first, min(first + self.choose_bars, bars), chosen

    def score(self) -> pl.Expr:
        """The expected change in dollars."""
        return (pl.col(self.own("led")) / DOLLAR).clip(-self.cap, self.cap)


def _of_the_series(markets: pl.DataFrame, limit: int) -> npt.NDArray[np.int32]:
    place = pl.Series(range(markets.height), dtype=pl.Int32)
    pairs = related_pairs(markets, limit).with_columns(rank=pl.int_range(pl.len()).over("ticker"))
    own, other = (pairs[name].replace_strict(markets["ticker"], place).to_numpy() for name in ("ticker", "other"))
    leaders = np.full((markets.height, limit), -1, np.int32)
    leaders[own, pairs["rank"].to_numpy()] = other
    return leaders


def _marks(panel: PanelView, begin: int, stop: int) -> npt.NDArray[np.int16]:
    """The marks of some bars, bars x markets: -1 before a market's life, the last one after it."""
    made = np.empty((stop - begin, panel.markets.height), np.int16)
    _marks_nb(panel.rows["mark"], places(panel), begin, made)
    return made


@kept()
def _marks_nb(mark: Any, lives: Any, begin: int, made: Any) -> None:
    first, counts, base, stride = lives
    for m in range(len(first)):
        for t in range(made.shape[0]):
            at = min(begin + t, first[m] + counts[m] - 1)
            made[t, m] = mark[base[m] + at * stride] if at >= first[m] else -1


@kept()
def _steps_nb(mark: Any, lives: Any, m: int, begin: int, stop: int, steps: Any) -> None:
    """Changes of a market's mark in bars ``begin`` to ``stop`` since the bar before: 0 where one of them is missing."""
    first, counts, base, stride = lives
    steps[begin:stop] = 0
    for t in range(max(begin, first[m] + 1), min(stop, first[m] + counts[m])):
        row = base[m] + t * stride
        if mark[row] >= 0 and mark[row - stride] >= 0:
            steps[t] = np.int64(mark[row]) - np.int64(mark[row - stride])


@kept(parallel=True)
def _follow_nb(
    mark: Any, lives: Any, period: Any, pairs: Any, leaders: Any, window: int, lag: int, least: float, expected: Any
) -> None:
    """For each market, in the period's bars of its life: mean over its leaders of slope x their last ``lag`` changes.

    Its leaders are ``leaders[pairs[m]:pairs[m + 1]]``; the slope is of the window's trailing sums.
    """
    for m in numba.prange(len(pairs) - 1):
        first, counts, base, stride = lives
        low, high = max(period[0], first[m]), min(period[1], first[m] + counts[m])
        if pairs[m] == pairs[m + 1] or low >= high:
            continue
        begin = max(low - window + 1, lag + 1)
        own = np.empty(high, np.int64)
        other = np.empty(high, np.int64)
        _steps_nb(mark, lives, m, begin, high, own)
        for p in range(pairs[m], pairs[m + 1]):
            _steps_nb(mark, lives, leaders[p], begin - lag, high, other)
            weight = 1.0 / (pairs[m + 1] - pairs[m])
            _lead_nb(own, other, begin, low, window, lag, least, expected, (base[m], stride), weight)


@kept()
def _lead_nb(
    own: Any, other: Any, begin: int, first: int, window: int, lag: int, least: float, expected: Any, place: Any,
    weight: float,
) -> None:  # fmt: skip
    """Add one leader's forecast from bar ``first`` on. Sums are whole numbers, so nothing drifts."""
    sx = np.int64(0)
    sy = np.int64(0)
    sxx = np.int64(0)
    syy = np.int64(0)
    sxy = np.int64(0)
    for t in range(begin, len(own)):
        x, y = other[t - lag], own[t]
        sx, sy, sxx, syy, sxy = sx + x, sy + y, sxx + x * x, syy + y * y, sxy + x * y
        gone = t - window
        if gone >= begin:
            x, y = other[gone - lag], own[gone]
            sx, sy, sxx, syy, sxy = sx - x, sy - y, sxx - x * x, syy - y * y, sxy - x * y
        if t < first or gone < lag:
            continue
        vx = window * sxx - sx * sx
        vy = window * syy - sy * sy
        if vx <= 0 or vy <= 0:
            continue
        covariance = np.float64(window * sxy - sx * sy)
        if abs(covariance) < (least - _ROUNDING) * np.sqrt(np.float64(vx)) * np.sqrt(np.float64(vy)):
            continue
        ahead = np.int64(0)
        for k in range(lag):
            ahead += other[t - k]
        expected[place[0] + t * place[1]] += np.float32(weight * covariance / vx * ahead)
