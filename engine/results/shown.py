"""What a sweep comes to in short, for the command, for Python and for programs."""

from __future__ import annotations

from typing import Any

from .evidence import Evidence, judge
from .results import LEAST_PNL, REWARD_RATE, Sweep
from .selection import Ranking, best_overall, best_plateau, effect_sizes, marginal_effects, ranked


def shown(sweep: Sweep, top: int = 10, evidence: Evidence | None = None, by: Ranking = "pnl") -> dict[str, Any]:
    """Return what a sweep comes to in short: the top cells, each parameter's marginal effect, the warnings.

    The evidence is weighed again unless it is given. The top cells rank by P&L, or by cash if asked for.
    """
    robust = best_plateau(sweep)
    evidence = evidence or judge(sweep, robust)
    order = ranked(sweep, by).head(top)
    names = [axis.name for axis in sweep.axes]
    figures = ["total_pnl", "pnl", LEAST_PNL, "cash", "abs_position", "fills", "uptime"]
    figures += [name for name in ("rewards", "pnl_without_rewards", REWARD_RATE) if name in order.columns]
    return {
        "strategy": sweep.strategy,
        "ranked_by": by,
        "markets": sweep.counted["market"].n_unique(),
        "bets": "pipeline" in sweep.about,
        "axes": names,
        "labels": {axis.name: list(axis.labels) for axis in sweep.axes if axis.labels},
        "robust": None if sweep.made_nothing else robust.as_row(),
        "overall": None if sweep.made_nothing else best_overall(sweep, by).as_row(),
        "top": order.select("cell", *names, *figures).to_dicts(),
        "effects": marginal_effects(sweep).to_dicts(),
        "explained": effect_sizes(sweep),
        "evidence": evidence.as_row(),
        "warnings": [notice.as_row() for notice in evidence.notices],
    }
