"""Which decreases were trades: the exchange says of recorded rows what a tape of the same rows says."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from touchline.engine.exchanges.market.explain import explained
from touchline.engine.exchanges.market.history import TRADE
from touchline.engine.simulator.tape.events import BOOK, GAP, KIND, LATER
from touchline.engine.simulator.tape.rebuild import PRINT
from touchline.engine.simulator.tape.tape import MATCH_WINDOW_NS, TapeMarket, TapeRows, build
from touchline.io.store.schema import BookKind

STEP = MATCH_WINDOW_NS // 4
DELTA = int(BookKind.DELTA)


def of(rows):
    """What the exchange makes of rows (market, ts, kind, side, price, size)."""
    columns = [
        np.array(column, dtype)
        for column, dtype in zip(
            zip(*rows, strict=True) if rows else [[]] * 6,
            (np.int32, np.int64, np.int8, np.int8, np.int32, np.int64),
            strict=True,
        )
    ]
    return explained(*columns, columns[2] == TRADE).tolist()


def on_tape(rows):
    """What a tape of one market's changes and trades makes of them."""
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    _, ts, kind, side, price, size = columns
    what = np.where(kind == TRADE, PRINT, kind).astype(np.uint8)
    merged = TapeRows(ts.astype(np.int64), what, side.astype(np.int8), price.astype(np.int32), size.astype(np.int64))
    tape = build(TapeMarket("M"), merged, np.zeros(0), empty_start=True)
    later, aux = tape.columns.kind & LATER > 0, tape.columns.aux.astype(np.int64)
    assert np.isin(tape.columns.kind & KIND, [BOOK, 1, GAP]).all() and len(aux) == len(rows)
    return np.where(later, -aux, aux).tolist()


row = st.tuples(
    st.integers(0, 1), st.integers(0, 3), st.sampled_from([DELTA, DELTA, TRADE]), st.sampled_from([1, -1]),
    st.integers(0, 1), st.integers(-5, 5).filter(bool),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(row, max_size=40))
def test_the_exchange_explains_decreases_as_a_tape_does(steps):
    rows, now, levels = [], 0, {}
    for market, wait, kind, side, place, drawn in steps:
        now += wait * STEP
        price = 4500 + 100 * place if side * (1 if kind == DELTA else -1) > 0 else 4800 + 100 * place
        size = abs(drawn)
        if kind == DELTA:
            size = max(drawn, -levels.get((market, price), 0))
            levels[market, price] = levels.get((market, price), 0) + size
        if size:
            rows.append((market, now, kind, side, price, size))
    found = of(rows)
    for market in (0, 1):
        mine = [number for number, each in enumerate(rows) if each[0] == market]
        if mine:
            assert [found[number] for number in mine] == on_tape([rows[number] for number in mine])


def test_trade_before_and_after_its_decrease():
    rows = [(0, 0, TRADE, -1, 4600, 20), (0, 1, DELTA, 1, 4600, -20), (0, 2, DELTA, 1, 4600, -30)]
    assert of([*rows, (0, 3, TRADE, -1, 4600, 10)]) == [0, 20, -10, 0]


def test_a_trade_without_a_taker_explains_nothing():
    assert of([(0, 0, TRADE, 0, 4600, 20), (0, 1, DELTA, 1, 4600, -20)]) == [0, 0]


def test_nothing_is_explained_across_a_hole():
    rows = [(0, 0, TRADE, -1, 4600, 20), (0, 1, int(BookKind.GAP), 0, 0, 0), (0, 2, DELTA, 1, 4600, -20)]
    assert of(rows) == [0, 0, 0]
