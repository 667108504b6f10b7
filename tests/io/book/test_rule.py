"""What a row does to a book: the compiled rule, the one for streams and the plain meaning agree on any rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from touchline.io.book.columns import CLEAR, DELTA, GAP, LEVEL, apply_nb
from touchline.io.book.stream import LOST, PASSED, BookLevels
from touchline.io.ground.jit import Cells, kept
from touchline.io.store.schema import BookKind

TOP = 12
STATUS = 7  #: a row of another stream in between, which is none of the book's

Row = tuple[int, int, int, int]  # kind, side, level on the YES scale, size


@kept()
def _walk_nb(kind: Cells, side: Cells, price: Cells, size: Cells, known: bool, seen: Cells, became: Cells) -> None:
    """Write the book after each row, whether it is known and what the rule returned."""
    book, best, low = np.zeros((2, TOP + 1), np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)
    for row in range(len(kind)):
        s = 0 if side[row] > 0 else 1
        if kind[row] != STATUS:
            lots = apply_nb(book, best, low, known, kind[row], s, price[row] if s == 0 else TOP - price[row], size[row])
            known = lots >= 0 or (lots == PASSED and known)
            became[row, 0] = lots
        became[row, 1], became[row, 2], became[row, 3] = known, best[0], TOP - best[1]
        seen[row] = book


def compiled(rows: list[Row], known: bool) -> list[tuple[int, bool, int, int, dict[tuple[int, int], int]]]:
    kind, side, price, size = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    seen, became = np.zeros((len(rows), 2, TOP + 1), np.int64), np.zeros((len(rows), 4), np.int64)
    _walk_nb(kind, side, price, size, known, seen, became)
    books = [
        {
            (1 - 2 * int(s), int(p) if s == 0 else TOP - int(p)): int(book[s, p])
            for s, p in zip(*book.nonzero(), strict=True)
        }
        for book in seen
    ]
    return [
        (int(lots), bool(is_known), int(bid), int(ask), book)
        for (lots, is_known, bid, ask), book in zip(became, books, strict=True)
    ]


def streamed(rows: list[Row], known: bool) -> list[tuple[int, bool, int, int, dict[tuple[int, int], int]]]:
    book = BookLevels()
    if known:
        book.clear()
    found = []
    for kind, side, price, size in rows:
        lots = 0
        if kind == DELTA:
            lots = book.change(side, price, size)
        elif kind == LEVEL:
            lots = book.put(side, price, size)
        elif kind == CLEAR:
            book.clear()
        elif kind == GAP:
            book.lose()
            lots = LOST
        levels = {(1, price): lots for price, lots in book.bids.items()}
        levels |= {(-1, price): lots for price, lots in book.asks.items()}
        found.append(
            (lots, not book.stale, book.best_bid or 0, TOP if book.best_ask is None else book.best_ask, levels)
        )
    return found


def meant(rows: list[Row], known: bool) -> list[tuple[int, bool, int, int, dict[tuple[int, int], int]]]:
    """The rule as a sentence: a book is the sum of what came since its snapshot, and nothing below zero."""
    levels: dict[tuple[int, int], int] = {}
    found = []
    for kind, side, price, size in rows:
        lots = 0
        if kind == CLEAR:
            levels, known = {}, True
        elif kind == GAP:
            lots, known = LOST, False
        elif kind != STATUS and not known:
            lots = PASSED
        elif kind != STATUS:
            lots = {DELTA: levels.get((side, price), 0) + size, LEVEL: size}[kind]
            known = lots >= 0
            levels = {**levels, (side, price): lots} if known else levels
            lots = lots if known else LOST
        stands = {key: there for key, there in levels.items() if there}
        bid = max((price for s, price in stands if s > 0), default=0)
        ask = min((price for s, price in stands if s < 0), default=TOP)
        found.append((lots, known, bid, ask, stands))
    return found


sides, prices = st.sampled_from([1, -1]), st.integers(1, TOP - 1)
level_rows = st.tuples(st.sampled_from([DELTA, DELTA, DELTA, LEVEL]), sides, prices, st.integers(-3, 5))
lone_rows = st.sampled_from([(CLEAR, 0, 0, 0), (GAP, 0, 0, 0), (STATUS, 1, 0, 0)])
snapshots = st.lists(st.tuples(st.just(LEVEL), sides, prices, st.integers(0, 5)), max_size=6).map(
    lambda levels: [(CLEAR, 0, 0, 0), *levels]
)
pieces = st.one_of(level_rows.map(lambda row: [row]), lone_rows.map(lambda row: [row]), snapshots)
sequences = st.lists(pieces, min_size=1, max_size=40).map(lambda found: [row for piece in found for row in piece])


@settings(max_examples=500, deadline=None)
@given(sequences, st.booleans())
@example([(DELTA, 1, 5, 3), (CLEAR, 0, 0, 0), (DELTA, 1, 5, 3), (DELTA, 1, 5, -4), (DELTA, 1, 5, 1)], False)
@example([(LEVEL, -1, 5, 3), (LEVEL, -1, 4, 3), (LEVEL, -1, 4, 0), (GAP, 0, 0, 0), (CLEAR, 0, 0, 0)], True)
def test_the_rule_is_one_compiled_and_for_streams(rows: list[Row], known: bool) -> None:
    assert compiled(rows, known) == streamed(rows, known) == meant(rows, known)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(sides, prices, st.integers(0, 5)), max_size=12))
def test_a_snapshot_in_one_is_a_snapshot_in_pieces(levels: list[tuple[int, int, int]]) -> None:
    whole, pieces = BookLevels(), BookLevels()
    at_once = {side: {price: lots for own, price, lots in levels if own == side} for side in (1, -1)}
    whole.replace(at_once[1], at_once[-1])
    pieces.clear()
    for level in levels:
        pieces.put(*level)
    assert (whole.bids, whole.asks, whole.stale) == (pieces.bids, pieces.asks, False)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(sides, prices, st.integers(-3, 5)), max_size=30))
def test_with_a_floor_no_level_loses_the_book(changes: list[tuple[int, int, int]]) -> None:
    book, levels = BookLevels(), dict[tuple[int, int], int]()
    book.clear()
    for side, price, delta in changes:
        levels[side, price] = max(levels.get((side, price), 0) + delta, 0)
        assert book.change(side, price, delta, floor=True) == levels[side, price]
        assert not book.stale
    assert book.bids == {price: lots for (side, price), lots in levels.items() if side > 0 and lots}


@pytest.mark.parametrize("kind", BookKind)
def test_the_kinds_are_the_stores(kind: BookKind) -> None:
    assert {"DELTA": DELTA, "LEVEL": LEVEL, "CLEAR": CLEAR, "GAP": GAP}[kind.name] == kind
