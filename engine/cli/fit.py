"""`engine fit`: model parameters from recorded history."""

from __future__ import annotations

from pathlib import Path

import typer

from ...io.ground.errors import InputError
from .console import JSON_OPTION, emit
from .options import END, START, STORE, TRUST

app = typer.Typer(add_completion=False)
_MARKETS = typer.Option([], "--market", "-m", help="Ticker whose A, kappa and sigma are fitted; may repeat.")
_SESSION = typer.Option(None, "--session", help="A session: how its queues moved, and its delays.")
_OUT = typer.Option(None, "--out", help="Folder for a session's assumptions; else SESSION/fit.")
_UNDERLYINGS = typer.Option([], "--underlying", help="Symbol whose return's law is fitted; may repeat.")


@app.command()
def fit(
    *,
    market: list[str] = _MARKETS,
    underlying: list[str] = _UNDERLYINGS,
    store: str = STORE,
    start: str | None = START,
    end: str | None = END,
    step: float = typer.Option(1.0, "--step", min=0.001, help="Seconds in which the deepest trade of a side counts."),
    window: float = typer.Option(60.0, "--window", min=0.001, help="Seconds of a window, for sigma from levels."),
    theta: float = typer.Option(60.0, "--theta", min=0.001, help="Time constant of the EWMA, in seconds."),
    horizons: str = typer.Option("60,300,900,3600", "--horizons", help="Seconds over which returns are taken."),
    nu: float = typer.Option(3.0, "--nu", min=0.1, help="Degrees of freedom of Student's law."),
    session: Path | None = _SESSION,
    out: Path | None = _OUT,
    trust: list[Path] = TRUST,
    held_out: float = typer.Option(0.3, "--held-out", help="Share of the returns, the last, that laws are scored on."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Estimate A, kappa and sigma of markets, laws of returns, or a session's queues, by maximum likelihood."""
    from ..api.models import fit as run
    from .tell import fits

    found = run(
        market, underlying, store, start=start, end=end, step=step, window=window, theta=theta,
        horizons=_spans(horizons), nu=nu, held_out=held_out, progress=not as_json, session=session,
        out=out, trust=trust,
    )  # fmt: skip
    emit(as_json, lambda: fits.as_json(found), lambda: fits.tell(found))


def _spans(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"horizons= are seconds such as 60,300,900, not {text!r}") from None
