"""The orders of one market on their way: one request at a time, what steps back first, leases renewed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ....io.ground.units import NS_PER_SECOND, TICKS_PER_CENT, TICKS_PER_DOLLAR
from ....io.store.schema import Side
from ..ledger import OwnOrder, TradeLedger, side_of
from ..settings import TradeSettings
from .jobs import Job

_RETRY_NS = NS_PER_SECOND
_LONGEST_RETRY_NS = 8 * NS_PER_SECOND
Wish = dict[tuple[int, int], int]  #: what is to rest: side (1 buys YES, -1 sells it) and price -> lots


class Take(NamedTuple):
    """What is to be taken at once: up to a price, and what is left of it never rests."""

    side: int
    price: int
    lots: int


@dataclass
class SentOrders:
    """What rests in a market, by client id, and the one request that is under way."""

    ticker: str
    ledger: TradeLedger
    settings: TradeSettings
    post_only: bool = True
    amends: bool = True
    working: dict[str, OwnOrder] = field(default_factory=dict)
    busy: Job | None = None
    unsettled: bool = False  #: what became of something is unknown: all is cancelled and read back
    unknown_since: int | None = None
    refused: int = 0
    group: str = ""
    group_stopped: bool = False
    unpaid: bool = False  #: an order was cancelled for want of money
    not_before: int = 0  #: what was just refused is not asked for again at once
    took: OwnOrder | None = None  #: the last order that took at once
    took_lots: int | None = None  #: what it took, as its answer told
    _pauses: int = 0
    _retry_at: int = 0
    _tries: int = 0

    def resting(self) -> Iterator[tuple[Side, int, int]]:
        """Side, price and lots of what rests at the exchange, as far as we know."""
        yield from ((side_of(one.side), one.price, one.left) for one in self.working.values() if not one.sent)

    def allowed(self, wish: Wish, mid: int) -> Wish:
        """The wish within the limits of one order: cut to the largest size and cost, nothing beyond the collar."""
        largest, notional = self.settings.lots("largest_order"), self.settings.micros("largest_notional")
        collar = self.settings.collar
        out: Wish = {}
        for (side, price), lots in wish.items():
            if collar is not None and (not mid or abs(price - mid) > collar * TICKS_PER_CENT):
                continue
            cost = price if side > 0 else TICKS_PER_DOLLAR - price
            most = min(lots, largest or lots, lots if notional is None else notional // max(cost, 1))
            if most > 0:
                out[side, price] = most
        return out

    def next_job(self, wish: Wish, now: int, take: Take | None = None) -> Job | None:
        """The next request that brings what rests nearer to the wish; None if nothing is to be done, or one is busy.

        What goes or steps back comes first, then what takes, then what advances: own orders never meet.
        """
        if self.busy is not None or now < self.not_before:
            return None
        if self.unsettled:
            return self._settle(now)
        pairs, fresh, surplus = self._paired(wish)
        if surplus:
            return self._cancel(surplus[0])
        advances: list[tuple[OwnOrder, int, int]] = []
        for order, price, lots in pairs:
            if (price - order.price) * order.side > 0:
                advances.append((order, price, lots))
            elif (price, lots) != (order.price, order.left):
                smaller = price == order.price and lots < order.left
                return self._cancel(order) if smaller and not self.amends else self._amend(order, price, lots, now)
        if take is not None and self._may_take(take):
            return self._take(take, now)
        if advances:
            return self._amend(*advances[0], now)
        if fresh:
            return self._create(*fresh[0], now)
        for order, price, lots in pairs:
            if order.expires - now < self.settings.lease_s * NS_PER_SECOND / 2:
                return self._amend(order, price, lots, now)
        return None

    def _paired(self, wish: Wish) -> tuple[list[tuple[OwnOrder, int, int]], list[tuple[int, int, int]], list[OwnOrder]]:
        """Orders with the price and lots wished for; wishes without an order; orders without a wish.

        An order whose price is wished for is that wish's, with its place in the queue. Others take the wishes that are
        left in turn, the nearest to the other side first.
        """
        left, pairs, free = dict(wish), list[tuple[OwnOrder, int, int]](), list[OwnOrder]()
        for order in self.working.values():
            lots = left.pop((order.side, order.price), None)
            if lots is None:
                free.append(order)
            else:
                pairs.append((order, order.price, lots))
        fresh: list[tuple[int, int, int]] = []
        for (side, price), lots in sorted(left.items(), key=lambda one: -one[0][0] * one[0][1]):
            order = next((one for one in free if one.side == side), None)
            if order is None:
                fresh.append((side, price, lots))
            else:
                free.remove(order)
                pairs.append((order, price, lots))
        return pairs, fresh, free

    @property
    def is_told(self) -> bool:
        """Whether all that was taken last is known."""
        return self.took is None or (self.took_lots is not None and self.took.filled >= self.took_lots)

    def _may_take(self, take: Take) -> bool:
        """Whether all that was taken before is known, and an order of ours does not stand in the way."""
        return self.is_told and not any(
            (take.price - order.price) * take.side >= 0 for order in self.working.values() if order.side != take.side
        )

    def lose(self, now: int) -> None:
        """What became of something is not known."""
        if not self.unsettled:
            self.unsettled, self._tries, self._retry_at = True, 0, 0
            self.unknown_since = now if self.unknown_since is None else self.unknown_since

    def pause(self, now: int, *, longer: bool = False) -> None:
        """Ask for nothing for a moment: what was asked for would be answered as before; ``longer`` each time."""
        self.not_before = now + min(_LONGEST_RETRY_NS, _RETRY_NS * 2**self._pauses)
        self._pauses = min(self._pauses + 1, 3) if longer else 0

    def accepted(self) -> None:
        """The exchange took an order, so nothing speaks against the next."""
        self.refused = self._pauses = 0

    def settled(self) -> None:
        """Everything was cancelled and read back."""
        self.unsettled, self.unknown_since = False, None
        self.working.clear()
        self.took = self.took_lots = None

    def not_settled(self, now: int) -> None:
        """That did not work out; it is tried again, ever later."""
        self._retry_at = now + min(_LONGEST_RETRY_NS, _RETRY_NS * 2**self._tries)
        self._tries = min(self._tries + 1, 3)

    def ended(self, order: OwnOrder) -> bool:
        """An order does not rest any more; returns whether it was one that we thought would."""
        self.ledger.end(order.client_id)
        return self.working.pop(order.client_id, None) is not None

    def _expires(self, now: int) -> int:
        """A lease's end, in whole seconds as the exchange has it."""
        return -(-(now + round(self.settings.lease_s * NS_PER_SECOND)) // NS_PER_SECOND) * NS_PER_SECOND

    def _create(self, side: int, price: int, lots: int, now: int) -> Job:
        return Job(
            0, "create", self.ticker, self.ledger.name(), side=side, price=price, lots=lots,
            expires=self._expires(now), group=self.group, post_only=self.post_only,
        )  # fmt: skip

    def _take(self, take: Take, now: int) -> Job:
        return Job(
            0, "create", self.ticker, self.ledger.name(), side=take.side, price=take.price, lots=take.lots,
            expires=self._expires(now), group=self.group, now=True,
        )  # fmt: skip

    def _amend(self, order: OwnOrder, price: int, lots: int, now: int) -> Job:
        return Job(
            0, "amend", self.ticker, order.client_id, order.order_id or "", side=order.side, price=price,
            lots=order.filled + lots, expires=self._expires(now),
        )  # fmt: skip

    def _cancel(self, order: OwnOrder) -> Job:
        return Job(0, "cancel", self.ticker, order.client_id, order.order_id or "")

    def _settle(self, now: int) -> Job | None:
        if now < self._retry_at:
            return None
        open_orders = self.ledger.of_market(self.ticker)
        since = min((order.created for order in open_orders), default=now) // NS_PER_SECOND - 60
        named = [(order.client_id, order.order_id or "", order.side) for order in open_orders]
        return Job(0, "settle", self.ticker, since=max(since, 0), orders=named)


def reducing(position: int, wish: Wish) -> Wish:
    """What of a wish makes a position smaller, and no more than that."""
    side = -1 if position > 0 else 1
    return {place: min(lots, abs(position)) for place, lots in wish.items() if position and place[0] == side}
