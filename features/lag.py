"""What was known at a row's time: a column as it was some time before, an outside series from its publication on."""

from __future__ import annotations

import polars as pl


def as_of_lag(frame: pl.LazyFrame, column: str, lag_ns: int, name: str, by: str = "ticker") -> pl.LazyFrame:
    """Add ``name``: the last known value of ``column`` at or before ``ts - lag_ns``.

    Nulls are skipped (the value before them stands). Unit: the column's. Warm-up: null until a value is so old.
    The frame has columns ``by`` and ``ts`` (ns) and is sorted by both.

    >>> frame = pl.LazyFrame({"ticker": "A", "ts": [0, 5, 9], "mid": [50, 51, 49]})
    >>> as_of_lag(frame, "mid", 4, "before").collect()["before"].to_list()
    [None, 50, 51]
    """
    known = frame.select(by, (pl.col("ts") + lag_ns).alias("ts"), pl.col(column).alias(name)).drop_nulls(name)
    return frame.join_asof(known, on="ts", by=by, strategy="backward", check_sortedness=False)


def join_published(
    frame: pl.LazyFrame,
    series: pl.LazyFrame,
    columns: list[str],
    *,
    published: str = "published_ts",
    by: str | None = None,
    prefix: str = "",
    max_age_ns: int | None = None,
) -> pl.LazyFrame:
    """Add an external series (a release, a sentiment score) as it was known at ``ts``: never before it was published.

    ``published`` is ns UTC; a row counts from that moment on, and a later revision replaces it from its own moment;
    of rows of one moment the last counts. An empty value leaves the one before it standing. What the row is about (its
    month, its day) plays no part. Unit: the series'. Warm-up: null before the first publication, and again when the
    value is older than ``max_age_ns``.

    >>> frame = pl.LazyFrame({"ts": [5, 9, 10, 20]})
    >>> cpi = pl.LazyFrame({"published_ts": [10], "cpi": [3.1]})
    >>> join_published(frame, cpi, ["cpi"]).collect()["cpi"].to_list()
    [None, None, 3.1, 3.1]
    """
    keys = [] if by is None else [by]
    names = {name: prefix + name for name in columns}

    def carried(value: pl.Expr) -> pl.Expr:
        return value.forward_fill() if by is None else value.forward_fill().over(by)

    known = (
        series.select(*keys, pl.col(published).alias("ts"), *(pl.col(old).alias(new) for old, new in names.items()))
        .drop_nulls("ts")
        .sort("ts", maintain_order=True)
        .with_columns(
            *(carried(pl.col(name)) for name in names.values()),
            *(
                carried(pl.when(pl.col(name).is_not_null()).then(pl.col("ts"))).alias(f"__since_{name}")
                for name in names.values()
            ),
        )
    )
    order = frame.with_row_index("__row").sort("ts", maintain_order=True)
    joined = order.join_asof(known, on="ts", by=by, strategy="backward", check_sortedness=False)
    if max_age_ns is not None:
        fresh = {name: pl.col("ts") - pl.col(f"__since_{name}") <= max_age_ns for name in names.values()}
        joined = joined.with_columns(pl.when(kept).then(pl.col(name)).alias(name) for name, kept in fresh.items())
    return joined.sort("__row").drop("__row", *(f"__since_{name}" for name in names.values()))
