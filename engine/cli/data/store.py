"""`engine data sql|tables|imports|forget|compact`: look into a store and keep it tidy."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import typer

from ....io.ground.names import plain
from ...figures.words import count as count_of
from ...figures.words import moment
from ..console import JSON_OPTION, emit, emit_table, say
from ..options import STORE

if TYPE_CHECKING:
    import polars as pl

    from ....io.store.compaction import CompactReport
    from ....io.store.forgetting import Forgotten
    from ....io.store.ingest.ingest import ImportReport


def data_sql(
    query: str = typer.Argument(..., help="One SELECT over trades, book, quotes, underlying, own_fills, markets."),
    store: str = STORE,
    limit: int = typer.Option(100, "--limit", min=1, help="Rows shown at most; --json and --csv give all."),
    as_csv: bool = typer.Option(False, "--csv", help="Print CSV."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Query the store with SQL (DuckDB). Prices are in ticks (1/10,000 $), sizes in lots (1/100), times in ns UTC."""
    from ...api.data import sql

    frame = sql(query, store)
    emit(as_json, lambda: _rows_of(frame), lambda: _tell_rows(frame, limit, as_csv))


def _rows_of(frame: pl.DataFrame) -> dict[str, Any]:
    return {"columns": frame.columns, "rows": list(frame.iter_rows())}


def _tell_rows(frame: pl.DataFrame, limit: int, as_csv: bool) -> None:
    if as_csv:
        text = frame.write_csv()
        sys.stdout.write("".join(f"{plain(line)}\n" for line in text.splitlines()) if sys.stdout.isatty() else text)
    else:
        emit_table("", frame.columns, frame.head(limit).iter_rows())
        if frame.height > limit:
            say(f"{frame.height - limit:,} more rows; --limit, --csv or --json show them")


def data_tables(store: str = STORE, as_json: bool = JSON_OPTION) -> None:
    """Show what each table holds."""
    from ...api.data import tables

    found = tables(store).to_dicts()
    emit(as_json, lambda: {"store": store, "tables": found}, lambda: _tell_tables(store, found))


def _tell_tables(store: str, found: list[dict[str, Any]]) -> None:
    rows = (
        (
            one["name"],
            one["rows"],
            one["files"],
            round(one["size"] / 1e6, 1),
            moment(one["start"], seconds=True),
            moment(one["end"], seconds=True),
        )
        for one in found
    )
    emit_table(store, ("table", "rows", "files", "MB", "from (UTC)", "to (UTC)"), rows)


def data_imports(
    import_id: str | None = typer.Argument(None, metavar="IMPORT", help="Show what this import brought, by ticker."),
    store: str = STORE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show what was imported, in order; with an import's id, its rows by table and ticker."""
    from ...api.data import brought, imports

    if import_id is not None:
        held = brought(import_id, store).to_dicts()
        emit(as_json, lambda: {"import": import_id, "brought": held}, lambda: _tell_brought(import_id, held))
    else:
        done = imports(store)
        emit(as_json, lambda: {"imports": [dataclasses.asdict(one) for one in done]}, lambda: _tell_imports(done))


def _tell_imports(done: list[ImportReport]) -> None:
    columns = ("import", "source", "brought", "tickers", "stored already", "quarantined", "from (UTC)", "to (UTC)")
    emit_table("imports", columns, (_row(report) for report in done))


def _row(report: ImportReport) -> tuple[object, ...]:
    return (
        report.import_id, report.source, _brought(report.rows), report.tickers, sum(report.duplicates.values()),
        report.quarantined, moment(report.start, seconds=True), moment(report.end, seconds=True),
    )  # fmt: skip


def _tell_brought(import_id: str, held: list[dict[str, Any]]) -> None:
    rows = (
        (one["ticker"], one["table"], one["rows"], moment(one["start"], seconds=True), moment(one["end"], seconds=True))
        for one in held
    )
    emit_table(f"import {import_id}", ("ticker", "table", "rows", "from (UTC)", "to (UTC)"), rows)


def data_forget(
    import_id: str = typer.Argument(
        ..., metavar="IMPORT", help="Its id, or how it begins; engine data imports lists them."
    ),
    store: str = STORE,
    yes: bool = typer.Option(False, "--yes", help="Do it; without this it only says what would go."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Take an import back: its rows leave the store, all at once. Without --yes nothing is changed."""
    from ...api.data import forget

    told = forget(import_id, store, yes=yes)
    emit(as_json, lambda: dataclasses.asdict(told), lambda: _tell_forgotten(told))


def _tell_forgotten(told: Forgotten) -> None:
    report = told.report
    rows = (
        (table, count, moment(report.start, seconds=True), moment(report.end, seconds=True))
        for table, count in told.rows.items()
    )
    emit_table(f"import {report.import_id} of {report.source}", ("table", "rows", "from (UTC)", "to (UTC)"), rows)
    for one in told.lacking:
        say(
            f"import {one.import_id} of {one.source} left out {count_of(sum(one.duplicates.values()), 'row')} "
            "as stored already; what of them this import brought goes too: take that import back as well and import "
            "its file again"
        )
    if told.done:
        rows, tickers = count_of(sum(told.rows.values()), "row"), count_of(told.tickers, "ticker")
        say(f"taken back; {rows} of {tickers} left the store")
    else:
        say(f"nothing was changed; engine data forget {report.import_id} --yes takes it back")


def data_compact(store: str = STORE, as_json: bool = JSON_OPTION) -> None:
    """Merge small and overlapping files into few; the rows stay as they are."""
    from ...api.data import compact

    report = compact(store, progress=not as_json)
    emit(as_json, lambda: dataclasses.asdict(report), lambda: _tell_compacted(report))


def _tell_compacted(report: CompactReport) -> None:
    rows = ((table, count, report.after[table]) for table, count in report.before.items())
    emit_table("files", ("table", "before", "after"), rows)
    say(f"{count_of(report.rows, 'row')} written anew, {count_of(report.removed, 'old file')} removed")


def _brought(rows: dict[str, int]) -> str:
    """Rows by table in a few words."""
    return ", ".join(f"{count:,} {table}" for table, count in rows.items()) or "nothing"
