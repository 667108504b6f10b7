"""An order at the touch on both sides that joins at ticks of the clock: what maker entries of bets are filled like."""

from __future__ import annotations

import math
from typing import Any

from ..parameters import Parameter
from ..quoting.known import CLOCK, Known
from ..quoting.model import QuotingModel


class JoinTouch(QuotingModel):
    """Joins best bid and best ask when the clock alone lets it decide, and withdraws when anything else does."""

    name = "join-touch"
    parameters = (Parameter("size", 1.0, 0.01, 1e6, "contracts an order"),)

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        if known.trigger == CLOCK:
            return known.bid, known.ask, p.size, p.size
        return math.nan, math.nan, 0.0, 0.0
