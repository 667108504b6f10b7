"""The arrays a kernel works on, with one meaning each: a tape's columns, the venue's numbers, a block's state.

A block's numbers stand in a few two-dimensional arrays with a row for each quantity and a column for each cell: the
fewer arrays a compiled function gets, the faster it compiles and is called. The rows have names here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

I8 = NDArray[np.int8]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]


class Columns(NamedTuple):
    """One row an event. Side 0 holds YES bids, side 1 NO bids; a level counts on the side's own scale."""

    ts: I64  #: ns UTC
    kind: U8  #: one of the kinds of events.py, with its flags
    side: I8  #: of the level, or of the resting orders that a trade hit
    level: I16
    size: I32  #: lots: at the level after the event, or traded
    aux: I32  #: lots of a decrease that trades account for; index into the values of the underlying
    best_bid: I16  #: YES level after the event, 0 if there is none
    best_ask: I16  #: YES level after the event, the top level if there is none


class Grid(NamedTuple):
    """The price grid as a kernel needs it."""

    top: np.int32  #: index of the 10,000-tick level
    ticks: I32  #: price of each level
    below: I32  #: for each tick, the level at or below it
    per_cent: float  #: levels a cent on a uniform grid
    step: np.int32  #: ticks between levels on a uniform grid, 0 if it is not uniform


class Points(NamedTuple):
    """The observations that volatility is made of, with running sums so that any window costs one subtraction."""

    rows: I64  #: see the names below; one longer than there are observations
    value: F64  #: variance after each observation, for the decaying average


POINT_TS, POINT_EVENT, POINT_SUM, POINT_SQUARES = range(4)

#: Rows of a tape's mids: in whole ticks after each event, and ten seconds after it.
MID, LATER_MID = range(2)


class Venue(NamedTuple):
    """Assumptions that hold for every cell of a block; see venue.py for their meaning and units."""

    rule: int
    exponent: float
    partial: bool
    cross: bool
    post_only: bool
    amend_keeps: bool
    shrink: int
    requote_ns: int
    session_start: int
    session_end: int
    horizon: int
    tau: float
    volatility: int
    window_ns: int
    variance: float
    bucket_ns: int  #: how long a delay holds before the next one is drawn
    delay: I64  #: feed, order entry and response in ns: three rows of one value, or of one a bucket, in turn
    lift: I64  #: how long after a bucket's start what was sent before it may arrive
    rate: float  #: of Poisson fills at no distance, a second
    draws: F64  #: for Poisson fills: a number from 0 to 1 for each side and event


FEED, ENTRY, RESPONSE = range(3)

#: Cells that are worked on together: where an event concerns some cells of a block, groups without one are skipped.
GROUP = 16

#: Rows of the fee table, one column a period.
FEE_FROM, FEE_TAKER, FEE_MAKER, FEE_STEP, FEE_GRID, FEE_REBATE, FEE_STRICT = range(7)

#: Rows of State.ints. A name of a side's pair is the row of side 0; side 1 is the next.
(PX, PX1, LEFT, LEFT1, VERSION, VERSION1, SENT_PX, SENT_PX1, SENT_LEFT, SENT_LEFT1, SENT_VERSION, SENT_VERSION1,
 TAKEN_PX, TAKEN_PX1, TAKEN, TAKEN1, WANT, WANT1, SIZE, SIZE1, POSITION, KNOWN_POSITION, LIMIT, HALT, STOPPED, MASK,
 FILL_COUNT, REQUOTES, REFUSED, REJECTED, WIDEST, HIT, CHANGE, MOVED, GROUPS, ASIDE, INTS) = range(37)  # fmt: skip
#: PX: level of the resting order, 0 for none. LEFT: its lots. VERSION: the message that made it. SENT_*: what the agent
#: believes rests. TAKEN_PX, TAKEN: deepest level taken from and lots taken there, until that side of the book changes.
#: WANT, SIZE: the wish of a decision. HALT: position from which the side that adds to it is not quoted. STOPPED: 1
#: after the daily loss stop. MASK: cells that decide now. REFUSED: orders that could not be paid. REJECTED: post-only
#: orders that would have crossed on arrival. WIDEST: largest absolute position at a sample. HIT to ASIDE: scratch.
#: GROUPS: the first cells of the groups that decide now.

#: Rows of State.longs, in micros unless said.
(CARRY, CARRY1, CASH, FEES_PAID, REBATES, FLOW, FLOW_LATER, VOLUME, DAY, DAY_EQUITY, LOSS, CAPITAL_MICROS, DUE, QUOTED,
 HELD, FEE, LONGS) = range(17)  # fmt: skip
#: CARRY: the order's fee accumulator. CASH: fees apart. FEES_PAID: before rebates. FLOW: signed lots x mid at the fill,
#: summed; FLOW_LATER: with the mid ten seconds later. VOLUME: lots. DAY: UTC day of the
#: last decision. LOSS: daily loss that stops, 0 for none.
#: CAPITAL_MICROS: 0 for unlimited. DUE: time of the next re-quote. QUOTED: samples with both quotes. HELD: sum over
#: samples of the absolute position. FEE: scratch.

#: Positions in State.scalars: the loop's own state.
(AT, HIGH, HIGH1, NEXT_DUE, W_HEAD, W_TAIL, OPEN, VALUE, SEEN, SEEN_VALUE, SAMPLE, FEE_ROW, FILLS, QUOTES,
 ORDER_HEAD, ORDER_TAIL, NOTICE_HEAD, NOTICE_TAIL, SENT, PENDING, CELLS, SCALARS) = range(22)  # fmt: skip
#: OPEN: bit 0 the market trades, bit 1 the book is known. CELLS: how many; rows may have room for more.

#: What a walk ends with: the tape's end, or a log or ring that must be longer first.
FINISHED, MORE_LOG, MORE_WIRE = range(3)


class State(NamedTuple):
    """Everything a block carries from event to event."""

    ints: I32
    longs: I64
    ahead: NDArray[Any]  #: lots queued before the order, a row a side; -1 for the whole level, not looked at yet
    params: F64  #: a row a value of the model; the last is the volatility up to which limits are whole, 0 for always
    book: I32  #: level sizes: both sides at the exchange, both sides as the agent has seen them
    scalars: I64


#: Rows of a message under way in Flight.orders; a side's pair as above. NOTICE_* are rows of Flight.notices.
(ORDER_MASK, ORDER_MASK1, ORDER_PX, ORDER_PX1, ORDER_LEFT, ORDER_LEFT1, ORDER_GROUPS, ORDER_GROUPS1,
 ORDER_ROWS) = range(9)  # fmt: skip
#: ORDER_GROUPS: the first cells of the groups that the message is about; what it says of others has no meaning.
NOTICE_HIT, NOTICE_VERSION, NOTICE_ROWS = range(3)
#: Columns of Flight.times.
ORDER_TIME, ORDER_SENT, ORDER_COUNT, ORDER_COUNT1, NOTICE_TIME, NOTICE_SIDE, TIMES = range(7)


class Flight(NamedTuple):
    """Messages under way in order of arrival: two rings, to the exchange and from it."""

    orders: I32  #: message, row, cell
    notices: I32
    times: I64  #: message, column


class Log(NamedTuple):
    """What a replay writes down."""

    fill_ts: I64
    fills: I64  #: event, side, level, lots, position after, taker, fee, rebate
    quote_ts: I64
    quotes: I32  #: event, bid level, bid lots, ask level on its own scale, ask lots
    ahead: F64  #: lots ahead of the bid and of the ask when the quote was written


class Samples(NamedTuple):
    """Equity of every cell at given times."""

    ts: I64
    equity: I64  #: a row a time
