"""Whether the stream's NO side really comes in the prices it was asked for: the exchange may change its default."""

from __future__ import annotations

from collections.abc import Iterable

from ...ground.units import TICKS_PER_DOLLAR
from ..rest.models import OrderBook
from .books import StreamBooks


def check_price_mode(books: StreamBooks, read: Iterable[OrderBook]) -> bool | None:
    """Compare kept books with books read over REST: True if they agree, False if mirrored, None if nothing decides.

    A book may move between the two readings, so the levels of all books vote.
    """
    straight = mirrored = 0
    for each in read:
        kept = books.books.get(each.ticker)
        if kept is None or kept.stale or each.book is None:
            continue
        true = set(each.book.asks())
        levels = set(kept.asks)
        opposite = {TICKS_PER_DOLLAR - price for price in levels}
        straight += len((levels - opposite) & true)
        mirrored += len((opposite - levels) & true)
    if straight == mirrored:
        return None
    return straight > mirrored
