"""Avellaneda & Stoikov 2008, section 2.3: quotes of a trader without a horizon, under a hard bound on inventory."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class Stationary(QuotingModel):
    """Quotes at the infinite-horizon reservation prices, ``ln(1 + gamma/kappa) / gamma`` outside.

    With the discount ``w = gamma^2 sigma^2 (most + 1)^2 / 2`` the variance cancels: the reservation bid is
    ``mid + ln(1 - (1 + 2q) / ((most + 1)^2 - q^2)) / gamma``, the ask the same with ``1 + (1 - 2q)``.
    """

    name = "avellaneda-stoikov-stationary"
    parameters = (
        Parameter("gamma", 0.1, 1e-6, 1e3, "risk aversion, per cent of money"),
        Parameter("kappa", 1.5, 1e-6, 1e3, "how fast fills vanish with distance, per cent of price"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
        Parameter("most", 10.0, 1.0, 1e6, "quotes held at most; the side that would exceed it is not quoted"),
    )
    derived = ("half", "inverse_size", "inverse_gamma", "bound")
    explain: ClassVar = {
        "q": "quotes held",
        "buy": "exp(gamma x risk of one more)",
        "sell": "exp(gamma x risk of one less)",
    }
    grid: ClassVar = {"gamma": (0.02, 0.5, 32), "most": (2.0, 40.0, 32)}

    @staticmethod
    def derive(p: Any) -> tuple[float, float, float, float]:
        """The margin for fills, reciprocals, and the squared bound."""
        return math.log(1.0 + p.gamma / p.kappa) / p.gamma, 1.0 / p.size, 1.0 / p.gamma, (p.most + 1.0) ** 2

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        q = known.position * p.inverse_size
        q = p.most if q > p.most else q
        q = -p.most if q < -p.most else q
        room = p.bound - q * q
        buy = 1.0 - (1.0 + 2.0 * q) / room
        sell = 1.0 + (1.0 - 2.0 * q) / room
        bid = known.mid + p.inverse_gamma * math.log(buy if buy > 1e-12 else 1.0) - p.half
        ask = known.mid + p.inverse_gamma * math.log(sell if sell > 1e-12 else 1.0) + p.half
        return (bid if q + 1.0 <= p.most else math.nan), (ask if q - 1.0 >= -p.most else math.nan), p.size, p.size
