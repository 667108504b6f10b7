"""`engine audit`: a trained model's predictions against what came of them."""

from __future__ import annotations

import typer

from .console import JSON_OPTION, emit
from .options import FOLDER, START, TRUST

app = typer.Typer(add_completion=False)


@app.command()
def audit(
    folder: str = FOLDER,
    store: str | None = typer.Option(None, "--store", help="Where the history is now, if it is elsewhere."),
    start: str | None = START,
    until: str | None = typer.Option(None, "--until", help="Use nothing that was not known at this time."),
    trust: list[str] = TRUST,
    as_json: bool = JSON_OPTION,
) -> None:
    """Compare each prediction of a trained series with its outcome once known."""
    from ..api.training import audit_model as run
    from .tell.trained import audited, tell_audit

    found = run(folder, store, start=start, until=until, trust=trust)
    emit(as_json, lambda: audited(found), lambda: tell_audit(found))
