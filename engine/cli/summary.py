"""`engine summary`: the figures of a result again, as the command that made it printed them."""

from __future__ import annotations

from pathlib import Path

import typer

from .console import JSON_OPTION, emit_json
from .options import FOLDER

app = typer.Typer(help="Show a result again.")


@app.command()
def summary(folder: Path = FOLDER, as_json: bool = JSON_OPTION) -> None:
    """Print a result's figures and warnings again, of whatever kind it is."""
    from ..api.runs import open
    from .tell import runs, sweeps

    found = open(folder)
    if as_json:
        emit_json(found.record)
    elif found.kind == "sweep":
        sweeps.tell(found.summary)
    else:
        runs.tell(found)
