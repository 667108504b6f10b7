"""`engine fit`: model parameters from recorded history."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import typer

from ...io.ground.errors import InputError
from .console import JSON_OPTION, emit_json, emit_table, progress, say

if TYPE_CHECKING:
    from ..fitting.fit import MarketFit, UnderlyingFit

app = typer.Typer()
_MARKETS = typer.Option([], "--market", help="Ticker whose A, kappa and sigma are fitted; may repeat.")
_UNDERLYINGS = typer.Option([], "--underlying", help="Symbol whose return's law is fitted; may repeat.")


@app.command()
def fit(
    market: list[str] = _MARKETS,
    underlying: list[str] = _UNDERLYINGS,
    store: str = typer.Option("data", "--store", help="The store: a folder or s3://bucket/prefix."),
    start: str | None = typer.Option(None, "--from", help="From this time on, ISO 8601, UTC."),
    end: str | None = typer.Option(None, "--to", help="Before this time."),
    step: float = typer.Option(1.0, "--step", min=0.001, help="Seconds in which the deepest trade of a side counts."),
    window: float = typer.Option(60.0, "--window", min=0.001, help="Seconds of a window, for sigma from levels."),
    theta: float = typer.Option(60.0, "--theta", min=0.001, help="Time constant of the EWMA, in seconds."),
    horizons: str = typer.Option("60,300,900,3600", "--horizons", help="Seconds over which returns are taken."),
    nu: float = typer.Option(3.0, "--nu", min=0.1, help="Degrees of freedom of Student's law."),
    held_out: float = typer.Option(0.3, "--held-out", help="Share of the returns, the last, that laws are scored on."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Estimate A, kappa and sigma of markets, and the law of an underlying's return, by maximum likelihood."""
    if not market and not underlying:
        raise InputError("name what to fit: --market TICKER, --underlying SYMBOL or both")
    if not 0 < held_out < 1:
        raise InputError(f"--held-out is a share between 0 and 1, not {held_out:g}")
    spans = _spans(horizons)
    from ...io.store.store import Store
    from ..fitting.fit import fit_market, fit_underlying

    opened, markets, laws = Store(store), list[Any](), list[Any]()
    with progress(quiet=as_json) as bar:
        task = bar.add_task("fitting", total=len(market) + len(underlying))
        for ticker in market:
            markets.append(fit_market(opened, ticker, start, end, step_s=step, window_s=window, theta_s=theta))
            bar.advance(task)
        for symbol in underlying:
            laws.append(fit_underlying(opened, symbol, start, end, horizons_s=spans, nu=nu, held_out=held_out))
            bar.advance(task)
    if as_json:
        emit_json({"markets": _plain(markets), "underlyings": _plain(laws)})
        return
    for one in markets:
        _tell_market(one)
    for one in laws:
        _tell_underlying(one)


def _spans(text: str) -> list[float]:
    try:
        spans = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--horizons are seconds such as 60,300,900, not {text!r}") from None
    if not all(0 < span < math.inf for span in spans):
        raise InputError(f"--horizons must be more than 0 seconds, not {text!r}")
    return spans


def _tell_market(found: MarketFit) -> None:
    emit_table(
        f"{found.ticker}: {found.trades:,} trades, {found.quotes:,} quotes, {found.seconds:,.0f} s with both sides",
        ("quotes", "A, fills/s", "± se", "kappa, 1/cent", "± se", "reaches"),
        (
            (side, *(f"{value:.4g}" for value in (one.A, one.A_se, one.kappa, one.kappa_se)), one.reaches)
            for side, one in found.intensity.items()
        ),
    )
    emit_table(
        "how often a distance is reached",
        ("ticks beyond the nearest price", "times a second", "fitted"),
        ((ticks, f"{seen:.4g}", f"{fitted:.4g}") for ticks, seen, fitted in found.rates),
    )
    emit_table(
        "sigma of the mid",
        ("estimator", "cents per sqrt(s)", "variance per s"),
        ((name, f"{value:.4g}", f"{value * value:.4g}") for name, value in found.sigma.items()),
    )
    if "both" in found.intensity:
        both = found.intensity["both"]
        say(f"use: --set A={both.A:.4g} --set kappa={both.kappa:.4g}")
    if found.block_trades:
        say(f"note: {found.block_trades:,} block trades left out")
    _tell_notes(found.notes)


def _tell_underlying(found: UnderlyingFit) -> None:
    emit_table(
        f"{found.symbol}: {found.values:,} values",
        ("horizon, s", "returns", "law", "scale", "± se", "log score held out"),
        (
            (f"{at.seconds:g}", at.n, law.name, f"{law.scale:.4g}", f"{law.scale_se:.2g}", f"{at.scores[law.name]:.4f}")
            for at in found.horizons
            for law in at.laws
        ),
    )
    if found.growth:
        emit_table(
            "scale x seconds^exponent",
            ("law", "scale", "± se", "exponent", "± se"),
            (
                (name, *(f"{value:.4g}" for value in (one.scale, one.scale_se, one.exponent, one.exponent_se)))
                for name, one in found.growth.items()
            ),
        )
        best = found.growth[found.best]
        nu = next(law.nu for law in found.horizons[0].laws if law.name == found.best)
        line = f"use: --strategy cauchy-band --set scale={best.scale:.4g} --set exponent={best.exponent:.4g}"
        say(f"{line} --set nu={nu:g}  ({found.best} has the best score)")
    _tell_notes(found.notes)


def _tell_notes(notes: Any) -> None:
    for note in notes:
        say(f"note: {note}")


def _plain(found: Any) -> Any:
    """A fit as JSON has it: a law with its name, null for what is not a number."""
    from ..fitting.returns import Law

    if dataclasses.is_dataclass(found):
        named = {"law": found.name} if isinstance(found, Law) else {}
        return named | {one.name: _plain(getattr(found, one.name)) for one in dataclasses.fields(found)}
    if isinstance(found, dict):
        return {name: _plain(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [_plain(value) for value in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found
