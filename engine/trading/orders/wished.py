"""What a quote wishes to rest, and how the journal tells it."""

from __future__ import annotations

from typing import Any

from ...live.live import Quote
from .sent_orders import Wish


def wish_of(quote: Quote) -> Wish:
    """What a quote wishes to rest."""
    wish: Wish = {}
    for rung in (quote, *quote.deeper):
        for side, price, lots in ((1, rung.bid, rung.bid_size), (-1, rung.ask, rung.ask_size)):
            if price is not None and lots > 0:
                wish[side, price] = lots
    return wish


def shown_of(ticker: str, quote: Quote) -> dict[str, Any]:
    """A quote as a line of the journal tells it."""
    shown: dict[str, Any] = {"market": ticker}
    for level, one in enumerate((quote, *quote.deeper), 1):
        more = f"_{level}" if level > 1 else ""
        shown |= {f"bid{more}": one.bid, f"bid{more}_size": one.bid_size}
        shown |= {f"ask{more}": one.ask, f"ask{more}_size": one.ask_size}
    return shown
