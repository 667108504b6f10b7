"""Markets that move together: does one lead another?"""

from __future__ import annotations

import polars as pl


def lead_lag(leader: str, follower: str, lag: int, window: int, by: str | None = None) -> pl.Expr:
    """Correlation of the follower's changes with the leader's changes ``lag`` rows before, over ``window`` rows.

    Both are columns of one frame with a row a bar. -1 to 1; at lag 0 it is the plain trailing correlation.
    Warm-up: null before ``window + lag`` changes and where one of them did not move.
    """

    def change(column: str, rows: int) -> pl.Expr:
        moved = pl.col(column).cast(pl.Float64).diff().shift(rows)
        return moved if by is None else pl.col(column).cast(pl.Float64).diff().shift(rows).over(by)

    def mean(expression: pl.Expr) -> pl.Expr:
        rolled = expression.rolling_mean(window)
        return rolled if by is None else rolled.over(by)

    x, y = change(leader, lag), change(follower, 0)
    both = x.is_not_null() & y.is_not_null()
    x, y = pl.when(both).then(x), pl.when(both).then(y)
    covariance = mean(x * y) - mean(x) * mean(y)
    spread = (mean(x * x) - mean(x) ** 2) * (mean(y * y) - mean(y) ** 2)
    return pl.when(spread > 1e-12).then((covariance / spread.sqrt()).clip(-1.0, 1.0))


def related_pairs(markets: pl.DataFrame, limit: int = 8) -> pl.DataFrame:
    """Pairs (``ticker``, ``other``) of the same event, else of the same series, at most ``limit`` a ticker.

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
