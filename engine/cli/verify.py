"""`engine verify`: run a result again and compare."""

from __future__ import annotations

from pathlib import Path

import typer

from ...io.errors import CheckError

app = typer.Typer()
_FOLDER = typer.Argument(..., help="Folder that engine backtest --out wrote.")


@app.command()
def verify(folder: Path = _FOLDER) -> None:
    """Run a replay's settings again and compare the hash of everything it produced."""
    from ..backtests.run_folder import verify as run_again

    had, got = run_again(folder)
    if had != got:
        raise CheckError(
            f"{folder} says {had}, running it again gives {got}: the data, the model or the engine has changed"
        )
    typer.echo(f"{folder} repeats: {got}")
