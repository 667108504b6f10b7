"""The sample's rows as the text of its captures, compiled: a template is constant pieces with whole numbers between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..ground.jit import Cells, compiled, kept

INT, PRICE, SIZE, TEXT, UUID = range(5)  # 12 · 0.4700 · -3.00 · the text with this number · an id made of the number


class Templates(NamedTuple):
    """Templates laid out flat for the kernel."""

    pieces: NDArray[np.uint8]
    ends: NDArray[np.int64]  # (template, piece): where its text ends; the one before it is where it starts
    kinds: NDArray[np.int64]  # (template, field), -1 after the last


class Texts(NamedTuple):
    """A table of texts laid out flat for the kernel."""

    data: NDArray[np.uint8]
    ends: NDArray[np.int64]


def templates(written: Sequence[Sequence[bytes | int]]) -> Templates:
    """Lay out templates, each a list of constant bytes and field kinds in turn, bytes first and last."""
    fields = max(len(parts) // 2 for parts in written)
    ends = np.zeros((len(written), fields + 1), np.int64)
    kinds = np.full((len(written), fields), -1, np.int64)
    pieces = b""
    for row, parts in enumerate(written):
        for index, part in enumerate(parts):
            if isinstance(part, bytes):
                pieces += part
                ends[row, index // 2] = len(pieces)
            else:
                kinds[row, index // 2] = part
        ends[row, (len(parts) + 1) // 2 :] = len(pieces)
    return Templates(np.frombuffer(pieces, np.uint8), ends, kinds)


def texts(listed: Sequence[str]) -> Texts:
    """Lay out a table of texts."""
    encoded = [text.encode() for text in listed]
    return Texts(np.frombuffer(b"".join(encoded), np.uint8), np.array([len(t) for t in encoded], np.int64).cumsum())


def render(
    layout: Templates, table: Texts, template: NDArray[np.int64], fields: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return the text of all rows as bytes: row i is template ``template[i]`` filled with ``fields[:, i]``."""
    out = np.empty(_bound(layout, table, template, fields), np.uint8)
    end = _render_nb(out, layout.pieces, layout.ends, layout.kinds, table.data, table.ends, template, fields)
    return out[:end]


def _bound(layout: Templates, table: Texts, template: NDArray[np.int64], fields: NDArray[np.int64]) -> int:
    """Bytes that suffice for all rows."""
    lengths = np.diff(table.ends, prepend=0)
    total = 0
    for row, kinds in enumerate(layout.kinds):
        chosen = np.flatnonzero(template == row)
        constant = layout.ends[row, -1] - (layout.ends[row - 1, -1] if row else 0)
        total += chosen.size * int(constant + _WIDEST * (kinds >= 0).sum())
        for field in np.flatnonzero(kinds == TEXT):
            total += int(lengths[fields[field, chosen]].sum())
    return total


#: An id has 36 letters, a number at most 21.
_WIDEST = 36


@compiled
def _digits_nb(out: Cells, at: int, value: int, least: int) -> int:
    """A number that is not negative, with at least so many digits."""
    count = 1
    rest = value // 10
    while rest > 0 or count < least:
        count += 1
        rest //= 10
    for i in range(count):
        out[at + count - 1 - i] = 48 + value % 10
        value //= 10
    return at + count


@compiled
def _fixed_nb(out: Cells, at: int, value: int, scale: int, decimals: int) -> int:
    """A signed number with so many decimals; ``scale`` is ten to their power."""
    if value < 0:
        out[at] = 45
        at += 1
        value = -value
    at = _digits_nb(out, at, value // scale, 1)
    if decimals == 0:
        return at
    out[at] = 46
    return _digits_nb(out, at + 1, value % scale, decimals)


@compiled
def _uuid_nb(out: Cells, at: int, number: int) -> int:
    """An id in the usual form, spread from a number so that two numbers never share one."""
    word = np.uint64(number) * np.uint64(0x9E3779B97F4A7C15)
    for i in range(32):
        if i == 16:
            word = (word ^ (word >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        if i in (8, 12, 16, 20):
            out[at] = 45
            at += 1
        digit = np.int64((word >> np.uint64(60 - 4 * (i % 16))) & np.uint64(15))
        out[at] = 48 + digit if digit < 10 else 87 + digit
        at += 1
    return at


@kept()
def _render_nb(
    out: Cells,
    pieces: Cells,
    ends: Cells,
    kinds: Cells,
    data: Cells,
    text_ends: Cells,
    template: Cells,
    fields: Cells,
) -> int:
    at = 0
    for i in range(template.size):
        row = template[i]
        start = ends[row - 1, -1] if row > 0 else 0
        for f in range(kinds.shape[1] + 1):
            stop = ends[row, f]
            for j in range(start, stop):
                out[at] = pieces[j]
                at += 1
            start = stop
            if f == kinds.shape[1] or kinds[row, f] < 0:
                break
            kind, value = kinds[row, f], fields[f, i]
            if kind == INT:
                at = _fixed_nb(out, at, value, 1, 0)
            elif kind == PRICE:
                at = _fixed_nb(out, at, value, 10_000, 4)
            elif kind == SIZE:
                at = _fixed_nb(out, at, value, 100, 2)
            elif kind == TEXT:
                for j in range(text_ends[value - 1] if value > 0 else 0, text_ends[value]):
                    out[at] = data[j]
                    at += 1
            else:
                at = _uuid_nb(out, at, value)
    return at
