"""Orders that say that they filled while nobody tells the fill."""

from __future__ import annotations

from typing import NamedTuple

from ....io.ground.units import NS_PER_SECOND
from ..ledger import OwnOrder, TradeLedger

#: A fill whose order says that it filled, and which nobody told for so long, is asked for.
_UNTOLD_NS = 2 * NS_PER_SECOND


class _Untold(NamedTuple):
    """Lots that an order says it filled, since when it does, and when its fills were last asked for."""

    ticker: str
    filled: int
    since: int
    asked: int


class UntoldFills:
    """What orders say beside what fills were told."""

    def __init__(self) -> None:
        self._orders: dict[str, _Untold] = {}

    def told(self, order: OwnOrder, filled: int, now: int) -> None:
        """An order says how much of it filled."""
        if filled > order.filled:
            before = self._orders.get(order.client_id)
            since = now if before is None else before.since
            self._orders[order.client_id] = _Untold(order.ticker, filled, since, now)

    def overdue(self, ledger: TradeLedger, now: int) -> bool:
        """Whether it is time to ask for fills."""
        late = False
        for client_id, one in list(self._orders.items()):
            order = ledger.known(client_id)
            if order is None or order.filled >= one.filled:
                del self._orders[client_id]
            elif now - one.asked >= _UNTOLD_NS:
                self._orders[client_id] = one._replace(asked=now)
                late = True
        return late

    def since(self, ticker: str) -> int | None:
        """Since when a fill of a market is missing."""
        return min((one.since for one in self._orders.values() if one.ticker == ticker), default=None)

    def forget(self, ticker: str) -> None:
        """Ask for nothing of a market any more."""
        self._orders = {name: one for name, one in self._orders.items() if one.ticker != ticker}
