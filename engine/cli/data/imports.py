"""`engine data import`: recognise files, read them into the store, and say what came of every row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..console import JSON_OPTION, emit_json, progress, spelled
from .told import tell

if TYPE_CHECKING:
    from ....io.importers.base import Chunk
    from ....io.importers.importing import Imported

_PATHS = typer.Argument(..., metavar="PATH…", help="Files and folders; .gz is read as it is.")


def data_import(
    paths: list[Path] = _PATHS,
    store: str = typer.Option("data", "--store", help="The store: a folder or s3://bucket/prefix."),
    format: str | None = typer.Option(None, "--format", help="Force a format instead of recognising it."),
    map: str = typer.Option("", "--map", help="Name columns: ours=theirs, as in ts=timestamp,price=px."),
    tz: str | None = typer.Option(None, "--tz", help="Zone of times that carry none, such as America/New_York."),
    price_unit: str | None = typer.Option(None, "--price-unit", help="cents or dollars, if the file leaves it open."),
    size_unit: str = typer.Option("contracts", "--size-unit", help="contracts, or lots of 1/100 contract."),
    grid: str | None = typer.Option(None, "--grid", help="Price grid that every price must stand on."),
    ticker: str | None = typer.Option(None, "--ticker", help="The market of files that do not name it."),
    underlying: str | None = typer.Option(None, "--underlying", help="Symbol of the underlying's rows, such as SPX."),
    yes_prices: bool | None = typer.Option(
        None, "--use-yes-price/--no-use-yes-price", help="WebSocket captures: how the NO side is priced."
    ),
    strict: bool = typer.Option(False, "--strict", help="Stop at the first row that cannot be read."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Import recorded markets. Rows that cannot be read go to the store's quarantine, counted and with the reason."""
    from ....io.importers.importing import import_files, plan
    from ....io.store.store import Store

    options = _options(format, map, tz, price_unit, size_unit, grid, ticker, underlying, yes_prices)
    known, aside = plan(paths, options)
    target = Store(store)
    done: list[Imported] = []
    with progress(quiet=as_json) as bar:
        total, rows = bar.add_task("files", total=len(known)), bar.add_task("rows", total=None)

        def seen(chunk: Chunk) -> None:
            bar.advance(rows, sum(frame.height for frame in chunk.tables.values()))

        for one in import_files(target, known, options, strict=strict, seen=seen):
            done.append(one)
            bar.update(total, completed=len(done))
    if as_json:
        emit_json(
            {
                "imports": [_document(one) for one in done],
                "skipped": [{"path": p, "reason": spelled(r)} for p, r in aside],
            }
        )
    else:
        tell(done, aside)
    _all_stored(done)


def _all_stored(done: list[Imported]) -> None:
    """Fail if anything that was asked for was not stored."""
    from ....io.ground.errors import CheckError

    lost = {one.recognised.name: one.report.quarantined for one in done if one.report.quarantined}
    empty = [one.recognised.name for one in done if one.empty]
    said = list[str]()
    if lost:
        count = sum(lost.values())
        records = "1 record" if count == 1 else f"{count:,} records"
        said.append(f"{records} of {_files(list(lost))} not stored: see the quarantine")
    if empty:
        said.append(f"nothing was read from {_files(empty)}")
    if said:
        raise CheckError("; ".join(said))


def _files(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{len(paths):,} files"


def _options(
    format: str | None,
    map: str,
    tz: str | None,
    price_unit: str | None,
    size_unit: str,
    grid: str | None,
    ticker: str | None,
    underlying: str | None,
    yes_prices: bool | None,
) -> Any:
    """Check what the user said before any file is opened."""
    import zoneinfo

    from ....io.ground.errors import InputError
    from ....io.ground.grids import grid_ranges
    from ....io.importers.base import Options
    from ....io.importers.values.convert import PRICE_PLACES, SIZE_PLACES

    if tz is not None and tz not in zoneinfo.available_timezones():
        raise InputError(f"--tz {tz!r} is no time zone; expected a name such as America/New_York or UTC")
    if price_unit is not None and price_unit not in PRICE_PLACES:
        raise InputError(f"--price-unit {price_unit!r} is not known; it is cents or dollars")
    if size_unit not in SIZE_PLACES:
        raise InputError(f"--size-unit {size_unit!r} is not known; it is contracts or lots")
    if grid is not None:
        grid_ranges(grid)
    return Options(
        format=format,
        columns=_pairs(map),
        tz=tz,
        price_unit=price_unit,
        size_unit=size_unit,
        grid=grid,
        ticker=ticker,
        underlying=underlying,
        use_yes_price=yes_prices,
    )


def _pairs(text: str) -> dict[str, str]:
    """Read ``ours=theirs,ours=theirs``."""
    from ....io.ground.errors import InputError

    pairs: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        ours, equals, theirs = (word.strip() for word in part.partition("="))
        if not (ours and equals and theirs):
            raise InputError(f"--map {part!r} is not ours=theirs, as in ts=timestamp,price=px")
        pairs[ours] = theirs
    return pairs


def _document(one: Imported) -> dict[str, Any]:
    report = one.report
    return {
        "path": one.recognised.name,
        "format": one.recognised.importer.name,
        "why": spelled(one.recognised.why),
        "import_id": report.import_id,
        "new": report.new,
        "resumed": report.resumed,
        "rows": report.rows,
        "duplicates": report.duplicates,
        "quarantined": report.quarantined,
        "reasons": {spelled(reason): count for reason, count in one.reasons.items()},
        "quarantine": report.quarantine,
        "notes": dict(one.notes),
        "facts": [spelled(fact) for fact in one.facts],
        "tickers": report.tickers,
        "start": report.start,
        "end": report.end,
        "seconds": round(report.seconds, 3),
    }
