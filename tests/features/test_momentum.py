"""Momentum: the definition in plain Python, SQL, and the divergence of nested horizons."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from touchline.features.momentum import HORIZONS, HOUR, divergence, momentum, standardised

from .rows import frames, many, per_row, same, sql, upto


@many
@given(frame=frames())
def test_momentum_equals_the_definition(frame):
    found = momentum(frame.lazy(), "x", {"short": 7, "long": 60}).collect()
    for name, horizon in (("short", 7), ("long", 60)):

        def rule(rows, at, horizon=horizon):
            # of rows at one time each knows itself and those before it
            now = upto(rows[: at + 1], rows[at]["ts"])
            before = upto(rows, rows[at]["ts"] - horizon)
            return None if now is None or before is None else now - before

        same(found[f"momentum_{name}"].to_list(), per_row(frame, rule))


def test_the_default_horizons_are_looked_at_together():
    frame = pl.LazyFrame({"ticker": "A", "ts": [hour * HOUR for hour in (0, 12, 20, 23, 24)], "x": [1, 2, 4, 8, 16]})
    found = momentum(frame, "x").collect().row(-1, named=True)
    assert {name: found[f"momentum_{name}"] for name in HORIZONS} == {"1h": 8, "4h": 12, "12h": 14, "24h": 15}


@many
@given(frame=frames())
def test_standardised_and_divergence_equal_sql(frame):
    short = standardised(pl.col("x"), (pl.col("size") - 3) / 10, 4 * 10**9)
    long = standardised(pl.col("bid"), pl.col("size") / 5, 16 * 10**9)
    found = frame.select(z=short, d=divergence(short, long, 4, 16))
    query = """
        with z as (
            select n, case when size > 3 then x / ((size - 3) / 10 * 2) end as s, bid / (size / 5.0 * 4) as l from t)
        select {} from z order by n
    """
    same(found["z"].to_list(), sql(query.format("s"), t=frame))
    same(found["d"].to_list(), sql(query.format("s - l"), t=frame))  # sqrt(2 - 2 sqrt(4 / 16)) is 1


def test_divergence_is_in_its_own_standard_deviations():
    rng = np.random.default_rng(1)
    walk = rng.normal(0, 1, (40_000, 16)).cumsum(axis=1)
    short, long = (walk[:, 15] - walk[:, 11]) / 2, walk[:, 15] / 4
    frame = pl.DataFrame({"s": short, "l": long}).select(d=divergence(pl.col("s"), pl.col("l"), 4, 16))
    assert frame["d"].std() == pytest.approx(1.0, abs=0.02)


def test_standardised_momentum_needs_a_moving_price():
    assert pl.select(standardised(pl.lit(1.0), pl.lit(0.0), 10)).item() is None
    assert pl.select(standardised(pl.lit(3.0), pl.lit(0.1), 100 * 10**9)).item() == pytest.approx(
        3 / (0.1 * math.sqrt(100))
    )
