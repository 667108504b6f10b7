"""Guéant, Lehalle & Fernandez-Tapia, Math. Financ. Econ. 7 (2013): closed form of the stationary optimum."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class Glft(QuotingModel):
    """Quotes around ``mid - q skew`` at ``ln(1 + gamma/kappa) / gamma + skew / 2``.

    ``skew = sigma sqrt(gamma / (2 A kappa) (1 + gamma/kappa)^(1 + kappa/gamma))``, q in quotes. No horizon enters, so
    A and sigma need the same unit of time: with ``engine fit`` and the increments of the price, the second.
    """

    name = "glft"
    parameters = (
        Parameter("gamma", 0.1, 1e-6, 1e3, "risk aversion, per cent of money"),
        Parameter("kappa", 1.5, 1e-6, 1e3, "how fast fills vanish with distance, per cent of price"),
        Parameter("A", 1.0, 1e-9, 1e9, "fills at no distance, per unit of time of sigma"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
    )
    derived = ("half", "inverse_size", "weight")
    explain: ClassVar = {
        "skew": "shift for a quote held, cents", "center": "centre, cents", "half": "half spread, cents",
    }  # fmt: skip
    grid: ClassVar = {"gamma": (0.01, 1.0, 32), "kappa": (0.5, 5.0, 32)}

    @staticmethod
    def derive(p: Any) -> tuple[float, float, float]:
        """The constant part of the half spread, the reciprocal of the size, the skew for sigma = 1."""
        share = p.gamma / p.kappa
        growth = math.exp((1.0 + 1.0 / share) * math.log1p(share))
        return math.log1p(share) / p.gamma, 1.0 / p.size, math.sqrt(p.gamma / (2.0 * p.A * p.kappa) * growth)

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        skew = known.sigma * p.weight
        center = known.mid - known.position * p.inverse_size * skew
        half = p.half + 0.5 * skew
        return center - half, center + half, p.size, p.size
