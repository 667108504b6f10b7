"""How commands speak: tables for people, JSON for programs, progress bars on anything over a second."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from ...io.names import plain

if TYPE_CHECKING:
    from rich.progress import Progress

#: The option every reporting command has.
JSON_OPTION = typer.Option(False, "--json", help="Print one JSON document instead of a table.")


def emit_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, default=str) + "\n")


def emit_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; numbers stand to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def text(value: object) -> Text:  # not a string, in which rich would look for markup
        return Text("" if value is None else plain(f"{value:,}" if isinstance(value, int) else str(value)))

    told = Text(plain(title), "table.title") if title else None
    table = Table(title=told, title_justify="left", show_edge=False, pad_edge=False)
    listed = [list(row) for row in rows]
    for index, name in enumerate(columns):
        numeric = all(isinstance(row[index], int | float) or row[index] is None for row in listed)
        table.add_column(text(name), justify="right" if numeric and listed else "left")
    for row in listed:
        table.add_row(*map(text, row))
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)  # a pipe has no edge to wrap at


def emit_facts(title: str, facts: Mapping[str, object]) -> None:
    """Print named values, one a line."""
    emit_table(title, ("", ""), ((name, str(value)) for name, value in facts.items()))


def say(message: str) -> None:
    """Print a line for a person on stderr, so that stdout stays for results."""
    sys.stderr.write(plain(message) + "\n")


@contextmanager
def progress(quiet: bool = False) -> Iterator[Progress]:
    """Show progress on stderr with rate and time left; silent when stderr is no terminal or ``quiet``."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=quiet or not console.is_terminal
    ) as bar:
        yield bar
