"""What a sweep's evidence says in words: how much of its choice to believe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...figures.words import percent, usd
from .named import COUNT, DOLLARS, RATIO, SHARE, Facts, Figure, FigureGroup, FigureUnit, told

_SPREAD = FigureUnit("dollars", lambda low, high: f"{usd(low)} to {usd(high)}")
_CHANCE = FigureUnit("probability, per cent", lambda chance: percent(chance, 0 if chance in (0, 1) else 1))
_PERIODS = FigureUnit("count", lambda needed, periods: f"{needed:,.0f}, there are {periods:,}")

EVIDENCE: tuple[FigureGroup, ...] = (
    FigureGroup(
        "The robust choice",
        (
            Figure("in_sample_pnl", "P&L in sample, all markets", DOLLARS, "of the cell, on the data that chose it"),
            Figure(
                "out_of_sample_pnl", "P&L out of sample, all markets", DOLLARS,
                "cells chosen on earlier data only; counts for more than the one in sample",
            ),
            Figure(
                "interval_low interval_high", "P&L an event", _SPREAD,
                "95 % interval of its mean, events drawn again; below zero: it may as well lose",
            ),
            Figure("walk_forward_events", "walk-forward by events", DOLLARS, "each cell chosen on earlier events only"),
            Figure("walk_forward_periods", "walk-forward by time", DOLLARS, "each cell chosen on earlier periods only"),
        ),
    ),
    FigureGroup(
        "Is it luck?",
        (
            Figure("events", "independent events", COUNT, "markets of one event move together and count once"),
            Figure("trials", "independent trials", COUNT, "chances to be lucky; alike cells count as fewer"),
            Figure("clusters", "independent trials by clusters", COUNT, "the same, by groups of cells alike"),
            Figure("sharpe_annual", "Sharpe ratio, a year of 365 days", RATIO, "of the robust cell, in sample"),
            Figure("luck_sharpe_annual", "Sharpe ratio of luck", RATIO, "the best of as many worthless cells"),
            Figure(
                "deflated_sharpe", "deflated Sharpe ratio", _CHANCE,
                "probability that the robust cell is better than that luck; 95 % is wanted",
            ),
            Figure("min_periods periods", "periods needed", _PERIODS, "to tell its Sharpe ratio from zero"),
            Figure(
                "overfitting_probability", "probability of overfitting", _CHANCE,
                "that the best cell of one half is below the median in the other; below 50 % the choice carries over",
            ),
            Figure(
                "out_of_sample_loss_probability", "loss probability", _CHANCE,
                "that the best cell of one half loses in the other",
            ),
            Figure("rank_stability", "rank stability", SHARE, "share of splits with the robust cell above the median"),
            Figure(
                "spa", "superior predictive ability", _CHANCE,
                "probability of so good a best cell if none has an edge; below 5 % is wanted",
            ),
            Figure("reality_check", "reality check", _CHANCE, "the same by White's older test"),
        ),
    ),
)  # fmt: skip
_BY_KEY = {one.keys: one for group in EVIDENCE for one in group.figures}
#: What stands first, on the page and on the screen.
FIRST = (
    "in_sample_pnl", "out_of_sample_pnl", "events", "trials", "overfitting_probability", "deflated_sharpe",
)  # fmt: skip


def evidence_facts(row: Mapping[str, Any]) -> Facts:
    """Name and text of what matters most of a sweep's evidence; what is not known is told to be so."""
    return [(_BY_KEY[key].name, _BY_KEY[key].text(row) or "not known") for key in FIRST]


def luck_rows(row: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of a table of all that the evidence says: name, text, and a sentence on what it means."""
    return [(one.name, text, one.means) for group in told(EVIDENCE, row) for one, text in group.facts]
