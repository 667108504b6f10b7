"""`engine verify`: run a result again and compare."""

from __future__ import annotations

from pathlib import Path

import typer

from ...io.ground.names import plain
from .options import FOLDER, TRUST

app = typer.Typer(add_completion=False)
_STORE = typer.Option(None, "--store", help="Where the store is now, if it is elsewhere.")


@app.command()
def verify(folder: Path = FOLDER, trust: list[Path] = TRUST, store: str | None = _STORE) -> None:
    """Run what a folder holds again and compare the hash of everything it produced. Exit 1 if it differs."""
    from ..api.runs import verify as run

    typer.echo(plain(f"{folder} repeats: {run(folder, trust=trust, store=store)}"))
