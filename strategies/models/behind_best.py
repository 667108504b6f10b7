"""An order on both sides at a distance from the best price: what a scan for rewards asks about."""

from __future__ import annotations

from typing import Any

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class BehindBest(QuotingModel):
    """Stands ``distance`` cents behind best bid and best ask, whatever it holds."""

    name = "behind-best"
    parameters = (
        Parameter("distance", 0.0, 0.0, 99.0, "cents behind the best price"),
        Parameter("size", 100.0, 0.01, 1e6, "contracts an order"),
    )

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        return known.bid - p.distance, known.ask + p.distance, p.size, p.size
