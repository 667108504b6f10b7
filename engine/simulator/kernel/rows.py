"""Name the rows of the arrays that a kernel works on: a namespace for each array, so that the right array is seen.

A block's numbers stand in a few two-dimensional arrays with a row for each quantity and a column for each cell: the
fewer arrays a compiled function gets, the faster it compiles and is called. A quantity of an order has a row for each
order that a cell may have: the first is of the bid, the next one of the ask, and so on for further levels, so that
``st.ints[I.px + which, c]`` is the level of order ``which`` of cell ``c``, of side ``which & 1``. Which of a side's
orders is which says nothing about their prices.
"""

from __future__ import annotations

from typing import NamedTuple

#: Cells that are worked on together: where an event concerns some cells of a block, groups without one are skipped.
GROUP = 16

#: Orders a side at most: five that rest, and one that takes.
SLOTS = 6

#: What a walk ends with: the tape's end, or a log or ring that must be longer first.
FINISHED, MORE_LOG, MORE_WIRE = range(3)


class Ints(NamedTuple):
    """Rows of ``State.ints``: of orders, of sides, of cells."""

    px: int  #: level of the resting order, 0 for none
    left: int  #: lots of the resting order
    version: int  #: the message that made it
    sent_px: int  #: what the agent believes rests: level
    sent_left: int  #: lots
    sent_version: int  #: the message that it was last sent with
    want: int  #: the wish of a decision: level
    size: int  #: lots
    hit: int  #: scratch: lots that fill
    spot: int  #: scratch: the wishes of a decision, nearest first, before each is some order's: level
    lots: int  #: lots
    taken_px: int  #: deepest level taken from, until that side of the book changes
    taken: int  #: lots taken there
    room: int  #: scratch: lots that a decision may have resting on a side
    tolerance: int  #: levels from a wish at which an order may stay
    position: int
    known_position: int  #: as far as the agent has been told
    limit: int
    halt: int  #: position from which the side that adds to it is not quoted
    stopped: int  #: 1 after the daily loss stop
    mask: int  #: cells that decide now
    fills: int
    told_fills: int  #: fills that the model knows of
    requotes: int
    refused: int  #: orders that could not be paid
    rejected: int  #: post-only orders that would have crossed on arrival
    widest: int  #: largest absolute position at a sample
    change: int  #: scratch
    moved: int  #: scratch
    groups: int  #: the first cells of the groups that decide now
    aside: int  #: scratch
    noted_px: int  #: what was last noted of the order for its owner: level
    noted_version: int  #: the message that made it
    seen_px: int  #: what its owner has seen of it: level
    seen_version: int  #: the message that made it


class Longs(NamedTuple):
    """Rows of ``State.longs``, in micros unless said."""

    carry: int  #: the order's fee accumulator
    since: int  #: when its owner last placed or changed it
    life: int  #: how long an order is left alone from then on
    cash: int  #: fees apart
    fees_paid: int  #: before rebates
    rebates: int
    flow: int  #: signed lots x mid at the fill, summed
    flow_later: int  #: the same with the mid ten seconds later
    volume: int  #: lots
    cost: int  #: what the position cost that the model knows of, below zero for what a short one brought
    realised: int  #: by what was closed, before fees
    filled: int  #: when the last fill of a side became known
    value: int  #: scratch: lots x ticks of what an order takes
    day: int  #: UTC day of the last decision
    day_equity: int  #: equity at the day's first decision
    loss: int  #: daily loss that stops, 0 for none
    capital: int  #: 0 for unlimited
    due: int  #: time of the next re-quote
    quoted: int  #: samples with both quotes
    held: int  #: sum over samples of the absolute position
    fee: int  #: scratch


class Scalars(NamedTuple):
    """Places in ``State.scalars``: the loop's own state."""

    at: int  #: the next event
    high: int  #: no order of the side rests above this level
    high1: int
    next_due: int
    window_head: int  #: first observation inside the volatility's window
    window_tail: int  #: first observation not seen yet
    open: int  #: bit 0 the market trades, bit 1 the book is known
    value: int  #: index of the underlying's last price, -1 for none
    seen: int  #: last event that the agent has seen
    seen_value: int  #: the underlying's last price that it has seen
    sample: int  #: the next sample
    fee_row: int  #: the period of fees that holds
    fills: int  #: rows of the log that are filled
    quotes: int
    order_head: int  #: oldest message under way to the exchange, and the next free place
    order_tail: int
    notice_head: int  #: the same from it
    notice_tail: int
    sent: int  #: messages sent
    pending: int  #: a fill waits for a decision
    trade_ts: int  #: of the last trade that the agent has seen, 0 for none
    trade_side: int  #: of the orders that it hit
    trade_level: int
    trade_size: int
    book_ts: int  #: of the last change of the book that it has seen
    tick_ts: int  #: of the last price of the underlying that it has seen
    prompted: int  #: something that the agent decides on has happened since the last moment
    cells: int  #: how many; rows may have room for more
    snapshot: int  #: the next snapshot of incentive programs
    place_head: int  #: oldest note of an order's place that its owner has not seen, and the next free one
    place_tail: int


class ProgramColumns(NamedTuple):
    """Columns of ``RewardArrays.rows``."""

    start: int
    end: int
    target: int  #: lots that must stand on each side
    fifth: int  #: lots at which the reference is reached, where it bounds
    weights: int  #: row of the program's weights
    bounded: int  #: 1 where a bid above the reference scores no more than one at it
    left_out: int  #: 1 where a snapshot with a best bid at the highest price counts for nobody
    deep: int  #: 1 where the reference is the level at which a fifth of the target stands
    cents: int  #: 1 where a step below the reference is a cent
    reward: int  #: micros a period
    discount: int  #: what a step leaves of a score, 1/10,000
    scaled: int  #: 1 where snapshots that do not count lower the payout
    answer: int  #: ns after which rivals step in front of a quote; only where they answer


class TableRows(NamedTuple):
    """Rows of ``RewardArrays.lots`` (the first three) and ``RewardArrays.sums``: of levels, and of a side's bids."""

    above: int  #: by level: lots above it
    level: int  #: of a bid: its level
    before: int  #: lots above it
    weight: int  #: by level: what a lot scores
    lots: int  #: of a bid: its lots
    below: int  #: score of the bids from the reference down to it


class FeeRows(NamedTuple):
    """Rows of the fee table, one column a period."""

    since: int
    taker: int
    maker: int
    step: int
    grid: int
    rebate: int
    strict: int


class OrderRows(NamedTuple):
    """Rows of what a message to the exchange in ``Flight.orders`` says of one order."""

    mask: int
    px: int
    left: int
    groups: int  #: the first cells of the groups that it is about; what it says of others has no meaning


class NoticeRows(NamedTuple):
    """Rows of a message from the exchange in ``Flight.notices``."""

    hit: int
    version: int
    ticks: int  #: YES price of the fills, rounded down
    rest: int  #: what that leaves of their value


class PlaceColumns(NamedTuple):
    """Columns of ``Flight.places``: what became of an order."""

    event: int  #: with which this came about
    which: int  #: the order
    cell: int
    px: int
    version: int
    ahead: int


class TimeColumns(NamedTuple):
    """Columns of ``Flight.times``."""

    order: int  #: when the message arrives
    version: int  #: its number
    notice: int  #: when the notice arrives
    which: int  #: the order that the notice is about
    groups: int  #: how many groups of cells the message is about, a column an order


class PointRows(NamedTuple):
    """Rows of ``Points.rows``."""

    ts: int
    event: int
    sum: int
    squares: int


class MidRows(NamedTuple):
    """Rows of a tape's mids, in whole ticks."""

    now: int  #: after each event
    later: int  #: ten seconds after it


class DelayRows(NamedTuple):
    """Rows of ``VenueNumbers.delay`` and ``VenueNumbers.lift``."""

    feed: int
    entry: int
    response: int


class CloseRows(NamedTuple):
    """Rows of ``VenueNumbers.closes``."""

    since: int  #: from when on it was known; the first one stands for all the time before, too
    ts: int  #: when the session was to end


OF_ORDERS = frozenset(
    (
        *("px", "left", "version", "sent_px", "sent_left", "sent_version", "want", "size", "hit", "carry", "since"),
        *("noted_px", "noted_version", "seen_px", "seen_version"),
    )
)
OF_WISHES = frozenset(("spot", "lots"))
OF_SIDES = frozenset(("taken_px", "taken", "room", "filled"))


def _starts(names: tuple[str, ...]) -> tuple[list[int], int]:
    """Where the rows of each quantity of cells begin, and how many there are in all."""
    starts, height = [], 0
    for name in names:
        starts.append(height)
        height += 2 * SLOTS if name in OF_ORDERS | OF_WISHES else 2 if name in OF_SIDES else 1
    return starts, height


_INTS, INTS = _starts(Ints._fields)
_LONGS, LONGS = _starts(Longs._fields)
I = Ints(*_INTS)  # noqa: E741  # beside L and S, as a letter an array
L = Longs(*_LONGS)
S = Scalars(*range(len(Scalars._fields)))
PROGRAM = ProgramColumns(*range(len(ProgramColumns._fields)))
TABLE = TableRows(0, 1, 2, 0, 1, 2)
FEE = FeeRows(*range(len(FeeRows._fields)))
ORDER = OrderRows(*range(len(OrderRows._fields)))
NOTICE = NoticeRows(*range(len(NoticeRows._fields)))
PLACE = PlaceColumns(*range(len(PlaceColumns._fields)))
TIMES = TimeColumns(*range(len(TimeColumns._fields)))
POINT = PointRows(*range(len(PointRows._fields)))
DELAY = DelayRows(*range(len(DelayRows._fields)))
CLOSE = CloseRows(*range(len(CloseRows._fields)))
MID = MidRows(*range(len(MidRows._fields)))
