"""Exact exponential utility of a contract that pays 0 or 100 cents: inventory shifts the log odds in a line."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class BinaryCara(QuotingModel):
    """Quotes where one quote more, held to settlement, leaves expected utility as it is, and a margin outside.

    With ``p`` the mid's probability and ``q`` the quotes held, what is held is worth
    ``-ln(1 - p + p exp(-g q)) / g``; the price of a marginal contract has the log odds of p minus ``g q``. The margin
    for fills is ``ln(1 + gamma/kappa) / gamma``. No variance and no horizon enter.
    """

    name = "binary-cara"
    parameters = (
        Parameter("gamma", 0.001, 1e-6, 1.0, "risk aversion, per cent of money; a quote held shifts the log odds 100x"),
        Parameter("kappa", 1.5, 1e-6, 1e3, "how fast fills vanish with distance, per cent of price"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
    )
    derived = ("half", "inverse_size", "inverse_gamma", "less", "more")
    explain: ClassVar = {
        "yes": "probability", "shift": "shift of the log odds", "bid": "worth of one more, cents",
        "ask": "worth of one less, cents",
    }  # fmt: skip
    grid: ClassVar = {"gamma": (0.0002, 0.01, 32), "kappa": (0.5, 5.0, 32)}

    @staticmethod
    def derive(p: Any) -> tuple[float, float, float, float, float]:
        """The margin, reciprocals, and what one quote more and one less make of the utility if YES pays."""
        g = 100.0 * p.gamma
        return math.log1p(p.gamma / p.kappa) / p.gamma, 1.0 / p.size, 1.0 / p.gamma, math.exp(-g), math.exp(g)

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        yes = known.mid * 0.01
        yes = yes if yes > 1e-6 else 1e-6
        yes = yes if yes < 1.0 - 1e-6 else 1.0 - 1e-6
        shift = 100.0 * p.gamma * known.position * p.inverse_size
        shift = shift if shift < 700.0 else 700.0
        shift = shift if shift > -700.0 else -700.0
        no = (1.0 - yes) * math.exp(shift)
        bid = -p.inverse_gamma * math.log((no + yes * p.less) / (no + yes))
        ask = p.inverse_gamma * math.log((no + yes * p.more) / (no + yes))
        return bid - p.half, ask + p.half, p.size, p.size
