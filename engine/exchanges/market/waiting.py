"""How long an order waits in its queue: the engine's queue models applied to one resting order."""

from __future__ import annotations

import math

from ....io.ground.jit import entry
from ...simulator.assumptions.queue import OPTIMISTIC, THROUGH, TOUCH, QueueModel, ahead_after_cancel_nb
from .order import VenueOrder


@entry
def shrunk_nb(front: float, before: float, cancelled: float, bound: float, rule: int, exponent: float) -> float:
    """The queue model's own step, which only kernels may call."""
    return ahead_after_cancel_nb(front, before, cancelled, bound, rule, exponent)


class Waiting:
    """What must trade at an order's level before the order does."""

    def __init__(self, model: QueueModel) -> None:
        self.model = model

    def lots(self, order: VenueOrder) -> int:
        """Lots of a trade at the order's price that go by before it fills.

        >>> from touchline.engine.simulator.assumptions.queue import queue_model
        >>> from touchline.io.store.schema import Side
        >>> order = VenueOrder("o", "o", "T", Side.BID, 4600, 100, 0, ahead=300)
        >>> Waiting(queue_model("pessimistic")).lots(order), Waiting(queue_model("touch")).lots(order)
        (300, 0)
        """
        if self.model.rule == TOUCH:
            return 0
        if self.model.rule == THROUGH:
            return 1 << 62
        return max(math.ceil(order.ahead - 0.5), 0)

    def traded(self, order: VenueOrder, lots: int) -> None:
        """Lots in front of the order traded."""
        order.ahead = max(order.ahead - lots, 0)

    def shrunk(self, order: VenueOrder, before: int, cancelled: int, bound: int) -> None:
        """Of the ``before`` lots at the level some were cancelled; no more than ``bound`` can be ahead."""
        rule = self.model.rule
        if self.model.is_float:
            exponent = self.model.exponent
            order.ahead = shrunk_nb(float(order.ahead), float(before), float(cancelled), float(bound), rule, exponent)
        else:
            gone = cancelled if rule == OPTIMISTIC else 0
            order.ahead = max(min(order.ahead - gone, bound), 0)
