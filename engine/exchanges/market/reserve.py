"""What the open orders of one market hold back, kept up to date order by order."""

from __future__ import annotations

from ....io.store.schema import Side
from .charges import Charges
from .order import VenueOrder, unit_cost


class Reserve:
    """The most cash the open orders of a market can use up, in whatever order they fill.

    An order costs its lots at its price and the most its fees can be. Lots that close a position cost nothing; the
    cheapest ones are taken to be those.
    """

    def __init__(self, charges: Charges) -> None:
        self._charges = charges
        self._row = -1  #: the fees of the day that the bounds were reckoned with
        #: side, unit cost, lots and bound as counted
        self._orders: dict[str, tuple[VenueOrder, Side, int, int, int]] = {}
        self._lots: dict[Side, dict[int, int]] = {Side.BID: {}, Side.ASK: {}}  #: unit cost -> lots
        self._total = 0

    def put(self, order: VenueOrder, ts: int) -> None:
        """Count an order as it stands now; one that is over counts nothing."""
        self._renew(ts)
        self._forget(order)
        self._count(order, ts)

    def needed(self, position: int, ts: int) -> int:
        """The cash to hold back at a position."""
        self._renew(ts)
        return self._total - self._closing(position)

    def needed_with(self, incoming: VenueOrder, fees: int, position: int, ts: int) -> int:
        """The same as if an order at its present price and size were open too, or in its own place."""
        self._renew(ts)
        before = self._orders.get(incoming.id)
        if before is None and not position:  # nothing to close, nothing to take out first
            return self._total + fees + incoming.remaining * unit_cost(incoming.side, incoming.price)
        self._forget(incoming)
        self._enter(incoming, incoming.side, unit_cost(incoming.side, incoming.price), incoming.remaining, fees)
        held = self.needed(position, ts)
        self._forget(incoming)
        if before:
            self._enter(*before)
        return held

    def _closing(self, position: int) -> int:
        """What the lots that close a position would have cost."""
        side = Side.ASK if position > 0 else Side.BID
        free, saved = abs(position), 0
        for unit in sorted(self._lots[side]) if free else ():
            lots = min(free, self._lots[side][unit])
            saved += unit * lots
            free -= lots
            if not free:
                break
        return saved

    def _count(self, order: VenueOrder, ts: int) -> None:
        if order.open and order.remaining:
            bound = self._charges.bound(ts, order.price, order.remaining)
            self._enter(order, order.side, unit_cost(order.side, order.price), order.remaining, bound)

    def _enter(self, order: VenueOrder, side: Side, unit: int, lots: int, bound: int) -> None:
        self._orders[order.id] = order, side, unit, lots, bound
        self._total += bound
        self._add(side, unit, lots)

    def _forget(self, order: VenueOrder) -> None:
        counted = self._orders.pop(order.id, None)
        if counted:
            _, side, unit, lots, bound = counted
            self._total -= bound
            self._add(side, unit, -lots)

    def _add(self, side: Side, unit: int, lots: int) -> None:
        level = self._lots[side]
        level[unit] = level.get(unit, 0) + lots
        self._total += unit * lots
        if not level[unit]:
            del level[unit]

    def _renew(self, ts: int) -> None:
        """Reckon every bound again when the fees of the day change."""
        row = self._charges.row(ts)
        if row != self._row:
            self._row = row
            for order, *_ in list(self._orders.values()):
                self._forget(order)
                self._count(order, ts)
