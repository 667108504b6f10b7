"""Windows over the bars of a panel, by SQL over each market."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.features import bars

from .rows import many, same, sql


@st.composite
def panels(draw, most=5):
    """Markets one after the other with the same bars; a mark may be missing."""
    count, markets = draw(st.integers(1, 30)), draw(st.integers(1, most))
    mark = st.none() | st.integers(1, 60) if draw(st.booleans()) else st.integers(1, 60)
    marks = draw(st.lists(mark, min_size=count * markets, max_size=count * markets))
    places = [(m * count + bar, m, bar) for m in range(markets) for bar in range(count)]
    rows = [(*place, None if x is None else 50 * x) for place, x in zip(places, marks, strict=True)]
    return pl.DataFrame(rows, schema=dict.fromkeys(("n", "market", "bar", "mark"), pl.Int64), orient="row")


ROADS = {
    "lag": (lambda n: bars.lag("mark", n), "lag(mark, {n}) over own"),
    "change": (lambda n: bars.change("mark", n), "mark - lag(mark, {n}) over own"),
    "total": (lambda n: bars.total(pl.col("mark"), n), "case when count(mark) over w = {n} then sum(mark) over w end"),
    "mean": (lambda n: bars.mean("mark", n), "case when count(mark) over w = {n} then avg(mark) over w end"),
    "deviation": (
        lambda n: bars.deviation("mark", n),
        "case when count(mark) over w = {n} then stddev_pop(mark) over w end",
    ),
    "zscore": (
        lambda n: bars.zscore("mark", n, 0.5),
        "case when count(mark) over w = {n} and stddev_pop(mark) over w >= 0.5 "
        "then (mark - avg(mark) over w) / stddev_pop(mark) over w end",
    ),
    "sigma": (
        lambda n: bars.sigma("mark", n),
        "case when count(step) over w = {n} then sqrt(avg(step * step) over w) end",
    ),
    "warm": (lambda n: bars.warm(pl.col("mark") * 2, n), "case when bar >= {n} then mark * 2 end"),
}


@pytest.mark.parametrize("name", ROADS)
@many
@given(panel=panels(), n=st.integers(1, 8))
def test_windows_equal_sql(name, panel, n):
    expression, query = ROADS[name]
    asked = f"""
        with steps as (select *, mark - lag(mark) over (partition by market order by bar) as step from t)
        select {query.format(n=n)} from steps
        window own as (partition by market order by bar),
               w as (partition by market order by bar rows between {n - 1} preceding and current row)
        order by n
    """
    same(panel.select(a=expression(n))["a"].to_list(), sql(asked, t=panel))


def test_a_window_of_three_bars():
    panel = pl.DataFrame({"bar": [0, 1, 2, 3], "mark": [100, 200, 400, 400]})
    found = panel.select(
        change=bars.change("mark", 2), total=bars.total(pl.col("mark"), 3), mean=bars.mean("mark", 3),
        sigma=bars.sigma("mark", 2), z=bars.zscore("mark", 2, 1),
    )  # fmt: skip
    assert found.row(3) == (200, 1000, 1000 / 3, (40_000 / 2) ** 0.5, None)
    assert found.row(2)[-1] == 1.0
