"""What a sweep came to, in words for a person."""

from __future__ import annotations

from typing import Any

from ...figures.words import count, percent, usd
from ..console import emit_facts, emit_table, say


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
    rows = [
        [
            row["cell"],
            *(text(name, row[name]) for name in names),
            *(usd(row["total_pnl"]) for _ in totals),
            *(usd(row[name]) for name, _ in first),
        ]
        for row in shown["top"]
    ]
    of = f", averages over {count(shown['markets'], 'market')}" if several else ""
    title = "Highest cash, which leaves settlement out" if shown["ranked_by"] == "cash" else "Highest P&L"
    emit_table(title + of, ["cell", *names, *totals, *(title.strip() for _, title in first)], rows)
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
