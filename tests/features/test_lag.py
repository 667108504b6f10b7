"""Values as they were known: as-of lags and external series against DuckDB's as-of join."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.features.lag import as_of_lag, join_published

from .rows import frames, many, same, sql


@many
@given(frame=frames(), lag=st.sampled_from([0, 1, 7, 60]))
def test_as_of_lag_equals_sql(frame, lag):
    query = f"""
        with known as (
            select ticker, ts, arg_max(x, n) as x from t where x is not null group by all)
        select known.x from t asof left join known on t.ticker = known.ticker and t.ts - {lag} >= known.ts order by t.n
    """
    found = as_of_lag(frame.lazy(), "x", lag, "then").collect()
    same(found["then"].to_list(), sql(query, t=frame))


@pytest.mark.parametrize("by", [None, "ticker"])
@many
@given(frame=frames(), series=frames(), age=st.sampled_from([None, 0, 24, 1_000]))
def test_join_published_equals_sql(by, frame, series, age):
    told = series.rename({"ts": "published_ts"}).sample(fraction=1, shuffle=True, seed=1)
    key, own = ("", "") if by is None else ("ticker,", "t.ticker = known.ticker and")
    query = """
        with known as (
            select {key} published_ts, arg_max({name}, place) as v from (select *, row_number() over () as place from s)
            where {name} is not null group by all)
        select case when t.ts - known.published_ts <= {age} then known.v end
        from t asof left join known on {own} t.ts >= known.published_ts order by t.n
    """
    found = join_published(frame.lazy(), told.lazy(), ["x", "bid"], by=by, prefix="us_", max_age_ns=age).collect()
    for name in ("x", "bid"):
        asked = query.format(key=key, own=own, name=name, age=10**9 if age is None else age)
        same(found[f"us_{name}"].to_list(), sql(asked, t=frame, s=told))
    assert found["n"].to_list() == frame["n"].to_list()


def test_lag_never_sees_a_later_row():
    frame = pl.LazyFrame({"ticker": "A", "ts": [0, 10, 20], "x": [1, 2, 3]})
    assert as_of_lag(frame, "x", 11, "then").collect()["then"].to_list() == [None, None, 1]


def test_an_external_series_is_known_from_its_publication_only():
    frame = pl.LazyFrame({"ticker": ["A", "B", "A", "B"], "ts": [30, 10, 9, 25]})
    releases = pl.LazyFrame(
        {"about": ["Jan", "Jan revised", "Feb"], "published_ts": [10, 25, 30], "cpi": [3.0, 3.2, 2.9]}
    )
    joined = join_published(frame, releases, ["cpi"], prefix="us_").collect()
    assert joined["us_cpi"].to_list() == [2.9, 3.0, None, 3.2]
    assert joined["ticker"].to_list() == ["A", "B", "A", "B"]
