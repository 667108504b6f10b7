"""Sums over the levels of the book that a model is shown, for use inside a quote."""

from __future__ import annotations

from typing import Any

from ...io.ground.jit import inlined


@inlined
def size_within(known: Any, side: int, cents: float) -> float:
    """Return the contracts that rest within so many cents of the best price: 1 for bids, -1 for asks.

    Of the five best levels, which is all that a model is shown.

    Example:
        >>> from collections import namedtuple
        >>> shown = namedtuple("Shown", "bids bid_sizes asks ask_sizes")
        >>> prices, sizes = (45.0, 44.0, 42.0), (10.0, 5.0, 7.0)
        >>> shown = shown(prices, sizes, (46.0, 47.0, 48.0), sizes)
        >>> size_within(shown, 1, 1.0)
        15.0
    """
    total = 0.0
    prices, sizes = (known.bids, known.bid_sizes) if side > 0 else (known.asks, known.ask_sizes)
    for level in range(len(prices)):
        total += sizes[level] if abs(prices[level] - prices[0]) <= cents + 1e-9 else 0.0
    return total


@inlined
def imbalance(known: Any, levels: int) -> float:
    """Return how much more rests on the bids than on the asks over some levels, as a share of both: -1 to 1.

    Example:
        >>> from collections import namedtuple
        >>> imbalance(namedtuple("Shown", "bid_sizes ask_sizes")((30.0, 9.0), (10.0, 9.0)), 1)
        0.5
    """
    bids, asks = 0.0, 0.0
    for level in range(levels):
        bids += known.bid_sizes[level]
        asks += known.ask_sizes[level]
    return (bids - asks) / (bids + asks) if bids + asks > 0.0 else 0.0
