"""Lean with the flow: order-flow imbalance over a few seconds shifts both quotes, by how deep the queues are."""

from __future__ import annotations

from typing import Any, ClassVar

from ...features.signals.flow import order_flow_imbalance
from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel


class FlowSkew(QuotingModel):
    """Quotes at ``half_spread`` around the mid plus ``lean`` times the order-flow imbalance over both best queues.

    Flow that is as large as what rests at the touch has eaten or built a queue: the mid tends to follow it. The shift
    is held to ``most`` cents; the position shifts it back by ``skew`` a contract.
    """

    name = "flow-skew"
    signals: ClassVar = {"flow": order_flow_imbalance(10.0)}
    parameters = (
        Parameter("half_spread", 1.0, 0.0, 50.0, "cents from the centre to each quote"),
        Parameter("lean", 0.5, -20.0, 20.0, "cents for an imbalance over 10 seconds as large as both best queues"),
        Parameter("most", 2.0, 0.0, 50.0, "cents that the flow shifts at most"),
        Parameter("skew", 0.05, 0.0, 100.0, "cents that both quotes shift for a contract held"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
    )
    explain: ClassVar = {"shift": "shift by the flow, cents", "center": "centre, cents"}
    grid: ClassVar = {"lean": (0.0, 2.0, 32), "half_spread": (0.5, 4.0, 32)}

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        queues = known.bid_size + known.ask_size
        shift = p.lean * known.signals.flow / (queues if queues > 0.01 else 0.01)
        shift = shift if shift < p.most else p.most
        shift = shift if shift > -p.most else -p.most
        center = known.mid + shift - known.position * p.skew
        return center - p.half_spread, center + p.half_spread, p.size, p.size
