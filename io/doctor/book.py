"""The doctor's replay of recorded books: what is wrong with them, how often, and for how long."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..ground.jit import compiled, kept
from ..ground.units import TICKS_PER_DOLLAR
from ..store.schema import BookKind

#: What the replay looks for, in the order of the columns of `Ailments`.
CROSSED, LOCKED, NEGATIVE, GAP, ONE_SIDED = range(5)
_FINE = -1

_DELTA, _LEVEL, _CLEAR, _GAP = int(BookKind.DELTA), int(BookKind.LEVEL), int(BookKind.CLEAR), int(BookKind.GAP)
_Cells = Any  # a column inside a kernel


class Ailments(NamedTuple):
    """For each ticker (row) and each thing looked for (column): how often, how long, first and last time."""

    times: NDArray[np.int64]
    nanoseconds: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def replay(
    ticker: NDArray[np.int64],
    ts: NDArray[np.int64],
    kind: NDArray[np.int8],
    side: NDArray[np.int8],
    price: NDArray[np.int32],
    size: NDArray[np.int64],
    until: NDArray[np.int64],
) -> Ailments:
    """Replay books one after the other; ``ticker`` counts up from 0, ``until`` is when the last state of each ends.

    A state counts when it lasts: rows of one time are one step. After a gap or a level below zero the book is
    unknown until the next snapshot, and nothing else is said of it.
    """
    shape = (until.size, 5)
    found = Ailments(*(np.zeros(shape, np.int64) for _ in range(4)))
    if ts.size:
        book, best = np.zeros((2, TICKS_PER_DOLLAR + 1), np.int64), np.zeros(4, np.int64)
        _replay_nb(ticker, ts, kind, side, price, size, until, book, best, *found)
    return found


@compiled
def _empty_nb(book: _Cells, best: _Cells) -> None:
    """Clear the part of the book that was touched: ``best`` is best bid, best ask, lowest and highest level."""
    for price in range(best[2], best[3] + 1):
        book[0, price] = 0
        book[1, price] = 0
    best[0], best[1], best[2], best[3] = 0, TICKS_PER_DOLLAR, TICKS_PER_DOLLAR, 0


@compiled
def _set_nb(book: _Cells, best: _Cells, side: int, price: int, size: int) -> None:
    """Put a size at a level and keep the best of its side."""
    at = 0 if side > 0 else 1
    book[at, price] = size
    best[2], best[3] = min(best[2], price), max(best[3], price)
    if at == 0:
        best[0] = max(best[0], price) if size > 0 else best[0]
        while best[0] > 0 and book[0, best[0]] == 0:
            best[0] -= 1
    else:
        best[1] = min(best[1], price) if size > 0 else best[1]
        while best[1] < TICKS_PER_DOLLAR and book[1, best[1]] == 0:
            best[1] += 1


@compiled
def _apply_nb(book: _Cells, best: _Cells, unknown: int, kind: int, side: int, price: int, size: int) -> int:
    """Apply one row; return what makes the book unknown now."""
    if kind == _CLEAR:
        _empty_nb(book, best)
        return _FINE
    if kind == _GAP:
        return GAP
    if unknown != _FINE or not 0 < price < TICKS_PER_DOLLAR or side == 0:
        return unknown
    there = book[0 if side > 0 else 1, price]
    if kind == _DELTA:
        size += there
    if size < 0:
        return NEGATIVE
    _set_nb(book, best, side, price, size)
    return unknown


@kept()
def _replay_nb(
    ticker: _Cells, ts: _Cells, kind: _Cells, side: _Cells, price: _Cells, size: _Cells, until: _Cells,
    book: _Cells, best: _Cells, count: _Cells, nanoseconds: _Cells, first: _Cells, last: _Cells,
) -> None:  # fmt: skip
    state, unknown = _FINE, _FINE
    for i in range(ts.size):
        who = ticker[i]
        if i == 0 or who != ticker[i - 1]:
            _empty_nb(book, best)
            state, unknown = _FINE, _FINE
        before = unknown
        unknown = _apply_nb(book, best, unknown, kind[i], side[i], price[i], size[i])
        if unknown not in (_FINE, before):
            # Every gap is counted, also one that is mended at the same time.
            first[who, unknown] = ts[i] if count[who, unknown] == 0 else first[who, unknown]
            count[who, unknown] += 1
            last[who, unknown] = ts[i]
        end = ts[i + 1] if i + 1 < ts.size and ticker[i + 1] == who else max(until[who], ts[i])
        if end == ts[i]:
            continue
        now = unknown
        if unknown == _FINE:
            has_bid, has_ask = best[0] > 0, best[1] < TICKS_PER_DOLLAR
            if has_bid and has_ask:
                now = CROSSED if best[0] > best[1] else LOCKED if best[0] == best[1] else _FINE
            else:
                now = ONE_SIDED
        if now != _FINE:
            if now != state and unknown == _FINE:
                first[who, now] = ts[i] if count[who, now] == 0 else first[who, now]
                count[who, now] += 1
            nanoseconds[who, now] += end - ts[i]
            last[who, now] = end
        state = now
