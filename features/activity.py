"""How busy a market is against its own past.

An expression over a frame of trades with ``ts`` (ns), ``size`` and ``ticker``, sorted by time within each ticker.
"""

from __future__ import annotations

import polars as pl


def volume_anomaly(window_ns: int, past_ns: int, by: str = "ticker") -> pl.Expr:
    """Traded size in ``(t - window, t]`` against what the past ``(t - past, t]`` makes expect.

    ``volume(window) / (volume(past) * window / past)``, with the time since the first row in place of ``past`` while
    that is shorter. Unit: none, 1 is usual. Warm-up: null until a whole window has passed.
    """
    size = pl.col("size").fill_null(0).cast(pl.Int64)
    recent = size.rolling_sum_by("ts", f"{window_ns}i").over(by)
    past = size.rolling_sum_by("ts", f"{past_ns}i").over(by)
    age = pl.min_horizontal(pl.col("ts") - pl.col("ts").first().over(by), pl.lit(past_ns))
    return pl.when((past > 0) & (age >= window_ns)).then(recent / (past * (window_ns / age)))
