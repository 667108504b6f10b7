"""The book of one market: the recorded levels, the client's own orders in their queues, and what trades with what.

The recording cannot react. What the client takes stays gone from a level until the recording shrinks it below what is
left; what rests in the client's name is added to what is shown. Prices are YES ticks on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ....io.book.stream import BookLevels
from ....io.store.schema import Side
from .order import VenueOrder, other
from .waiting import Waiting

BID, ASK = Side.BID, Side.ASK


class Hit(NamedTuple):
    """Lots of one order executed at one price."""

    order: VenueOrder
    price: int
    lots: int
    taker: bool


class Change(NamedTuple):
    """A level of the shown book moved; ``order`` is set when the client's own order moved it."""

    side: Side
    price: int
    lots: int
    order: VenueOrder | None


class VenueBook:
    """The recorded levels of one market with the client's orders laid over them."""

    def __init__(self, waiting: Waiting) -> None:
        self.known = False
        self.waiting = waiting
        self.changes: list[Change] = []
        self.recorded = BookLevels()
        self.recorded.clear()
        self._taken: dict[Side, dict[int, int]] = {BID: {}, ASK: {}}
        self._own: dict[Side, dict[int, dict[str, VenueOrder]]] = {BID: {}, ASK: {}}  #: by level, first come first
        self._resting: dict[Side, dict[int, int]] = {BID: {}, ASK: {}}  #: the client's lots by level

    # What is there

    def outside(self, side: Side, price: int) -> int:
        """Recorded lots at a level that the client has not taken."""
        return self.recorded.side(side).get(price, 0) - self._taken[side].get(price, 0)

    def shown(self, side: Side) -> dict[int, int]:
        """The levels everybody sees, own orders included."""
        levels = {price: lots for price in self.recorded.side(side) if (lots := self.outside(side, price)) > 0}
        for price, lots in self._resting[side].items():
            levels[price] = levels.get(price, 0) + lots
        return levels

    def best(self, side: Side) -> tuple[int, int] | None:
        """Best price of a side and the lots shown there."""
        touched = self._own[side] or self._taken[side]
        levels = self.shown(side) if touched else self.recorded.side(side)
        if not levels:
            return None
        price = max(levels) if side is BID else min(levels)
        return price, levels[price]

    def own(self) -> Iterator[VenueOrder]:
        """The client's resting orders."""
        for side in (BID, ASK):
            for orders in self._own[side].values():
                yield from orders.values()

    def queue_position(self, order: VenueOrder) -> int:
        """Lots that trade before this order does."""
        return next(before for mine, before in self._queue(order.side, order.price) if mine is order)

    def queue_positions(self) -> dict[str, int]:
        """Lots that trade before each of the client's orders, by its id."""
        return {
            order.id: before
            for side in (BID, ASK)
            for price in self._own[side]
            for order, before in self._queue(side, price)
        }

    def _queue(self, side: Side, price: int) -> Iterator[tuple[VenueOrder, int]]:
        before = 0
        for order in self._own[side].get(price, {}).values():
            yield order, math.ceil(order.ahead - 0.5) + before
            before += order.remaining

    # The recording moves

    def delta(self, side: Side, price: int, lots: int, explained: int = 0) -> list[Hit]:
        """Apply a recorded change of a level; added lots that cross the client's orders trade with them.

        ``explained``: lots of a decrease that trades explain, below 0 if those trades are still to come.
        """
        before = self.outside(side, price)
        now = self.recorded.change(side, price, lots, floor=True)
        hits: list[Hit] = []
        if self._own[BID] or self._own[ASK] or self._taken[side]:
            self._trim(side, price, before, abs(explained), max(-explained, 0))
            hits = self._crossed_by(side, price) if lots > 0 else []
            now = self.outside(side, price)
        self._moved(side, price, now - before)
        return hits

    def snapshot(self, levels: Iterable[tuple[Side, int, int]]) -> list[Hit]:
        """Replace the recorded levels and give the client's orders that they cross their fills; makes no changes."""
        touched = [(side, price) for side in (BID, ASK) for price in {*self._taken[side], *self._own[side]}]
        before = {key: self.outside(*key) for key in touched}
        found: dict[Side, dict[int, int]] = {BID: {}, ASK: {}}
        for side, price, lots in levels:
            found[side][price] = lots
        self.recorded.replace(found[BID], found[ASK])
        self.known = True
        for key in touched:
            self._trim(*key, before[key])
        hits = [
            hit
            for side in (BID, ASK)
            for price in list(self.recorded.side(side))
            for hit in self._crossed_by(side, price)
        ]
        self.changes.clear()
        return hits

    def trade(self, taker: Side, price: int, lots: int) -> list[Hit]:
        """Let a recorded trade reach the client's orders: at better prices at once, at its own price in the queue."""
        if not self.known or taker not in (BID, ASK):
            return []
        side = BID if taker is ASK else ASK
        hits: list[Hit] = []
        for level in self._own_best_first(side):
            if (level - price) * side < 0:
                break
            passed = 0
            for order in list(self._own[side][level].values()):
                if level == price:
                    waits = min(max(self.waiting.lots(order) - passed, 0), lots)
                    passed += waits
                    lots -= waits
                lots -= self._hit(hits, order, order.price, min(lots, order.remaining))
            if level == price:
                for order in self._own[side].get(level, {}).values():
                    self.waiting.traded(order, passed)
        return hits

    # The client moves

    def crosses(self, side: Side, price: int) -> bool:
        """Whether an order at this price would trade at once."""
        best = self.best(other(side)) if self.known else None
        return best is not None and (price - best[0]) * side >= 0

    def available(self, side: Side, price: int) -> int:
        """Lots of others that an order at this price could take now."""
        opposite = other(side)
        return sum(
            self.outside(opposite, level) for level in self.recorded.side(opposite) if (price - level) * side >= 0
        )

    def reach(self, side: Side, price: int) -> int:
        """How many levels of others an order at this price could trade at now."""
        opposite = other(side)
        return sum((price - level) * side >= 0 for level in self.recorded.side(opposite)) if self.known else 0

    def meets_own(self, side: Side, price: int) -> bool:
        """Whether an order at this price would meet one of the client's own."""
        return any((price - level) * side >= 0 for level in self._own[other(side)])

    def take(self, order: VenueOrder, cancelled: list[VenueOrder]) -> list[Hit]:
        """Trade an incoming order as far as it goes; self-trade prevention adds to ``cancelled`` what it cancels."""
        opposite = other(order.side)
        hits: list[Hit] = []
        while self.known and order.remaining and (best := self.best(opposite)) is not None:
            level = best[0]
            if (order.price - level) * order.side < 0:
                break
            mine = self._own[opposite].get(level, {})
            first = next(iter(mine.values()), None)
            outside = self.outside(opposite, level)
            reach = min(outside, math.ceil(first.ahead - 0.5)) if first else outside
            lots = min(reach, order.remaining)
            if lots:
                self._taken[opposite][level] = self._taken[opposite].get(level, 0) + lots
                self._moved(opposite, level, -lots, order)
                for resting in mine.values():
                    resting.ahead -= min(lots, resting.ahead)
                order.remaining -= lots
                hits.append(Hit(order, level, lots, True))
            elif order.stp == "maker" and first:
                cancelled.append(first)
                self.remove(first)
            else:
                cancelled.append(order)
                break
        return hits

    def rest(self, order: VenueOrder) -> None:
        """Put what remains of an order at the back of its level."""
        order.ahead = self.outside(order.side, order.price)
        self._own[order.side].setdefault(order.price, {})[order.id] = order
        self._rests(order, order.remaining)

    def remove(self, order: VenueOrder) -> None:
        """Take an order out of its level."""
        orders = self._own[order.side].get(order.price, {})
        if orders.pop(order.id, None):
            self._rests(order, -order.remaining)
            if not orders:
                del self._own[order.side][order.price], self._resting[order.side][order.price]

    def reduce(self, order: VenueOrder, lots: int) -> None:
        """Make an order smaller in its place."""
        order.remaining -= lots
        self._rests(order, -lots)

    def clear(self) -> None:
        """Forget the recorded levels: nobody's orders are left."""
        for side in (BID, ASK):
            for price in self.recorded.side(side):
                self._moved(side, price, -self.outside(side, price))
            self._taken[side].clear()
        self.recorded.clear()

    # Small steps

    def _moved(self, side: Side, price: int, lots: int, order: VenueOrder | None = None) -> None:
        if lots:
            self.changes.append(Change(side, price, lots, order))

    def _rests(self, order: VenueOrder, lots: int) -> None:
        levels = self._resting[order.side]
        levels[order.price] = levels.get(order.price, 0) + lots
        self._moved(order.side, order.price, lots, order)

    def _trim(self, side: Side, price: int, before: int, traded: int = 0, to_come: int = 0) -> None:
        """A level was set by the recording: what was taken of it, and the queues in it, shrink with it."""
        level = self.recorded.side(side).get(price, 0)
        taken = self._taken[side]
        if price in taken:
            taken[price] = min(taken[price], level)
            if not taken[price]:
                del taken[price]
        now = self.outside(side, price)
        for order in self._own[side].get(price, {}).values() if now < before else ():
            self.waiting.shrunk(order, before - traded, max(before - now - traded, 0), now + to_come)

    def _crossed_by(self, side: Side, price: int) -> list[Hit]:
        """Recorded lots at a level meet the client's orders on the other side that are at least as good."""
        mine = other(side)
        hits: list[Hit] = []
        if not self.known or not self._own[mine]:
            return hits
        for level in self._own_best_first(mine):
            if (level - price) * mine < 0:
                break
            for order in list(self._own[mine][level].values()):
                lots = min(self.outside(side, price), order.remaining)
                if lots:
                    self._taken[side][price] = self._taken[side].get(price, 0) + lots
                    self._hit(hits, order, order.price, lots)
        return hits

    def _hit(self, hits: list[Hit], order: VenueOrder, price: int, lots: int) -> int:
        if not lots:
            return 0
        self.reduce(order, lots)
        if not order.remaining:
            self.remove(order)
        hits.append(Hit(order, price, lots, False))
        return lots

    def _own_best_first(self, side: Side) -> list[int]:
        return sorted(self._own[side], reverse=side is BID)
