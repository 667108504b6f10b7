"""JSON lines to text columns: a compiled scanner for plain lines, a full decoder for the others, one answer.

The scanner takes objects whose strings are plain ASCII without escapes, which is what exchanges send. Whatever it
does not understand, and whatever is broken, goes to the decoder, which reads it or says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...ground.jit import compiled, kept
from ...store.chunk import BadRow
from .lines import TextBlock
from .text import span_decimals, span_times

Path = tuple[str, ...]
_DEEPEST = 8
#: FNV-1a: a key is known by its 64-bit hash.
_BASIS, _PRIME = 0xCBF29CE484222325 - 2**64, 0x100000001B3
#: Bytes that stand for themselves in a string: ASCII without quote, backslash and control characters.
_PLAIN = np.array([32 <= byte < 127 and byte not in (34, 92) for byte in range(256)])
_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
#: Numbers keep their text, so that they are read exactly.
_DECODER = msgspec.json.Decoder(float_hook=str)


@dataclass(frozen=True)
class Spans:
    """The lines of a block, scanned: for each wanted path, where its value stands in ``data``; absent has no length."""

    data: NDArray[np.uint8]
    names: tuple[str, ...]
    begins: NDArray[np.int64]  # one row a path, one column a line
    stops: NDArray[np.int64]
    lines: NDArray[np.int64]  # line numbers
    raw: Callable[[int], str]
    bad: list[BadRow]

    @property
    def height(self) -> int:
        """How many lines hold an object."""
        return self.lines.size

    def at(self, name: str, rows: NDArray[np.int64] | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where a path's values begin and stop, for some rows or all."""
        column = self.names.index(name)
        if rows is None:
            return self.begins[column], self.stops[column]
        return self.begins[column][rows], self.stops[column][rows]

    def texts(self, name: str, rows: NDArray[np.int64] | None = None) -> pl.Series:
        """Return a path's values as text: numbers as written, arrays as JSON, absent as null."""
        return _texts(name, self.data, *self.at(name, rows))

    def decimals(self, name: str, places: int, rows: NDArray[np.int64] | None = None) -> tuple[Any, Any]:
        """Return a path's values times ``10**places`` and their fault codes."""
        return span_decimals(self.data, *self.at(name, rows), places)

    def times(self, name: str, rows: NDArray[np.int64] | None = None) -> tuple[Any, Any, Any]:
        """Return a path's values as ns since 1970, their fault codes, and whether they carry no zone."""
        return span_times(self.data, *self.at(name, rows))

    def words(self, name: str, words: Sequence[str], rows: NDArray[np.int64] | None = None) -> NDArray[np.int8]:
        """Return which of some words a path's values are, by its place among them; -1 for none of them."""
        known = [word.encode() for word in words]
        starts = np.cumsum([0, *map(len, known)], dtype=np.int64)
        begins, stops = self.at(name, rows)
        places = np.empty(begins.size, np.int8)
        _words_nb(self.data, begins, stops, np.frombuffer(b"".join(known), dtype=np.uint8), starts, places)
        return places

    def frame(self) -> pl.DataFrame:
        """Return all paths as columns of text."""
        return pl.DataFrame([self.texts(name) for name in self.names])


class JsonScanner:
    """Finds the values of given paths in every line of JSON.

    >>> scanner = JsonScanner({"price": ("msg", "price"), "seq": ("seq",)})
    >>> scanner.scan(TextBlock(b'{"seq":7,"msg":{"price":"0.47"}}\\n', 1, 1)).frame().rows()
    [('0.47', '7')]
    """

    def __init__(self, paths: dict[str, Path]) -> None:
        self._paths = paths
        entries: dict[Path, int] = {}  # every step of every path, and which entry it is
        for path in paths.values():
            for depth in range(1, len(path) + 1):
                entries.setdefault(path[:depth], len(entries))
        keys = [path[-1].encode() for path in entries]
        columns = {path: at for at, path in enumerate(paths.values())}
        self._parents = np.array([entries.get(path[:-1], -1) for path in entries], dtype=np.int64)
        self._columns = np.array([columns.get(path, -1) for path in entries], dtype=np.int64)
        self._hashes = np.array([_hash(key) for key in keys], dtype=np.int64)
        if len(set(self._hashes.tolist())) != len(set(keys)):
            raise ValueError(f"two of the keys {keys} have one hash")
        self._table = _table(self._hashes)

    def scan(self, block: TextBlock) -> Spans:
        """Scan a block; blank lines have no row, broken ones are bad rows."""
        text = block.text if block.text.endswith(b"\n") else block.text + b"\n"
        data = np.frombuffer(text, dtype=np.uint8)
        shape, starts = (len(self._paths), block.count), np.zeros(block.count + 1, np.int64)
        begins, stops = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
        plain = np.zeros(block.count, np.bool_)
        table = (self._table, self._hashes, self._parents, self._columns)
        _scan_nb(data, starts, *table, begins, stops, plain)
        bad: list[BadRow] = []
        if not plain.all():
            data = self._decode(text, starts, block.line, begins, stops, plain, bad)
            begins, stops = np.ascontiguousarray(begins[:, plain]), np.ascontiguousarray(stops[:, plain])
        if block.damage:
            bad.append(BadRow(block.line + max(block.count - 1, 0), block.damage, ""))
        rows = np.flatnonzero(plain)

        def raw(row: int) -> str:
            return text[starts[rows[row]] : starts[rows[row] + 1]].decode("utf-8", errors="replace").rstrip()

        return Spans(data, tuple(self._paths), begins, stops, rows + block.line, raw, bad)

    def _decode(
        self,
        text: bytes,
        starts: NDArray[np.int64],
        first: int,
        begins: NDArray[np.int64],
        stops: NDArray[np.int64],
        plain: NDArray[np.bool_],
        bad: list[BadRow],
    ) -> NDArray[np.uint8]:
        """Decode the lines that the scanner did not take; their values are appended to the text."""
        added: list[bytes] = [text]
        size = len(text)
        for row in np.flatnonzero(~plain):
            line = text[starts[row] : starts[row + 1]]
            begins[:, row] = stops[:, row] = -1
            if not line.strip():
                continue
            record, reason = decode(line)
            if reason is not None:
                bad.append(BadRow(first + int(row), reason, line.decode("utf-8", errors="replace").rstrip()))
                continue
            plain[row] = True
            for column, path in enumerate(self._paths.values()):
                value = _at(record, path)
                if value is not None:
                    added.append(value.encode("utf-8", errors="replace"))
                    begins[column, row], stops[column, row] = size, size + len(added[-1])
                    size += len(added[-1])
        return np.frombuffer(b"".join(added), dtype=np.uint8)


def _table(hashes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a table in which the low bits of a key's hash find its first entry; the others come after it."""
    size = 64
    while True:
        slots: dict[int, int] = {}
        if all(slots.setdefault(value % size, value) == value for value in hashes.tolist()):
            table = np.full(size, -1, np.int64)
            for entry in reversed(range(hashes.size)):
                table[hashes[entry] % size] = entry
            return table
        size *= 2


def _hash(key: bytes) -> int:
    """Return the 64-bit FNV-1a hash of a key, as a signed number."""
    value = _BASIS
    for byte in key:
        value = ((value ^ byte) * _PRIME) & (2**64 - 1)
    return value - 2**64 if value >= 2**63 else value


def decode(line: bytes) -> tuple[dict[str, Any], str | None]:
    """Decode a line into an object, or say why it is none."""
    try:
        record = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return {}, f"not JSON: {error}"
    return (record, None) if isinstance(record, dict) else ({}, "not a JSON object")


def text_of(value: object) -> str | None:
    """Write a decoded value the way the scanner finds it."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | dict | list) else str(value)


def _at(record: Any, path: Path) -> str | None:
    for step in path:
        if not isinstance(record, dict) or step not in record:
            return None
        record = record[step]
    return text_of(record)


def _texts(name: str, data: NDArray[np.uint8], begins: NDArray[np.int64], stops: NDArray[np.int64]) -> pl.Series:
    """Gather pieces of the text into a column; a piece that begins before the text is null."""
    import pyarrow as pa

    present = begins >= 0
    if not present.any():
        return pl.Series(name, [None], dtype=pl.String).new_from_index(0, begins.size)
    offsets = np.zeros(begins.size + 1, np.int64)
    np.cumsum(stops - begins, out=offsets[1:])
    gathered = np.empty(int(offsets[-1]), np.uint8)
    _gather_nb(data, np.ascontiguousarray(begins), offsets, gathered)
    validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    pieces = [validity, pa.py_buffer(offsets), pa.py_buffer(gathered)]
    return pl.Series(name, pa.Array.from_buffers(pa.large_string(), begins.size, pieces), dtype=pl.String)


@compiled
def _space_nb(data: NDArray[np.uint8], at: int) -> int:
    while data[at] == 32 or data[at] == 9 or data[at] == 13:
        at += 1
    return at


@compiled
def _string_nb(data: NDArray[np.uint8], at: int) -> int:
    """Return where the string whose first character is at ``at`` closes, or -1 if it is not plain."""
    while _PLAIN[data[at]]:
        at += 1
    return at if data[at] == 34 else -1


@compiled
def _key_nb(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Return where a key closes, or -1, and its hash."""
    value = _BASIS
    while _PLAIN[data[at]]:
        value = (value ^ data[at]) * _PRIME
        at += 1
    return (at if data[at] == 34 else -1), value


@compiled
def _digit_nb(data: NDArray[np.uint8], at: int) -> bool:
    return 48 <= data[at] <= 57


@compiled
def _literal_nb(data: NDArray[np.uint8], at: int) -> int:
    """Return the end of the number, true, false or null at ``at``, or -1."""
    first = data[at]
    if first == 116 and data[at + 1] == 114 and data[at + 2] == 117 and data[at + 3] == 101:
        return at + 4
    if first == 110 and data[at + 1] == 117 and data[at + 2] == 108 and data[at + 3] == 108:
        return at + 4
    if first == 102 and data[at + 1] == 97 and data[at + 2] == 108 and data[at + 3] == 115 and data[at + 4] == 101:
        return at + 5
    if first == 45:
        at += 1
    if not _digit_nb(data, at):
        return -1
    zero = data[at] == 48
    at += 1
    while _digit_nb(data, at):
        if zero:
            return -1
        at += 1
    if data[at] == 46:
        at += 1
        if not _digit_nb(data, at):
            return -1
        while _digit_nb(data, at):
            at += 1
    if data[at] | 32 == 101:
        at += 1
        if data[at] == 43 or data[at] == 45:
            at += 1
        if not _digit_nb(data, at):
            return -1
        while _digit_nb(data, at):
            at += 1
    return at


@compiled
def _array_nb(data: NDArray[np.uint8], at: int) -> int:
    """Return the end of the array at ``at``: plain strings, literals and arrays, strictly; or -1."""
    depth, value = 0, True  # whether a value may stand here
    while True:
        at = _space_nb(data, at)
        byte = data[at]
        if byte == 91 and value:
            depth += 1
            at = _space_nb(data, at + 1)
            if data[at] != 93:
                continue
            byte, value = data[at], False
        if byte == 93 and not value:
            depth -= 1
            at += 1
            if depth == 0:
                return at
        elif byte == 44 and not value:
            at, value = at + 1, True
        elif value:
            at = _string_nb(data, at + 1) + 1 if byte == 34 else _literal_nb(data, at)
            if at <= 0:
                return -1
            value = False
        else:
            return -1


@compiled
def _entry_nb(
    hashed: int, parent: int, table: NDArray[np.int64], hashes: NDArray[np.int64], parents: NDArray[np.int64]
) -> int:
    """Return which wanted step a key is, or -1."""
    entry = table[hashed & (table.size - 1)]
    while 0 <= entry < hashes.size:
        if hashes[entry] == hashed and parents[entry] == parent:
            return entry
        entry += 1
    return -1


@compiled
def _line_nb(
    data: NDArray[np.uint8],
    at: int,
    row: int,
    table: NDArray[np.int64],
    hashes: NDArray[np.int64],
    parents: NDArray[np.int64],
    columns: NDArray[np.int64],
    begins: NDArray[np.int64],
    stops: NDArray[np.int64],
    stack: NDArray[np.int64],
) -> int:
    """Scan one object: where its line ends, or -1; the line end stops every loop, as no token holds one."""
    at = _space_nb(data, at)
    if data[at] != 123:
        return -1
    parent: Any = -1
    depth, at, empty = 0, at + 1, True
    while True:
        at = _space_nb(data, at)
        if data[at] == 34:
            closing, hashed = _key_nb(data, at + 1)
            if closing < 0:
                return -1
            entry = _entry_nb(hashed, parent, table, hashes, parents)
            at = _space_nb(data, closing + 1)
            if data[at] != 58:
                return -1
            at = _space_nb(data, at + 1)
            if data[at] == 123:
                if entry < 0 or columns[entry] >= 0 or depth + 1 == stack.size:
                    return -1
                stack[depth] = parent
                depth, at, parent, empty = depth + 1, at + 1, entry, True
                continue
            begin, null = at, data[at] == 110
            if data[at] == 34:
                begin = at + 1
                stop = _string_nb(data, begin)
                at = stop + 1
            else:
                stop = _array_nb(data, at) if data[at] == 91 else _literal_nb(data, at)
                at = stop
            if stop < 0:
                return -1
            if entry >= 0:
                column = columns[entry]
                if column < 0 or begins[column, row] >= 0:
                    return -1
                if not null:
                    begins[column, row], stops[column, row] = begin, stop
        elif data[at] != 125 or not empty:
            return -1
        at = _space_nb(data, at)
        while data[at] == 125:
            at = _space_nb(data, at + 1)
            if depth == 0:
                return at if data[at] == 10 else -1
            depth -= 1
            parent = stack[depth]
        if data[at] != 44:
            return -1
        at, empty = at + 1, False


@kept(
    numba.void(
        _BYTES,
        numba.int64[::1],
        numba.int64[::1],
        numba.int64[::1],
        numba.int64[::1],
        numba.int64[::1],
        numba.int64[:, ::1],
        numba.int64[:, ::1],
        numba.boolean[::1],
    )
)
def _scan_nb(
    data: NDArray[np.uint8],
    lines: NDArray[np.int64],
    table: NDArray[np.int64],
    hashes: NDArray[np.int64],
    parents: NDArray[np.int64],
    columns: NDArray[np.int64],
    begins: NDArray[np.int64],
    stops: NDArray[np.int64],
    plain: NDArray[np.bool_],
) -> None:
    stack = np.empty(_DEEPEST, np.int64)
    at = 0
    for row in range(plain.size):
        end = _line_nb(data, at, row, table, hashes, parents, columns, begins, stops, stack)
        plain[row] = end >= 0
        if end < 0:
            end = at
            while data[end] != 10:
                end += 1
        at = end + 1
        lines[row + 1] = at


@kept(numba.void(_BYTES, numba.int64[::1], numba.int64[::1], numba.uint8[::1]))
def _gather_nb(
    data: NDArray[np.uint8], begins: NDArray[np.int64], offsets: NDArray[np.int64], gathered: NDArray[np.uint8]
) -> None:
    for row in range(begins.size):
        begin = begins[row]
        for at in range(offsets[row], offsets[row + 1]):
            gathered[at] = data[begin + at - offsets[row]]


@kept(numba.void(_BYTES, numba.int64[::1], numba.int64[::1], _BYTES, numba.int64[::1], numba.int8[::1]))
def _words_nb(
    data: NDArray[np.uint8],
    begins: NDArray[np.int64],
    stops: NDArray[np.int64],
    known: NDArray[np.uint8],
    starts: NDArray[np.int64],
    places: NDArray[np.int8],
) -> None:
    for row in range(begins.size):
        begin, length = begins[row], stops[row] - begins[row]
        places[row] = -1
        for word in range(starts.size - 1):
            if begin >= 0 and starts[word + 1] - starts[word] == length:
                at = 0
                while at < length and data[begin + at] == known[starts[word] + at]:
                    at += 1
                if at == length:
                    places[row] = word
                    break
