"""`engine data check`: the doctor's findings, as a table or as JSON."""

from __future__ import annotations

import typer

from ..console import JSON_OPTION, emit
from ..options import STORE

_TICKERS = typer.Argument(None, help="Tickers to check; none: all of the store.")


def data_check(
    tickers: list[str] | None = _TICKERS,
    store: str = STORE,
    deep: bool = typer.Option(
        False,
        "--deep",
        help="Also read every byte of the store, kept tapes and signals, and compare it with its checksum.",
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Look for faults in stored history, and say what each costs in tradable minutes. Exit 1 if there are any."""
    from ....io.ground.errors import CheckError
    from ...api.data import check
    from ..tell import checks

    found = check(store, tickers, deep=deep, progress=not as_json)
    emit(as_json, lambda: checks.as_json(found), lambda: checks.tell(found))
    if found.faults:
        raise CheckError(checks.faults_of(found))
