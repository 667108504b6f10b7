"""Order flow: published and worked vectors, SQL for windows, plain Python for buckets."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from touchline.features.flow import (
    book_imbalance,
    multilevel_ofi,
    order_flow_imbalance,
    trade_imbalance,
    volume_imbalance,
    vpin,
)

from .rows import frames, many, per_row, same, sql

STATES = [
    (45, 100, 47, 80),
    (45, 120, 47, 80),
    (46, 30, 47, 80),
    (46, 30, 47, 50),
    (46, 30, 48, 90),
    (45, 110, 48, 90),
    (45, 110, 47, 40),
]
BOOK = pl.DataFrame(STATES, schema=["bid", "bid_size", "ask", "ask_size"], orient="row").with_columns(
    ticker=pl.lit("A")
)


def test_order_flow_imbalance_of_the_worked_states():
    found = BOOK.select(e=order_flow_imbalance())["e"]
    assert found.to_list() == [None, 20, 30, 30, 50, -30, -40]
    assert found.sum() == 60


def test_every_level_has_its_own_imbalance():
    book = pl.concat(
        [BOOK.rename({c: f"{c}_1" for c in BOOK.columns[:4]}), BOOK.drop("ticker").rename(lambda c: f"{c}_2")],
        how="horizontal",
    ).with_columns(bid_size_2=pl.col("bid_size_2") * 2, ask_size_2=pl.col("ask_size_2") * 2)
    found = book.select(multilevel_ofi(2))
    assert found["ofi_2"].to_list() == [None, 40, 60, 60, 100, -60, -80]


def touch_flow(old, new, level=""):
    """The contribution of one event by its definition; None where something is missing."""
    names = [f"{name}{level}" for name in ("bid", "bid_size", "ask", "ask_size")]
    (pb0, qb0, pa0, qa0), (pb, qb, pa, qa) = ([row[name] for name in names] for row in (old, new))
    if None in (pb0, qb0, pa0, qa0, pb, qb, pa, qa):
        return None
    return (qb if pb >= pb0 else 0) - (qb0 if pb <= pb0 else 0) - (qa if pa <= pa0 else 0) + (qa0 if pa >= pa0 else 0)


@many
@given(frame=frames())
def test_order_flow_imbalance_equals_the_definition(frame):
    expected = per_row(frame, lambda rows, at: touch_flow(rows[at - 1], rows[at]) if at else None)
    same(frame.select(e=order_flow_imbalance())["e"].to_list(), expected)


@many
@given(frame=frames())
def test_multilevel_ofi_equals_the_definition(frame):
    one = {name: f"{name}_1" for name in ("bid", "bid_size", "ask", "ask_size")}
    book = frame.with_columns(
        *(pl.col(old).alias(new) for old, new in one.items()),
        bid_2=pl.col("bid") - 1, bid_size_2=pl.col("size"), ask_2=pl.col("ask") + 2, ask_size_2=pl.col("bid_size"),
    )  # fmt: skip
    found = book.select(multilevel_ofi(2))
    for level in ("_1", "_2"):
        expected = per_row(book, lambda rows, at, of=level: touch_flow(rows[at - 1], rows[at], of) if at else None)
        same(found[f"ofi{level}"].to_list(), expected)


@pytest.mark.parametrize("volume", [True, False])
@many
@given(frame=frames())
def test_trade_imbalance_equals_sql(volume, frame):
    weight = "size" if volume else "1"
    query = f"""
        select case when sum({weight} * abs(taker_side)) over w > 0
               then sum({weight} * taker_side) over w / sum({weight} * abs(taker_side)) over w end
        from t window w as (partition by ticker order by ts range between 24 preceding and current row) order by n
    """
    same(frame.select(i=trade_imbalance(25, volume=volume))["i"].to_list(), sql(query, t=frame))


def test_trade_imbalance_of_three_trades():
    trades = pl.DataFrame({"ticker": "A", "ts": [1, 2, 3], "size": [30, 10, 5], "taker_side": [1, -1, 0]})
    assert trades.select(i=trade_imbalance(9))["i"].to_list() == [1.0, 0.5, 0.5]
    assert trades.select(i=trade_imbalance(9, volume=False))["i"].to_list() == [1.0, 0.0, 0.0]


@many
@given(frame=frames())
def test_book_imbalance_equals_sql(frame):
    query = """
        with level as (select n, coalesce(bid_size, 0) + 0.5 * coalesce(size, 0) as b, ask_size + 0.5 * 7 as a from t)
        select (b - a) / (b + a) from level order by n
    """
    found = frame.with_columns(seven=7).select(i=book_imbalance(["bid_size", "size"], ["ask_size", "seven"], decay=0.5))
    same(found["i"].to_list(), sql(query, t=frame))


def test_vpin_of_the_worked_buckets():
    sides = [(60, 1), (40, -1), (20, 1), (80, -1), (50, 1), (50, -1)]
    trades = pl.LazyFrame(
        {"ticker": "A", "ts": range(6), "size": [s for s, _ in sides], "taker_side": [d for _, d in sides]}
    )
    found = vpin(trades, 100, 3).collect()
    assert found["ts"].to_list() == [1, 3, 5]
    assert found["vpin"].to_list()[:2] == [None, None]
    assert found["vpin"][2] == pytest.approx(0.2666667, abs=1e-7)


@many
@given(frame=frames())
def test_vpin_equals_filling_buckets_lot_by_lot(frame):
    bucket, buckets = 70, 3
    expected = []
    for ticker in frame["ticker"].unique(maintain_order=True):
        filled, shares = [], []
        for row in frame.filter(pl.col("ticker") == ticker).to_dicts():
            for _ in range((row["size"] or 0) if row["taker_side"] else 0):
                filled.append(row["taker_side"])
                if len(filled) == bucket:
                    shares.append(abs(sum(filled)) / bucket)
                    recent = shares[-buckets:]
                    expected.append((ticker, row["ts"], sum(recent) / buckets if len(recent) == buckets else None))
                    filled = []
    found = vpin(frame.lazy(), bucket, buckets).collect()
    assert found.select("ticker", "ts").rows() == [row[:2] for row in expected]
    same(found["vpin"].to_list(), [row[2] for row in expected])


def test_book_imbalance_weights_the_levels():
    book = pl.DataFrame({"b1": [100], "a1": [80], "b2": [10], "a2": [None]}, schema_overrides={"a2": pl.Int64})
    found = book.select(book_imbalance(["b1", "b2"], ["a1", "a2"], decay=0.5)).item()
    assert found == pytest.approx((105 - 80) / (105 + 80))


@many
@given(frame=frames())
def test_volume_imbalance_equals_sql(frame):
    traded = frame.with_columns(pl.col("size") - 40, pl.col("bid_size").clip(0, pl.col("size")))
    found = traded.select(i=volume_imbalance("bid_size", "size"))
    query = "select case when size > 0 then (bid_size - (size - bid_size)) / size end from t order by n"
    same(found["i"].to_list(), sql(query, t=traded))
