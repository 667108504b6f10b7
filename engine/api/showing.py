"""Progress as bars: on a terminal with rate and time left, in a notebook as HTML, and nothing anywhere else."""

from __future__ import annotations

import html
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...io.ground.progress import Progress, silent

#: Told which bar, how much of it is done, of how much, and the line to write beside it.
Board = Callable[[str, int, int, str], None]
#: Seconds between two looks of a notebook's bars.
_BETWEEN = 0.1
#: Above this nobody counts along.
_MILLIONS = 10_000_000


@contextmanager
def showing(progress: Progress | bool, title: str) -> Iterator[Progress]:
    """Give what is told of the progress: the caller's own function, a bar for ``True``, or nobody."""
    if callable(progress):
        yield progress
        return
    with bars(title, quiet=not progress) as (seen,):
        yield seen


@contextmanager
def bars(*titles: str, quiet: bool = False) -> Iterator[list[Progress]]:
    """Show a bar a title; of what comes by the million the rate, too."""
    began = time.monotonic()
    with board(quiet) as tell:

        def teller(title: str) -> Progress:
            tell(title, 0, 0, title)

            def seen(done: int, of: int) -> None:
                rate = done / max(time.monotonic() - began, 1e-9) / 1e6
                tell(title, done, of, f"{title}, {rate:,.0f} M/s" if done > _MILLIONS else title)

            return silent if quiet else seen

        yield [teller(title) for title in titles]


@contextmanager
def board(quiet: bool = False) -> Iterator[Board]:
    """Show bars by name, each from the first time that it is told of."""
    if not quiet and _in_notebook():
        cell = _Cell()
        try:
            yield cell.tell
        finally:
            cell.draw()
    elif not quiet and sys.stderr is not None and sys.stderr.isatty():
        with _terminal() as tell:
            yield tell
    else:
        yield lambda name, done, of, text: None


@contextmanager
def _terminal() -> Iterator[Board]:
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}", markup=False), rich_progress.BarColumn(),
        rich_progress.TextColumn("{task.fields[far]}", style="progress.download", markup=False),
        rich_progress.TimeElapsedColumn(), rich_progress.TimeRemainingColumn(),
    )  # fmt: skip
    with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        tasks: dict[str, rich_progress.TaskID] = {}

        def tell(name: str, done: int, of: int, text: str) -> None:
            if name not in tasks:
                tasks[name] = shown.add_task(text, total=None, far="")
            shown.update(tasks[name], completed=done, total=of or None, description=text, far=_far(done, of))

        yield tell


def _far(done: int, of: int) -> str:
    """How far one is: a count while it can be read, a share of what comes by the million.

    >>> _far(3, 12), _far(1_234, 0), _far(7_667_997_696, 51_822_000_000)
    ('3 of 12', '1,234', '14 %')
    """
    if of > _MILLIONS:
        return f"{100 * done // of} %"
    return f"{done:,} of {of:,}" if of else f"{done:,}"


def _in_notebook() -> bool:
    """Whether a notebook's kernel runs this; IPython on a terminal has none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class _Cell:
    """Bars below a notebook's cell: HTML that is drawn anew, so that no widget has to be installed."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, int, str]] = {}
        self._handle: Any = None
        self._due = 0.0

    def tell(self, name: str, done: int, of: int, text: str) -> None:
        """Take in how far one is; draw if the last look is a while ago."""
        self._rows[name] = done, of, text
        if time.monotonic() >= self._due:
            self.draw()

    def draw(self) -> None:
        """Draw what is known now, if there is anything."""
        if not self._rows:
            return
        self._due = time.monotonic() + _BETWEEN
        ipython = importlib.import_module("IPython.display")
        made = ipython.HTML("".join(_row(*row) for row in self._rows.values()))
        if self._handle is None:
            self._handle = ipython.display(made, display_id=True)
        else:
            self._handle.update(made)


def _row(done: int, of: int, text: str) -> str:
    known = f' value="{done}" max="{of}"' if of else ""
    return f"<div><progress{known}></progress> {html.escape(text)}: {_far(done, of)}</div>"
