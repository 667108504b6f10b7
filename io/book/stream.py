"""What a row does to an order book, for rows that arrive one by one; ``columns.py`` says the same, compiled."""

from __future__ import annotations

#: What a row does instead of leaving lots at its level: the book is unknown, and the row passes; or the row itself
#: makes the book unknown, from here to the next snapshot.
PASSED, LOST = -1, -2


class BookLevels:
    """One book in YES prices: ``bids`` and ``asks`` are prices -> lots. Do not use it while ``stale``."""

    __slots__ = ("asks", "bids", "stale")

    def __init__(self) -> None:
        self.stale = True
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def side(self, side: int) -> dict[int, int]:
        """Return the levels of a side: above 0 the bids."""
        return self.bids if side > 0 else self.asks

    def replace(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Take a whole snapshot: the book is known, levels without lots are none."""
        self.bids = {price: lots for price, lots in bids.items() if lots > 0}
        self.asks = {price: lots for price, lots in asks.items() if lots > 0}
        self.stale = False

    def clear(self) -> None:
        """Begin a snapshot that comes in pieces: the book is known and empty before its levels."""
        self.bids, self.asks, self.stale = {}, {}, False

    def lose(self) -> None:
        """Something was missed: the book is unknown until the next snapshot."""
        self.stale = True

    def change(self, side: int, price: int, delta: int, *, floor: bool = False) -> int:
        """Add to a level; return what stands there then, or ``PASSED`` or ``LOST``.

        A level below zero loses the book. With ``floor`` the level is taken away instead, and the book stays known.
        """
        if self.stale:
            return PASSED
        levels = self.bids if side > 0 else self.asks
        lots = levels.get(price, 0) + delta
        if lots > 0:
            levels[price] = lots
            return lots
        if lots == 0 or floor:
            levels.pop(price, None)
            return 0
        self.stale = True
        return LOST

    def put(self, side: int, price: int, lots: int) -> int:
        """Set a level; return what stands there then, or ``PASSED`` or ``LOST``."""
        if self.stale:
            return PASSED
        levels = self.bids if side > 0 else self.asks
        if lots > 0:
            levels[price] = lots
            return lots
        if lots == 0:
            levels.pop(price, None)
            return 0
        self.stale = True
        return LOST

    @property
    def best_bid(self) -> int | None:
        """The highest YES bid."""
        return max(self.bids, default=None)

    @property
    def best_ask(self) -> int | None:
        """The lowest YES ask."""
        return min(self.asks, default=None)

    @property
    def crossed(self) -> bool:
        """A bid at or above an ask: never real, so a message was lost or misread."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and bid >= ask
