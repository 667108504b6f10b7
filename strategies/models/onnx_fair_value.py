"""Make a market around what a trained model takes for fair."""

from __future__ import annotations

from typing import Any, ClassVar

from ...features.signals.flow import order_flow_imbalance, signed_flow
from ...features.signals.outside import onnx
from ...features.signals.price import bollinger, microprice, momentum
from ...features.signals.volatility import realised_volatility
from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel

#: What the model is asked with, in this order.
INPUTS = ("imbalance", "flow", "micro", "moved", "stands_1", "stands_2", "sigma")


class OnnxFairValue(QuotingModel):
    """Quotes around the mid plus ``trust`` times what ``fair.onnx`` in the working folder says of seven signals.

    The model takes one row of floats in the order of ``INPUTS`` and gives the cents by which the fair value lies above
    the mid. While it says nothing, nothing is quoted. A subclass names another file, or other signals:
    ``signals = {**OnnxFairValue.signals, "fair": onnx("mine.onnx", inputs)}``.
    """

    name = "onnx-fair-value"
    signals: ClassVar = {
        "imbalance": order_flow_imbalance(10.0), "flow": signed_flow(60.0), "micro": microprice(),
        "moved": momentum(60.0), "stands": bollinger(300.0), "sigma": realised_volatility(60.0),
        "fair": onnx("fair.onnx", INPUTS),
    }  # fmt: skip
    parameters = (
        Parameter("half_spread", 1.0, 0.0, 50.0, "cents from the centre to each quote"),
        Parameter("trust", 1.0, 0.0, 1.0, "share of the model's opinion; the rest is the mid's"),
        Parameter("most", 5.0, 0.0, 50.0, "cents that the model shifts at most"),
        Parameter("skew", 0.05, 0.0, 100.0, "cents that both quotes shift for a contract held"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
    )
    explain: ClassVar = {"shift": "shift by the model, cents", "center": "centre, cents"}
    grid: ClassVar = {"half_spread": (0.5, 4.0, 32), "trust": (0.0, 1.0, 32)}

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        shift = p.trust * known.signals.fair
        shift = p.most if shift > p.most else shift
        shift = -p.most if shift < -p.most else shift
        center = known.mid + shift - known.position * p.skew
        return center - p.half_spread, center + p.half_spread, p.size, p.size
