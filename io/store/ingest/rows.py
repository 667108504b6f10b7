"""Rows on their way into and out of the files: checked against the schema, sorted, and described by their bounds."""

from __future__ import annotations

import numpy as np
import polars as pl

from ...ground.errors import InputError
from ..files.intact import put_whole
from ..files.manifest import NO_SEQ, StoredFile
from ..files.place import Place
from ..schema import MARKETS, StoredTable


def conform(table: StoredTable, frame: pl.DataFrame) -> pl.DataFrame:
    """Give a frame exactly the table's columns and types, or say what is wrong with it."""
    unknown = [name for name in frame.columns if name not in table.columns]
    if unknown:
        raise InputError(f"table {table.name} has no column {', '.join(unknown)}; it has {', '.join(table.columns)}")
    columns: list[pl.Series] = []
    for name, wanted in table.columns.items():
        filler = _missing(table, name)
        if name not in frame.columns:
            if name in table.required:
                raise InputError(f"table {table.name} needs column {name}; the rows have {', '.join(frame.columns)}")
            columns.append(pl.Series(name, [filler], wanted).new_from_index(0, frame.height))
            continue
        column = frame.get_column(name)
        if column.dtype != wanted:
            column = _cast(table, column, wanted)
        if name in table.required and column.null_count():
            raise InputError(
                f"column {name} of table {table.name} is required; "
                f"{column.null_count()} of {frame.height} rows have none"
            )
        if filler is not None and column.null_count():
            column = column.fill_null(filler)
        columns.append(column)
    return pl.DataFrame(columns)


def stored(table: StoredTable, frame: pl.DataFrame, source: str, import_id: str) -> pl.DataFrame:
    """Order rows as they are stored and say where they came from; rows that tie keep the order of their source."""
    told = (pl.lit(source).alias("source"), pl.lit(import_id).alias("import_id"))
    return ordered(table, frame).with_columns(told)


def ordered(table: StoredTable, frame: pl.DataFrame) -> pl.DataFrame:
    """Order rows as they are stored; rows that tie keep their order.

    Names are sorted as codes and gathered from the few distinct ones, which takes a third of the time of a plain sort.
    """
    who, *rest = table.sort
    names = frame.get_column(who).unique().sort()
    codes = frame.get_column(who).cast(pl.Enum(names)).to_physical()
    order = _order(codes, frame.select(rest))
    return frame.select(
        names.gather(codes.gather(order)) if column == who else pl.col(column).gather(order) for column in frame.columns
    )


def put_rows(place: Place, table: StoredTable, frame: pl.DataFrame, name: str) -> StoredFile:
    """Write a sorted frame as a file of the store, and state its bounds."""
    written = put_whole(place, name, frame)
    who, when, *sequence = table.sort
    seq = pl.col(sequence[0]).fill_null(NO_SEQ) if sequence else pl.lit(NO_SEQ, pl.Int64)
    least, most = pl.col(when).min(), pl.col(when).max()
    bounds = (
        frame.lazy()
        .select(
            least.alias("least"),
            most.alias("most"),
            seq.filter(pl.col(when) == least).min().alias("least_seq"),
            seq.filter(pl.col(when) == most).max().alias("most_seq"),
            seq.first().alias("first_seq"),
            seq.last().alias("last_seq"),
        )
        .collect()
        .row(0, named=True)
    )
    names, times = frame.get_column(who), frame.get_column(when)
    return StoredFile(
        table=table.name,
        name=name,
        rows=frame.height,
        size=written.size,
        checksum=written.checksum,
        first=(names[0], times[0], bounds["first_seq"]),
        last=(names[-1], times[-1], bounds["last_seq"]),
        low=(bounds["least"], bounds["least_seq"]),
        high=(bounds["most"], bounds["most_seq"]),
        keyed=bool(table.key) and all(frame.get_column(column).null_count() < frame.height for column in table.key),
    )


def _order(codes: pl.Series, rest: pl.DataFrame) -> pl.Series:
    """The stable order by code, then by the other columns; a counting sort where those are in order already."""
    when, *sequence = rest.get_columns()
    in_time = when.is_sorted() and all(column.null_count() == rest.height for column in sequence)
    if in_time and codes.dtype in (pl.UInt8, pl.UInt16):
        return pl.Series(np.argsort(codes.to_numpy(), kind="stable").astype(np.uint32))
    keys = (codes.alias("code"),) if in_time else (codes.alias("code"), when, *sequence)
    return pl.DataFrame(keys).select(pl.arg_sort_by(*(key.name for key in keys), maintain_order=True)).to_series()


def _missing(table: StoredTable, column: str) -> int | None:
    """What stands for a value that was not given: null, except that a market's row then holds always."""
    return 0 if table is MARKETS and column == "valid_from" else None


def _cast(table: StoredTable, column: pl.Series, wanted: pl.DataType) -> pl.Series:
    """Cast where no value can change its meaning: whole numbers to whole numbers, nothing to anything."""
    lossless = (
        column.dtype == pl.Null
        or (column.dtype.is_integer() and (wanted.is_integer() or wanted == pl.Float64))
        or (column.dtype == pl.Float32 and wanted == pl.Float64)
        or (wanted == pl.String and column.dtype in (pl.Categorical, pl.Enum))
    )
    if not lossless:
        raise InputError(f"column {column.name} of table {table.name} must be {wanted}, these rows have {column.dtype}")
    try:
        return column.cast(wanted)
    except pl.exceptions.InvalidOperationError:
        raise InputError(
            f"column {column.name} of table {table.name} does not fit {wanted}: "
            f"the rows go from {column.min()} to {column.max()}"
        ) from None
