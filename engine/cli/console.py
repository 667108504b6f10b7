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

    Cells wrap between words. On a terminal too narrow for the words of a row each row becomes a block of lines, without
    what is empty.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..figures.words import is_figure

    listed = [list(row) for row in rows]
    texts = [[plain(name), *(_cell(row[index]) for row in listed)] for index, name in enumerate(columns)]
    # a pipe has no edge to wrap at
    console = Console(width=None if sys.stdout.isatty() else 10_000)
    if title:
        console.print(Text(plain(title), "table.title"), soft_wrap=True)
    widths = _widths(texts, console.width - 3 * (len(columns) - 1))
    if widths is None and len(columns) > 2:
        for first, *others in zip(*(column[1:] for column in texts), strict=True):
            console.print(Text(f"{texts[0][0]} {first}".strip()))
            for column, text in zip(texts[1:], others, strict=True):
                if text not in ("", "–"):
                    console.print(Text(f"  {column[0]}: {text}"))
        return
    table = Table(show_edge=False, pad_edge=False, show_header=any(columns))
    for index, (name, *_) in enumerate(texts):
        numeric = bool(listed) and all(is_figure(row[index]) for row in listed)
        width = widths[index] if widths else None
        table.add_column(Text(name), justify="right" if numeric else "left", width=width, overflow="fold")
    for row in zip(*(column[1:] for column in texts), strict=True):
        table.add_row(*map(Text, row))  # no strings, in which rich would look for markup
    console.print(table)


def _widths(texts: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Return how wide each column is where cells wrap between words only, the widest first; None without the room."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in texts]
    longest = [max((cell_len(word) for text in column for word in text.split()), default=0) for column in texts]
    if sum(longest) > room:
        return None
    while sum(widths) > room:
        at = max((index for index, width in enumerate(widths) if width > longest[index]), key=lambda at: widths[at])
        widths[at] -= 1
    return widths


def _cell(value: object) -> str:
    return "" if value is None else plain(f"{value:,}" if isinstance(value, int) else str(value))


def emit_facts(title: str, facts: Mapping[str, object]) -> None:
    """Print named values, one a line."""
    emit_table(title, ("", ""), ((name, _told(value)) for name, value in facts.items()))


def _told(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return _cell(value)


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

    def options(run: re.Match[str]) -> str:
        return " ".join(_option(*one.groups()) for one in re.finditer(_ONE, run[0]))

    return re.sub(rf"{_ONE}(?:, {_ONE})*", options, message)


def _option(valued: str | None, value: str | None, bare: str | None) -> str:
    name = valued or bare or ""
    option = _SPELT.get(name, name).replace("_", "-")
    given = ast.literal_eval(value) if value else True
    if isinstance(given, bool):
        return f"--{option}" if given else f"--no-{option}"
    if isinstance(given, dict):
        given = ",".join(f"{ours}={theirs}" for ours, theirs in given.items())
    return f"--{option} {shlex.quote(str(given))}"
