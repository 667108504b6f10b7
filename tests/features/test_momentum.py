"""Momentum and lags: the definition in plain Python, and the divergence of nested horizons."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from touchline.features.lag import as_of_lag, join_published
from touchline.features.momentum import divergence, momentum, standardised

from .rows import per_row, random_rows, same, upto


@pytest.mark.parametrize("seed", range(15))
def test_lag_and_momentum_equal_the_definition(seed):
    frame = random_rows(seed)
    found = momentum(frame.lazy(), "x", {"short": 7, "long": 60}).collect()
    for name, horizon in (("short", 7), ("long", 60)):

        def rule(rows, at, horizon=horizon):
            # of rows at one time each knows itself and those before it
            now = upto(rows[: at + 1], rows[at]["ts"])
            before = upto(rows, rows[at]["ts"] - horizon)
            return None if now is None or before is None else now - before

        same(found[f"momentum_{name}"].to_list(), per_row(frame, rule))


def test_lag_never_sees_a_later_row():
    frame = pl.LazyFrame({"ticker": "A", "ts": [0, 10, 20], "x": [1, 2, 3]})
    assert as_of_lag(frame, "x", 11, "then").collect()["then"].to_list() == [None, None, 1]


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


def test_an_external_series_is_known_from_its_publication_only():
    frame = pl.LazyFrame({"ticker": ["A", "B", "A", "B"], "ts": [30, 10, 9, 25]})
    releases = pl.LazyFrame(
        {"about": ["Jan", "Jan revised", "Feb"], "published_ts": [10, 25, 30], "cpi": [3.0, 3.2, 2.9]}
    )
    joined = join_published(frame, releases, ["cpi"], prefix="us_").collect()
    assert joined["us_cpi"].to_list() == [2.9, 3.0, None, 3.2]
    assert joined["ticker"].to_list() == ["A", "B", "A", "B"]
