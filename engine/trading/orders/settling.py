"""When an order of ours whose fate was unknown is known to be over, although lists lag."""

from __future__ import annotations

from ....io.ground.units import NS_PER_SECOND
from ..ledger import OwnOrder, TradeLedger
from ..settings import TradeSettings
from .jobs import Answer


def settled(ledger: TradeLedger, ticker: str, answer: Answer, now: int, settings: TradeSettings) -> list[OwnOrder]:
    """The orders of a market that are over, by what the exchange was heard to say; fills are booked before.

    One that was found is over when it does not rest and every lot of it that filled was booked. One that was not found
    may only be hidden by a list that lags: it is over when its lease is, and the lag of the lists after it.
    """
    found = {one.client_id: one for one in answer.orders}
    over: list[OwnOrder] = []
    for order in ledger.of_market(ticker):
        one = found.get(order.client_id)
        if one is not None:
            if one.status != "resting" and one.filled <= order.filled:
                over.append(order)
        elif now > order.expires + round(settings.list_lag_s * NS_PER_SECOND):
            over.append(order)
    return over
