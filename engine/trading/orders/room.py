"""How large an order may be, so that what is held and what rests together can lose no more than they may."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from ....io.ground.units import TICKS_PER_DOLLAR
from ..guards import MarketSeen, Seen, exposure
from ..settings import TradeSettings
from .sent_orders import Wish

#: A lot's fee at most, micros: two cents a contract.
_FEE = 200


class Room:
    """What markets, events and the account may still lose, kept from one look at the session to the next."""

    def __init__(self, settings: TradeSettings) -> None:
        names = ("exposure_market", "exposure_event", "exposure_account")
        self._market, self._event, self._account = (settings.micros(name) for name in names)
        self.is_limited = any(one is not None for one in (self._market, self._event, self._account))
        self._events: dict[str, dict[str, MarketSeen]] = {}
        self._exposed: dict[str, int] = {}
        self._total = 0

    def look(self, seen: Seen) -> None:
        """Take in how every market stands, with what rests there."""
        self._events = {}
        for market in seen.markets.values():
            self._events.setdefault(market.event or market.ticker, {})[market.ticker] = market
        self._exposed = {event: exposure(list(markets.values())) for event, markets in self._events.items()}
        self._total = sum(self._exposed.values())

    def cut(self, own: MarketSeen, wish: Wish) -> Wish:
        """Cut a wish to what a market may lose, and count it; ``own`` is the market with nothing that rests."""
        event = own.event or own.ticker
        markets = self._events.setdefault(event, {})
        others = [one for ticker, one in markets.items() if ticker != own.ticker]
        elsewhere = self._total - self._exposed.get(event, 0)
        out: Wish = {}
        for (side, price), lots in wish.items():
            unit = (price if side > 0 else TICKS_PER_DOLLAR - price) + _FEE
            most = min(lots, self._lots(own, others, elsewhere, side, unit))
            if most > 0:
                out[side, price] = most
                bought, sold = (unit * most, 0) if side > 0 else (0, unit * most)
                own = structs.replace(own, buys=own.buys + bought, sells=own.sells + sold)
        markets[own.ticker] = own
        self._exposed[event] = exposure([*others, own])
        self._total = elsewhere + self._exposed[event]
        return out

    def _lots(self, own: MarketSeen, others: list[MarketSeen], elsewhere: int, side: int, unit: int) -> int:
        """Lots of an order that costs ``unit`` each where the market settles against it."""
        ours = own.at_nothing if side > 0 else own.at_a_dollar
        room: list[int] = []
        if self._market is not None:
            room.append(self._market + ours)
        left = [one for one in (self._event, self._account) if one is not None]
        if self._account is not None:
            left[-1] -= elsewhere
        if left:
            room.append(min(left) + _worst_elsewhere(own.exclusive, others, side) + ours)
        return min([max((one - 1) // unit, 0) for one in room], default=1 << 62)


def at_stake(resting: Iterable[tuple[str, int, int, int]]) -> dict[str, tuple[int, int]]:
    """What resting buys and sells of each market can cost, micros; of each its ticker, side, price and lots.

    >>> at_stake([("A", 1, 4500, 100), ("A", -1, 5500, 10)])
    {'A': (450000, 45000)}
    """
    found: dict[str, tuple[int, int]] = {}
    for ticker, side, price, lots in resting:
        buys, sells = found.get(ticker, (0, 0))
        cost = lots * (price if side > 0 else TICKS_PER_DOLLAR - price)
        found[ticker] = (buys + cost, sells) if side > 0 else (buys, sells + cost)
    return found


def _worst_elsewhere(exclusive: bool, others: list[MarketSeen], side: int) -> int:
    """What the event's other outcomes leave where this one settles against the order."""
    if not exclusive or not all(one.exclusive for one in others):
        return sum(one.worst for one in others)
    none = sum(one.at_nothing for one in others)
    if side < 0:  # this one pays, so no other does
        return none
    return min([none, *(none - one.at_nothing + one.at_a_dollar for one in others)])
