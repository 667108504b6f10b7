"""How a session stands, in numbers: what its status file, metrics and page read."""

from __future__ import annotations

from typing import Any

from ..guards import limits_used
from ..machine import Machine


def status_of(machine: Machine) -> dict[str, Any]:
    """How a session stands: money in micros, sizes in lots, prices in ticks."""
    ledger, seen = machine.ledger, machine.seen()
    markets = {
        ticker: {
            "position": one.position, "cash": one.cash, "worth": one.worth, "mid": one.mid,
            "fills": ledger.holding(ticker).fills, "fees": ledger.holding(ticker).fees,
            "halted": ledger.holding(ticker).halted, "closed": machine.markets[ticker].closed,
            "standing": ledger.holding(ticker).standing, "quote": _quoted(machine, ticker),
        }
        for ticker, one in seen.markets.items()
    }  # fmt: skip
    return {
        "mode": machine.settings.mode, "now": seen.now, "feed_age_s": max(seen.now - seen.heard, 0) / 1e9,
        "killed": ledger.killed, "waits": machine.waits, "run": ledger.run, "drift_s": seen.drift_ns / 1e9,
        "pnl": seen.made, "orders": len(ledger.orders), "markets": markets,
        "limits": [one._asdict() for one in limits_used(seen, machine.settings)], "budget": machine.side.budget(),
        "rewards": _rewards(machine),
    }  # fmt: skip


def _rewards(machine: Machine) -> dict[str, int] | None:
    """What incentive programs have come to, before and after their rules of payout, micros; None if none count."""
    counted = [market.live.programs for market in machine.markets.values() if market.live.programs.counts]
    if not counted:
        return None
    periods = [one for programs in counted for one in programs.so_far()]
    return {"earned": sum(one["earned"] for one in periods), "paid": sum(one["paid"] for one in periods)}


def _quoted(machine: Machine, ticker: str) -> dict[str, int | None]:
    quote = machine.markets[ticker].live.quote
    return {"bid": quote.bid, "bid_size": quote.bid_size, "ask": quote.ask, "ask_size": quote.ask_size}
