"""`engine report`: one HTML page about a result."""

from __future__ import annotations

from pathlib import Path

import typer

from ...io.ground.names import plain
from .options import FOLDER

app = typer.Typer(help="Write one HTML page about a run or a sweep.")
_OUT = typer.Option(None, "--out", help="The file to write; report.html in the folder unless given.")


@app.command()
def report(folder: Path = FOLDER, out: Path | None = _OUT) -> None:
    """Write one page with the figures, warnings, assumptions and charts. It needs no network."""
    from ..api.runs import report as run

    typer.echo(plain(f"wrote {run(folder, out=out)}"))
