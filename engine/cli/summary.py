"""`engine summary`: the figures of a backtest that was run before; the backtest command prints the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .console import JSON_OPTION, emit_facts, emit_json, emit_table, say

if TYPE_CHECKING:
    from ..backtests.explain import Explanation

app = typer.Typer(help="Show the result of a backtest again.")

_FILE = typer.Option(..., "--results-file", help="run.json of a backtest, or its folder.")


@app.command()
def summary(results_file: Path = _FILE, as_json: bool = JSON_OPTION) -> None:
    """Print return, risk, groups, calibration and warnings."""
    from ..results.result_files import read_record

    record = read_record(results_file)
    if as_json:
        emit_json(record)
    elif record["kind"] == "directional":
        tell_bets(record)
    else:
        tell_replay(record)


def tell_replay(record: Mapping[str, Any]) -> None:
    """Print one replay for people."""
    from ...io.units import contracts, dollars

    made = record["summary"]
    held = made["quoting"]["inventory"]
    parts = ("spread_capture", "drift", "settlement", "rebates")
    facts = {"P&L": dollars(made["pnl"])} | {name.replace("_", " "): dollars(made[name]) for name in parts}
    facts |= {"fees": dollars(-made["fees"]), "position at the end": contracts(made["position"])}
    facts |= {"fills": f"{made['fills']:,}", "contracts": contracts(made["volume"])}
    facts |= {"re-quotes": f"{made['requotes']:,}", "largest position": contracts(held["max_abs"] if held else 0)}
    facts |= {"drawdown": dollars(made["max_drawdown"]), "both quotes stood": f"{made['uptime']:.1%}"}
    facts |= _quoting(made["quoting"])
    facts["valued"] = "at settlement" if made["settled"] else "at the last mid: the market is not settled"
    emit_facts(f"{record['strategy']} on {record['market']}", facts)
    rows = [(name, dollars(pnl)) for name, pnl in made["by_queue"].items()]
    emit_table("P&L by queue model", ("queue", "P&L"), rows)
    _warn(record)


def _quoting(made: Mapping[str, Any]) -> dict[str, str]:
    from ...io.units import contracts

    facts = {"at the touch": f"{made['at_touch']:.1%}"}
    if made["fill_ratio"] is not None:
        facts["filled of what was posted"] = f"{made['fill_ratio']:.2%}"
    if made["inventory"] is not None:
        facts["position on average"] = contracts(round(made["inventory"]["mean_abs"]))
    if made["sharpe"] is not None:
        facts["Sharpe"] = f"{made['sharpe']:.3f} for periods of {made['sharpe_period_s'] / 60:g} min"
    return facts


def tell_explanation(found: Explanation, title: str) -> None:
    """Print for a person why a quote was what it was."""
    from datetime import UTC, datetime

    when = datetime.fromtimestamp(found.decided_ts / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    known = {name: value for name, value in found.known.items() if name != "time"}
    emit_facts(f"{title}: decided at {when}", {name.replace("_", " "): f"{value:.6g}" for name, value in known.items()})
    emit_facts("parameters", {name.replace("_", " "): f"{value:.6g}" for name, value in found.values.items()})
    if found.inside:
        emit_facts("inside the model", {name: f"{value:.6g}" for name, value in found.inside.items()})
    rows = [
        (name, f"{price:.6g}", f"{size:.6g}", rounded, wanted)
        for name, price, size, rounded, wanted in zip(
            ("bid", "ask"), found.asked[:2], found.asked[2:], found.rounded, found.wanted, strict=True
        )
    ]
    emit_table("quote", ("side", "model's price", "model's size", "on the grid", "after all rules"), rows)
    if found.because:
        emit_table("rules that changed it", ("rule",), [(line,) for line in found.because])
    emit_table("resting at the moment", ("order",), [(line,) for line in found.resting])


def tell_bets(result: Mapping[str, Any]) -> None:
    """Print a betting backtest for people."""
    from ..reports.bet_facts import bet_facts

    emit_facts(result["strategy"]["name"], dict(bet_facts(result)))
    for by, rows in result["groups"].items():
        if len(rows) > 1:
            names = list(rows[0])
            shown = ([_number(name, row[name]) for name in names] for row in rows)
            emit_table(f"by {by}", [n.replace("_", " ") for n in names], shown)
    candidates = result["candidates"]
    if candidates:
        names = ("fate", "candidates", "settled", "won", "mean_pnl")
        rows = ([_number(name, row[name]) for name in names] for row in candidates)
        emit_table("candidates, one contract each, kept to the end", [n.replace("_", " ") for n in names], rows)
    _warn(result)


def _warn(record: Mapping[str, Any]) -> None:
    for warning in record["warnings"]:
        say(f"warning: {warning['name']}: {warning['text']}")


def _number(name: str, value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    return round(value, 4 if name in ("win_rate", "return", "won", "mean_pnl") else 2)
