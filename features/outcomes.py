"""How a series' earlier markets ended, as it was known at the time."""

from __future__ import annotations

import polars as pl


def previous_outcomes(frame: pl.LazyFrame, markets: pl.LazyFrame, last: int = 20, dollar: int = 10_000) -> pl.LazyFrame:
    """Add ``previous_count`` and ``previous_rate``: settled markets of the series before ``ts``, and what YES paid.

    The rate is the mean payout of the last ``last`` of them; a market counts from its ``settled_ts`` on and one without
    that time never does. ``frame`` has ``series`` and ``ts``. Unit: none, 0 to 1. Warm-up: null before the first
    settlement.
    """
    paid = pl.col("settlement") / dollar
    settled = (
        markets.filter(pl.col("settled_ts").is_not_null() & pl.col("settlement").is_not_null())
        .sort("settled_ts", "ticker")
        .select(
            "series",
            pl.col("settled_ts").alias("ts"),
            pl.int_range(1, pl.len() + 1).over("series").alias("previous_count"),
            paid.rolling_mean(last, min_samples=1).over("series").alias("previous_rate"),
        )
    )
    order = frame.with_row_index("__row").sort("ts", maintain_order=True)
    joined = order.join_asof(settled, on="ts", by="series", strategy="backward", check_sortedness=False)
    return joined.sort("__row").drop("__row")
