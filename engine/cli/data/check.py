"""`engine data check`: the doctor's findings, as a table or as JSON."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from ...figures.words import moment
from ..console import JSON_OPTION, emit_json, emit_table, progress, say

if TYPE_CHECKING:
    from rich.progress import Progress

    from ....io.store.store import Store

_TICKERS = typer.Argument(None, metavar="[TICKER…]", help="Tickers to check; none: all of the store.")
_SHOWN = 60


def data_check(
    tickers: list[str] | None = _TICKERS,
    store: str = typer.Option("data", "--store", help="The store: a folder or s3://bucket/prefix."),
    deep: bool = typer.Option(
        False, "--deep", help="Also read every byte of the store and of kept tapes and compare it with its checksum."
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Look for faults in stored history, and say what each costs in tradable minutes. Exit 1 if there are any."""
    from ....io.doctor.doctor import FAULT, check
    from ....io.ground.errors import CheckError
    from ....io.store.store import Store

    with progress(quiet=as_json) as bar:
        task = bar.add_task("rows checked", total=None)
        opened = Store(store)
        if deep:
            _read_all(opened, bar)
        found = check(opened, tickers or None, lambda done, of: bar.update(task, completed=done, total=of))
    faults = [one for one in found if one.severity == FAULT]
    if as_json:
        emit_json(
            {
                "ok": not faults,
                "findings": [
                    {**dataclasses.asdict(one), "severity": one.severity, "meaning": one.meaning} for one in found
                ],
            }
        )
    elif found:
        rows = (
            (
                one.severity,
                one.check,
                one.ticker,
                one.count,
                f"{one.minutes:,.1f}",
                moment(one.first_ts, seconds=True),
                one.detail,
            )
            for one in found[:_SHOWN]
        )
        emit_table("findings", ("", "check", "ticker", "count", "minutes lost", "first (UTC)", "detail"), rows)
        if len(found) > _SHOWN:
            say(f"{len(found) - _SHOWN:,} more findings; --json shows all")
        for name in dict.fromkeys(one.check for one in found):
            say(f"{name}: {next(one.meaning for one in found if one.check == name)}")
    if faults:
        tickers_hit = len({one.ticker for one in faults})
        raise CheckError(
            f"{_many(len(faults), 'fault')} in {_many(tickers_hit, 'ticker')}; docs/checking.md says what each means"
        )
    if not as_json:
        say(f"no faults; {len(found)} notes" if found else "no faults")


def _read_all(store: Store, bar: Progress) -> None:
    """Compare every file with its checksum before its rows are looked at; a damaged one ends the check."""
    from ....io.ground.errors import DamagedError
    from ....io.store.files.intact import DAMAGED, HELP, NOT_CHECKED

    task = bar.add_task("bytes checked", total=None)
    states = store.check_files(lambda done, of: bar.update(task, completed=done, total=of))
    damaged = [one for one in states if one.state == DAMAGED]
    without = sum(one.state == NOT_CHECKED for one in states)
    if damaged:
        names = ", ".join(one.name for one in damaged[:5]) + (", …" if len(damaged) > 5 else "")
        raise DamagedError(f"{len(damaged)} of {len(states)} files of {store.path} are damaged: {names}; {HELP}")
    if without:
        say(f"{without} of {len(states)} files are of before 0.2.0 and have no checksum: not checked")
    say(f"{len(states) - without} files are as they were written")
    _read_tapes(bar)


def _read_tapes(bar: Progress) -> None:
    """Compare the tapes that the cache keeps with their digests; it can do without the damaged ones."""
    from ....io.ground.cache import cache_dir
    from ...simulator.tape.kept import check_kept

    task = bar.add_task("kept tapes checked", total=None)
    tapes, damaged = check_kept(cache_dir() / "tapes", lambda done, of: bar.update(task, completed=done, total=of))
    if damaged:
        was = "was damaged and is" if damaged == 1 else "were damaged and are"
        say(f"{damaged:,} of {_many(tapes, 'kept tape')} {was} removed, and made again when needed")
    elif tapes:
        say(f"{_many(tapes, 'kept tape')} of all stores are as they were made")


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
