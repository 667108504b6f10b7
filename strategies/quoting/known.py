"""What a quoting model is told when it decides. Prices are in cents, sizes in contracts, times in seconds."""

from __future__ import annotations

from typing import Any, NamedTuple

CLOCK = 5.0  #: as a trigger: nothing happened, time went on


class Known(NamedTuple):
    """Everything known at the moment of a decision, and nothing later."""

    time: float  #: seconds since 1970 UTC
    bid: float  #: best bid
    ask: float  #: best ask
    bid_size: float  #: contracts at the best bid
    ask_size: float  #: contracts at the best ask
    mid: float
    microprice: float  #: (bid x ask size + ask x bid size) / (both sizes)
    variance: float  #: of the price, in cents squared, per the volatility setting of the run
    sigma: float  #: its square root
    tau: float  #: time left, per the horizon setting of the run
    underlying: float  #: last price of the underlying; nan if there is none
    position: float  #: contracts held, NO counts negative
    own_bid: float  #: own resting bid; nan if there is none
    own_ask: float  #: own resting ask; nan if there is none
    trigger: float  #: kind of the last event seen: 0 book, 1 trade, 2 underlying, 3 status, 4 gap, 5 clock
    signals: Any = ()  #: the model's signals by name, as of the last event seen
