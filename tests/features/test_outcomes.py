"""How a series' earlier markets ended, as it was known at the time."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from touchline.features.outcomes import previous_outcomes

from .rows import many, same, sql


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


names = st.sampled_from("ST")
settled = st.tuples(names, st.none() | st.integers(0, 60), st.none() | st.sampled_from([0, 10_000, 2_500]))


@many
@given(markets=st.lists(settled, max_size=20), asked=st.lists(st.tuples(names, st.integers(0, 70)), min_size=1))
def test_previous_outcomes_equal_sql(markets, asked):
    m = pl.DataFrame(
        [(f"{i:02}", *row) for i, row in enumerate(markets)],
        schema={"ticker": pl.String, "series": pl.String, "settled_ts": pl.Int64, "settlement": pl.Int64},
        orient="row",
    )
    t = pl.DataFrame([(i, *row) for i, row in enumerate(asked)], schema=["n", "series", "ts"], orient="row")
    found = previous_outcomes(t.lazy(), m.lazy(), last=3).collect()
    known = "from m where m.series = t.series and settled_ts <= t.ts and settlement is not null"
    count = f"select nullif((select count(*) {known}), 0) from t order by n"
    last = f"select settlement {known} order by settled_ts desc, ticker desc limit 3"
    rate = f"select (select avg(settlement) / 10000 from ({last})) from t order by n"
    same(found["previous_count"].to_list(), sql(count, t=t, m=m))
    same(found["previous_rate"].to_list(), sql(rate, t=t, m=m))
