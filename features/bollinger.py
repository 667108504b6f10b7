"""Bollinger bands on irregular times: over the last N events, over a clock window, and weighted by time.

Each gives a mean and a population standard deviation in the column's unit; %B and bandwidth come from those.
"""

from __future__ import annotations

import polars as pl


def event_window(column: str, events: int, by: str = "ticker") -> tuple[pl.Expr, pl.Expr]:
    """Mean and deviation of the last ``events`` values, nulls skipped.

    Unit: the column's. Warm-up: null before ``events`` values.

    >>> frame = pl.DataFrame({"ticker": "A", "mid": [50, 51, 49, 52]})
    >>> mean, sd = event_window("mid", 4)
    >>> frame.select(mean, sd.alias("sd")).row(3)
    (50.5, 1.118033988749895)
    """
    value = pl.col(column).cast(pl.Float64)
    place = value.is_not_null().cum_sum().cast(pl.Int64)
    window, warm = f"{events}i", place.over(by) >= events
    mean, deviation = value.rolling_mean_by(place, window), value.rolling_std_by(place, window, ddof=0)
    return pl.when(warm).then(mean.over(by)), pl.when(warm).then(deviation.over(by))


def clock_window(column: str, period_ns: int, by: str = "ticker") -> tuple[pl.Expr, pl.Expr]:
    """Mean and deviation of the values with ``t - period < ts <= t``, one vote a row; a burst counts as many.

    Unit: the column's. Warm-up: from the first row on, over what is there; null while the window has no value.
    """
    value = pl.col(column).cast(pl.Float64)
    window = f"{period_ns}i"
    return value.rolling_mean_by("ts", window).over(by), value.rolling_std_by("ts", window, ddof=0).over(by)


def time_weighted(frame: pl.LazyFrame, column: str, period_ns: int, by: str = "ticker") -> pl.LazyFrame:
    """Add ``{column}_mean`` and ``{column}_sd`` over ``(t - period, t]``, each value weighted by how long it stood.

    A value stands until the next one (nulls do not end it); at t the value of row t has stood for no time yet, so
    a row at the time of the decision is needed to count the last value up to it. Unit: the column's.
    Warm-up: from the first value on, over the time since then; null at the first row.
    """
    value, start, origin = "__value", "__start", "__origin"
    area, square = "__area", "__square"
    then = {name: f"{name}_then" for name in (value, "__ts", area, square)}
    frame = frame.with_columns(pl.col(column).forward_fill().over(by).cast(pl.Float64).alias(value))
    frame = frame.with_columns(
        pl.col(value).drop_nulls().first().over(by).alias(origin),
        pl.col("ts").filter(pl.col(value).is_not_null()).first().over(by).alias(start),
        pl.col("ts").alias("__ts"),
    )
    shifted = pl.col(value) - pl.col(origin)  # smaller squares keep more digits
    before = shifted.shift(1).over(by).fill_null(0.0)
    span = (pl.col("ts") - pl.col("ts").shift(1).over(by)).fill_null(0)
    frame = frame.with_columns(
        (before * span).cum_sum().over(by).alias(area), (before * before * span).cum_sum().over(by).alias(square)
    )
    known = frame.select(by, (pl.col("ts") + period_ns).alias("ts"), *(pl.col(k).alias(v) for k, v in then.items()))
    frame = frame.join_asof(known.drop_nulls(then[value]), on="ts", by=by, strategy="backward", check_sortedness=False)
    edge = pl.col("ts") - period_ns
    lost = edge - pl.col(then["__ts"])
    height = pl.col(then[value]) - pl.col(origin)
    first = pl.col(area) - (pl.col(then[area]) + height * lost).fill_null(0.0)
    second = pl.col(square) - (pl.col(then[square]) + height * height * lost).fill_null(0.0)
    begun = pl.when(pl.col(start).is_not_null()).then(pl.max_horizontal(edge, pl.col(start)))
    length = pl.col("ts") - begun
    mean = pl.when(length > 0).then(first / length)
    variance = (second / length - mean * mean).clip(lower_bound=0.0)
    added = frame.with_columns((mean + pl.col(origin)).alias(f"{column}_mean"), variance.sqrt().alias(f"{column}_sd"))
    return added.drop(value, start, origin, "__ts", area, square, *then.values())


def percent_b(value: pl.Expr, mean: pl.Expr, sd: pl.Expr, width: float = 2.0, floor: float = 0.0) -> pl.Expr:
    """Where a value stands between the bands: 0 at the lower, 1 at the upper; null where ``sd`` is not above ``floor``.

    Integer prices stand still for hours: half a tick is a sensible floor. Unit: none. Warm-up: that of its inputs.

    >>> pl.select(percent_b(pl.lit(52.0), pl.lit(50.0), pl.lit(1.0))).item()
    1.0
    """
    return pl.when(sd > floor).then((value - mean + width * sd) / (2 * width * sd))


def is_outside(value: pl.Expr, mean: pl.Expr, sd: pl.Expr, width: float = 2.0, floor: float = 0.0) -> pl.Expr:
    """Whether a value stands on a band or beyond it, where ``sd`` is at least ``floor``; false below that.

    Unit: none. Warm-up: that of its inputs.

    >>> pl.select(is_outside(pl.lit(52.0), pl.lit(50.0), pl.lit(1.0))).item()
    True
    """
    return ((mean - value).abs() >= width * sd) & (sd >= floor)


def bandwidth(mean: pl.Expr, sd: pl.Expr, width: float = 2.0) -> pl.Expr:
    """Distance between the bands as a share of the mean, null at mean 0.

    Unit: none. Warm-up: that of its inputs.

    >>> pl.select(bandwidth(pl.lit(50.0), pl.lit(1.0))).item()
    0.08
    """
    return pl.when(mean != 0).then(2 * width * sd / mean)
