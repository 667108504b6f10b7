"""Reading committed files: as few as can be, and every ticker's rows in order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from .files.intact import whole
from .files.manifest import StoredFile
from .files.place import Place
from .schema import StoredTable


def scan(
    place: Place,
    table: StoredTable,
    files: Sequence[StoredFile],
    tickers: Sequence[str] | None = None,
    start: int | None = None,
    end: int | None = None,
) -> pl.LazyFrame:
    """Rows of committed files, given in the order of their import; rows of a ticker come in the table's order."""
    parts = [read(place, table, group, sort, tickers, start, end) for group, sort in pieces(files)]
    if not parts:
        return pl.LazyFrame(schema=table.schema)
    return parts[0] if len(parts) == 1 else pl.concat(parts)


def read(
    place: Place,
    table: StoredTable,
    files: Sequence[StoredFile],
    sort: bool = False,
    tickers: Sequence[str] | None = None,
    start: int | None = None,
    end: int | None = None,
) -> pl.LazyFrame:
    """Rows of one piece."""
    frame = pl.scan_parquet(
        whole(place, files),
        schema=table.schema,
        missing_columns="insert",
        extra_columns="ignore",
        glob=False,
        hive_partitioning=False,
        storage_options=place.storage_options,
    )
    rows = _within(frame, table, tickers, start, end)
    return rows.sort(table.sort, maintain_order=True) if sort else rows


def pieces(files: Sequence[StoredFile]) -> list[tuple[list[StoredFile], bool]]:
    """Files that are read one after the other, and whether their rows must be sorted, as they overlap in all."""
    found: list[tuple[list[StoredFile], bool]] = []
    for group in in_time(files):
        ordered = chained(group)
        if ordered is not None and found and not found[-1][1]:
            found[-1][0].extend(ordered)
        else:
            found.append((ordered or group, ordered is None))
    return found


def in_time(files: Sequence[StoredFile]) -> list[list[StoredFile]]:
    """Split files, given in the order of import, into groups that follow one another in time."""
    groups: list[list[int]] = []
    high, youngest = (0, 0), -1
    for index in sorted(range(len(files)), key=lambda i: (files[i].low, i)):
        file = files[index]
        if groups and (file.low < high or (file.low == high and index < youngest)):
            groups[-1].append(index)
            high, youngest = max(high, file.high), max(youngest, index)
        else:
            groups.append([index])
            high, youngest = file.high, index
    return [[files[index] for index in sorted(group)] for group in groups]


def chained(group: Sequence[StoredFile]) -> list[StoredFile] | None:
    """The order in which files of one stretch of time need no sorting when read in turn; None if there is none."""
    order = sorted(range(len(group)), key=lambda i: (group[i].first, i))
    for index, following in pairwise(order):
        last, first = group[index].last, group[following].first
        if last > first or (last == first and index > following):
            return None
    return [group[index] for index in order]


def merged(rows: pl.LazyFrame, by: tuple[str, ...]) -> pl.LazyFrame:
    """One row for each value of ``by``: in every column the last value given, a null never hiding one."""
    others = [name for name in rows.collect_schema().names() if name not in by]
    return rows.group_by(by, maintain_order=True).agg(pl.col(others).drop_nulls().last())


def _within(
    frame: pl.LazyFrame, table: StoredTable, tickers: Sequence[str] | None, start: int | None, end: int | None
) -> pl.LazyFrame:
    who, when, *_ = table.sort
    if tickers is not None:
        frame = frame.filter(pl.col(who) == tickers[0] if len(tickers) == 1 else pl.col(who).is_in(list(tickers)))
    if start is not None:
        frame = frame.filter(pl.col(when) >= start)
    if end is not None:
        frame = frame.filter(pl.col(when) < end)
    return frame
