"""What a row does to an order book, compiled: for kernels that walk over recorded rows.

``stream.py`` says the same of rows that arrive one by one. In an array both sides of a book are bids, each on a scale
of its own: an ask at level p stands at top - p.
"""

from __future__ import annotations

from typing import Any

from ..ground.jit import Cells, compiled, melted
from ..store.kinds import BookKind
from .stream import LOST, PASSED

DELTA, LEVEL, CLEAR, GAP = int(BookKind.DELTA), int(BookKind.LEVEL), int(BookKind.CLEAR), int(BookKind.GAP)


@melted
def stands_nb(known: bool, kind: int, there: int, size: int) -> int:
    """Return what stands at a row's level after it, where ``there`` lots stood, or ``PASSED`` or ``LOST``.

    A change adds its size, any other kind says itself what stands. A level below zero loses the book.
    """
    if not known:
        return PASSED
    lots = there + size if kind == DELTA else size
    return lots if lots >= 0 else LOST


@compiled
def set_nb(book: Cells, best: Cells, side: int, level: int, size: int) -> None:
    """Put lots at a level and keep the best level of its side, 0 where there is none."""
    book[side, level] = size
    if size > 0:
        best[side] = max(best[side], level)
    elif level == best[side]:
        b = level
        while b > 0 and book[side, b] == 0:
            b -= 1
        best[side] = b


@compiled
def fill_nb(table: Cells, value: Any) -> None:
    """Set every level of both sides."""
    for side in range(2):
        for level in range(table.shape[1]):
            table[side, level] = value


@compiled
def empty_nb(book: Cells, best: Cells, low: Cells) -> None:
    """Take all levels away: from the lowest one that was set since to the best one."""
    for side in range(2):
        for level in range(low[side], best[side] + 1):
            book[side, level] = 0
        best[side], low[side] = 0, book.shape[1]


@melted
def apply_nb(book: Cells, best: Cells, low: Cells, known: bool, kind: int, side: int, level: int, size: int) -> int:
    """Apply a row of any kind to a book; return what stands at its level then, or ``PASSED`` or ``LOST``.

    With lots returned, none included, the book is known. ``low`` holds the lowest level set on each side.
    """
    if kind == CLEAR:
        empty_nb(book, best, low)
        return 0
    if kind == GAP:
        return LOST
    lots = stands_nb(known, kind, book[side, level], size)
    if lots >= 0:
        set_nb(book, best, side, level, lots)
        low[side] = min(low[side], level)
    return lots
