"""Tapes: order, book, gaps, matching of trades; and real days against their recorded mids."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.simulator.tape import rebuild as kernel
from touchline.engine.simulator.tape.events import BOOK, GAP, KIND, LATER, MOMENT, TRADE
from touchline.engine.simulator.tape.kept import load, save
from touchline.engine.simulator.tape.source import compile_tape, merge, standing_rows
from touchline.engine.simulator.tape.tape import Tape, TapeMarket, TapeRows, build, mids_of
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

from ...made_books import START, made_books

MARKET = TapeMarket("M")


def rows_of(*given: tuple[int, int, int, int, int]) -> TapeRows:
    """Rows of (ts, what, side, cents, contracts)."""
    ts, what, side, price, size = (np.array(column) for column in zip(*given, strict=True))
    return TapeRows(
        ts.astype(np.int64),
        what.astype(np.uint8),
        side.astype(np.int8),
        (price * 100).astype(np.int32),
        (size * 100).astype(np.int64),
    )


def tape_of(*given: tuple[int, int, int, int, int], empty_start: bool = True) -> Tape:
    return build(MARKET, rows_of(*given), np.zeros(0), empty_start=empty_start)


def test_best_prices_follow_the_book():
    tape = tape_of((1, 0, 1, 45, 10), (2, 0, -1, 47, 5), (3, 0, 1, 46, 3), (4, 0, 1, 46, -3), (5, 0, -1, 47, -5))
    assert tape.columns.best_bid.tolist() == [45, 45, 46, 45, 45]
    assert tape.columns.best_ask.tolist() == [100, 47, 47, 47, 100]
    assert tape.columns.size.tolist() == [1000, 500, 300, 0, 0]


def test_a_moment_ends_with_its_last_event():
    tape = tape_of((1, 0, 1, 45, 10), (1, 0, -1, 47, 5), (2, 0, 1, 44, 3))
    assert ((tape.columns.kind & MOMENT) > 0).tolist() == [False, True, True]


def test_nothing_is_known_before_a_snapshot_and_after_a_gap():
    rows = [(1, 0, 1, 45, 10), (2, 2, 0, 0, 0), (2, 1, 1, 44, 7), (2, 1, -1, 48, 2), (3, 3, 0, 0, 0), (4, 0, 1, 44, 1)]
    tape = tape_of(*rows, (5, 2, 0, 0, 0), (5, 1, 1, 43, 6), empty_start=False)
    assert (tape.columns.kind & KIND).tolist() == [BOOK, BOOK, GAP, BOOK]
    assert tape.columns.best_bid.tolist() == [44, 44, 0, 43]
    assert (tape.coverage.unusable_rows, tape.coverage.gaps, tape.coverage.snapshots) == (2, 1, 2)
    assert tape.coverage.known_ns == 1


def test_a_snapshot_becomes_the_changes_that_lead_to_it():
    tape = tape_of((1, 0, 1, 45, 10), (1, 0, 1, 44, 5), (2, 2, 0, 0, 0), (2, 1, 1, 44, 5), (2, 1, 1, 43, 1))
    assert tape.columns.level.tolist() == [45, 44, 45, 43]
    assert tape.columns.size.tolist() == [1000, 500, 0, 100]


def test_a_level_below_zero_loses_the_book():
    tape = tape_of((1, 0, 1, 45, 10), (2, 0, 1, 45, -11))
    assert (tape.columns.kind & KIND).tolist() == [BOOK, GAP]
    assert tape.coverage.negative_levels == 1


def test_a_trade_is_matched_to_the_decrease_that_follows_and_a_cancel_before_it_is_not_its_cause():
    second = 1_000_000_000
    tape = tape_of(
        (0, 0, 1, 45, 30), (second, 0, 1, 45, -5), (second + 9, kernel.PRINT, -1, 45, 10), (second + 10, 0, 1, 45, -10)
    )  # fmt: skip
    assert tape.columns.aux.tolist() == [0, 0, 0, 1000]
    assert not (tape.columns.kind & LATER).any()
    assert (tape.coverage.traded_lots, tape.coverage.matched_lots) == (1000, 1000)


def test_a_trade_after_its_decrease_is_found_backwards():
    tape = tape_of((0, 0, 1, 45, 30), (10, 0, 1, 45, -10), (20, kernel.PRINT, -1, 45, 10))
    assert tape.columns.aux.tolist() == [0, 1000, 0]
    assert (tape.columns.kind & LATER).tolist() == [0, LATER, 0]


def test_a_trade_hits_the_side_that_its_taker_takes():
    tape = tape_of((0, 0, 1, 45, 30), (0, 0, -1, 47, 30), (1, kernel.PRINT, 1, 47, 1), (2, kernel.PRINT, -1, 45, 1))
    trades = (tape.columns.kind & KIND) == TRADE
    assert tape.columns.side[trades].tolist() == [1, 0]
    assert tape.columns.level[trades].tolist() == [53, 45]


def test_streams_merge_by_time_and_then_by_their_order():
    first, second = rows_of((1, 0, 1, 10, 1), (3, 0, 1, 11, 1)), rows_of((1, 4, 1, 20, 1), (2, 4, 1, 21, 1))
    merged = merge([first, second])
    assert merged.ts.tolist() == [1, 1, 2, 3]
    assert (merged.price // 100).tolist() == [10, 20, 21, 11]


def test_a_window_begins_with_the_book_that_stands_then(tmp_path: Path):
    store = made_books(tmp_path / "data", markets=1, seed=3)
    whole = compile_tape(store, "MADE-00", keep=False)
    for share in (0.1, 0.5, 0.9):
        start = int(whole.columns.ts[int(len(whole) * share)])
        window = compile_tape(store, "MADE-00", start, keep=False)
        assert window.coverage.share == 1.0
        after = {}
        for tape in (whole, window):
            c = tape.columns
            last = np.append(c.ts[1:] != c.ts[:-1], True) & (c.ts >= start)
            after[tape is whole] = (c.ts[last], c.best_bid[last], c.best_ask[last])
            book = {
                (int(s), int(p)): int(q)
                for k, s, p, q in zip(c.kind & 7, c.side, c.level, c.size, strict=True)
                if k == BOOK
            }
            after[tape is whole, "book"] = {at: q for at, q in book.items() if q > 0}
        assert all(np.array_equal(one, two) for one, two in zip(after[True], after[False], strict=True))
        assert after[True, "book"] == after[False, "book"]


def test_a_window_after_a_gap_waits_for_a_snapshot(tmp_path: Path):
    store = made_books(tmp_path / "data", markets=1, seed=3)
    book = store.book("MADE-00").collect()
    gap = book.head(1).with_columns(
        ts=book["ts"][len(book) // 2], kind=pl.lit(int(BookKind.GAP), book["kind"].dtype),
        side=pl.lit(0, book["side"].dtype), price=pl.lit(0, book["price"].dtype), size=pl.lit(0, book["size"].dtype),
    )  # fmt: skip
    before = book.head(len(book) // 2)
    assert standing_rows(before, START) is not None
    assert standing_rows(pl.concat([before, gap]), START) is None
    assert standing_rows(before.tail(len(before) - 1), START) is None
    again = pl.concat([before, gap, book.head(1), before.tail(3).with_columns(size=pl.lit(500, pl.Int64))])
    assert standing_rows(again, START) is not None


def test_an_off_grid_price_is_named():
    bad = rows_of((1, 0, 1, 45, 1))
    bad.price[0] = 4550
    with pytest.raises(InputError, match=r"1 prices are not on the grid linear_cent, the first one 45\.5 cents"):
        build(MARKET, bad, np.zeros(0))


def test_a_saved_tape_is_the_same(tmp_path: Path):
    tape = tape_of((1, 0, 1, 45, 10), (2, 0, -1, 47, 5), (3, kernel.PRINT, 1, 47, 2))
    save(tape, tmp_path / "t")
    again = load(tmp_path / "t")
    assert again.market == tape.market
    assert again.digest == tape.digest
    for mine, other in zip(tape.columns, again.columns, strict=True):
        assert mine.dtype == other.dtype
        assert (mine == other).all()


def test_a_tape_takes_at_most_24_bytes_an_event():
    tape = tape_of((1, 0, 1, 45, 10))
    assert sum(column.itemsize for column in tape.columns) <= 24


def test_mids_are_those_after_an_event_and_at_a_time_after_it():
    tape = tape_of((0, 0, 1, 45, 10), (1, 0, -1, 47, 5), (10, 0, -1, 46, 5), (11, 0, 1, 45, -10))
    assert mids_of(tape.columns, tape.grid, 5).tolist() == [[0, 4600, 4550, 4550], [4600, 4600, 4550, 4550]]


@pytest.mark.parametrize(("day", "values"), [("apr-10", 27_478), ("apr-13", 26_663)])
def test_real_days_have_their_recorded_mids(market_data: Path, tmp_path: Path, day: str, values: int):
    path = market_data / "inx2023_l2" / f"{day}-combined.csv.gz"
    store = Store(tmp_path / "store")
    options = Options()
    for one in plan([path], options)[0]:
        import_file(store, one, options)
    tape = compile_tape(store, store.tickers("book")[0], underlying="SPX", keep=False)
    columns, grid = tape.columns, tape.grid
    two_sided = (columns.best_bid > 0) & (columns.best_ask < grid.top)
    ends = (columns.kind & MOMENT) > 0
    last = np.maximum.accumulate(np.where(two_sided, np.arange(len(tape)), -1))
    mids = (grid.ticks[columns.best_bid[last]] + grid.ticks[columns.best_ask[last]]) / 200
    mid_at = dict(zip(columns.ts[ends & two_sided].tolist(), mids[ends & two_sided].tolist(), strict=True))
    with gzip.open(market_data / "inx2023_l2" / f"{day}-probability.csv.gz") as file:
        recorded = pl.read_csv(file.read()).filter(pl.col("Mid").is_not_null())
    times = recorded["Time"].str.to_datetime(time_unit="us", time_zone="UTC").dt.timestamp("us").to_numpy() * 1000
    compared = [(mid_at[ts], mid) for ts, mid in zip(times.tolist(), recorded["Mid"], strict=True) if ts in mid_at]
    assert len(compared) == values
    assert all(mine == theirs for mine, theirs in compared)
