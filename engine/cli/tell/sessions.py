"""What `engine trade` and `engine status` print of a session."""

from __future__ import annotations

from typing import Any

from ..console import emit_facts, emit_table


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
    rows = [
        (
            ticker, one["position"] / 100, _dollars(one["worth"]), one["fills"], _side(one["quote"], "bid"),
            _side(one["quote"], "ask"), one["halted"] or ("closed" if one["closed"] else ""),
        )
        for ticker, one in status["markets"].items()
    ]  # fmt: skip
    emit_table("", ("market", "contracts", "P&L", "fills", "bid", "ask", "halted"), rows)


def _dollars(micros: int) -> str:
    return f"{'-' if micros < 0 else ''}${abs(micros) / 1e6:,.2f}"


def _side(quote: dict[str, Any], side: str) -> str:
    return "" if quote[side] is None else f"{quote[f'{side}_size'] / 100:g} at {quote[side] / 100:g}"
