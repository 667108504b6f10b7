"""`engine report`: one HTML page about a result."""

from __future__ import annotations

from pathlib import Path

import typer

from ...io.ground.names import plain
from .options import FOLDER, TRUST

app = typer.Typer(add_completion=False, help="Write one HTML page about a run or a sweep.")
_OUT = typer.Option(None, "--out", help="The file to write; report.html in the folder unless given.")

_SETTLEMENTS = typer.Option(False, "--settlements", help="Of a session: compare with the exchange's settlements.")


@app.command()
def report(
    folder: Path = FOLDER, out: Path | None = _OUT, settlements: bool = _SETTLEMENTS, trust: list[Path] = TRUST
) -> None:
    """Write one page with the figures, warnings and charts of a result or a session. It needs no network."""
    from ..api.runs import report as run

    typer.echo(plain(f"wrote {run(folder, out=out, settlements=settlements, trust=trust)}"))
