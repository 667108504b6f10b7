"""Fits in words for a person, and as JSON has them."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from ...fitting.returns import Law
from ..console import emit_facts, emit_table, say

if TYPE_CHECKING:
    from ...api.models import Fits
    from ...fitting.fit import MarketFit, UnderlyingFit


def tell(found: Fits) -> None:
    """Print every fit."""
    for one in found.markets:
        _tell_market(one)
    for one in found.underlyings:
        _tell_underlying(one)
    if found.session is not None:
        emit_facts("queues and delays of the session", found.session.facts)


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


def as_json(found: Any) -> Any:
    """A fit as JSON has it: a law with its name, null for what is not a number."""
    if dataclasses.is_dataclass(found):
        named = {"law": found.name} if isinstance(found, Law) else {}
        return named | {one.name: as_json(getattr(found, one.name)) for one in dataclasses.fields(found)}
    if isinstance(found, dict):
        return {name: as_json(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [as_json(value) for value in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found
