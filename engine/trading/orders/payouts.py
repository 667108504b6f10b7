"""What markets pay when they settle: by what was determined last, which may be disputed and amended before."""

from __future__ import annotations

from typing import Any

from ....io.kalshi.rest.wire import read_price
from ....io.kalshi.stream.frames import LifecycleBody
from ..ledger import TradeLedger


class Payouts:
    """Hears of markets that were determined and have settled, and pays them once."""

    def __init__(self) -> None:
        self._worth: dict[str, int] = {}  # of one YES, in ticks
        self._due: dict[str, None] = {}

    def hear(self, body: LifecycleBody) -> None:
        """Take news of a market's life in."""
        if body.event_type == "determined" and body.settlement_value is not None:
            self._worth[body.market_ticker] = read_price(body.settlement_value)
        if body.event_type == "settled" and body.market_ticker in self._worth:
            self._due[body.market_ticker] = None

    def pay(self, ledger: TradeLedger, now: int) -> list[dict[str, Any]]:
        """Pay what has settled, once what came before is decided on: on paper it may have filled."""
        paid: list[dict[str, Any]] = []
        for ticker in self._due:
            held = ledger.holding(ticker)
            if held.position:
                told = {"market": ticker, "value": self._worth[ticker], "position": held.position}
                ledger.settle(ticker, self._worth[ticker], now)
                paid.append({**told, "cash": held.cash})
        self._due.clear()
        return paid
