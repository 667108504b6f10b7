"""An order of the client's and its life."""

from __future__ import annotations

from dataclasses import dataclass

from ....io.ground.units import TICKS_PER_DOLLAR
from ....io.store.schema import Side

RESTING, CANCELED, EXECUTED = "resting", "canceled", "executed"


@dataclass(slots=True, eq=False)
class VenueOrder:
    """One order; prices in YES ticks, sizes in lots, money in micros, times in ns of the exchange's clock."""

    id: str
    client_id: str
    ticker: str
    side: Side
    price: int
    initial: int
    created: int
    stp: str = "taker_at_cross"
    rests: bool = True  #: false for immediate-or-cancel and fill-or-kill
    all_or_none: bool = False
    post_only: bool = False
    expires: int | None = None
    cancel_on_pause: bool = False
    group: str | None = None
    remaining: int = 0
    filled: int = 0
    status: str = RESTING
    reason: str = ""
    updated: int = 0
    ahead: float = 0  #: recorded lots in front of it at its level, as far as can be known
    taker_cost: int = 0
    maker_cost: int = 0
    taker_fees: int = 0
    maker_fees: int = 0
    carried: int = 0  #: the fee accumulator: rounding paid and not yet given back
    notional: int = 0  #: sum of YES price x lots over its fills

    @property
    def fees(self) -> int:
        """All fees paid so far."""
        return self.taker_fees + self.maker_fees

    @property
    def open(self) -> bool:
        """Whether it may still trade."""
        return self.status == RESTING


@dataclass(slots=True, frozen=True)
class VenueFill:
    """One execution of an order."""

    id: str
    order: VenueOrder
    price: int
    lots: int
    taker: bool
    fee: int
    ts: int
    position: int  #: the market position after it, lots


def unit_cost(side: Side, price: int) -> int:
    """Ticks that opening one contract costs: a bid buys YES, an ask buys NO."""
    return price if side is Side.BID else TICKS_PER_DOLLAR - price


def other(side: Side) -> Side:
    """The opposite side."""
    return Side.ASK if side is Side.BID else Side.BID
