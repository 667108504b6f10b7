"""What a sweep came to, in words for a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...figures.words import count, percent, usd
from ...results.results import REWARD_RATE
from ...results.selection import RANKINGS
from ..console import emit_facts, emit_table, say

#: What a sweep that counted programs says of each cell, and how it is written.
_REWARDS: dict[str, tuple[str, Callable[[float], str]]] = {
    "rewards": ("rewards", usd),
    "pnl_without_rewards": ("without rewards", usd),
    REWARD_RATE: ("rewards a dollar", percent),
}


def tell(shown: dict[str, Any]) -> None:
    """Print what ``engine.show`` returns."""
    from ...reports.told.sweep_facts import evidence_facts

    evidence = shown["evidence"]
    several = shown["markets"] > 1
    each = "a market" if several else ""

    def text(name: str, value: float) -> str:
        labels = shown["labels"].get(name)
        return labels[round(value)] if labels else f"{value:.4g}"

    names = shown["axes"]
    totals = ["P&L, portfolio" if shown["bets"] else "P&L, all markets"] if several else []
    first = [("pnl", f"P&L {each}"), ("cash", f"cash {each}")]
    if shown["bets"]:  # bets are held to the end: their cash is their P&L
        first = first[:1]
    elif shown["ranked_by"] == "cash":
        first.reverse()
    rewards = _REWARDS if _REWARDS.keys() <= {name for row in shown["top"] for name in row} else {}
    rows = [
        [
            row["cell"],
            *(text(name, row[name]) for name in names),
            *(usd(row["total_pnl"]) for _ in totals),
            *(usd(row[name]) for name, _ in first),
            *(write(row[name]) for name, (_, write) in rewards.items()),
        ]
        for row in shown["top"]
    ]
    of = f", averages over {count(shown['markets'], 'market')}" if several else ""
    title = f"Highest {RANKINGS[shown['ranked_by']]}"
    title += ", which leaves settlement out" if shown["ranked_by"] == "cash" else ""
    columns = [*(title.strip() for _, title in first), *(title for title, _ in rewards.values())]
    emit_table(title + of, ["cell", *names, *totals, *columns], rows)
    effects = [
        [row["parameter"], text(row["parameter"], row["value"]), usd(row["pnl"]), percent(row["profitable"], 0)]
        for row in shown["effects"]
    ]
    average = "average P&L a market" if several else "average P&L"
    emit_table("Each parameter by itself", ["parameter", "value", average, "profitable"], effects)
    if shown["robust"] is None:
        say("no cell made or lost anything, so none is recommended")
    else:
        robust = shown["robust"]
        emit_facts(
            "Robust choice",
            {
                "cell": robust["cell"],
                **{name: text(name, value) for name, value in robust["parameters"].items()},
                **dict(evidence_facts(evidence)),
            },
        )
    for row in shown["warnings"]:
        say(f"warning: {row['name']}: {row['text']}")
