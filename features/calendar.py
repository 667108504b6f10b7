"""Time itself: how much of a market's life is left, and the clock."""

from __future__ import annotations

import polars as pl

HOUR = 3_600_000_000_000
DAY = 24 * HOUR


def hours_to_close(close: str = "close_ts") -> pl.Expr:
    """Time until trading ends, 0 after it, null when the close is unknown. Unit: hours. Warm-up: none."""
    return ((pl.col(close) - pl.col("ts")) / HOUR).clip(lower_bound=0.0)


def life_left(opened: str = "open_ts", close: str = "close_ts") -> pl.Expr:
    """Share of a market's life that is left: 1 at the open, 0 at the close, null when one of them is unknown.

    Unit: none, 0 to 1. Warm-up: none.

    >>> pl.DataFrame({"ts": [75], "open_ts": [0], "close_ts": [100]}).select(x=life_left()).item()
    0.25
    """
    left = (pl.col(close) - pl.col("ts")) / (pl.col(close) - pl.col(opened))
    return pl.when(pl.col(close) > pl.col(opened)).then(left.clip(0.0, 1.0))


def time_decay(opened: str = "open_ts", close: str = "close_ts") -> pl.Expr:
    """Square root of ``life_left``: what a diffusing underlying can still move shrinks with it.

    Unit: none, 0 to 1. Warm-up: none.

    >>> pl.DataFrame({"ts": [75], "open_ts": [0], "close_ts": [100]}).select(x=time_decay()).item()
    0.5
    """
    return life_left(opened, close).sqrt()


def hour_of_day() -> pl.Expr:
    """Hour of the day in UTC with fraction. Unit: hours, 0 to 24. Warm-up: none."""
    return (pl.col("ts") % DAY) / HOUR


def day_of_week() -> pl.Expr:
    """Day of the week in UTC. Unit: days, Monday 0 to Sunday 6. Warm-up: none.

    >>> pl.DataFrame({"ts": [0]}).select(x=day_of_week()).item()
    3
    """
    return (pl.col("ts") // DAY + 3) % 7
