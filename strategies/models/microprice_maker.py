"""Make a market around the microprice, wider when the mid has moved more."""

from __future__ import annotations

from typing import Any, ClassVar

from ...features.signals.price import microprice
from ...features.signals.volatility import realised_volatility
from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class MicropriceMaker(QuotingModel):
    """Quotes around a mean of mid and microprice, at ``half_spread`` plus ``wider`` times the volatility of a minute.

    The microprice is the mid weighted by the sizes across. A learned one takes its place in a subclass:
    ``signals = {**MicropriceMaker.signals, "fair": learned_microprice(fit)}``.
    """

    name = "microprice-maker"
    signals: ClassVar = {"fair": microprice(), "sigma": realised_volatility(60.0)}
    parameters = (
        Parameter("half_spread", 1.0, 0.0, 50.0, "cents from the centre to each quote"),
        Parameter("weight", 1.0, 0.0, 1.0, "share of the microprice; the rest is the mid's"),
        Parameter("wider", 0.5, 0.0, 100.0, "cents more for a cent of volatility per square root of a second"),
        Parameter("skew", 0.05, 0.0, 100.0, "cents that both quotes shift for a contract held"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
    )
    explain: ClassVar = {"half": "half spread, cents", "center": "centre, cents"}
    grid: ClassVar = {"half_spread": (0.5, 4.0, 32), "weight": (0.0, 1.0, 32)}

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        sigma = known.signals.sigma if known.signals.sigma > 0.0 else 0.0  # not a number before the mid has an age
        half = p.half_spread + p.wider * sigma
        center = known.mid + p.weight * (known.signals.fair - known.mid) - known.position * p.skew
        return center - half, center + half, p.size, p.size
