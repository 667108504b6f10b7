"""An order at the touch on both sides, told by a clock when to join: what maker entries of bets are filled like."""

from __future__ import annotations

import math
from typing import Any

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class JoinTouch(QuotingModel):
    """Joins best bid and best ask while the clock, handed over as the underlying, says 1; withdraws while it says 0."""

    name = "join-touch"
    parameters = (Parameter("size", 1.0, 0.01, 1e6, "contracts an order"),)
    needs_underlying = True

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        if known.underlying == 1.0:
            return known.bid, known.ask, p.size, p.size
        return math.nan, math.nan, 0.0, 0.0
