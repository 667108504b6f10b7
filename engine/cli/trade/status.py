"""`engine status`: how a trading session stands, once or until it is interrupted."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import typer

from ..console import JSON_OPTION, emit, stoppable

app = typer.Typer(add_completion=False)
SESSION = typer.Argument(..., metavar="SESSION", help="The session's folder.")


@app.command()
def status(
    session: Path = SESSION,
    watch: bool = typer.Option(False, "--watch", help="Show it again every second until Ctrl-C."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Show how a session stands: P&L, positions, quotes, what is halted and why."""
    from ...api.trade import status as run
    from ..tell.sessions import tell

    with stoppable(""):
        while True:
            made = run(session)
            if watch and not as_json and sys.stdout.isatty():
                sys.stdout.write("\x1b[2J\x1b[H")
            emit(as_json, lambda now=made: now, lambda now=made: tell(now))
            if not watch:
                return
            time.sleep(1.0)
