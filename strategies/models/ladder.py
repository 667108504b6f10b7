"""Rest several orders a side: a small one near the mid, larger ones behind it for who reaches deeper."""

from __future__ import annotations

from typing import Any, ClassVar

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class Ladder(QuotingModel):
    """Quotes three orders a side, ``step`` cents apart, each ``growth`` times as large as the one before it.

    The nearest stands at ``half_spread`` from the mid less ``skew`` cents for a contract held. A move of the mid by one
    step leaves two orders of a side where they are, with their places in the queue, as the second becomes the first.
    """

    name = "ladder"
    levels: ClassVar[int] = 3
    parameters = (
        Parameter("half_spread", 1.0, 0.0, 50.0, "cents from the centre to the nearest order"),
        Parameter("step", 1.0, 0.0, 50.0, "cents from one order of a side to the next"),
        Parameter("growth", 2.0, 0.0, 100.0, "size of an order in sizes of the one before it"),
        Parameter("skew", 0.02, 0.0, 100.0, "cents that all orders shift for a contract held"),
        Parameter("size", 5.0, 0.01, 1e6, "contracts of the nearest order"),
    )
    derived = ("second", "third")
    explain: ClassVar = {"center": "centre, cents"}
    grid: ClassVar = {"half_spread": (0.5, 4.0, 32), "step": (0.5, 3.0, 16)}

    @staticmethod
    def derive(p: Any) -> tuple[float, float]:
        """Sizes of the second and the third order."""
        return p.size * p.growth, p.size * p.growth * p.growth

    @staticmethod
    def quote(known: Known, p: Any) -> Any:
        """Bids, asks and their sizes, the nearest first."""
        center = known.mid - known.position * p.skew
        bid, ask = center - p.half_spread, center + p.half_spread
        sizes = (p.size, p.second, p.third)
        return (bid, bid - p.step, bid - 2.0 * p.step), (ask, ask + p.step, ask + 2.0 * p.step), sizes, sizes
