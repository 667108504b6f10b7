"""`engine data markets`: what is stored, a line a ticker, in as many columns as the terminal has room for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ...figures.words import moment
from ..console import JSON_OPTION, emit, emit_table, say
from ..options import STORE

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = ("ticker", "from (UTC)", "to (UTC)", "trades", "book", "quotes", "gaps", "result", "status", "series")
#: What is left out first where there is no room.
_MAY_GO = ("series", "status", "to (UTC)", "gaps", "result", "from (UTC)", "quotes", "book")


def data_markets(
    store: str = STORE,
    series: str | None = typer.Option(None, "--series", help="Only markets of this series."),
    like: str | None = typer.Option(
        None, "--like", help="Only tickers like this: % stands for anything, _ for one letter."
    ),
    limit: int = typer.Option(1000, "--limit", min=1, help="Lines shown at most; --json gives all."),
    as_json: bool = JSON_OPTION,
) -> None:
    """List what is stored by ticker: rows in each table, from when to when, and gaps in its books."""
    from ...api.data import markets

    found = markets(store, series=series, like=like)
    emit(as_json, lambda: {"store": store, "markets": found.to_dicts()}, lambda: _tell(store, found, limit))


def _tell(store: str, found: pl.DataFrame, limit: int) -> None:
    rows = [
        (
            one["ticker"], moment(one["start"]), moment(one["end"]), one["trades"], one["book"], one["quotes"],
            one["gaps"], one["result"], one["status"], one["series"],
        )
        for one in found.head(limit).to_dicts()
    ]  # fmt: skip
    columns, fitting = narrowed(_COLUMNS, rows, _width())
    emit_table(store, columns, fitting)
    if found.height > limit:
        say(f"{found.height - limit:,} more markets; --series and --like choose among them, --json shows all")
    facts = found.filter(~found["listed"]).height
    if facts:
        say(f"{facts:,} of {found.height:,} have no row in markets: their closing times and results are not known")


def narrowed(
    columns: Sequence[str], rows: Sequence[Sequence[object]], width: int
) -> tuple[list[str], list[list[object]]]:
    """Leave out the columns that matter least until a table of the others is no wider than this."""
    texts = [[name, *(f"{row[at]:,}" if isinstance(row[at], int) else str(row[at] or "") for row in rows)]
             for at, name in enumerate(columns)]  # fmt: skip
    room = {name: max(map(len, column)) for name, column in zip(columns, texts, strict=True)}
    for name in _MAY_GO:
        if sum(room.values()) + 3 * (len(room) - 1) <= width:
            break
        del room[name]
    kept = [at for at, name in enumerate(columns) if name in room]
    return [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _width() -> int:
    from rich.console import Console

    return Console().width if sys.stdout.isatty() else 10_000
