"""Bollinger bands: the worked example, DuckDB for the windows, the plain integral for the time-weighted one."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from touchline.features.bollinger import (
    bandwidth,
    clock_window,
    event_window,
    is_outside,
    percent_b,
    time_weighted,
)

from .rows import frames, many, per_row, same, sql

EXAMPLE = pl.DataFrame({"ticker": "A", "ts": [0, 2, 3, 10, 12], "x": [50, 51, 49, 52, 52]})
BOTH = ("mean", "sd")


def test_the_worked_example():
    mean, sd = event_window("x", 4)
    assert EXAMPLE.select(mean, sd.alias("sd")).row(3) == pytest.approx((50.5, 1.118034), abs=1e-6)
    mean, sd = clock_window("x", 8)
    assert EXAMPLE.select(mean, sd.alias("sd")).row(3) == pytest.approx((50.5, 1.5), abs=1e-6)
    found = time_weighted(EXAMPLE.lazy(), "x", 100).collect()
    assert found.row(4)[-2:] == pytest.approx((49.833333, 1.142609), abs=1e-6)


@many
@given(frame=frames())
def test_clock_window_equals_sql(frame):
    pair = clock_window("x", 30)
    for expression, aggregate in zip(pair, ("avg", "stddev_pop"), strict=True):
        query = f"""
            select {aggregate}(x) over (partition by ticker order by ts range between 29 preceding and current row)
            from t order by n
        """
        same(frame.select(a=expression)["a"].to_list(), sql(query, t=frame))


@many
@given(frame=frames())
def test_event_window_equals_sql(frame):
    pair = event_window("x", 5)
    for expression, aggregate in zip(pair, ("avg", "stddev_pop"), strict=True):
        query = f"""
            with known as (
                select n, ticker, {aggregate}(x) over w as a, count(*) over w as c from t where x is not null
                window w as (partition by ticker order by n rows between 4 preceding and current row))
            select case when known.c = 5 then known.a end
            from t asof left join known on t.ticker = known.ticker and t.n >= known.n order by t.n
        """
        same(frame.select(a=expression)["a"].to_list(), sql(query, t=frame))


@many
@given(frame=frames())
def test_time_weighted_equals_the_integral(frame):
    period = 40

    def moments(rows, at):
        end = rows[at]["ts"]
        steps = [(row["ts"], row["x"]) for row in rows[: at + 1] if row["x"] is not None]
        weights = []
        for i, (ts, x) in enumerate(steps):
            stop = steps[i + 1][0] if i + 1 < len(steps) else end
            length = stop - max(ts, end - period)
            if length > 0:
                weights.append((length, x))
        total = sum(length for length, _ in weights)
        if total == 0:
            return None
        mean = sum(length * x for length, x in weights) / total
        return mean, (sum(length * (x - mean) ** 2 for length, x in weights) / total) ** 0.5

    found = time_weighted(frame.lazy(), "x", period).collect()
    expected = per_row(frame, moments)
    for place, name in enumerate(BOTH):
        same(found[f"x_{name}"].to_list(), [pair and pair[place] for pair in expected], within=1e-4)


@many
@given(frame=frames())
def test_percent_b_and_bandwidth_equal_sql(frame):
    x, mean, sd = pl.col("x"), pl.col("bid"), pl.col("size") / 8
    found = frame.select(b=percent_b(x, mean, sd, 2.5, 3.0), w=bandwidth(mean - 9, sd, 2.5))
    band = "case when size / 8 > 3 then (x - (bid - 2.5 * size / 8)) / (5.0 * size / 8) end"
    same(found["b"].to_list(), sql(f"select {band} from t order by n", t=frame))
    same(found["w"].to_list(), sql("select 5.0 * size / 8 / nullif(bid - 9, 0) from t order by n", t=frame))


def test_bands_are_null_where_the_price_stands_still():
    still = pl.DataFrame({"x": [50.0], "mean": [50.0], "sd": [0.0]})
    assert still.select(percent_b(pl.col("x"), pl.col("mean"), pl.col("sd"))).item() is None
    assert still.select(bandwidth(pl.col("mean"), pl.col("sd"))).item() == 0


@many
@given(frame=frames())
def test_is_outside_equals_sql(frame):
    found = frame.select(o=is_outside(pl.col("x"), pl.col("bid"), pl.col("size") / 8, 2.5, 3.0))
    query = "select abs(x - bid) >= 2.5::double * (size / 8) and size / 8 >= 3 from t order by n"
    same(found["o"].to_list(), sql(query, t=frame))
