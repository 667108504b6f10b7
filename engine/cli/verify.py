"""`engine verify`: run a result again and compare."""

from __future__ import annotations

from pathlib import Path

import typer

from ...io.ground.errors import CheckError
from ...io.ground.names import plain

app = typer.Typer()
_FOLDER = typer.Argument(..., help="Folder that engine backtest --out wrote.")


_TRUST = typer.Option([], "--trust", help="A file of code that the result names and that may run; may repeat.")
_STORE = typer.Option(None, "--data-dir", "--store", help="Where the store is now, if it is elsewhere.")


@app.command()
def verify(folder: Path = _FOLDER, trust: list[Path] = _TRUST, store: str | None = _STORE) -> None:
    """Run a replay's settings again and compare the hash of everything it produced."""
    from ..backtests.run_folder import verify as run_again

    had, got = run_again(folder, trust, store)
    if had != got:
        raise CheckError(
            f"{folder} holds {had}, running it again gives {got}: the data, the model or the engine has changed"
        )
    typer.echo(plain(f"{folder} repeats: {got}"))
