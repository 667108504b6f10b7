"""Volume against its own past, by SQL."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from touchline.features.activity import volume_anomaly

from .rows import frames, many, same, sql


def test_volume_anomaly_of_a_burst():
    frame = pl.DataFrame({"ticker": "A", "ts": [0, 10, 20, 100], "size": [20, 10, 10, 40]})
    assert frame.select(a=volume_anomaly(10, 100))["a"].to_list() == [None, 10 / 30, 10 / 20, 40 / 6]


@many
@given(frame=frames())
def test_volume_anomaly_equals_sql(frame):
    query = """
        with sums as (
            select n, ts, min(ts) over (partition by ticker) as opened,
                sum(coalesce(size, 0)) over (partition by ticker order by ts range between 9 preceding and current row)
                    as recent,
                sum(size) over (partition by ticker order by ts range between 99 preceding and current row) as past
            from t)
        select case when ts - opened >= 10 then recent / (past * 10.0 / least(ts - opened, 100)) end
        from sums order by n
    """
    same(frame.select(a=volume_anomaly(10, 100))["a"].to_list(), sql(query, t=frame))
