"""What a queue model expects of orders that rested: how much would have filled, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...simulator.assumptions.queue import OPTIMISTIC, THROUGH, QueueModel
from ...simulator.tape.events import TRADE
from .course import CROSS, LevelPast

#: Places in the queue by lots that stood before an order when it came.
PLACES = ((0, "front"), (10_00, "up to 10"), (100_00, "up to 100"), (1000_00, "up to 1,000"))
PLACE_NAMES = (*(name for _, name in PLACES), "more")


@dataclass(frozen=True)
class Expected:
    """What was to fill: times and lots, and the lots that stood before the order at the end."""

    fills: tuple[tuple[int, int], ...]
    ahead: float

    @property
    def lots(self) -> int:
        """Lots in all."""
        return sum(lots for _, lots in self.fills)


def place_of(ahead: int) -> str:
    """The name of a place in the queue.

    >>> place_of(0), place_of(2500), place_of(10**9)
    ('front', 'up to 100', 'more')
    """
    return next((name for most, name in PLACES if ahead <= most), PLACE_NAMES[-1])


def share_behind(front: float, back: float, model: QueueModel) -> float:
    """Probability that a cancelled lot stood behind the order.

    >>> from touchline.engine.simulator.assumptions.queue import queue_model
    >>> share_behind(30.0, 10.0, queue_model("power@1")), share_behind(30.0, 10.0, queue_model("pessimistic"))
    (0.25, 1.0)
    """
    if not model.is_float:
        return 0.0 if model.rule == OPTIMISTIC else 1.0
    if model.exponent:
        front, back = front**model.exponent, back**model.exponent
    else:
        front, back = math.log(1.0 + front), math.log(1.0 + back)
    return back / (front + back) if front + back > 0.0 else 1.0


def expected(past: LevelPast, lots: int, model: QueueModel) -> Expected:
    """Let an order wait in its queue: the rule of the kernel, an event after the other."""
    ahead, left = float(past.ahead), lots
    fills: list[tuple[int, int]] = []
    rows = zip(
        *(column.tolist() for column in (past.kind, past.ts, past.lots, past.before, past.bound, past.through)),
        strict=True,
    )
    for kind, ts, size, before, bound, through in rows:
        if kind == CROSS:
            if model.cross and left:
                fills.append((ts, left))
                left = 0
                break
        elif kind == TRADE:
            if model.rule == THROUGH and not through:
                continue
            reaches = bool(through) or model.rule <= THROUGH
            beyond = size if reaches else math.floor(0.5 - (ahead - size))
            ahead = max(ahead - size, 0.0) if not reaches else ahead
            got = max(0, min(beyond, left))
            if got and not model.partial:
                got = left
            if got:
                fills.append((ts, got))
                left -= got
            if not left:
                break
        elif size > 0 or bound < ahead:
            ahead = after_cancel(ahead, before, size, bound, model)
    return Expected(tuple(fills), ahead)


def after_cancel(ahead: float, before: int, cancelled: int, bound: int, model: QueueModel) -> float:
    """Lots before the order once some of its level were cancelled."""
    if cancelled <= 0 or not (model.is_float or model.rule == OPTIMISTIC):
        return min(ahead, float(bound))
    back = max(before - ahead, 0.0)
    behind = share_behind(ahead, back, model)
    overflow = min(back - behind * cancelled, 0.0)
    return min(max(ahead - (1.0 - behind) * cancelled + overflow, 0.0), float(bound))


def value(side: int, price: int, lots: int, mark: int) -> int:
    """What a fill came to at a mark, micros before fees.

    >>> value(1, 4000, 100, 4500), value(-1, 4000, 100, 4500)
    (50000, -50000)
    """
    return side * lots * (mark - price)
