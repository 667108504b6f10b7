"""What a signal's update is told of an event. Prices are in cents, sizes in contracts, unless said."""

from __future__ import annotations

from typing import Any, NamedTuple

BOOK, TRADE, UNDERLYING, STATUS, GAP = range(5)
#: Levels of each side that ``near`` holds.
NEAR = 5


class SignalEvent(NamedTuple):
    """An event of the market and the book after it. A price that is not there is nan, as a tick 0."""

    ts: int  #: ns since 1970 UTC
    time: float  #: seconds since 1970 UTC
    kind: int  #: 0 book, 1 trade, 2 underlying, 3 status, 4 gap
    moment: bool  #: the last event of its time: before that the book may be half of what it is to be
    side: int  #: of a change 1 for bids and -1 for asks; of a trade 1 where the taker bought YES, -1 where it sold
    price: float  #: of the level or trade
    size: float  #: at the level after the change, or traded
    change: float  #: by how much the level grew
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    mid: float  #: nan while a side is empty
    underlying: float  #: last price of the underlying; nan before the first
    lots: int  #: the size, exactly: 1/100 contract
    bid_tick: int  #: the best prices, exactly: 1/10,000 dollar
    ask_tick: int
    bid_lots: int
    ask_lots: int
    near: Any  #: rows: ticks and lots of bids, ticks and lots of asks; columns: the five best levels, 0 where none is
    signals: Any  #: values of the signals that are declared before this one, by name


#: A trade of ten contracts at 47 cents in a market at 45 to 47.
EXAMPLE = SignalEvent(
    1_700_000_000_000_000_000, 1.7e9, TRADE, True, 1, 47.0, 10.0, 0.0, 45.0, 47.0, 100.0, 80.0, 46.0, 4000.0,
    1000, 4500, 4700, 10_000, 8_000, (), (),
)  # fmt: skip
