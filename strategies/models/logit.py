"""Avellaneda and Stoikov with the price as a probability: quotes in log odds, under the volatility of a belief."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class LogitAvellanedaStoikov(QuotingModel):
    """Quotes in log odds: centre ``x - q gamma s^2 tau``, half ``gamma s^2 tau / 2 + ln(1 + gamma/kappa) / gamma``.

    ``x`` are the log odds of the mid ``p`` and ``s^2`` their variance, the belief's: that of the price is
    ``p^2 (1 - p)^2 s^2``, so the measured one gives ``s``. ``most`` bounds ``s^2 tau``, which a price near 0 or 100
    cents blows up: what a belief can still move until the deadline is finite. Mapped back, quotes stay on the scale.
    """

    name = "logit-as"
    parameters = (
        Parameter("gamma", 0.1, 1e-6, 1e3, "risk aversion, per unit of log odds"),
        Parameter("kappa", 20.0, 1e-6, 1e4, "how fast fills vanish with distance, per unit of log odds"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
        Parameter("most", 4.0, 0.0, 1e3, "variance of the log odds until the deadline, at most"),
    )
    derived = ("half", "inverse_size")
    grid: ClassVar = {"gamma": (0.02, 1.0, 32), "kappa": (5.0, 80.0, 32)}
    explain: ClassVar = {
        "belief": "variance of the log odds until the deadline", "center": "reservation price, log odds",
        "half": "half spread, log odds",
    }  # fmt: skip

    @staticmethod
    def derive(p: Any) -> tuple[float, float]:
        """Half of the spread's constant part; the reciprocal of the size, because a product is cheaper."""
        return math.log(1.0 + p.gamma / p.kappa) / p.gamma, 1.0 / p.size

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        yes = known.mid * 0.01
        yes = yes if yes > 1e-6 else 1e-6
        yes = yes if yes < 1.0 - 1e-6 else 1.0 - 1e-6
        slope = yes * (1.0 - yes)
        belief = known.variance * 1e-4 / (slope * slope) * known.tau
        belief = belief if belief < p.most else p.most
        risk = p.gamma * belief
        center = math.log(yes / (1.0 - yes)) - known.position * p.inverse_size * risk
        half = risk * 0.5 + p.half
        low, high = half - center, -half - center
        low, high = low if low < 700.0 else 700.0, high if high < 700.0 else 700.0
        return 100.0 / (1.0 + math.exp(low)), 100.0 / (1.0 + math.exp(high)), p.size, p.size
