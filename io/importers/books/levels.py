"""Lists of ``[price, size]`` levels as columns: compiled, strict, and exact."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from ...ground.jit import compiled, kept
from ..values.text import MALFORMED, OK, _decimal_nb

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)


@dataclass(frozen=True)
class LevelLists:
    """The levels of many lists, one after the other."""

    counts: NDArray[np.int64]  # levels in each list; a list with a fault has none
    faults: NDArray[np.uint8]
    prices: NDArray[np.int64]
    sizes: NDArray[np.int64]


def level_lists(
    data: NDArray[np.uint8],
    begins: NDArray[np.int64],
    stops: NDArray[np.int64],
    price_places: int,
    size_places: int,
) -> LevelLists:
    """Read JSON lists of levels, numbers or strings of numbers; an absent list is an empty side.

    >>> text = np.frombuffer(b'[["0.47","3.00"],[0.48,5]]', dtype=np.uint8)
    >>> level_lists(text, np.array([0]), np.array([26]), 4, 2).prices.tolist()
    [4700, 4800]
    """
    counts, faults = np.zeros(begins.size, np.int64), np.zeros(begins.size, np.uint8)
    room = int((stops - begins).sum()) // 5 + 1  # the shortest level is [1,1]
    prices, sizes = np.empty(room, np.int64), np.empty(room, np.int64)
    total = _level_lists_nb(data, begins, stops, price_places, size_places, counts, faults, prices, sizes)
    return LevelLists(counts, faults, prices[:total], sizes[:total])


@compiled
def _skip_nb(data: NDArray[np.uint8], at: int, end: int) -> int:
    while at < end and (data[at] == 32 or data[at] == 9):
        at += 1
    return at


@compiled
def _number_nb(data: NDArray[np.uint8], at: int, end: int, places: int) -> tuple[int, int, int]:
    """Read a number, quoted or not: its value, its fault, and where it ends."""
    at = _skip_nb(data, at, end)
    quoted = at < end and data[at] == 34
    start = at + 1 if quoted else at
    stop = start
    while stop < end and data[stop] != 34 and data[stop] != 44 and data[stop] != 93 and data[stop] != 91:
        stop += 1
    value, fault = _decimal_nb(data, start, stop, places)
    if quoted:
        if stop >= end or data[stop] != 34:
            return 0, MALFORMED, stop
        stop += 1
    return value, fault, _skip_nb(data, stop, end)


@compiled
def _level_nb(
    data: NDArray[np.uint8], at: int, end: int, price_places: int, size_places: int
) -> tuple[int, int, int, int]:
    """Read one level: price, size, fault, and where it ends."""
    if at >= end or data[at] != 91:
        return 0, 0, MALFORMED, at
    price, fault, at = _number_nb(data, at + 1, end, price_places)
    if fault != OK:
        return 0, 0, fault, at
    if at >= end or data[at] != 44:
        return 0, 0, MALFORMED, at
    size, fault, at = _number_nb(data, at + 1, end, size_places)
    if fault != OK:
        return 0, 0, fault, at
    if at >= end or data[at] != 93:
        return 0, 0, MALFORMED, at
    return price, size, OK, at + 1


@kept(
    numba.int64(
        _BYTES,
        numba.int64[::1],
        numba.int64[::1],
        numba.int64,
        numba.int64,
        numba.int64[::1],
        numba.uint8[::1],
        numba.int64[::1],
        numba.int64[::1],
    )
)
def _level_lists_nb(
    data: NDArray[np.uint8],
    begins: NDArray[np.int64],
    stops: NDArray[np.int64],
    price_places: int,
    size_places: int,
    counts: NDArray[np.int64],
    faults: NDArray[np.uint8],
    prices: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> int:
    total = 0
    for row in range(begins.size):
        end, first = stops[row], total
        if begins[row] >= end:
            continue
        at = _skip_nb(data, begins[row], end)
        fault = OK if at < end and data[at] == 91 else MALFORMED
        at = _skip_nb(data, at + 1, end)
        closed = at < end and data[at] == 93
        while fault == OK and not closed:
            price, size, fault, at = _level_nb(data, at, end, price_places, size_places)
            if fault != OK:
                break
            prices[total], sizes[total] = price, size
            total += 1
            at = _skip_nb(data, at, end)
            closed = at < end and data[at] == 93
            if not closed:
                if at >= end or data[at] != 44:
                    fault = MALFORMED
                at = _skip_nb(data, at + 1, end)
        if fault == OK and _skip_nb(data, at + 1, end) != end:
            fault = MALFORMED
        if fault != OK:
            total = first
        counts[row], faults[row] = total - first, fault
    return total
