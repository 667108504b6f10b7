"""What a sweep came to, in words for a person."""

from __future__ import annotations

from typing import Any

from ...io.units import dollars
from .console import emit_facts, emit_table, say


def tell(shown: dict[str, Any]) -> None:
    """Print what ``conclusions.show`` returned."""
    robust, evidence = shown["robust"], shown["evidence"]

    def text(name: str, value: float) -> str:
        labels = shown["labels"].get(name)
        return labels[round(value)] if labels else f"{value:.4g}"

    names = list(robust["parameters"])
    rows = [
        [
            row["cell"],
            *(text(name, row[name]) for name in names),
            dollars(round(row["cash"])),
            dollars(round(row["pnl"])),
        ]
        for row in shown["top"]
    ]
    emit_table("Highest average cash", ["cell", *names, "cash", "P&L"], rows)
    effects = [
        [row["parameter"], text(row["parameter"], row["value"]), dollars(round(row["pnl"])), f"{row['profitable']:.0%}"]
        for row in shown["effects"]
    ]
    emit_table("Each parameter by itself", ["parameter", "value", "average P&L", "profitable"], effects)
    outside = evidence["out_of_sample_pnl"]
    emit_facts(
        "Robust choice",
        {
            "cell": robust["cell"],
            **{name: text(name, value) for name, value in robust["parameters"].items()},
            "P&L in sample": dollars(round(evidence["in_sample_pnl"])),
            "P&L out of sample": "not known" if outside is None else dollars(round(outside)),
            "probability of overfitting": _figure(evidence["overfitting_probability"]),
            "deflated Sharpe ratio": _figure(evidence["deflated_sharpe"]),
        },
    )
    for row in shown["warnings"]:
        say(f"warning: {row['name']}: {row['text']}")


def _figure(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"
