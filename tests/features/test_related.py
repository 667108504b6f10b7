"""Related markets: lead and lag by SQL's correlation, pairs by SQL's join. Leaders: tests/strategies."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.features.related import lead_lag, related_pairs

from .rows import frames, many, same, sql


@pytest.mark.parametrize("lag", [0, 2])
@many
@given(frame=frames(most=40))
def test_lead_lag_equals_sql(lag, frame):
    query = f"""
        with moves as (select n, ticker, x - lag(x) over w as x, size - lag(size) over w as y from t
                       window w as (partition by ticker order by n)),
        lagged as (select n, ticker, y, lag(x, {lag}) over (partition by ticker order by n) as x from moves)
        select case when count(x + y) over w = 6 and stddev_pop(x) over w > 0 and stddev_pop(y) over w > 0
               then corr(x, y) over w end
        from lagged window w as (partition by ticker order by n rows between 5 preceding and current row) order by n
    """
    same(frame.select(c=lead_lag("x", "size", lag, 6, by="ticker"))["c"].to_list(), sql(query, t=frame))


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


def test_what_stands_still_after_a_move_has_no_correlation():
    frame = pl.DataFrame({"leader": [0.1, 7.3, *[3.7] * 30], "follower": np.arange(32.0) ** 2})
    assert frame.select(c=lead_lag("leader", "follower", 0, 5))["c"][10:].is_null().all()


own = st.tuples(st.none() | st.sampled_from("xyz"), st.sampled_from("ST"))


@many
@given(rows=st.lists(own, min_size=1, max_size=12), limit=st.integers(1, 4))
def test_related_pairs_equal_sql(rows, limit):
    told = [(f"{i:02}", *row) for i, row in enumerate(rows)]
    m = pl.DataFrame(told, schema=dict.fromkeys(("ticker", "event", "series"), pl.String), orient="row")
    query = f"""
        select a.ticker || b.ticker from m a join m b on a.series = b.series and a.ticker != b.ticker
        qualify row_number() over (
            partition by a.ticker order by coalesce(a.event = b.event, false) desc, b.ticker) <= {limit}
        order by a.ticker, coalesce(a.event = b.event, false) desc, b.ticker
    """
    assert [a + b for a, b in related_pairs(m, limit).iter_rows()] == sql(query, m=m)
