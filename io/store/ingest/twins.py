"""Imports that brought the same rows as one before them, from another file or under options that changed nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import polars as pl

from ..files.manifest import ImportRecord, StoreState
from ..files.place import Place
from ..reading import read
from ..schema import TABLES

#: A table's rows, told by how many they are and by sums over the hashes of each, whatever their order.
Content = tuple[int, int, int]


def twins(
    place: Place, state: StoreState, records: Sequence[ImportRecord], rows: Mapping[str, pl.LazyFrame]
) -> dict[str, ImportRecord]:
    """Find the imports among ``records`` that bring nothing but the rows of an earlier one, in every table they have.

    ``rows`` are theirs by table, with their ``import_id``. Rows with equal times in two files are one recording
    read twice; equal rows inside a file are not looked at.
    """
    pairs = [(one, other) for at, one in enumerate(records) for other in _alike(one, (*state.imports, *records[:at]))]
    if not pairs:
        return {}
    own = {name: contents(name, frame) for name, frame in rows.items()}
    asked = [other for _, other in pairs]
    before = {name: _stored(place, state, name, asked) for name in rows}
    found: dict[str, ImportRecord] = {}
    for one, other in pairs:
        if one.import_id not in found and other.import_id not in found:
            held = {name: {**before[name], **own[name]} for name in _tables(one)}
            if all(held[name].get(one.import_id) == held[name].get(other.import_id) for name in held):
                found[one.import_id] = other
    return found


def emptied(record: ImportRecord, twin: ImportRecord) -> ImportRecord:
    """An import without its rows, which are stored already as those of its twin."""
    again = {name: count + record.duplicates.get(name, 0) for name, count in record.rows.items()}
    return msgspec.structs.replace(
        record,
        rows={},
        duplicates=record.duplicates | again,
        tickers=0,
        start=None,
        end=None,
        same_as=twin.import_id,
    )


def contents(name: str, rows: pl.LazyFrame) -> dict[str, Content]:
    """Tell the rows of each import in a frame of stored rows."""
    hashes = [pl.col(column).hash(seed) for seed, column in enumerate(TABLES[name].columns)]
    hashed = pl.reduce(lambda one, other: one ^ other, hashes)
    sums = [(hashed & 0xFFFFFFFF).sum().alias("low"), (hashed // 2**32).sum().alias("high")]
    counted = rows.group_by("import_id").agg(pl.len().cast(pl.Int64).alias("rows"), *sums)
    return {who: (count, low, high) for who, count, low, high in counted.collect(engine="streaming").iter_rows()}


def _tables(record: ImportRecord) -> list[str]:
    return [name for name, count in record.rows.items() if count]


def _alike(one: ImportRecord, others: Sequence[ImportRecord]) -> list[ImportRecord]:
    """The imports that have as many rows as this one in each of its tables, and are not of another time."""
    tables = _tables(one)
    if not tables or one.start is None or one.end is None:
        return []
    return [
        other
        for other in others
        if other.start is not None
        and other.end is not None
        and other.start <= one.start
        and one.end <= other.end
        and all(other.rows.get(name) == one.rows[name] for name in tables)
    ]


def _stored(place: Place, state: StoreState, name: str, records: Sequence[ImportRecord]) -> dict[str, Content]:
    start = min((one.start for one in records if one.start is not None), default=None)
    end = max((one.end for one in records if one.end is not None), default=None)
    files = state.select(name, None, start, None if end is None else end + 1) if TABLES[name].day else []
    if not files:
        return {}
    ids = [one.import_id for one in records]
    return contents(name, read(place, TABLES[name], files).filter(pl.col("import_id").is_in(ids)))
