"""What the portfolio kernel reads and writes: market columns, rules of one cell, a holding, the account."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

#: In a price column: nobody bids, nobody offers, no price was seen yet.
NO_PRICE = -1
#: In a size column: the source does not say.
NO_SIZE = -1
#: Where the bars until a resting order's fill are counted: no order could stand.
NO_ORDER = -1
#: Lots of a resting order at most.
ORDER_LOTS = 10_000_000


class Sizing(IntEnum):
    """How many contracts an entry takes."""

    KELLY = 0
    FIXED_FRACTION = 1
    FIXED_SIZE = 2
    JOINT_KELLY = 3


class Exit(IntEnum):
    """Why a position ended."""

    NONE = 0
    RESOLUTION = 1
    TAKE_PROFIT = 2
    STOP_LOSS = 3
    TRAILING_STOP = 4
    SCORE_REVERSAL = 5
    TIME_STOP = 6
    END_OF_DATA = 7
    STILL_OPEN = 8
    BY_HAND = 9


class Fate(IntEnum):
    """What became of a candidate inside the kernel; filters have their own codes from ``FILTER_BASE`` on."""

    NONE = 0
    ENTERED = 1
    WEAK = 2
    NOT_CHOSEN = 3
    HELD = 4
    EVENT_CAP = 5
    SERIES_CAP = 6
    CATEGORY_CAP = 7
    POSITIONS_FULL = 8
    NOT_TRADABLE = 9
    NO_PRICE = 10
    PRICE_LIMIT = 11
    TOO_SMALL = 12
    NO_CASH = 13
    UNFILLED = 14
    NO_BOOK = 15


#: Codes of candidates that the pipeline's filters rejected: this plus the filter's place.
FILTER_BASE = 20


class PanelColumns(NamedTuple):
    """The panel as the kernel sees it: rows as its lives have them, prices in YES ticks, sizes in lots.

    ``bid_lots``, ``ask_lots`` and ``volume`` have no rows when the panel does not know them.
    """

    times: npt.NDArray[np.int64]  # close of each bar, ns
    bucket: npt.NDArray[np.int32]  # which slot of the sampled equity a bar belongs to
    mark: npt.NDArray[np.int16]
    bid: npt.NDArray[np.int16]
    ask: npt.NDArray[np.int16]
    bid_lots: npt.NDArray[np.int32]
    ask_lots: npt.NDArray[np.int32]
    volume: npt.NDArray[np.int32]
    score: npt.NDArray[np.int16]  # edge of YES in ticks
    market: Any  # one MARKET a column
    fees: Any  # FEES of one schedule after the other, each from bar 0 on
    rounding: Any  # one ROUNDING a bar
    member_start: npt.NDArray[np.int64]  # markets of an event: members[start[e]:start[e + 1]]
    members: npt.NDArray[np.int32]
    bid_after: npt.NDArray[np.int16]  # what an order that joined the bids got (``panel/maker.py``); no rows: not known
    ask_after: npt.NDArray[np.int16]
    bid_got: npt.NDArray[np.int32]
    ask_got: npt.NDArray[np.int32]


class Offer(NamedTuple):
    """What one market offers to one side now, and what was known when it was decided."""

    price: Any  # ticks a contract, slippage included; NO_PRICE when nothing can be had
    lots: Any  # at most; NO_ORDER when a resting order could not stand
    own: Any  # mark of the side at the decision
    score: Any  # ticks, positive for YES


class Candidates(NamedTuple):
    """Markets with a score that passed the filters, bar by bar, in the order in which they are tried."""

    start: npt.NDArray[np.int64]
    key: npt.NDArray[np.int64]


#: A candidate's key: its bar, how weak the score is, its market, and 1 where the score is for NO; from bit to bit.
MARKET_SHIFT = 1
MARKET_BITS = 24
WEAKNESS_SHIFT = MARKET_SHIFT + MARKET_BITS
WEAKNESS_BITS = 14
BAR_SHIFT = WEAKNESS_SHIFT + WEAKNESS_BITS


class BetDesk(NamedTuple):
    """Everything that one cell changes on its way through the panel; a grid's has an axis of cells in front.

    ``trades``, ``curve`` and ``fates`` have no rows when nothing is recorded, ``booked`` when nothing is booked.
    """

    account: Any  # one ACCOUNT
    slots: Any  # a HOLDING for each open position
    held: npt.NDArray[np.int32]  # slot of a market, or -1
    free: npt.NDArray[np.int32]  # bar in which a market was left
    done: npt.NDArray[np.int32]  # bar in which an event was staked
    counts: npt.NDArray[np.int32]  # open positions of each event, series, category
    stakes: npt.NDArray[np.float64]  # chance, cost, share and value of an event's outcomes
    wanted: npt.NDArray[np.int64]  # order and lots of an event's outcomes
    booked: npt.NDArray[np.int64]  # what each market came to: markets x BOOKED
    trades: Any  # a HOLDING for each closed position
    curve: npt.NDArray[np.int64]  # bars x (equity, cash, locked cost, open positions)
    fates: npt.NDArray[np.int8]  # Fate of the candidate in each row
    rested: npt.NDArray[np.int32]  # RESTED of the order placed in each row; no rows where none is recorded


#: Columns of ``rested``: lots, below zero for NO; price of the own side, ticks; bar in which the order was over.
RESTED = 3
LOTS, PRICE, UNTIL = range(RESTED)

#: How fees are rounded at a bar; see ``fees.FeeTable``.
ROUNDING = np.dtype([("trade_step", np.int64), ("grid", np.int64), ("rebate_step", np.int64), ("strict", np.int64)])

#: What is charged from a bar on, in 1/100,000 of price x (1 - price) a contract (0.07 is 7,000).
FEES = np.dtype([("from_bar", np.int64), ("taker", np.int64), ("maker", np.int64)])

#: What is known of a market beforehand. Bars are places in ``Columns.times``.
MARKET = np.dtype(
    [
        ("first", np.int32),  # first bar of its life
        ("last", np.int32),  # last one, before the first for a market that never lived
        ("base", np.int64),  # its row of bar t is this plus t times ``stride``
        ("stride", np.int64),
        ("opens", np.int32),  # first bar with trading
        ("closes", np.int32),  # last bar with trading
        ("settles", np.int32),  # bar of the payout; the number of bars when it lies behind the end
        ("payout", np.int32),  # ticks to one YES; NO_PRICE while unknown
        ("event", np.int32),
        ("series", np.int32),
        ("category", np.int32),
        ("unquoted", np.int32),  # 1: only trades are known
        ("fee_first", np.int32),  # its rows in ``Columns.fees``, from this one to before that one
        ("fee_end", np.int32),
    ]
)

#: The rules of one cell, whole numbers only.
RULES = np.dtype(
    [
        ("capital", np.int64),  # micros
        ("sizing", np.int64),  # Sizing
        ("kelly_ppm", np.int64),  # share of the Kelly stake
        ("fraction_ppm", np.int64),  # share of equity, for FIXED_FRACTION
        ("fixed_lots", np.int64),
        ("step_lots", np.int64),  # sizes are multiples of this
        ("max_lots", np.int64),
        ("max_share_ppm", np.int64),  # of equity, in one position
        ("max_positions", np.int64),
        ("max_entries", np.int64),  # a bar
        ("max_event", np.int64),
        ("max_series", np.int64),
        ("max_category", np.int64),
        ("min_score", np.int64),  # ticks
        ("ranked", np.int64),  # 1: candidates come strongest first
        ("low", np.int64),  # an entry costs at least this, ticks
        ("high", np.int64),
        ("delay", np.int64),  # bars between what is known and what can be had
        ("slippage", np.int64),  # ticks, against us
        ("trade_slippage", np.int64),  # ticks more where only trades are known
        ("participation_ppm", np.int64),  # of a bar's volume, where no depth is known
        ("fees", np.int64),  # 1: fees are charged
        ("maker", np.int64),  # 1: entries join the touch and wait
        ("maker_bars", np.int64),  # how long
        ("by_price", np.int64),  # 1: exits count dollars a contract, 0: return on cost
        ("take_profit_ppm", np.int64),  # 0: off
        ("stop_loss_ppm", np.int64),
        ("trailing_ppm", np.int64),
        ("reversal", np.int64),  # ticks of score against the position; 0: off
        ("max_hold_ns", np.int64),  # 0: off
        ("close_at_end", np.int64),
    ]
)

#: A position, and when it is over the record of the trade. An order that rests is one of no lots yet.
HOLDING = np.dtype(
    [
        ("market", np.int32),
        ("side", np.int8),  # 1 YES, -1 NO
        ("reason", np.int8),  # Exit; while held: the exit that is due
        ("score", np.int16),  # at the decision, ticks
        ("entry_bar", np.int32),
        ("exit_bar", np.int32),
        ("price", np.int32),  # paid a contract, ticks of the own side
        ("mark", np.int32),  # own side at the decision
        ("best", np.int32),  # best own mark seen, for the trailing stop
        ("trigger", np.int32),  # own mark that made the exit due
        ("lots", np.int64),  # bought
        ("left", np.int64),  # still held
        ("proceeds", np.int64),  # micros
        ("entry_fee", np.int64),
        ("exit_fee", np.int64),
        ("ordered", np.int64),  # lots of the order that rested; 0: it did not rest
        ("reserved", np.int64),  # micros kept for them while they rest
    ]
)

#: The account and the totals of a run.
ACCOUNT = np.dtype(
    [
        ("cash", np.int64),
        ("equity", np.int64),
        ("held", np.int64),
        ("trades", np.int64),
        ("wins", np.int64),
        ("lots", np.int64),
        ("pnl", np.int64),  # of what was closed
        ("fees", np.int64),
        ("turnover", np.int64),  # cost of all entries
        ("peak", np.int64),
        ("drawdown", np.int64),  # deepest fall of equity from its peak, micros
        ("gains", np.int64),
        ("losses", np.int64),
        ("hold_ns", np.int64),
        ("locked", np.int64),  # cost of what is held now, and what is reserved
        ("reserved", np.int64),  # for orders that rest
        ("locked_bars", np.float64),  # sum of locked over the ends of bars
        ("staked_bars", np.int64),  # with something at stake, see ``figures.stakes``
        ("orders", np.int64),  # that were placed
        ("filled", np.int64),  # of them whole
        ("part_filled", np.int64),
    ]
)

#: What a market came to in one cell: P&L, fees and what resolution made of it (micros), trades, lots, YES lots held.
BOOKED_PNL, BOOKED_FEES, BOOKED_SETTLED, BOOKED_TRADES, BOOKED_LOTS, BOOKED_OPEN, BOOKED = range(7)

#: What is sampled in each bucket: equity at its end, and its bars with something at stake.
SAMPLED_EQUITY, SAMPLED_STAKED, SAMPLED = range(3)
