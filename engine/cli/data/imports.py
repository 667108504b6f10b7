"""`engine data import`: recognise files, read them into the store, and say what came of every row."""

from __future__ import annotations

from pathlib import Path

import typer

from ..console import JSON_OPTION, emit
from ..options import STORE

_PATHS = typer.Argument(..., metavar="PATH", help="Files and folders; .gz is read as it is.")


def data_import(
    paths: list[Path] = _PATHS,
    *,
    store: str = STORE,
    format: str | None = typer.Option(None, "--format", help="Force a format instead of recognising it."),
    map: str = typer.Option("", "--map", help="Name columns: ours=theirs, as in ts=timestamp,price=px."),
    tz: str | None = typer.Option(None, "--tz", help="Zone of times that carry none, such as America/New_York."),
    price_unit: str | None = typer.Option(None, "--price-unit", help="cents or dollars, if the file leaves it open."),
    size_unit: str = typer.Option("contracts", "--size-unit", help="contracts, or lots of 1/100 contract."),
    price_grid: str | None = typer.Option(None, "--price-grid", help="Price grid that every price must stand on."),
    ticker: str | None = typer.Option(None, "--ticker", help="The market of files that do not name it."),
    underlying: str | None = typer.Option(None, "--underlying", help="Symbol of the underlying's rows, such as SPX."),
    use_yes_price: bool | None = typer.Option(
        None, "--use-yes-price/--no-use-yes-price", help="WebSocket captures: how the NO side is priced."
    ),
    strict: bool = typer.Option(False, "--strict", help="Stop at the first row that cannot be read."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Import recorded markets. Rows that cannot be read go to the store's quarantine, counted and with the reason."""
    from ....io.ground.errors import CheckError
    from ...api.data import import_files
    from ..tell import imports

    found = import_files(
        paths, store, format=format, map=names(map), tz=tz, price_unit=price_unit, size_unit=size_unit,
        price_grid=price_grid, ticker=ticker, underlying=underlying, use_yes_price=use_yes_price, strict=strict,
        progress=not as_json,
    )  # fmt: skip
    emit(as_json, lambda: imports.as_json(found), lambda: imports.tell(found))
    if found.not_stored:
        raise CheckError(found.not_stored)


def names(text: str) -> dict[str, str]:
    """Read ``ours=theirs,ours=theirs``."""
    from ....io.ground.errors import InputError

    found: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        ours, equals, theirs = (word.strip() for word in part.partition("="))
        if not (ours and equals and theirs):
            raise InputError(f"map= {part!r} is not ours=theirs, as in ts=timestamp,price=px")
        found[ours] = theirs
    return found
