"""The book as signals are told of it: level sizes, and the five best levels of each side."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
from ....features.signals.event import BOOK, GAP, NEAR
from ....io.ground.jit import melted


@melted
def change_nb(kind, side, level, size, book):
    """Do to the book what an event says. Returns by how many lots a level grew."""
    if kind == BOOK:
        before = book[side, level]
        book[side, level] = size
        return size - before
    if kind == GAP:
        for s in range(2):
            for at in range(book.shape[1]):
                book[s, at] = 0
    return 0


@melted
def write_nb(near, levels, side, m, level, size, ticks, top):
    """Write one of the best levels down; ``levels`` has them on the side's own scale."""
    levels[side, m] = level
    near[2 * side, m] = (ticks[level] if side == 0 else ticks[top - level]) if level > 0 else 0
    near[2 * side + 1, m] = size


@melted
def move_nb(near, levels, side, to, at):
    """Write a level where another one stood."""
    levels[side, to] = levels[side, at]
    near[2 * side, to] = near[2 * side, at]
    near[2 * side + 1, to] = near[2 * side + 1, at]


@melted
def near_nb(kind, side, level, size, book, near, levels, ticks, top):
    """Bring the best levels up to a change of the book."""
    if kind == GAP:
        for s in range(2):
            for m in range(NEAR):
                write_nb(near, levels, s, m, 0, 0, ticks, top)
    if kind != BOOK or level < levels[side, NEAR - 1]:
        return
    m = 0
    while m < NEAR and levels[side, m] > level:
        m += 1
    if m == NEAR:
        return
    stands = levels[side, m] == level
    if size > 0:
        if not stands:
            for to in range(NEAR - 1, m, -1):
                move_nb(near, levels, side, to, to - 1)
        write_nb(near, levels, side, m, level, size, ticks, top)
    elif stands:
        deepest = levels[side, NEAR - 1]
        for to in range(m, NEAR - 1):
            move_nb(near, levels, side, to, to + 1)
        at = deepest - 1
        while at > 0 and book[side, at] == 0:
            at -= 1
        at = max(at, 0)
        write_nb(near, levels, side, NEAR - 1, at, book[side, at], ticks, top)
