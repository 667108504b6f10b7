"""What an order that rests gets on paper: the venue's model on what came since, as the backtest has it."""

from __future__ import annotations

import numpy as np

from ...bets.panel.maker import first_fill
from .market import BetMarket


def got_on_paper(market: BetMarket, side: int, placed: int, end: int, step: int, queue: str) -> int:
    """Lots that an order placed at a bar's end got in the bar that ends at ``end``, if it got none before."""
    tape = market.since_placed()
    if tape is None:
        return 0
    times = np.arange(placed, end + 1, step, dtype=np.int64)
    after, lots = first_fill(tape, times, queue)
    own = 0 if side > 0 else 1
    return int(lots[own]) if after[own] == len(times) - 1 else 0
