"""`engine summary`: the figures of a result again, as the command that made it printed them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer

from .console import JSON_OPTION, emit
from .options import FOLDER

app = typer.Typer(add_completion=False, help="Show a result again.")


@app.command()
def summary(folder: Path = FOLDER, as_json: bool = JSON_OPTION) -> None:
    """Print a result's figures and warnings again, of whatever kind it is."""
    from ..api.runs import open
    from .tell import runs, sweeps

    found = open(folder)
    tell = partial(sweeps.tell, found.summary) if found.kind == "sweep" else partial(runs.tell, found)
    emit(as_json, lambda: found.record, tell)
