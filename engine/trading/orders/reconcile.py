"""The exchange's own lists against our account, as late as they may be: a difference counts when it shows twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ....io.ground.units import NS_PER_SECOND
from ..ledger import TradeLedger
from ..settings import TradeSettings
from .jobs import Answer


class Quietness(Protocol):
    """What a comparison asks of the side that sends."""

    def quiet(self, ticker: str) -> bool:
        """Whether nothing rests and nothing is under way in a market."""
        ...


@dataclass
class Comparison:
    """What the readings so far have shown.

    A list lags by some seconds: a position agrees if we held it at any moment since ``list_lag_s`` before the reading
    was asked for. Nothing is concluded where an outcome is unknown; that has a limit of its own.
    """

    settings: TradeSettings
    stranger: str | None = None  #: an order of our name that we do not know
    _apart: dict[str, int] = field(default_factory=dict)
    _suspects: set[str] = field(default_factory=set)

    def read(self, answer: Answer, ledger: TradeLedger, side: Quietness, now: int) -> None:
        """Take a reading of positions and resting orders in."""
        since = answer.asked - round(self.settings.list_lag_s * NS_PER_SECOND)
        positions = answer.positions or {}
        for ticker in ledger.holdings:
            if positions.get(ticker, 0) in ledger.positions_since(ticker, since):
                self._apart.pop(ticker, None)
            else:
                self._apart[ticker] = self._apart.get(ticker, 0) + 1
        suspects = {
            order.client_id for order in answer.orders
            if ledger.owns(order.client_id) and ledger.known(order.client_id) is None
        }  # fmt: skip
        twice = sorted(suspects & self._suspects)
        if twice and self.stranger is None:
            self.stranger = twice[0]
        self._suspects = suspects

    def disagreed(self, ticker: str) -> int:
        """Readings in a row that showed a position that was none of ours."""
        return self._apart.get(ticker, 0)

    def forget(self, ticker: str) -> None:
        """Begin to count anew."""
        self._apart.pop(ticker, None)
