"""A result in a title and a few lines of name and text: what printing it and a notebook show."""

from __future__ import annotations

from ...figures.words import count, usd
from ...results.evidence import Evidence, judge
from ...results.results import Bets, Recorded, Run, Runs, Sweep
from ...results.selection import best_overall, best_plateau
from .bet_facts import bet_facts
from .named import Facts
from .run_facts import run_facts, total_facts

#: So many of the figures of a run, which stand in the order of interest.
FIRST = 8


def title_of(found: Recorded) -> str:
    """Name a result: its strategy and what it ran on."""
    about = found.about
    if isinstance(found, Sweep):
        markets = "portfolio" if "pipeline" in about else count(len(found.markets), "market")
        return f"sweep of {found.strategy} on {markets}, {count(found.grid.height, 'cell')}"
    if isinstance(found, Bets):
        return f"bets of {about['strategy']['name']} across {count(about['markets'], 'market')}"
    if isinstance(found, Runs):
        return f"{about['strategy']} on {count(len(about['markets']), 'market')}"
    return f"{about.get('strategy', 'run')} on {about.get('market', 'one market')}"


def in_short(found: Recorded, evidence: Evidence | None = None) -> Facts:
    """Return the first figures of a result; of a sweep its choices and what the evidence says of them."""
    if isinstance(found, Sweep):
        return _of_sweep(found, evidence)
    if isinstance(found, Bets):
        return bet_facts(found.about)[:FIRST]
    if isinstance(found, Runs):
        return total_facts(found.about)[:FIRST]
    assert isinstance(found, Run)
    return run_facts(found.about)[:FIRST]


def _of_sweep(found: Sweep, evidence: Evidence | None) -> Facts:
    if found.made_nothing:
        return [("choice", "none: no cell made or lost anything")]
    robust, overall = best_plateau(found), best_overall(found)
    told = evidence or judge(found, robust)
    outside = told.out_of_sample_pnl

    def cell(number: int, values: dict[str, float]) -> str:
        return f"cell {number}, " + ", ".join(f"{name} {found.text(name, value)}" for name, value in values.items())

    return [
        ("robust choice", cell(robust.cell, robust.parameters)),
        ("P&L in sample", usd(told.in_sample_pnl)),
        ("P&L out of sample", "not known" if outside is None else usd(outside)),
        ("highest P&L", cell(overall.cell, overall.parameters)),
        ("independent trials", f"{told.trials:,} of {told.cells:,} cells"),
    ]
