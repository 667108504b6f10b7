"""Markets that move together: the correlation of one's changes with another's earlier ones, and who leads whom.

An expression for two columns, pairs of markets that may be related, and a kernel that finds leaders on a whole panel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..io.ground.jit import kept

#: Followers whose correlations with all markets are held at once.
_FOLLOWERS = 256
#: Share of a sum of squares below which a variance is rounding.
_NOISE = 1e-12


def lead_lag(leader: str, follower: str, lag: int, window: int, by: str | None = None) -> pl.Expr:
    """Correlation of the follower's changes with the leader's changes ``lag`` rows before, over ``window`` rows.

    Both are columns of one frame with a row a bar. At lag 0 it is the plain trailing correlation.
    Unit: none, -1 to 1. Warm-up: null before ``window + lag`` changes, where one of the window is missing, and where a
    column's changes are all the same.
    """

    def change(column: str, rows: int) -> pl.Expr:
        moved = pl.col(column).cast(pl.Float64).diff().shift(rows)
        return moved if by is None else pl.col(column).cast(pl.Float64).diff().shift(rows).over(by)

    def total(expression: pl.Expr) -> pl.Expr:
        rolled = expression.rolling_sum(window)
        return rolled if by is None else rolled.over(by)

    x, y = change(leader, lag), change(follower, 0)
    both = x.is_not_null() & y.is_not_null()
    x, y = pl.when(both).then(x), pl.when(both).then(y)
    sx, sy = total(x), total(y)
    xx, yy = window * total(x * x), window * total(y * y)
    vx, vy = xx - sx * sx, yy - sy * sy
    moved = (vx > _NOISE * xx) & (vy > _NOISE * yy)
    return pl.when(moved).then(((window * total(x * y) - sx * sy) / (vx.sqrt() * vy.sqrt())).clip(-1.0, 1.0))


def related_pairs(markets: pl.DataFrame, limit: int = 8) -> pl.DataFrame:
    """Pairs (``ticker``, ``other``) of the same event, else of the same series, at most ``limit`` a ticker.

    Unit: names of markets. Warm-up: none.

    >>> markets = pl.DataFrame({"ticker": ["A", "B", "C"], "event": ["x", "x", "y"], "series": "s"})
    >>> related_pairs(markets, limit=1).rows()
    [('A', 'B'), ('B', 'A'), ('C', 'A')]
    """
    own = markets.select("ticker", "event", "series")
    pairs = own.join(own, on="series", suffix="_other").filter(pl.col("ticker") != pl.col("ticker_other"))
    pairs = pairs.with_columns((pl.col("event") == pl.col("event_other")).fill_null(value=False).alias("same_event"))
    ranked = pairs.sort("ticker", "same_event", "ticker_other", descending=[False, True, False])
    return (
        ranked.group_by("ticker", maintain_order=True)
        .head(limit)
        .select("ticker", pl.col("ticker_other").alias("other"))
    )


def correlated_leaders(
    mark: npt.NDArray[Any], bar: int, window: int, lag: int, limit: int, min_moves: int = 8
) -> npt.NDArray[np.int32]:
    """Markets x ``limit``: which markets' changes ``lag`` bars before went most with each market's own; -1 where none.

    Strongest correlation first, of either sign, over the ``window`` changes up to and with ``bar``: nothing later is
    read. ``mark`` is bars x markets in ticks, below 0 where missing; a change from or to nothing is 0. Both must have
    moved together in ``min_moves`` bars, as two lone jumps correlate fully. Unit: places of markets. Warm-up: -1 before
    bar ``window + lag``.

    >>> first = np.cumsum([5, 3, -2, 4, -6, 1, 2, -3]) + 50
    >>> correlated_leaders(np.stack([first, np.roll(first, 1)], axis=1), 7, 5, 1, 1, min_moves=1)[1].tolist()
    [0]
    """
    markets = mark.shape[1]
    leaders = np.full((markets, limit), -1, np.int32)
    if bar < window + lag:
        return leaders
    held = mark[bar - window - lag : bar + 1].astype(np.int64)
    change = np.where((held[1:] >= 0) & (held[:-1] >= 0), np.diff(held, axis=0), 0)
    ahead, own = change[:window], change[lag:]
    moved = np.flatnonzero(ahead.any(axis=0)), np.flatnonzero(own.any(axis=0))
    x, y = ahead[:, moved[0]].astype(np.float64), own[:, moved[1]].astype(np.float64)  # whole numbers: sums are exact
    scale = [np.sqrt(window * (z * z).sum(axis=0) - z.sum(axis=0) ** 2) for z in (x, y)]
    for first in range(0, y.shape[1], _FOLLOWERS):
        some = slice(first, first + _FOLLOWERS)
        covariance = window * (y[:, some].T @ x) - np.outer(y[:, some].sum(axis=0), x.sum(axis=0))
        together = (y[:, some] != 0).T.astype(np.float32) @ (x != 0).astype(np.float32)
        _strongest_nb(covariance, together, scale[0], scale[1][some], moved[0], moved[1][some], min_moves, leaders)
    return leaders


@kept()
def _strongest_nb(
    covariance: Any, together: Any, ahead: Any, own: Any, leader: Any, follower: Any, least: int, leaders: Any
) -> None:
    """Keep each follower's strongest leaders in order; of equals the first."""
    limit = leaders.shape[1]
    for f in range(len(follower)):
        kept = np.zeros(limit)
        row = leaders[follower[f]]
        for c in range(len(leader)):
            if leader[c] == follower[f] or together[f, c] < least or ahead[c] == 0.0 or own[f] == 0.0:
                continue
            strength = abs(covariance[f, c]) / (ahead[c] * own[f])
            at = limit
            while at > 0 and strength > kept[at - 1]:
                at -= 1
            if at == limit:
                continue
            for later in range(limit - 1, at, -1):
                kept[later], row[later] = kept[later - 1], row[later - 1]
            kept[at], row[at] = strength, leader[c]
