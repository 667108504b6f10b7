"""Make a market around what a trained model takes for fair."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ...features.signals.flow import order_flow_imbalance, signed_flow
from ...features.signals.outside import OnnxSignal, onnx
from ...features.signals.price import bollinger, microprice, momentum
from ...features.signals.volatility import realised_volatility
from ...io.ground.errors import InputError
from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel

#: What the model is asked with, in this order.
INPUTS = ("imbalance", "flow", "micro", "moved", "stands_1", "stands_2", "sigma")


class Unnamed(OnnxSignal):
    """A trained model that nobody named: nothing is read that the user did not name."""

    def definition(self) -> list[str]:
        """There is none."""
        raise InputError("onnx-fair-value asks a trained model: name its file with it, as onnx-fair-value:fair.onnx")


class OnnxFairValue(QuotingModel):
    """Quotes around the mid plus ``trust`` times what a trained model says of seven signals.

    Its file, or the folder of a training, is named with it: ``onnx-fair-value:fair.onnx``. It takes a row of floats in
    the order of ``INPUTS`` and gives the cents by which the fair value lies above the mid. While it says nothing,
    nothing is quoted. A subclass reads other signals:
    ``signals = {**OnnxFairValue.signals, "fair": onnx(file, inputs)}``.
    """

    name = "onnx-fair-value"
    signals: ClassVar = {
        "imbalance": order_flow_imbalance(10.0), "flow": signed_flow(60.0), "micro": microprice(),
        "moved": momentum(60.0), "stands": bollinger(300.0), "sigma": realised_volatility(60.0),
        "fair": Unnamed(Path("FILE.onnx"), INPUTS),
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

    @classmethod
    def reading(cls, file: str) -> type[OnnxFairValue]:
        """Return the model that asks a file, or the folder of a training."""
        signals = {**cls.signals, "fair": onnx(file, INPUTS)}
        return type(cls.__name__, (cls,), {"name": f"{cls.name}:{file}", "signals": signals, "__doc__": cls.__doc__})

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        shift = p.trust * known.signals.fair
        shift = p.most if shift > p.most else shift
        shift = -p.most if shift < -p.most else shift
        center = known.mid + shift - known.position * p.skew
        return center - p.half_spread, center + p.half_spread, p.size, p.size
