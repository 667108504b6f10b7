"""Flat records, one row each, from CSV, JSON lines and Parquet: batches of columns with line numbers and raw text."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from ...ground.errors import InputError
from ...store.chunk import BadRow
from ..base import Sample
from . import arrow
from .lines import QUOTED_LINES, TextBlock, blocks

PARQUET_ROWS = 500_000
#: Bytes of text, or rows, that are enough to see what kind of values a file holds.
HEAD_BYTES, HEAD_ROWS = 1 << 16, 1000
#: Numbers keep their text, so that they are read exactly.
_JSON = msgspec.json.Decoder(float_hook=str)


@dataclass
class Batch:
    """Some records of a source: text columns (typed ones from Parquet), where they stood, and what was unreadable.

    A batch read the quick way does not know its lines; ``careful`` reads it again, row by row, when a row is in doubt.
    """

    frame: pl.DataFrame
    lines: Sequence[int] = ()
    raw: Callable[[int], str] = str
    bad: list[BadRow] = field(default_factory=list)
    careful: Callable[[], Batch] | None = None


def batches(
    sample: Sample, renames: Mapping[str, str], integers: Container[str] = (), *, head: bool = False
) -> Iterator[Callable[[], Batch]]:
    """Cut a file into batches, each read only when called; each has at least the columns of the file's sample.

    ``renames`` is the file's column -> our name; ``integers`` are the columns that can only mean numbers. With ``head``
    batches are small, for who wants a look at the first.
    """
    if sample.container in arrow.CONTAINERS.values():
        return _arrow(sample, renames, HEAD_ROWS if head else PARQUET_ROWS)
    size = HEAD_BYTES if head else None
    if sample.container == "csv":
        return _csv(sample.path, renames, integers, size)
    return _jsonl(sample, renames, size)


def header(line: bytes) -> tuple[list[str], str]:
    """Return the columns of a CSV header and the separator that makes most of them."""
    text = line.decode("utf-8", errors="replace").strip("\r\n")
    separator = max(",\t;|", key=text.count)
    try:
        columns = next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error as error:
        raise InputError(f"the first line is no CSV header: {error}") from None
    return [column.strip() for column in columns], separator


def renamed(columns: Sequence[str], renames: Mapping[str, str]) -> list[str]:
    """Name the columns as the user maps them; a repeated name gets a number, as only one can be meant."""
    names: list[str] = []
    for column in columns:
        name, count = renames.get(column, column), 2
        while name in names:
            name, count = f"{renames.get(column, column)}_{count}", count + 1
        names.append(name)
    return names


def _csv(
    path: Path, renames: Mapping[str, str], integers: Container[str], size: int | None
) -> Iterator[Callable[[], Batch]]:
    columns: list[str] = []
    separator = ","
    schema: dict[str, pl.DataType] = {}
    for block in blocks(path, size):
        body = block
        if not columns:
            first, _, rest = block.text.partition(b"\n")
            found, separator = header(first)
            columns = renamed(found, renames)
            body = TextBlock(rest, block.line + 1, block.count - 1, block.damage)
            schema = _schema(rest, columns, separator, integers)
        if body.text or body.damage:
            yield partial(_csv_quick, body, schema, separator)


def _schema(text: bytes, columns: list[str], separator: str, integers: Container[str]) -> dict[str, pl.DataType]:
    """Read as whole numbers the columns that mean numbers and begin as such, and everything else as text."""
    head = [line.decode("utf-8", errors="replace").strip().split(separator) for line in text[:65536].split(b"\n")[:100]]
    rows = [row for row in head[:-1] if len(row) == len(columns)]
    whole = {
        name
        for at, name in enumerate(columns)
        if name in integers and rows and all(row[at].isascii() and row[at].isdigit() for row in rows)
    }
    return {name: pl.Int64() if name in whole else pl.String() for name in columns}


def _csv_quick(block: TextBlock, schema: dict[str, pl.DataType], separator: str) -> Batch:
    """Read a block at once; whatever is not perfectly regular is read again with care."""
    text = block.text

    def careful() -> Batch:
        return _csv_careful(block, list(schema), separator)

    if block.damage or b'"' in text or b"\r" in text or b"\0" in text:
        return careful()
    try:
        frame = pl.read_csv(text, has_header=False, schema=schema, separator=separator, quote_char=None)
    except pl.exceptions.PolarsError:
        return careful()
    # A short row shows as a null in its last column.
    if frame.height != block.count or frame.to_series(-1).null_count():
        return careful()
    return Batch(frame, careful=careful)


def _csv_careful(block: TextBlock, columns: list[str], separator: str) -> Batch:
    lines = block.text.decode("utf-8", errors="replace").split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    rows: list[list[str]] = []
    numbers: list[int] = []
    raws: list[str] = []
    bad: list[BadRow] = []
    at = 0
    while at < len(lines):
        fields, taken, reason = _record(lines, at, len(columns), separator)
        raw = "\n".join(lines[at : at + taken])
        if reason is None and "\ufffd" in raw:
            reason = "not UTF-8 text"
        if reason is not None:
            bad.append(BadRow(block.line + at, reason, raw))
        elif fields:
            rows.append(fields)
            numbers.append(block.line + at)
            raws.append(raw)
        at += taken
    if block.damage:
        bad.append(BadRow(block.line + max(len(lines) - 1, 0), block.damage, lines[-1] if lines else ""))
    data = dict(zip(columns, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(columns, ())
    frame = pl.DataFrame({name: pl.Series(name, values, dtype=pl.String) for name, values in data.items()})
    return Batch(frame, numbers, raws.__getitem__, bad)


def _record(lines: list[str], at: int, width: int, separator: str) -> tuple[list[str], int, str | None]:
    """Read the record that begins at a line: its fields, how many lines it takes, and what is wrong with it."""
    line = lines[at].rstrip("\r")
    if '"' not in line:
        if not line.strip():
            return [], 1, None
        fields = line.split(separator)
        reason = None if len(fields) == width else f"{len(fields)} fields, {width} expected"
        return fields, 1, reason
    taken, quotes = 1, line.count('"')
    while quotes % 2 and taken <= QUOTED_LINES and at + taken < len(lines):
        quotes += lines[at + taken].count('"')
        taken += 1
    if quotes % 2:
        return [], 1, "a quote is opened and not closed"
    try:
        text = [part.rstrip("\r") + "\n" for part in lines[at : at + taken]]
        fields = next(csv.reader(text, delimiter=separator, strict=True))
    except (csv.Error, StopIteration) as error:
        return [], 1, f"not a CSV record: {error}"
    if len(fields) != width:
        return [], 1, f"{len(fields)} fields, {width} expected"
    return fields, taken, None


def _jsonl(sample: Sample, renames: Mapping[str, str], size: int | None) -> Iterator[Callable[[], Batch]]:
    for block in blocks(sample.path, size, quoted=False):
        yield partial(_json_batch, block, renames, sample.columns)


def _json_batch(block: TextBlock, renames: Mapping[str, str], known: Sequence[str]) -> Batch:
    """Read a block of JSON lines; every value becomes its text, and what is missing is null."""
    records, numbers, raws, bad = json_records(block)
    reach(records, renames)
    columns: dict[str, list[str | None]] = {}
    for index, record in enumerate(records):
        for key, value in record.items():
            column = columns.setdefault(key, [])
            if len(column) < index:
                column.extend([None] * (index - len(column)))
            column.append(value if value is None or type(value) is str else _text(value))
    for column in columns.values():
        column.extend([None] * (len(records) - len(column)))
    found = dict(zip(renamed(list(columns), renames), columns.values(), strict=True))
    nothing: list[str | None] = [None] * len(records)
    found |= {name: nothing for name in known if name not in found}
    frame = pl.DataFrame([pl.Series(name, values, dtype=pl.String) for name, values in found.items()])
    return Batch(frame, numbers, raws.__getitem__, bad)


def json_records(block: TextBlock) -> tuple[list[dict[str, Any]], list[int], list[str], list[BadRow]]:
    """Decode a block of JSON lines: the objects, their line numbers, their raw text, and what is no object."""
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    raws: list[str] = []
    bad: list[BadRow] = []
    lines = block.text.split(b"\n")
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        raw = line.decode("utf-8", errors="replace").rstrip("\r")
        try:
            record, reason = _JSON.decode(line), "not a JSON object"
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            record, reason = None, f"not JSON: {error}"
        if isinstance(record, dict):
            records.append(record)
            numbers.append(block.line + at)
            raws.append(raw)
        else:
            bad.append(BadRow(block.line + at, reason, raw))
    if block.damage:
        bad.append(BadRow(block.line + max(len(lines) - 1, 0), block.damage, raws[-1] if raws else ""))
    return records, numbers, raws, bad


def reach(records: Iterable[dict[str, Any]], names: Iterable[str]) -> None:
    """Give records a column for each name with dots, ``a.b`` the field ``b`` of their object ``a``."""
    for name in names:
        if "." in name:
            steps = name.split(".")
            for record in records:
                value: Any = record.get(name)
                if name not in record:
                    value = record
                    for step in steps:
                        value = value.get(step) if isinstance(value, dict) else None
                if value is not None:
                    record[name] = value


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool | dict | list) else str(value)


def _arrow(sample: Sample, renames: Mapping[str, str], rows: int) -> Iterator[Callable[[], Batch]]:
    first = 1
    for part in arrow.parts(sample.path, sample.container, rows):
        yield partial(_typed, part, first, renames)
        first += part.num_rows


def _typed(part: Any, first: int, renames: Mapping[str, str]) -> Batch:
    given = pl.from_arrow(part)
    assert isinstance(given, pl.DataFrame)
    given = given.with_columns(
        pl.col(name.split(".")[0]).struct.field(name.split(".")[1]).alias(name)
        for name in renames
        if name not in given.columns and arrow.field_of(given.schema, name)
    )
    frame = given.rename(dict(zip(given.columns, renamed(given.columns, renames), strict=True)))
    texts = [name for name, dtype in frame.schema.items() if dtype in (pl.Categorical, pl.Enum)]
    return Batch(
        frame.with_columns(pl.col(texts).cast(pl.String)),
        range(first, first + frame.height),
        lambda row: json.dumps(frame.row(row, named=True), default=str),
    )
