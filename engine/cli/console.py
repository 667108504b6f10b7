"""How commands speak: tables for people, JSON for programs."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from ...io.ground.names import plain

#: Arguments of library calls whose values stand in messages, as in ``price_unit='cents'``; others stand bare: ``out=``.
_VALUED = (
    "axes|format|journal|map|pictures|price_grid|price_unit|queue|sample|scale|seed|size_unit|ticker|trust|tz|"
    "underlying|use_yes_price"
)
_VALUE = r"'[^']*'|\"[^\"]*\"|{[^}]*}|True\b|False\b|-?\d[\d.]*"
_ONE = rf"(?<![\w.'\"-])(?<!--map )(?<!--set )(?:({_VALUED})=({_VALUE})|([a-z][a-z_]*)=(?![^\s,;:.)]))"
_ARGUMENT, _ARGUMENTS = re.compile(_ONE), re.compile(rf"{_ONE}(?:, {_ONE})*")
#: Arguments whose option has another name.
_SPELT = {"params": "set", "axes": "axis"}
#: The option every reporting command has.
JSON_OPTION = typer.Option(False, "--json", help="Print one JSON document instead of a table.")


def emit_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, default=str) + "\n")


def emit(as_json: bool, document: Callable[[], Any], tell: Callable[[], None]) -> None:
    """Print an answer as one JSON document or for people; only the one that is asked for is made."""
    if as_json:
        emit_json(document())
    else:
        tell()


@contextmanager
def stoppable(hint: str) -> Iterator[None]:
    """Let an interrupt from the keyboard end a command with a hint how to go on, exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        say(hint)
        raise typer.Exit(130) from None


def emit_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; numbers stand to the right.

    On a terminal too narrow for the words of a row each row becomes a block of lines.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..figures.words import is_figure

    listed = [list(row) for row in rows]
    table = Table(show_edge=False, pad_edge=False, show_header=any(columns))
    for index, name in enumerate(columns):
        numeric = bool(listed) and all(is_figure(row[index]) for row in listed)
        table.add_column(Text(plain(name)), justify="right" if numeric else "left")
    for row in listed:
        table.add_row(*(Text(_cell(value)) for value in row))  # no strings, in which rich would look for markup
    # a pipe has no edge to wrap at
    console = Console(width=None if sys.stdout.isatty() else 10_000)
    if title:
        console.print(Text(plain(title), "table.title"), soft_wrap=True)
    if len(columns) > 2 and _least_width(columns, listed) > console.width:
        for row in listed:
            console.print(Text(f"{columns[0]} {_cell(row[0])}".strip()))
            for name, value in zip(columns[1:], row[1:], strict=True):
                console.print(Text(f"  {plain(name)}: {_cell(value)}"))
    else:
        console.print(table)


def _least_width(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    """Return the width of a table whose cells wrap between words only."""
    texts = [[name, *(_cell(row[index]) for row in rows)] for index, name in enumerate(columns)]
    longest = [max((len(word) for text in column for word in text.split()), default=0) for column in texts]
    return sum(longest) + 3 * (len(columns) - 1)


def _cell(value: object) -> str:
    return "" if value is None else plain(f"{value:,}" if isinstance(value, int) else str(value))


def emit_facts(title: str, facts: Mapping[str, object]) -> None:
    """Print named values, one a line."""
    emit_table(title, ("", ""), ((name, str(value)) for name, value in facts.items()))


def emit_groups(title: str, groups: Iterable[tuple[str, Iterable[tuple[str, str]]]]) -> None:
    """Print named values, one a line, below the title of their group."""
    rows = [row for name, facts in groups for row in [(name, ""), *((f"  {fact}", text) for fact, text in facts)]]
    emit_table(title, ("", ""), rows)


def say(message: str) -> None:
    """Print a line for a person on stderr, so that stdout stays for results."""
    sys.stderr.write(spelled(plain(message)) + "\n")


def spelled(message: str) -> str:
    """Spell the arguments that a message names as the options of the command line.

    >>> spelled("cents or dollars? Pass price_unit='cents', underlying=; or map={'ts': 't', 'value': 'p'}")
    'cents or dollars? Pass --price-unit cents --underlying; or --map ts=t,value=p'
    >>> spelled("name another folder with out=, or set gamma=0.1 with params=")
    'name another folder with --out, or set gamma=0.1 with --set'
    """
    return _ARGUMENTS.sub(lambda run: " ".join(_option(*one.groups()) for one in _ARGUMENT.finditer(run[0])), message)


def _option(valued: str | None, value: str | None, bare: str | None) -> str:
    name = valued or bare or ""
    option = _SPELT.get(name, name).replace("_", "-")
    given = ast.literal_eval(value) if value else True
    if isinstance(given, bool):
        return f"--{option}" if given else f"--no-{option}"
    if isinstance(given, dict):
        given = ",".join(f"{ours}={theirs}" for ours, theirs in given.items())
    return f"--{option} {shlex.quote(str(given))}"
