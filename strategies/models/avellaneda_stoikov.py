"""Avellaneda & Stoikov, Quantitative Finance 8 (2008): reservation price and spread under inventory risk."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class AvellanedaStoikov(QuotingModel):
    """Quotes around ``mid - q gamma variance tau`` at ``gamma variance tau / 2 + ln(1 + gamma/kappa) / gamma``.

    A contract pays 0 or 100 cents, so what its price can still move has the variance ``p (1 - p)`` whatever the
    measured one says; ``capped`` holds ``variance tau`` to that.
    """

    name = "avellaneda-stoikov"
    parameters = (
        Parameter("gamma", 0.1, 1e-6, 1e3, "risk aversion, per cent of money"),
        Parameter("kappa", 1.5, 1e-6, 1e3, "how fast fills vanish with distance, per cent of price"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
        Parameter("capped", 0, 0, 1, "1: variance tau is at most p (1 - p)", kind="int"),
    )
    derived = ("half", "inverse_size", "ceiling")
    grid: ClassVar = {"gamma": (0.05, 1.0, 32), "kappa": (0.5, 5.0, 32)}
    explain: ClassVar = {
        "risk": "gamma x variance x tau, cents", "center": "reservation price, cents", "half": "half spread, cents",
    }  # fmt: skip

    @staticmethod
    def derive(p: Any) -> tuple[float, float, float]:
        """Half of the spread's constant part; the reciprocal of the size, because a product is cheaper; the cap."""
        ceiling = p.gamma if p.capped else math.inf
        return math.log(1.0 + p.gamma / p.kappa) / p.gamma, 1.0 / p.size, ceiling

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        risk = p.gamma * known.variance * known.tau
        room = known.mid * (100.0 - known.mid)
        most = p.ceiling * (room if room > 0.0 else 0.0)
        risk = most if risk > most else risk
        center = known.mid - known.position * p.inverse_size * risk
        half = risk * 0.5 + p.half
        return center - half, center + half, p.size, p.size
