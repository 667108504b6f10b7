"""The charts of a result by name, the most telling first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt

from ...io.ground.errors import InputError
from ...strategies.parameters import nearest
from ..results.results import Bets, Recorded, Run, Runs, Sweep
from ..results.selection import best_overall, best_plateau
from . import pictures, pictures_bets

Maker = Callable[[], alt.TopLevelMixin | None]


def chart(found: Recorded, name: str | None = None) -> alt.TopLevelMixin:
    """Return a chart of a result by its name; without one, the first of its kind."""
    makers = _makers(found)
    wanted = name or next(iter(makers))
    if wanted not in makers:
        raise InputError(f"there is no chart {wanted!r} of this result; {nearest(wanted, makers)}")
    drawn = makers[wanted]()
    if drawn is None:
        raise InputError(f"there is too little in this result for its chart {wanted!r}")
    return drawn


def _makers(found: Recorded) -> dict[str, Maker]:
    if isinstance(found, Sweep):
        return _of_sweep(found)
    if isinstance(found, Bets):
        return _of_bets(found)
    if isinstance(found, Runs):
        return {
            "equity": lambda: pictures.joined_equity(found),
            "parts": lambda: pictures.decomposition(_dollars(found.about["total"])),
        }
    assert isinstance(found, Run)
    return {
        "run": lambda: pictures.run_curves(found),
        "parts": lambda: pictures.decomposition(_dollars(found.about["summary"])),
        "markouts": lambda: pictures.markouts(found.fills),
    }


def _of_sweep(found: Sweep) -> dict[str, Maker]:
    def heat_map() -> alt.TopLevelMixin:
        marked = {"robust choice": best_plateau(found).parameters, "highest P&L": best_overall(found).parameters}
        return pictures.heat_map(found, marked)

    return {
        "heatmap": heat_map,
        "markets": lambda: pictures.market_heat_maps(found),
        "effects": lambda: pictures.effects(found),
        "curve": lambda: pictures.cell_curve(found, best_plateau(found).cell),
    }


def _of_bets(found: Bets) -> dict[str, Maker]:
    about = found.about

    def bars(by: str) -> Maker:
        return lambda: pictures_bets.group_bars(by, about["groups"][by])

    return {
        "equity": lambda: pictures_bets.equity_curves(found.equity, about["capital"]),
        "random": lambda: pictures_bets.random_portfolios(about["random"]),
        "calibration": lambda: pictures_bets.reliability(about["calibration"]),
        **{f"by {by}": bars(by) for by in about["groups"]},
    }


def _dollars(made: Mapping[str, Any]) -> dict[str, float]:
    return {name: made[name] / 1e6 for name in pictures.PARTS if name in made}
