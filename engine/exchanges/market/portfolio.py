"""What portfolio reads show: the truth, or with a fault the truth of some moments ago."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from .account import Position
from .order import VenueFill, VenueOrder

_Change = Callable[[], None]


class ShownPortfolio:
    """Orders, fills and positions as reads see them; each change shows ``lag`` seconds after it was made."""

    def __init__(self, lag: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._lag = lag
        self._clock = clock
        self._coming: deque[tuple[float, _Change]] = deque()
        self._orders: dict[str, VenueOrder] = {}
        self._fills: list[VenueFill] = []
        self._positions: dict[str, Position] = {}

    @property
    def orders(self) -> dict[str, VenueOrder]:
        """Every order by id, oldest first."""
        self._show()
        return self._orders

    @property
    def fills(self) -> list[VenueFill]:
        """Every fill, oldest first."""
        self._show()
        return self._fills

    @property
    def positions(self) -> dict[str, Position]:
        """Every position ever held, by ticker."""
        self._show()
        return self._positions

    def put_order(self, order: VenueOrder) -> None:
        """An order was made or changed."""
        if not self._lag:
            self._orders[order.id] = order
            return
        copy = replace(order)
        self._later(lambda: self._orders.__setitem__(copy.id, copy))

    def put_fill(self, fill: VenueFill) -> None:
        """An order traded."""
        self._later(lambda: self._fills.append(fill))

    def put_position(self, ticker: str, position: Position) -> None:
        """A position changed."""
        copy = replace(position)
        self._later(lambda: self._positions.__setitem__(ticker, copy))

    def _later(self, change: _Change) -> None:
        if self._lag:
            self._coming.append((self._clock() + self._lag, change))
        else:
            change()

    def _show(self) -> None:
        while self._coming and self._coming[0][0] <= self._clock():
            self._coming.popleft()[1]()
