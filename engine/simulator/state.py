"""The arrays a kernel works on, with one meaning each: a tape's columns, the venue's numbers, a block's state.

``kernel/rows.py`` names the rows of those that hold many quantities.
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

    rows: I64  #: ``rows.POINT``; one longer than there are observations
    value: F64  #: variance after each observation, for the decaying average


class VenueNumbers(NamedTuple):
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
    closes: I64  #: ``rows.CLOSE``: what was known of the session's end, a column a step
    horizon: int
    tau: float
    volatility: int
    window_ns: int
    variance: float
    bucket_ns: int  #: how long a delay holds before the next one is drawn
    delay: I64  #: ``rows.DELAY`` in ns: of one value, or of one a bucket, in turn
    lift: I64  #: how long after a bucket's start what was sent before it may arrive
    rate: float  #: of Poisson fills at no distance, a second
    quiet: int  #: bits of the sides that are never quoted
    stop_ns: int  #: quotes stop so long before the close
    prompts: int  #: bits of the events that are decided on, see kernel/decide.py
    heed: I64  #: columns of the signals whose changes are decided on
    draws: F64  #: for Poisson fills: a number from 0 to 1 for each side and event


class State(NamedTuple):
    """Everything a block carries from event to event."""

    ints: I32
    longs: I64
    ahead: NDArray[Any]  #: lots queued before each order, a row an order; -1 for the whole level, not looked at yet;
    #: where models read places under delays, twice as many rows more: as noted, and as their owners have seen it
    params: F64  #: a row a value of the model; the last is the volatility up to which limits are whole, 0 for always
    book: I32  #: level sizes: both sides at the exchange, both sides as the agent has seen them
    scalars: I64


class Flight(NamedTuple):
    """Messages under way in order of arrival: two rings, to the exchange and from it."""

    orders: I32  #: message, order, row, cell
    notices: I32
    times: I64  #: message, column
    places: F64  #: ``rows.PLACE``: what owners have yet to see of their orders' places, a third ring


class Log(NamedTuple):
    """What a replay writes down."""

    fill_ts: I64
    fills: I64  #: event, side, level, lots, position after, taker, fee, rebate
    quote_ts: I64
    quotes: I32  #: event; from the best level on: bid level, bid lots, ask level on its own scale, ask lots
    ahead: F64  #: lots ahead of each bid and ask when the quote was written


class Samples(NamedTuple):
    """Equity of every cell at given times."""

    ts: I64
    equity: I64  #: a row a time


class RewardArrays(NamedTuple):
    """Incentive programs as a kernel scores them; see ``kernel/rewards.py``."""

    ts: I64  #: when snapshots are, and one far away
    rows: I64  #: ``rows.PROGRAM``, a row a program
    place: I32  #: a table a kind of weights, a row a side: where each level stands, in steps of the weights
    power: F64  #: a row a kind of weights: by steps below the middle
    earned: I64  #: three rows a program: own shares of bids, of asks, and snapshots that counted
    locked: I64  #: sum over samples of what a cell has locked, micros
    shares: I64  #: a row a side: own shares of a snapshot
    cells: I32  #: scratch: own lots of a side, and those ahead of something
    scores: F64  #: scratch: own score, rivals' above the reference, the others', the reference's weight
    lots: I64  #: scratch: ``rows.TABLE``
    sums: F64  #: scratch: ``rows.TABLE``
    answered: I64  #: two rows a program: own shares of bids and of asks once rivals answered; none where they do not
    referred: I64  #: two rows a program: snapshots in which a cell's bid, or ask, stood at the reference; of a replay
    course: I64  #: of a replay, a row a sample: the rows of ``earned`` until then, and what is locked
    front: I64  #: of cells whose quotes rivals answer, a row a side each: where they wish to stand, since when, stand


class Walk(NamedTuple):
    """All that stays the same along a walk of one block."""

    ONE_VALUE = True  # as an argument: it is melted into the walk with whom it goes to, see ``parts.OneValue``

    tape: Columns
    mids: I32  #: ``rows.MID``, a column an event
    values: F64  #: prices of the underlying
    signals: F64 | tuple[()]  #: a row an event; nothing where the model declares none
    grid: Grid
    points: Points
    venue: VenueNumbers
    fees: I64  #: ``rows.FEE`` x periods
    st: State
    flight: Flight | tuple[()]  #: nothing where nothing takes time
    log: Log | tuple[()]  #: nothing where nothing is written down
    n: int  #: cells; the kernel of a single one says 1, so that its loops are none
    rewards: RewardArrays | tuple[()]  #: nothing where the model does not read what programs score
