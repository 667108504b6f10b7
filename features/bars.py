"""Windows over the bars of a panel, exact in whole numbers and without a pass per market.

A panel frame holds one market after the other, each with the same bars, ``bar`` counting from 0. A window may then
run over the whole column at once: what it took from the market before is masked by ``bar``. Sums are of integers,
so nothing of another market, or of the future, is left behind in the last digit.
"""

from __future__ import annotations

import polars as pl


def warm(expression: pl.Expr, bars: int) -> pl.Expr:
    """Null in the first ``bars`` bars of each market, where a window would reach into the market before."""
    return pl.when(pl.col("bar") >= bars).then(expression)


def lag(column: str, bars: int) -> pl.Expr:
    """The value ``bars`` bars ago. Unit: the column's. Warm-up: ``bars`` bars.

    >>> pl.DataFrame({"bar": [0, 1, 0, 1], "mark": [1, 2, 3, 4]}).select(lag("mark", 1))["mark"].to_list()
    [None, 1, None, 3]
    """
    return warm(pl.col(column).shift(bars), bars)


def change(column: str, bars: int) -> pl.Expr:
    """The change since ``bars`` bars ago. Unit: the column's. Warm-up: ``bars`` bars."""
    return pl.col(column).cast(pl.Int64) - lag(column, bars)


def total(value: pl.Expr, bars: int) -> pl.Expr:
    """Sum of whole numbers over the last ``bars`` bars, null when one is missing.

    Unit: the value's. Warm-up: ``bars - 1`` bars.
    """
    return warm(value.cast(pl.Int64).rolling_sum(bars), bars - 1)


def mean(column: str, bars: int) -> pl.Expr:
    """Mean over the last ``bars`` bars. Unit: the column's. Warm-up: ``bars - 1`` bars."""
    return total(pl.col(column), bars) / bars


def deviation(column: str, bars: int) -> pl.Expr:
    """Population standard deviation over the last ``bars`` bars, from exact sums.

    Unit: the column's. Warm-up: ``bars - 1`` bars.

    >>> frame = pl.DataFrame({"bar": [0, 1], "mark": [4900, 5100]})
    >>> frame.select(sd=deviation("mark", 2))["sd"].to_list()
    [None, 100.0]
    """
    value = pl.col(column).cast(pl.Int64)
    first, second = total(value, bars), total(value * value, bars)
    return ((bars * second - first * first) / (bars * bars)).sqrt()


def zscore(column: str, bars: int, floor: float) -> pl.Expr:
    """Distance from the mean in standard deviations, null where the deviation is below ``floor``.

    Unit: standard deviations. Warm-up: ``bars - 1`` bars.
    """
    spread = deviation(column, bars)
    return pl.when(spread >= floor).then((pl.col(column) - mean(column, bars)) / spread)


def sigma(column: str, bars: int) -> pl.Expr:
    """Root mean square change a bar over the last ``bars`` changes. Unit: the column's. Warm-up: ``bars`` bars."""
    step = pl.col(column).cast(pl.Int64) - pl.col(column).cast(pl.Int64).shift(1)
    return (warm((step * step).rolling_sum(bars), bars) / bars).sqrt()
