"""What `engine trade` and `engine status` print of a session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....io.ground.times import iso
from ..console import emit_facts, emit_table

if TYPE_CHECKING:
    from ...trading.audit import AuditDone
    from ...trading.knowing.twin import Twin


def tell(status: dict[str, Any]) -> None:
    """Print how a session stands: the session itself, then its markets."""
    if "mode" not in status:
        emit_facts("", {"running": status.get("running"), "commands waiting": status.get("commands_waiting")})
        return
    facts: dict[str, object] = {
        "mode": status["mode"], "running": status.get("running", False), "P&L": _dollars(status["pnl"]),
        "messages": f"{status['messages']:,}", "last heard": f"{status['feed_age_s']:.1f} s ago",
        "orders that rest": status["orders"], "killed": status["killed"] or "no", "waits": status["waits"] or "no",
    }  # fmt: skip
    emit_facts(str(status.get("session", "")), facts)
    if status.get("kind") == "bets":
        _tell_bets(status["bets"], status["bets_over"])
    rows = [
        (
            ticker, one["position"] / 100, _dollars(one["worth"]), one["fills"], _side(one["quote"], "bid"),
            _side(one["quote"], "ask"), one["halted"] or ("closed" if one["closed"] else ""),
        )
        for ticker, one in status["markets"].items()
    ]  # fmt: skip
    emit_table("", ("market", "contracts", "P&L", "fills", "bid", "ask", "halted"), rows)


def _tell_bets(held: list[dict[str, Any]], over: int) -> None:
    rows = [
        (one["market"], one["side"], one["left"] / 100, one["price"] / 100, f"{one['probability']:.1%}",
         iso(one["entered"])) for one in held
    ]  # fmt: skip
    title = f"bets that are held; {over:,} are over"
    emit_table(title, ("market", "side", "contracts", "cents", "probability", "entered"), rows)


def tell_bets(judged: dict[str, Any]) -> None:
    """Print each bet beside its result, and how well the probabilities were calibrated."""
    rows = [
        (one["market"], one["side"], one["lots"] / 100, one["price"] / 100, f"{one['probability']:.1%}",
         "" if one["result"] is None else f"{one['result']:g}", one["exit"] or "held")
        for one in judged["bets"]
    ]  # fmt: skip
    emit_table("bets", ("market", "side", "contracts", "cents", "probability", "result", "exit"), rows)
    for name in ("strategy", "market"):
        found = judged[name]
        if found is not None:
            facts = {key: found[key] for key in ("count", "brier", "log_loss", "calibration_error", "slope")}
            emit_facts(f"probabilities of the {name}, of bets whose result is known", facts)


def tell_audit(session: Path, done: AuditDone, beside: Twin | None) -> None:
    """Print what was replayed, and how the session did beside its twin."""
    emit_facts(f"audit of {session}", {name: one for name, one in done.facts.items() if name != "bets"})
    if done.bets is not None:
        tell_bets(done.bets)
    if beside is None:
        return
    facts = beside.facts
    money = ("P&L", "P&L of the twin", "difference", *(name for name in facts if name.startswith("of it ")))
    emit_facts(
        f"beside its twin, which assumes {beside.queue}",
        {name: _dollars(facts[name]) if name in money else facts[name] for name in facts if name != "by queue place"},
    )
    rows = [
        (name, one.orders, *(lots / 100 for lots in (one.expected, one.had, one.missed, one.unexpected)))
        for name, one in beside.places.items()
    ]  # fmt: skip
    columns = ("contracts before it", "orders", "expected", "had", "expected and not had", "had and not expected")
    if rows:
        emit_table("fills by place in the queue, contracts", columns, rows)


def _dollars(micros: int) -> str:
    return f"{'-' if micros < 0 else ''}${abs(micros) / 1e6:,.2f}"


def _side(quote: dict[str, Any], side: str) -> str:
    return "" if quote[side] is None else f"{quote[f'{side}_size'] / 100:g} at {quote[side] / 100:g}"
