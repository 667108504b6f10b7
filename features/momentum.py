"""Momentum over several horizons at once, and the divergence between a short and a long one."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from .lag import as_of_lag

HOUR = 3_600_000_000_000
#: The horizons that are looked at together unless others are named.
HORIZONS: dict[str, int] = {"1h": HOUR, "4h": 4 * HOUR, "12h": 12 * HOUR, "24h": 24 * HOUR}


def momentum(
    frame: pl.LazyFrame, column: str, horizons: Mapping[str, int] = HORIZONS, by: str = "ticker"
) -> pl.LazyFrame:
    """Add ``momentum_{name}`` for each horizon (ns): the change of ``column`` since then.

    The value then is the last one known at ``ts - horizon``; a null now stands for the value before it.
    Unit: the column's. Warm-up: null until the first value is as old as the horizon.
    """
    now = f"__{column}_now"
    frame = frame.with_columns(pl.col(column).forward_fill().over(by).alias(now))
    for name, horizon in horizons.items():
        then = f"__{column}_{name}"
        frame = as_of_lag(frame, now, horizon, then, by)
        frame = frame.with_columns((pl.col(now) - pl.col(then)).alias(f"momentum_{name}")).drop(then)
    return frame.drop(now)


def standardised(change: pl.Expr, sigma_per_second: pl.Expr, horizon_ns: int) -> pl.Expr:
    """A change in standard deviations: ``change / (sigma * sqrt(horizon in seconds))``, null at sigma 0.

    Unit: standard deviations. Warm-up: that of its inputs.

    >>> pl.select(standardised(pl.lit(6.0), pl.lit(0.1), 900_000_000_000)).item()
    2.0
    """
    scale = sigma_per_second * math.sqrt(horizon_ns / 1e9)
    return pl.when(scale > 0).then(change / scale)


def divergence(short: pl.Expr, long: pl.Expr, short_ns: int, long_ns: int) -> pl.Expr:
    """Short minus long standardised momentum, in standard deviations of that difference.

    The horizons are nested, so the two are correlated by ``sqrt(short / long)`` and their difference has the
    standard deviation ``sqrt(2 - 2 sqrt(short / long))``. Unit: standard deviations. Warm-up: that of its inputs.

    >>> round(pl.select(divergence(pl.lit(1.0), pl.lit(-1.0), 60, 240)).item(), 9)
    2.0
    """
    return (short - long) / math.sqrt(2 - 2 * math.sqrt(short_ns / long_ns))
