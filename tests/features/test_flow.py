"""Order flow: published and worked vectors, SQL for windows, plain Python for buckets."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest
from touchline.features.flow import book_imbalance, multilevel_ofi, order_flow_imbalance, trade_imbalance, vpin

from .rows import per_row, random_rows, same

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


@pytest.mark.parametrize("seed", range(10))
def test_order_flow_imbalance_equals_the_definition(seed):
    frame = random_rows(seed)

    def rule(rows, at):
        if at == 0:
            return None
        old, new = rows[at - 1], rows[at]
        if None in (old["bid"], old["ask"], new["bid"], new["ask"]):
            return None
        e = new["bid_size"] if new["bid"] >= old["bid"] else 0
        e -= old["bid_size"] if new["bid"] <= old["bid"] else 0
        e -= new["ask_size"] if new["ask"] <= old["ask"] else 0
        return e + (old["ask_size"] if new["ask"] >= old["ask"] else 0)

    same(frame.select(e=order_flow_imbalance())["e"].to_list(), per_row(frame, rule))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("volume", [True, False])
def test_trade_imbalance_equals_sql(seed, volume):
    frame = random_rows(seed).with_row_index("n")
    weight = "size" if volume else "1"
    query = f"""
        select n, case when sum({weight} * abs(taker_side)) over w > 0
                  then sum({weight} * taker_side) over w / sum({weight} * abs(taker_side)) over w end as i
        from frame
        window w as (partition by ticker order by ts range between 24 preceding and current row) order by n
    """
    found = frame.select(i=trade_imbalance(25, volume=volume))["i"].to_list()
    same(found, duckdb.sql(query).pl()["i"].to_list())


def test_vpin_of_the_worked_buckets():
    sides = [(60, 1), (40, -1), (20, 1), (80, -1), (50, 1), (50, -1)]
    trades = pl.LazyFrame(
        {"ticker": "A", "ts": range(6), "size": [s for s, _ in sides], "taker_side": [d for _, d in sides]}
    )
    found = vpin(trades, 100, 3).collect()
    assert found["ts"].to_list() == [1, 3, 5]
    assert found["vpin"].to_list()[:2] == [None, None]
    assert found["vpin"][2] == pytest.approx(0.2666667, abs=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_vpin_equals_filling_buckets_lot_by_lot(seed):
    frame = random_rows(seed)
    bucket, buckets = 70, 3
    expected = []
    for ticker in frame["ticker"].unique(maintain_order=True):
        filled, shares = [], []
        for row in frame.filter(pl.col("ticker") == ticker).to_dicts():
            for _ in range(row["size"] if row["taker_side"] else 0):
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
