"""Time left and the clock, by SQL's own clock."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.features.calendar import day_of_week, hour_of_day, hours_to_close, life_left, time_decay

from .rows import many, same, sql


def test_the_calendar_is_utc():
    moment = datetime(2026, 7, 4, 17, 30, tzinfo=UTC)
    ts = int(moment.timestamp()) * 10**9
    frame = pl.DataFrame({"ts": [ts], "open_ts": [ts - 3 * 10**9], "close_ts": [ts + 10**9]})
    found = frame.select(hour_of_day().alias("h"), day_of_week().alias("d"), time_decay().alias("t"))
    assert found.row(0) == (17.5, moment.weekday(), 0.5)
    assert frame.select(x=hours_to_close()).item() == pytest.approx(1 / 3600)
    assert frame.select(pl.col("ts") + 5 * 10**9, "close_ts").select(x=hours_to_close()).item() == 0


seconds = st.integers(946_684_800, 4_102_444_799)


@many
@given(rows=st.lists(st.tuples(seconds, st.none() | seconds, st.none() | st.integers(0, 10**7)), min_size=1))
def test_the_calendar_equals_sql(rows):
    told = [
        (n, ts, opened, None if None in (opened, life) else opened + life) for n, (ts, opened, life) in enumerate(rows)
    ]
    t = pl.DataFrame(told, schema=dict.fromkeys(("n", "ts", "open_ts", "close_ts"), pl.Int64), orient="row")
    frame = t.with_columns(pl.col("ts", "open_ts", "close_ts") * 10**9)
    moment = "make_timestamp(ts * 1000000)"
    queries = {
        f"isodow({moment}) - 1": day_of_week(),
        f"hour({moment}) + minute({moment}) / 60 + second({moment}) / 3600": hour_of_day(),
        "greatest(close_ts - ts, 0) / 3600": hours_to_close(),
        "case when close_ts > open_ts then least(greatest((close_ts - ts) / (close_ts - open_ts), 0), 1) end": (
            life_left()
        ),
        "case when close_ts > open_ts then sqrt(least(greatest((close_ts - ts) / (close_ts - open_ts), 0), 1)) end": (
            time_decay()
        ),
    }
    for query, expression in queries.items():
        known = "case when close_ts is not null then {} end" if query.startswith("greatest") else "{}"
        same(frame.select(a=expression)["a"].to_list(), sql(f"select {known.format(query)} from t order by n", t=t))
