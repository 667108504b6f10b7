"""Values as they were known some time ago, on rows that come at irregular times."""

from __future__ import annotations

import polars as pl


def as_of_lag(frame: pl.LazyFrame, column: str, lag_ns: int, name: str, by: str = "ticker") -> pl.LazyFrame:
    """Add ``name``: the last known value of ``column`` at or before ``ts - lag_ns``, in the column's own unit.

    Nulls are skipped (the value before them stands). Warm-up: null until a value is ``lag_ns`` old.
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
) -> pl.LazyFrame:
    """Add an external series (a release, a sentiment score) as it was known at ``ts``: never before it was published.

    ``published`` is ns UTC; a row counts from that moment on, and a later revision replaces it from its own moment.
    What the row is about (its month, its day) plays no part. Warm-up: null before the first publication.

    >>> frame = pl.LazyFrame({"ts": [5, 9, 10, 20]})
    >>> cpi = pl.LazyFrame({"published_ts": [10], "cpi": [3.1]})
    >>> join_published(frame, cpi, ["cpi"]).collect()["cpi"].to_list()
    [None, None, 3.1, 3.1]
    """
    keys = [] if by is None else [by]
    known = (
        series.select(*keys, pl.col(published).alias("ts"), *(pl.col(name).alias(prefix + name) for name in columns))
        .drop_nulls("ts")
        .sort("ts", maintain_order=True)
    )
    order = frame.with_row_index("__row").sort("ts", maintain_order=True)
    joined = order.join_asof(known, on="ts", by=by, strategy="backward", check_sortedness=False)
    return joined.sort("__row").drop("__row")
