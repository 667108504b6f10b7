"""The plainest market maker: a fixed distance on both sides, shifted in a line by what is held."""

from __future__ import annotations

from typing import Any, ClassVar

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class FixedSpread(QuotingModel):
    """Quotes ``half_spread`` on both sides of ``mid - skew x contracts held``."""

    name = "fixed-spread"
    parameters = (
        Parameter("half_spread", 1.0, 0.0, 50.0, "cents from the centre to each quote"),
        Parameter("skew", 0.05, 0.0, 100.0, "cents that both quotes shift for a contract held"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
    )
    explain: ClassVar = {"center": "centre, cents"}
    grid: ClassVar = {"half_spread": (0.5, 8.0, 32), "skew": (0.0, 0.5, 32)}

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        center = known.mid - known.position * p.skew
        return center - p.half_spread, center + p.half_spread, p.size, p.size
