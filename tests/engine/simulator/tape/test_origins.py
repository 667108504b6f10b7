"""What a tape is made of: the book that stands when it begins, and books that best quotes or trades stand in for."""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.simulator.state import Columns
from touchline.engine.simulator.tape.events import BOOK, KIND, TRADE, UNDERLYING
from touchline.engine.simulator.tape.life import Window, closes_of, closes_within, is_alive
from touchline.engine.simulator.tape.source import compile_tape, standing_rows
from touchline.engine.simulator.tape.tape import Tape, TapeMarket
from touchline.engine.simulator.tape.volatility import Decay, points_of
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

SECOND = 1_000_000_000
OPEN = 1_790_000_000 * SECOND
CLEAR, DELTA = int(BookKind.CLEAR), int(BookKind.DELTA)


def store_of(folder: Path, **tables: list[dict]) -> Store:
    """A store of rows of market M, with times in seconds after its open, and prices in cents."""
    made = {}
    for name, rows in tables.items():
        given = [{**row, "ts": OPEN + row["ts"] * SECOND} if "ts" in row else row for row in rows]
        column = {"symbol": pl.lit("INDEX")} if name == "underlying" else {"ticker": pl.lit("M")}
        made[name] = pl.DataFrame(given).with_columns(**column)
    store = Store(folder)
    store.ingest("made", "made", [Chunk(made)])
    return store


def events(tape: Tape, what: int) -> list[int]:
    """The seconds after the open at which a tape has events of a kind."""
    ours = (tape.columns.kind & KIND) == what
    return [(int(ts) - OPEN) // SECOND for ts in tape.columns.ts[ours]]


def before_of(*rows: tuple[int, int, int, int]) -> pl.DataFrame:
    """Rows of book: kind, side, cents, lots."""
    kind, side, price, size = zip(*rows, strict=True)
    return pl.DataFrame({"kind": kind, "side": side, "price": [p * 100 for p in price], "size": size})


def test_levels_that_were_emptied_do_not_stand():
    rows = standing_rows(
        before_of((CLEAR, 0, 0, 0), (DELTA, 1, 45, 500), (DELTA, -1, 55, 300), (DELTA, 1, 45, -500)), 7
    )
    assert rows is not None
    assert rows.ts.tolist() == [7, 7]
    assert rows.what.tolist() == [CLEAR, int(BookKind.LEVEL)]
    assert (rows.side[1], rows.price[1], rows.size[1]) == (-1, 5_500, 300)


def test_a_book_that_once_fell_a_lot_below_nothing_is_not_known():
    broken = before_of((CLEAR, 0, 0, 0), (DELTA, 1, 45, 500), (DELTA, 1, 45, -501), (DELTA, 1, 45, 501))
    assert standing_rows(broken, 7) is None


QUOTE = {"ts": 1, "bid": 4_500, "ask": 5_500, "bid_size": 300, "ask_size": 700}


@pytest.mark.parametrize(
    ("change", "best", "sizes"),
    [
        ({}, (45, 55), [300, 700]),
        ({"ask": 10_000}, (45, 100), [300]),
        ({"bid": None}, (0, 55), [700]),
        ({"ask_size": None}, (45, 55), [300, 100]),
        ({"bid_size": None, "ask_size": None}, (45, 55), [100, 100]),
    ],
)
def test_best_quotes_are_a_book_of_a_level_a_side(
    tmp_path: Path, change: dict, best: tuple[int, int], sizes: list[int]
):
    types = dict.fromkeys(QUOTE, pl.Int64)
    row = pl.DataFrame([{**QUOTE, **change}], schema=types).with_columns(ts=pl.col("ts") * SECOND + OPEN)
    store = Store(tmp_path)
    store.ingest("made", "made", [Chunk({"quotes": row.with_columns(ticker=pl.lit("M"))})])
    tape = compile_tape(store, "M")
    assert "book-from-quotes" in tape.notes
    assert (int(tape.columns.best_bid[-1]), int(tape.columns.best_ask[-1])) == best
    assert tape.columns.size[(tape.columns.kind & KIND) == BOOK].tolist() == sizes


@pytest.mark.parametrize(("price", "best"), [(50, (49, 51)), (1, (0, 2)), (99, (98, 100))])
def test_a_trade_is_a_spread_of_a_level_either_way(tmp_path: Path, price: int, best: tuple[int, int]):
    store = store_of(tmp_path, trades=[{"ts": 1, "price": price * 100, "size": 100, "taker_side": 1}])
    tape = compile_tape(store, "M")
    assert "book-from-trades" in tape.notes
    assert (int(tape.columns.best_bid[-1]), int(tape.columns.best_ask[-1])) == best


BOOK_ROWS = [
    {"ts": ts, "kind": kind, "side": side, "price": price * 100, "size": size}
    for ts, kind, side, price, size in [
        (5, CLEAR, 0, 0, 0), (5, DELTA, 1, 45, 500), (5, DELTA, -1, 55, 500), (9, DELTA, 1, 46, 500)
    ]
]  # fmt: skip


@pytest.mark.parametrize(
    ("ticks", "times", "values"),
    [
        ([3, 7], [5, 7], [3.0, 7.0]),  # the one that stands comes when the tape begins
        ([3, 5, 7], [5, 7], [5.0, 7.0]),  # unless one comes just then
        ([3, 9], [5, 9], [3.0, 9.0]),  # one at the last own event belongs to the life, later ones do not
        ([3, 9, 10], [5, 9], [3.0, 9.0]),
    ],
)
def test_the_underlying_of_a_life_without_a_close(
    tmp_path: Path, ticks: list[int], times: list[int], values: list[float]
):
    store = store_of(tmp_path, book=BOOK_ROWS, underlying=[{"ts": ts, "value": float(ts)} for ts in ticks])
    tape = compile_tape(store, "M", underlying="INDEX")
    assert events(tape, UNDERLYING) == times
    assert tape.values.tolist() == values


def test_a_window_counts_what_lies_outside_of_it():
    rows = pl.DataFrame({"ts": [9, 10, 19, 20]})
    window = Window(10, 20)
    assert window.inside(rows)["ts"].to_list() == [10, 19]
    assert (window.before(rows), window.after(rows)) == (1, 1)
    assert (Window(None, None).before(rows), Window(None, None).after(rows)) == (0, 0)


@pytest.mark.parametrize(
    ("life", "alive"),
    [((20, 30), False), ((19, 30), True), ((None, 10), False), ((None, 11), True), ((None, None), True)],
)
def test_a_market_that_opens_as_a_window_ends_does_not_live_in_it(life: tuple[int | None, int | None], alive: bool):
    assert is_alive(*life, 10, 20) is alive


@pytest.mark.parametrize(
    ("closes", "within"),
    [
        (((0, 100), (50, 90)), ((0, 100), (50, 90))),  # told at the last moment
        (((0, 100), (51, 90)), ((0, 100),)),
        (((0, 100), (10, 90)), ((0, 90),)),  # told at the first one
        (((0, 100), (20, 100)), ((0, 100),)),
    ],
)
def test_the_closes_of_a_tape_are_those_told_within_it(closes: tuple, within: tuple):
    assert closes_within(closes, 10, 50) == within


@pytest.mark.parametrize(("expiration", "guessed"), [(900, False), (899, False), (901, True)])
def test_an_expiration_after_the_close_is_a_guess_at_the_first_close(tmp_path: Path, expiration: int, guessed: bool):
    told = OPEN + 300 * SECOND
    row = {"valid_from": told, "open_ts": OPEN, "close_ts": OPEN + 900 * SECOND}
    store = store_of(tmp_path, markets=[{**row, "expiration_ts": OPEN + expiration * SECOND}])
    rows = store.markets(history=True, ticker="M").sort("valid_from").collect().to_dicts()
    closes, is_guess = closes_of(rows, TapeMarket("M", open_ts=OPEN, close_ts=row["close_ts"]))
    assert is_guess is guessed
    first = OPEN + expiration * SECOND if guessed else row["close_ts"]
    assert closes[0] == (0, first)


def test_observations_are_every_change_of_the_mid_and_trades_in_prices_of_yes(tmp_path: Path):
    rows = [*BOOK_ROWS, {"ts": 11, "kind": DELTA, "side": 1, "price": 4_600, "size": -500}]
    trades = [
        {"ts": 10, "price": 4_500, "size": 100, "taker_side": -1},
        {"ts": 10, "price": 5_500, "size": 100, "taker_side": 1},
    ]
    tape = compile_tape(store_of(tmp_path, book=rows, trades=trades), "M")
    columns: Columns = tape.columns
    moves = points_of(columns, tape.grid, "increments", 60.0).rows
    times = [(int(ts) - OPEN) // SECOND for ts in moves[0][:-1]]
    assert (times, np.diff(moves[2]).tolist()) == ([9, 11], [100, -100])
    levels = points_of(columns, tape.grid, "levels", 60.0).rows
    assert np.diff(levels[2]).tolist() == [4_500, 5_500]
    assert len(columns.ts[(columns.kind & KIND) == TRADE]) == 2


def test_a_decaying_variance_is_the_written_formula():
    """Half of the weight is lost a step: 0, then 1/2 x (0 + 1/2 x 1), then 1/2 x (1/4 + 1/2 x 1/4)."""
    half = round(60 * math.log(2) * SECOND)
    decay = Decay(60.0)
    assert decay.add(0, 0.0) == 0.0
    assert decay.add(half, 1.0) == pytest.approx(0.25, abs=1e-9)
    assert decay.add(2 * half, 1.0) == pytest.approx(0.1875, abs=1e-9)
