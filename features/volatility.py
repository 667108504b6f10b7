"""How much a price moves, from irregular rows. Use mids: trades bounce between bid and ask."""

from __future__ import annotations

import math

import polars as pl


def realised_sigma(column: str, window_ns: int, by: str = "ticker") -> pl.Expr:
    """Volatility per square root of a second over ``(t - window, t]``: ``sqrt(sum dx^2 / seconds in the window)``.

    dx is the change between rows, nulls skipped; the time counted is the window's, or that since the first row when
    it is shorter. Unit: the column's per sqrt(second). Warm-up: null in the first row.
    """
    change = pl.col(column).forward_fill().over(by).diff().over(by)
    squares = (change * change).fill_null(0).cast(pl.Float64).rolling_sum_by("ts", f"{window_ns}i").over(by)
    age = pl.col("ts") - pl.col("ts").first().over(by)
    seconds = pl.min_horizontal(age, pl.lit(window_ns)) / 1e9
    return pl.when(seconds > 0).then((squares.clip(lower_bound=0.0) / seconds).sqrt())


def bipower_sigma(column: str, window_ns: int, by: str = "ticker") -> pl.Expr:
    """The same, hardly moved by jumps: ``sqrt(pi / 2 * sum |dx_i| |dx_(i-1)| / seconds)``.

    dx is the change between values, nulls skipped. Unit: the column's per sqrt(second). Warm-up: null in the first row.
    """
    size = _change(column, by).abs()
    products = (size * size.forward_fill().shift(1).over(by)).fill_null(0.0)
    age = pl.col("ts") - pl.col("ts").first().over(by)
    seconds = pl.min_horizontal(age, pl.lit(window_ns)) / 1e9
    total = products.rolling_sum_by("ts", f"{window_ns}i").over(by).clip(lower_bound=0.0)
    return pl.when(seconds > 0).then((math.pi / 2 * total / seconds).sqrt())


def rolling_sd(column: str, events: int, by: str = "ticker") -> pl.Expr:
    """Population standard deviation of the last ``events`` changes, nulls skipped.

    Unit: the column's. Warm-up: null before ``events`` changes.

    >>> frame = pl.DataFrame({"ticker": "A", "mid": [50, 51, 53, 52]})
    >>> frame.select(sd=rolling_sd("mid", 2))["sd"].to_list()
    [None, None, 0.5, 1.5]
    """
    change = _change(column, by)
    place = change.is_not_null().cum_sum().over(by).cast(pl.Int64)
    return pl.when(place >= events).then(change.rolling_std_by(place, f"{events}i", ddof=0).over(by))


def _change(column: str, by: str) -> pl.Expr:
    """The change since the last value before, null where there is no value or none before it."""
    value = pl.col(column).cast(pl.Float64)
    return value - value.forward_fill().shift(1).over(by)


def ewma(frame: pl.LazyFrame, column: str, theta_ns: int, by: str = "ticker") -> pl.LazyFrame:
    """Add ``{column}_ewma`` and ``{column}_ewmvar``: mean and variance that forget with time constant ``theta_ns``.

    ``a = 1 - exp(-dt / theta)``, ``d = x - mean``, ``mean += a d``, ``variance = (1 - a)(variance + a d^2)``.
    Rows without a value keep the last ones. Unit: the column's, and its square. Warm-up: the first value starts the
    mean, with variance 0.
    """
    half_life = f"{round(theta_ns * math.log(2))}i"
    mean, variance, gain = f"{column}_ewma", f"{column}_ewmvar", "__gain"
    value = pl.col(column).cast(pl.Float64)
    known = frame.filter(pl.col(column).is_not_null())
    dt = pl.col("ts").diff().over(by).fill_null(0)
    known = known.with_columns(
        value.ewm_mean_by("ts", half_life=half_life).over(by).alias(mean), (1 - (-dt / theta_ns).exp()).alias(gain)
    )
    surprise = (value - pl.col(mean).shift(1).over(by)).fill_null(0.0)
    scaled = (1 - pl.col(gain)) * surprise * surprise
    known = known.with_columns(scaled.ewm_mean_by("ts", half_life=half_life).over(by).alias(variance))
    latest = known.select(by, "ts", mean, variance)
    return frame.join_asof(latest, on="ts", by=by, strategy="backward", check_sortedness=False)
