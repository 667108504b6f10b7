"""Backtests and explanations in words for a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...figures.words import UNKNOWN
from ..console import emit_facts, emit_groups, emit_table, say

if TYPE_CHECKING:
    from ...runs.explain import Explanation
    from ...runs.result import Result

#: What a model was last told of, as its number is written.
_SEEN = {
    "0": "a change of the book", "1": "a trade", "2": "a price of the underlying", "3": "a status", "4": "a gap",
    "5": "the clock",
}  # fmt: skip


def tell(found: Result, place: Path | None = None) -> None:
    """Print a backtest, of whatever kind it is, and where it was written now."""
    {"replay": tell_replay, "replays": tell_replays, "bets": tell_bets}[found.kind](found.record)
    if place is not None:
        say(f"written to {place}; engine report {place} makes a page of it")


def tell_replay(record: Mapping[str, Any]) -> None:
    """Print one replay for people."""
    from ...reports.told.run_facts import queue_rows, run_groups

    emit_groups(f"{record['strategy']} on {record['market']}", (group.named for group in run_groups(record)))
    emit_table("P&L by queue model", ("queue", "P&L"), queue_rows(record["summary"]["by_queue"]))
    _warn(record)


def tell_replays(record: Mapping[str, Any]) -> None:
    """Print several replays for people: a row a market, and what they come to together."""
    from ...figures.words import count
    from ...reports.told.run_facts import MARKET_COLUMNS, market_rows, queue_rows, total_groups

    title = f"{record['strategy']} on {count(len(record['markets']), 'market')}"
    emit_table(title, MARKET_COLUMNS, market_rows(record))
    emit_groups("All markets together", (group.named for group in total_groups(record)))
    if rows := queue_rows(record["total"].get("by_queue")):
        emit_table("P&L of all markets by queue model", ("queue", "P&L"), rows)
    _warn(record)


def _value(number: float) -> str:
    """Write what a model knew or made; a dash for nothing.

    >>> _value(0.5), _value(math.nan)
    ('0.5', '–')
    """
    return UNKNOWN if math.isnan(number) else f"{number:.6g}"


def tell_explanation(found: Explanation, title: str) -> None:
    """Print for a person why a quote was what it was."""
    from datetime import UTC, datetime

    when = datetime.fromtimestamp(found.decided_ts / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    known = {name.replace("_", " "): _value(value) for name, value in found.known.items() if name != "time"}
    if known.get("trigger") in _SEEN:
        known["trigger"] = _SEEN[known["trigger"]]
    emit_facts(f"{title}: decided at {when}", known)
    emit_facts("parameters", {name.replace("_", " "): _value(value) for name, value in found.values.items()})
    if found.state:
        emit_facts("state", {name: _value(value) for name, value in found.state.items()})
    if found.ladder:
        emit_facts("levels", dict(line.split(": ") for line in found.ladder))
    if found.signals:
        emit_facts("signals", {name: _value(value) for name, value in found.signals.items()})
    if found.inside:
        emit_facts("inside the model", {name: _value(value) for name, value in found.inside.items()})
    rows = [
        (name, _value(price), _value(size), rounded, wanted)
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
    from ...reports.told.bet_facts import CANDIDATE_COLUMNS, GROUP_COLUMNS, bet_groups, candidate_rows, group_rows

    emit_groups(result["strategy"]["name"], (group.named for group in bet_groups(result)))
    for by, rows in result["groups"].items():
        if len(rows) > 1:
            emit_table(f"By {by}", (by, *GROUP_COLUMNS), group_rows(by, rows))
    if result["candidates"]:
        title = "Candidates, one contract each, kept to the end"
        emit_table(title, CANDIDATE_COLUMNS, candidate_rows(result["candidates"]))
    _warn(result)


def _warn(record: Mapping[str, Any]) -> None:
    for note in record.get("notes", ()):
        say(f"note: {note}")
    for warning in record["warnings"]:
        say(f"warning: {warning['name']}: {warning['text']}")
