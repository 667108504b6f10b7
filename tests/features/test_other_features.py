"""Quotes, activity, calendar, outcomes and related markets, each against its definition."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import numpy as np
import polars as pl
import pytest
from touchline.features import bars
from touchline.features.activity import volume_anomaly
from touchline.features.calendar import day_of_week, hour_of_day, hours_to_close, time_decay
from touchline.features.outcomes import previous_outcomes
from touchline.features.quotes import arcsine, logit, mid, spread, staleness, weighted_mid
from touchline.features.related import lead_lag

from .rows import per_row, random_rows, same


def test_what_a_quote_says():
    quote = pl.DataFrame({"bid": [45, None], "bid_size": [100, 5], "ask": [47, 9], "ask_size": [80, 5]})
    found = quote.select(mid().alias("mid"), spread().alias("spread"), weighted_mid().alias("weighted"))
    assert found.row(0) == pytest.approx((46, 2, 46.111111), abs=1e-6)
    assert found.row(1) == (None, None, None)
    assert pl.select(logit(pl.lit(0), 100)).item() is None
    assert pl.select(arcsine(pl.lit(100), 100)).item() == pytest.approx(np.pi / 2)


@pytest.mark.parametrize("seed", range(10))
def test_staleness_equals_the_definition(seed):
    frame = random_rows(seed)

    def rule(rows, at):
        last, since = None, None
        for row in rows[: at + 1]:
            if row["x"] is not None and row["x"] != last:
                last, since = row["x"], row["ts"]
        return None if since is None else (rows[at]["ts"] - since) / 1e9

    same(frame.select(s=staleness("x"))["s"].to_list(), per_row(frame, rule))


@pytest.mark.parametrize("seed", range(10))
def test_volume_anomaly_equals_sql(seed):
    frame = random_rows(seed).with_row_index("n")
    query = """
        with sums as (
            select n, ts, min(ts) over (partition by ticker) as opened,
                sum(size) over (partition by ticker order by ts range between 9 preceding and current row) as recent,
                sum(size) over (partition by ticker order by ts range between 99 preceding and current row) as past
            from frame)
        select case when ts - opened >= 10 then recent / (past * 10.0 / least(ts - opened, 100)) end as a
        from sums order by n
    """
    same(frame.select(a=volume_anomaly(10, 100))["a"].to_list(), duckdb.sql(query).pl()["a"].to_list())


def test_the_calendar_is_utc():
    moment = datetime(2026, 7, 4, 17, 30, tzinfo=UTC)
    ts = int(moment.timestamp()) * 10**9
    frame = pl.DataFrame({"ts": [ts], "open_ts": [ts - 3 * 10**9], "close_ts": [ts + 10**9]})
    found = frame.select(hour_of_day().alias("h"), day_of_week().alias("d"), time_decay().alias("t"))
    assert found.row(0) == (17.5, moment.weekday(), 0.5)
    assert frame.select(x=hours_to_close()).item() == pytest.approx(1 / 3600)
    assert frame.select(pl.col("ts") + 5 * 10**9, "close_ts").select(x=hours_to_close()).item() == 0


def test_outcomes_count_from_their_settlement_only():
    markets = pl.LazyFrame(
        {
            "ticker": ["a", "b", "c", "d", "e"],
            "series": ["S", "S", "S", "T", "S"],
            "settled_ts": [10, 20, None, 5, 30],
            "settlement": [10_000, 0, 10_000, 10_000, 2500],
        }
    )
    frame = pl.LazyFrame({"series": ["S", "S", "S", "S", "T"], "ts": [40, 9, 10, 29, 6]})
    found = previous_outcomes(frame, markets, last=2).collect()
    assert found["previous_count"].to_list() == [3, None, 1, 2, 1]
    assert found["previous_rate"].to_list() == [0.125, None, 1.0, 0.5, 1.0]


def test_a_leader_is_found_at_its_lag():
    rng = np.random.default_rng(2)
    moves = rng.normal(0, 1, 400)
    leader = np.cumsum(moves)
    follower = np.cumsum(np.concatenate([[0, 0, 0], moves[:-3]]) + rng.normal(0, 0.1, 400))
    frame = pl.DataFrame({"leader": leader, "follower": follower})
    found = {lag: frame.select(c=lead_lag("leader", "follower", lag, 100))["c"][-1] for lag in (0, 3)}
    assert found[3] > 0.95
    assert abs(found[0]) < 0.4
    x, y = np.diff(leader)[-103:-3], np.diff(follower)[-100:]
    assert found[3] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)


def test_windows_over_bars_equal_windows_over_each_market():
    rng = np.random.default_rng(4)
    panel = pl.DataFrame(
        {"m": np.repeat([0, 1, 2], 30), "bar": np.tile(np.arange(30), 3), "mark": rng.integers(1, 9999, 90)}
    )
    panel = panel.with_columns(pl.when(pl.Series(rng.random(90) > 0.05)).then(pl.col("mark")).alias("mark"))
    value = pl.col("mark").cast(pl.Float64)
    pairs = [
        (bars.mean("mark", 5), value.rolling_mean(5)),
        (bars.deviation("mark", 5), value.rolling_std(5, ddof=0)),
        (bars.lag("mark", 7), pl.col("mark").shift(7)),
        (bars.sigma("mark", 4), (value.diff() ** 2).rolling_mean(4).sqrt()),
        (bars.zscore("mark", 5, 1), (value - value.rolling_mean(5)) / value.rolling_std(5, ddof=0)),
    ]
    for fast, slow in pairs:
        found = panel.select(a=fast, b=slow.over("m"))
        same(found["a"].to_list(), found["b"].to_list())
