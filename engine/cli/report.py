"""`engine report`: one HTML page about a run or a sweep."""

from __future__ import annotations

from pathlib import Path

import typer

from ...io.ground.names import plain

app = typer.Typer(help="Write one HTML page about a run or a sweep.")

_FOLDER = typer.Argument(..., metavar="FOLDER", help="A folder of results, such as results/NAME.")
_TO = typer.Option(None, "--to", help="The file to write; report.html in the folder unless given.")


@app.command()
def report(
    folder: Path = _FOLDER,
    to: Path | None = _TO,
) -> None:
    """Write one page with the figures, warnings, assumptions and charts. It needs no network."""
    from ..reports.report import report as write

    typer.echo(plain(f"wrote {write(folder, to)}"))
