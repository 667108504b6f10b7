"""`engine data sql|tables|imports|forget|compact`: look into a store and keep it tidy."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import typer

from ....io.ground.names import plain
from ...figures.words import moment
from ..console import JSON_OPTION, emit_json, emit_table, progress, say

if TYPE_CHECKING:
    from ....io.store.store import Store

STORE_OPTION = typer.Option("data", "--store", help="The store: a folder or s3://bucket/prefix.")


def data_sql(
    query: str = typer.Argument(..., help="One SELECT over trades, book, quotes, underlying, own_fills, markets."),
    store: str = STORE_OPTION,
    limit: int = typer.Option(100, "--limit", min=1, help="Rows shown at most; --json and --csv give all."),
    as_csv: bool = typer.Option(False, "--csv", help="Print CSV."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Query the store with SQL (DuckDB). Prices are in ticks (1/10,000 $), sizes in lots (1/100), times in ns UTC."""
    frame = _open(store).sql(query)
    if as_json:
        emit_json({"columns": frame.columns, "rows": [list(row) for row in frame.iter_rows()]})
    elif as_csv:
        text = frame.write_csv()
        sys.stdout.write("".join(f"{plain(line)}\n" for line in text.splitlines()) if sys.stdout.isatty() else text)
    else:
        emit_table("", frame.columns, frame.head(limit).iter_rows())
        if frame.height > limit:
            say(f"{frame.height - limit:,} more rows; --limit, --csv or --json show them")


def data_tables(store: str = STORE_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Show what each table holds."""
    opened = _open(store)
    found = opened.tables()
    if as_json:
        emit_json({"store": opened.path, "tables": [dataclasses.asdict(table) for table in found]})
        return
    emit_table(
        opened.path,
        ("table", "rows", "files", "MB", "from (UTC)", "to (UTC)"),
        (
            (
                table.name,
                table.rows,
                table.files,
                round(table.size / 1e6, 1),
                moment(table.start, seconds=True),
                moment(table.end, seconds=True),
            )
            for table in found
        ),
    )


def data_imports(
    import_id: str | None = typer.Argument(None, metavar="[IMPORT]", help="Show what this import brought, by ticker."),
    store: str = STORE_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show what was imported, in order; with an import's id, its rows by table and ticker."""
    opened = _open(store)
    if import_id is not None:
        held = opened.brought(import_id)
        if as_json:
            emit_json({"import": import_id, "brought": held.to_dicts()})
            return
        rows = (
            (
                one["ticker"],
                one["table"],
                one["rows"],
                moment(one["start"], seconds=True),
                moment(one["end"], seconds=True),
            )
            for one in held.to_dicts()
        )
        emit_table(f"import {import_id}", ("ticker", "table", "rows", "from (UTC)", "to (UTC)"), rows)
        return
    done = opened.imports()
    if as_json:
        emit_json({"imports": [dataclasses.asdict(report) for report in done]})
        return
    emit_table(
        "imports",
        ("import", "source", "brought", "tickers", "stored already", "quarantined", "from (UTC)", "to (UTC)"),
        (
            (
                report.import_id,
                report.source,
                _brought(report.rows),
                report.tickers,
                sum(report.duplicates.values()),
                report.quarantined,
                moment(report.start, seconds=True),
                moment(report.end, seconds=True),
            )
            for report in done
        ),
    )


def data_forget(
    import_id: str = typer.Argument(
        ..., metavar="IMPORT", help="Its id, or how it begins; engine data imports lists them."
    ),
    store: str = STORE_OPTION,
    yes: bool = typer.Option(False, "--yes", help="Do it; without this it only says what would go."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Take an import back: its rows leave the store, all at once. Without --yes nothing is changed."""
    told = _open(store).forget(import_id, dry_run=not yes)
    if as_json:
        emit_json(dataclasses.asdict(told))
        return
    report = told.report
    rows = (
        (table, count, moment(report.start, seconds=True), moment(report.end, seconds=True))
        for table, count in told.rows.items()
    )
    emit_table(f"import {report.import_id} of {report.source}", ("table", "rows", "from (UTC)", "to (UTC)"), rows)
    for one in told.lacking:
        say(
            f"import {one.import_id} of {one.source} left out {sum(one.duplicates.values()):,} rows as stored already; "
            "what of them this import brought goes too: take that import back as well and import its file again"
        )
    if told.done:
        say(f"taken back; {sum(told.rows.values()):,} rows of {told.tickers:,} tickers left the store")
    else:
        say(f"nothing was changed; engine data forget {report.import_id} --yes takes it back")


def data_compact(store: str = STORE_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Merge small and overlapping files into few; the rows stay as they are."""
    opened = _open(store)
    with progress(quiet=as_json) as bar:
        task = bar.add_task("rows", total=None)
        report = opened.compact(lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        emit_json(dataclasses.asdict(report))
        return
    rows = ((table, count, report.after[table]) for table, count in report.before.items())
    emit_table("files", ("table", "before", "after"), rows)
    say(f"{report.rows:,} rows written anew, {report.removed:,} old files removed")


def _open(path: str) -> Store:
    from ....io.store.store import Store

    return Store(path)


def _brought(rows: dict[str, int]) -> str:
    """Rows by table in a few words."""
    return ", ".join(f"{count:,} {table}" for table, count in rows.items())
