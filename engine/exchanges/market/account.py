"""The client's account: cash, what open orders hold back, positions, and what a fill or a settlement does to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ....io.ground.units import TICKS_PER_DOLLAR
from .charges import Charges
from .order import VenueOrder, other, unit_cost
from .reserve import Reserve


@dataclass(slots=True)
class Position:
    """What is held in one market: signed lots (YES above 0), what the open part cost, what the closed part made."""

    lots: int = 0
    cost: int = 0
    realized: int = 0
    fees: int = 0
    traded: int = 0
    volume: int = 0  #: lots bought and sold
    updated: int = 0


@dataclass(slots=True, frozen=True)
class Payout:
    """A position paid out."""

    ticker: str
    event: str
    result: str
    value: int  #: ticks one YES paid
    lots: int
    cost: int
    paid: int
    fee: int
    ts: int


class Account:
    """Money in micros. ``cash - reserved`` is what may be spent and never falls below zero."""

    def __init__(self, cash: int) -> None:
        self.deposited = cash
        self.cash = cash
        self.reserved = 0
        self.positions: dict[str, Position] = {}
        self.settlements: list[Payout] = []
        self._reserves: dict[str, Reserve] = {}
        self._held: dict[str, int] = {}

    @property
    def available(self) -> int:
        """Cash not held back by open orders."""
        return self.cash - self.reserved

    def position(self, ticker: str) -> Position:
        """The position in a market, made empty at first use."""
        return self.positions.setdefault(ticker, Position())

    def hold(self, ticker: str, changed: Iterable[VenueOrder], charges: Charges, ts: int) -> None:
        """Hold back what the open orders of a market may need, after some of them have changed."""
        reserve = self._reserve(ticker, charges)
        for order in changed:
            reserve.put(order, ts)
        held = reserve.needed(self._lots(ticker), ts)
        self.reserved += held - self._held.get(ticker, 0)
        self._held[ticker] = held

    def affords(self, ticker: str, charges: Charges, ts: int, incoming: VenueOrder, levels: int) -> bool:
        """Whether the cash covers an incoming order, which may trade at some levels, on top of everything open."""
        fees = charges.bound(ts, incoming.price, incoming.remaining)
        if levels:
            fees += charges.bound(ts, incoming.price, incoming.remaining, taker=True, fills=levels)
        needed = self._reserve(ticker, charges).needed_with(incoming, fees, self._lots(ticker), ts)
        return self.reserved - self._held.get(ticker, 0) + needed <= self.cash

    def _reserve(self, ticker: str, charges: Charges) -> Reserve:
        if ticker not in self._reserves:
            self._reserves[ticker] = Reserve(charges)
        return self._reserves[ticker]

    def _lots(self, ticker: str) -> int:
        held = self.positions.get(ticker)
        return held.lots if held else 0

    def fill(self, order: VenueOrder, price: int, lots: int, taker: bool, charges: Charges, ts: int) -> int:
        """Book one fill and return its fee; the part against the position closes it, the rest opens."""
        held = self.position(order.ticker)
        closing = min(max(-held.lots * order.side, 0), lots)
        opening = lots - closing
        proceeds = closing * unit_cost(other(order.side), price)
        spent = opening * unit_cost(order.side, price)
        revenue = proceeds - spent
        fee, order.carried = charges.fee(ts, revenue, price, lots, taker, order.carried)
        self.cash += revenue - fee
        if closing:
            out = held.cost * closing // abs(held.lots)
            held.cost -= out
            held.realized += proceeds - out
        held.cost += spent
        held.lots += lots * order.side
        held.fees += fee
        held.traded += lots * unit_cost(order.side, price)
        held.volume += lots
        held.updated = ts
        order.filled += lots
        order.notional += lots * price
        paid = lots * unit_cost(order.side, price)
        if taker:
            order.taker_cost += paid
            order.taker_fees += fee
        else:
            order.maker_cost += paid
            order.maker_fees += fee
        return fee

    def settle(self, ticker: str, event: str, result: str, value: int, grid: int, ts: int) -> Payout | None:
        """Pay a position out at ``value`` ticks a YES; what the balance grid cannot hold is a fee."""
        held = self.positions.get(ticker)
        if held is None or not held.lots:
            return None
        worth = abs(held.lots) * (value if held.lots > 0 else TICKS_PER_DOLLAR - value)
        fee = worth % grid
        record = Payout(ticker, event, result, value, held.lots, held.cost, worth - fee, fee, ts)
        self.cash += worth - fee
        held.realized += worth - held.cost
        held.fees += fee
        held.lots = held.cost = 0
        held.updated = ts
        self.settlements.append(record)
        return record
