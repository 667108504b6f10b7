"""Taking an import back: its rows leave the store by one manifest, and what is not its own stays as it was."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import polars as pl

from ..ground.errors import InputError
from .files.manifest import ImportRecord, Ledger, Manifest, StoredFile, StoreState, commit
from .files.place import Place
from .ingest.ingest import ImportReport, report_of, waiting
from .ingest.rows import put_rows
from .reading import read
from .schema import TABLES, StoredTable

#: The name of a file that holds rows of one import alone.
_OWN_FILE = re.compile(r"[a-z_]+/([0-9a-f]{12})-\d+\.parquet")


@dataclass(frozen=True)
class Forgotten:
    """What an import brought, and what taking it back means for others."""

    report: ImportReport
    rows: dict[str, int]  # rows taken back, by table
    tickers: int
    lacking: tuple[ImportReport, ...]  # later imports that left out rows because this one had brought them
    done: bool  # False: nothing was changed


def find(state: StoreState, import_id: str) -> ImportRecord:
    """The import with this id, or with the only id that begins so."""
    found = [record for record in state.imports if record.import_id.startswith(import_id)] if import_id else []
    if len(found) != 1:
        many = "begins more than one id of an import" if found else "is the id of no import"
        raise InputError(f"{import_id!r} {many}; engine data imports lists them")
    return found[0]


def brought(place: Place, state: StoreState, record: ImportRecord) -> pl.DataFrame:
    """Count an import's stored rows by table and ticker, with the times of the first and the last."""
    parts: list[pl.DataFrame] = []
    for name, files in _holding(state, record).items():
        table = TABLES[name]
        who, when = table.sort[0], pl.col(table.day) if table.day else pl.lit(None, pl.Int64)
        rows = read(place, table, files).filter(pl.col("import_id") == record.import_id)
        counted = rows.group_by(pl.col(who).alias("ticker")).agg(
            pl.len().cast(pl.Int64).alias("rows"), when.min().alias("start"), when.max().alias("end")
        )
        parts.append(counted.select(pl.lit(name).alias("table"), pl.all()).sort("ticker").collect())
    types = {"table": pl.String, "ticker": pl.String, "rows": pl.Int64, "start": pl.Int64, "end": pl.Int64}
    return pl.concat(parts) if parts else pl.DataFrame(schema=types)


def forget(place: Place, ledger: Ledger, import_id: str, *, dry_run: bool) -> Forgotten:
    """Take an import back; see ``Store.forget``."""
    with place.lock(f"taking back {import_id}", waiting):
        state = ledger.state()
        record = find(state, import_id)
        held = brought(place, state, record)
        rows = dict(held.group_by("table", maintain_order=True).agg(pl.col("rows").sum()).iter_rows())
        if rows != {table: count for table, count in record.rows.items() if count}:
            raise InputError(
                f"the files of {place.root} hold {rows or 'no rows'} of import {record.import_id}, where its manifest "
                f"says {record.rows}; nothing changed"
            )
        if not dry_run:
            _rewrite(place, state, record)
        lacking = tuple(report_of(place, one, new=False) for one in _lacking(state, record))
        who = held.filter(pl.col("table") != "underlying").get_column("ticker").n_unique()
        return Forgotten(report_of(place, record, new=False), rows, who, lacking, done=not dry_run)


def _rewrite(place: Place, state: StoreState, record: ImportRecord) -> None:
    """State all files anew without the import's rows. Until the manifest is there nothing has changed."""
    number = state.number + 1
    holding = _holding(state, record)
    kept: list[StoredFile] = []
    replaced: list[str] = [record.quarantine] if record.quarantine else []
    for name, files in state.files.items():
        table = TABLES[name]
        for file in files:
            rest = _without(place, table, file, record) if file in holding.get(name, ()) else None
            if rest is None or rest.height == file.rows:
                kept.append(file)
                continue
            replaced.append(file.name)
            if rest.height:
                path = f"{name}/forget{number:06d}-{len(replaced):06d}.parquet"
                kept.append(put_rows(place, table, rest, path))
    imports = [one for one in state.imports if one is not record]
    if not commit(place, Manifest(number, True, imports, kept, replaced, made=time.time_ns())):
        raise InputError(f"an import was committed to {place.root} meanwhile; run the same command again")


def _without(place: Place, table: StoredTable, file: StoredFile, record: ImportRecord) -> pl.DataFrame:
    rows = read(place, table, [file])
    return rows.filter(pl.col("import_id") != record.import_id).collect()


def _holding(state: StoreState, record: ImportRecord) -> dict[str, list[StoredFile]]:
    """The files that may hold rows of an import: its own, and those of its time that imports share."""
    found: dict[str, list[StoredFile]] = {}
    until = None if record.end is None else record.end + 1
    for name in (name for name, rows in record.rows.items() if rows):
        timed = TABLES[name].day is not None
        for file in state.select(name, None, record.start if timed else None, until if timed else None):
            own = _OWN_FILE.fullmatch(file.name)
            if own is None or own.group(1) == record.import_id:
                found.setdefault(name, []).append(file)
    return found


def _lacking(state: StoreState, record: ImportRecord) -> list[ImportRecord]:
    """Later imports that left out rows of this one's tables as stored already: some of these may have been its rows."""
    later = state.imports[state.imports.index(record) + 1 :]
    return [one for one in later if any(one.duplicates.get(table) for table, rows in record.rows.items() if rows)]
