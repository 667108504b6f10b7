"""Bollinger bands: the worked example, DuckDB for the windows, plain Python for the time-weighted one."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest
from touchline.features.bollinger import bandwidth, clock_window, event_window, percent_b, time_weighted

from .rows import per_row, random_rows, same

EXAMPLE = pl.DataFrame({"ticker": "A", "ts": [0, 2, 3, 10, 12], "x": [50, 51, 49, 52, 52]})


def test_the_worked_example():
    mean, sd = event_window("x", 4)
    assert EXAMPLE.select(mean, sd.alias("sd")).row(3) == pytest.approx((50.5, 1.118034), abs=1e-6)
    found = time_weighted(EXAMPLE.lazy(), "x", 100).collect()
    assert found.row(4)[-2:] == pytest.approx((49.833333, 1.142609), abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_windows_equal_sql(seed):
    frame = random_rows(seed).with_row_index("n")
    clock = clock_window("x", 30)
    found = frame.select("n", clock[0].alias("mean"), clock[1].alias("sd"))
    query = """
        select n, avg(x) over w as mean, stddev_pop(x) over w as sd from frame
        window w as (partition by ticker order by ts range between 29 preceding and current row) order by n
    """
    expected = duckdb.sql(query).pl()
    same(found["mean"].to_list(), expected["mean"].to_list())
    same(found["sd"].to_list(), expected["sd"].to_list())


@pytest.mark.parametrize("seed", range(12))
def test_event_window_equals_sql_where_it_is_warm(seed):
    frame = random_rows(seed, nulls=0).with_row_index("n")
    mean, sd = event_window("x", 5)
    found = frame.select(mean.alias("mean"), sd.alias("sd"))
    query = """
        select n, case when count(x) over w = 5 then avg(x) over w end as mean,
               case when count(x) over w = 5 then stddev_pop(x) over w end as sd from frame
        window w as (partition by ticker order by n rows between 4 preceding and current row) order by n
    """
    expected = duckdb.sql(query).pl()
    same(found["mean"].to_list(), expected["mean"].to_list())
    same(found["sd"].to_list(), expected["sd"].to_list())


@pytest.mark.parametrize("seed", range(25))
def test_time_weighted_equals_the_integral(seed):
    frame = random_rows(seed)
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
    same(found["x_mean"].to_list(), [pair and pair[0] for pair in expected])
    for a, b in zip(found["x_sd"].to_list(), expected, strict=True):
        assert (a is None) == (b is None)
        assert a is None or abs(a - b[1]) < 1e-5


def test_bands_are_null_where_the_price_stands_still():
    still = pl.DataFrame({"x": [50.0], "mean": [50.0], "sd": [0.0]})
    assert still.select(percent_b(pl.col("x"), pl.col("mean"), pl.col("sd"))).item() is None
    assert still.select(bandwidth(pl.col("mean"), pl.col("sd"))).item() == 0
