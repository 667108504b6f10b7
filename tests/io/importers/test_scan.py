"""The JSON scanner and the full decoder give one answer."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.io.importers.books.levels import level_lists
from touchline.io.importers.values.lines import TextBlock
from touchline.io.importers.values.scan import JsonScanner, decode
from touchline.io.importers.values.text import OK

from .plain import number

PATHS = {
    "a": ("a",),
    "type": ("frame", "type"),
    "price": ("frame", "msg", "price"),
    "sid": ("frame", "msg", "sid"),
    "top": ("sid",),
}
keys = st.sampled_from(["a", "type", "price", "sid", "frame", "msg", "other", "é"])
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.text(max_size=6),
    st.floats(allow_nan=False, allow_infinity=False),
)
documents = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)), max_leaves=8
)
frames = st.fixed_dictionaries(
    {},
    optional={
        "a": leaves,
        "sid": leaves,
        "frame": st.fixed_dictionaries(
            {}, optional={"type": leaves, "msg": st.dictionaries(keys, documents, max_size=4)}
        ),
    },
)
spacing = st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")])


def plain(line: bytes) -> list[object] | None:
    """Read the paths with the standard library."""
    record, reason = decode(line)
    if reason is not None:
        return None
    found = []
    for path in PATHS.values():
        value: object = record
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        found.append(value)
    return found


def same(text: str | None, value: object) -> bool:
    if value is None or isinstance(value, str):
        return text == value
    return text is not None and json.loads(text, parse_float=str) == value


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(frames, documents), max_size=8), spacing, st.booleans())
def test_every_path_is_what_the_decoder_finds(records: list[object], separators: tuple[str, str], escape: bool) -> None:
    lines = [json.dumps(record, separators=separators, ensure_ascii=escape).encode() for record in records]
    check(lines)


@settings(max_examples=60, deadline=None)
@given(st.lists(frames, min_size=1, max_size=4), st.data())
def test_broken_lines_are_bad_rows_or_what_the_decoder_finds(records: list[object], data: st.DataObject) -> None:
    lines = []
    for record in records:
        line = bytearray(json.dumps(record).encode())
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, len(line) - 1)) if line else 0
            if data.draw(st.booleans()):
                del line[at : at + 1]
            else:
                line[at:at] = data.draw(
                    st.sampled_from([b'"', b"{", b"}", b"[", b",", b":", b"0", b"\\", b"\0", b"\xff", b"null"])
                )
        lines.append(bytes(line))
    check(lines)


def check(lines: list[bytes]) -> None:
    spans = JsonScanner(PATHS).scan(TextBlock(b"".join(line + b"\n" for line in lines), 5, len(lines)))
    frame = spans.frame()
    expected = {5 + at: plain(line) for at, line in enumerate(lines) if line.strip()}
    good = {line: found for line, found in expected.items() if found is not None}
    assert spans.lines.tolist() == list(good)
    assert sorted(bad.line for bad in spans.bad) == sorted(set(expected) - set(good))
    for row, found in zip(frame.rows(), good.values(), strict=True):
        assert all(same(text, value) for text, value in zip(row, found, strict=True)), (row, found)


pairs = st.lists(
    st.tuples(
        st.sampled_from(["0.47", "48", "1e1", "x", "0.00001", ""]), st.sampled_from(["3", "0.01", "-2", "1.234"])
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(pairs, max_size=5), st.booleans(), spacing)
def test_levels_are_those_of_the_json(
    lists: list[list[tuple[str, str]]], quoted: bool, separators: tuple[str, str]
) -> None:
    def item(text: str) -> object:
        return text if quoted or not text or text == "x" else json.loads(text)

    texts = [
        json.dumps([[item(price), item(size)] for price, size in levels], separators=separators).encode()
        for levels in lists
    ]
    data = np.frombuffer(b"".join(texts) + b" ", dtype=np.uint8)
    stops = np.cumsum([len(text) for text in texts], dtype=np.int64)
    begins = stops - np.array([len(text) for text in texts], dtype=np.int64)
    found = level_lists(data, begins, stops, 4, 2)
    at = 0
    for row, levels in enumerate(lists):
        wanted = [(number(price, 4), number(size, 2)) for price, size in levels]
        if any(None in pair for pair in wanted):
            assert found.faults[row] != OK
            continue
        assert found.faults[row] == OK
        count = int(found.counts[row])
        got = list(zip(found.prices[at : at + count].tolist(), found.sizes[at : at + count].tolist(), strict=True))
        assert got == wanted
        at += count
    assert pl.Series(found.counts).sum() == at
