"""Order groups: a limit on the contracts that the orders of a group trade within 15 seconds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ....io.ground.units import NS_PER_SECOND
from .order import VenueOrder

WINDOW_NS = 15 * NS_PER_SECOND


@dataclass(slots=True, eq=False)
class VenueGroup:
    """One order group; sizes in lots."""

    id: str
    limit: int
    triggered: bool = False
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    recent: deque[tuple[int, int]] = field(default_factory=deque)
    total: int = 0  #: lots of the fills in ``recent``

    def count(self, ts: int, lots: int = 0) -> int:
        """Add a fill and return the lots filled in the window that ends now."""
        if lots:
            self.recent.append((ts, lots))
            self.total += lots
        while self.recent and self.recent[0][0] <= ts - WINDOW_NS:
            self.total -= self.recent.popleft()[1]
        return self.total

    def reset(self) -> None:
        """Forget the fills so far and take orders again."""
        self.triggered, self.total = False, 0
        self.recent.clear()

    def open_orders(self) -> list[VenueOrder]:
        """Its resting orders; ended ones are forgotten."""
        self.orders = {key: order for key, order in self.orders.items() if order.open}
        return list(self.orders.values())
