"""The doctor's replay of recorded books: what is wrong with them, how often, and for how long."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..book import columns
from ..book.columns import CLEAR, LOST, PASSED, apply_nb, empty_nb
from ..ground.jit import compiled, kept
from ..ground.units import TICKS_PER_DOLLAR

#: What the replay looks for, in the order of the columns of `Ailments`.
CROSSED, LOCKED, NEGATIVE, GAP, ONE_SIDED = range(5)
_FINE = -1

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
        book, best = np.zeros((2, TICKS_PER_DOLLAR + 1), np.int64), np.zeros(2, np.int64)
        _replay_nb(ticker, ts, kind, side, price, size, until, book, best, np.zeros(2, np.int64), *found)
    return found


@compiled
def _apply_nb(
    book: _Cells, best: _Cells, low: _Cells, unknown: int, kind: int, side: int, price: int, size: int
) -> int:
    """Apply one row; return what makes the book unknown now. Levels that no book can have are passed over."""
    if kind not in (CLEAR, columns.GAP) and (not 0 < price < TICKS_PER_DOLLAR or side == 0):
        return unknown
    at = 0 if side > 0 else 1
    lots = apply_nb(book, best, low, unknown == _FINE, kind, at, price if at == 0 else TICKS_PER_DOLLAR - price, size)
    if lots == PASSED:
        return unknown
    if lots == LOST:
        return GAP if kind == columns.GAP else NEGATIVE
    return _FINE


@kept()
def _replay_nb(
    ticker: _Cells, ts: _Cells, kind: _Cells, side: _Cells, price: _Cells, size: _Cells, until: _Cells,
    book: _Cells, best: _Cells, low: _Cells, count: _Cells, nanoseconds: _Cells, first: _Cells, last: _Cells,
) -> None:  # fmt: skip
    state, unknown = _FINE, _FINE
    for i in range(ts.size):
        who = ticker[i]
        if i == 0 or who != ticker[i - 1]:
            empty_nb(book, best, low)
            state, unknown = _FINE, _FINE
        before = unknown
        unknown = _apply_nb(book, best, low, unknown, kind[i], side[i], price[i], size[i])
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
            bid, ask = best[0], TICKS_PER_DOLLAR - best[1]
            if bid > 0 and ask < TICKS_PER_DOLLAR:
                now = CROSSED if bid > ask else LOCKED if bid == ask else _FINE
            else:
                now = ONE_SIDED
        if now != _FINE:
            if now != state and unknown == _FINE:
                first[who, now] = ts[i] if count[who, now] == 0 else first[who, now]
                count[who, now] += 1
            nanoseconds[who, now] += end - ts[i]
            last[who, now] = end
        state = now
