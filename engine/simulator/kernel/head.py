"""The head of a kernel: all that its other files take from outside, the switches, and the model's quote.

This is the one file that differs from kernel to kernel; ``build.py`` writes it with the run's switches and the model's
quote. As it stands here everything is switched on and the quote has a fixed width.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import numpy as np

from ....io.ground.jit import OPTIONS, compiled, disjoint, guest, kept, larger_nb, melted, smaller_nb
from ....strategies.quoting.known import Known
from ..assumptions.fees import aligned_nb, is_short_nb, short_fee_nb, trade_fee_nb
from ..assumptions.queue import (
    OPTIMISTIC,
    POISSON,
    POWER,
    THROUGH,
    TOUCH,
    ahead_after_cancel_nb,
    ahead_of_nb,
    behind_nb,
    is_probable_nb,
    is_whole_nb,
    whole_power_nb,
)
from ..state import Walk
from ..tape.events import BOOK, CLOCK, FILLED, GAP, KIND, LATER, MOMENT, TRADE, UNDERLYING
from .scores import answer_nb, answered_nb, no_rewards_nb, referred_nb, rewards_nb
from .told import depth_nb, history_nb, lately_nb, past_nb, place_nb, seen_place_nb

__all__ = [
    "AHEAD",
    "BOOK",
    "CAPITAL",
    "CLOCK",
    "DRAWN",
    "FEES",
    "FILLED",
    "GAP",
    "HISTORY",
    "KIND",
    "LADDER",
    "LATELY",
    "LATENCY",
    "LATER",
    "LEVELS",
    "MOMENT",
    "ONE",
    "OPTIMISTIC",
    "PLACED",
    "POISSON",
    "POWER",
    "PROBE",
    "PROMPTED",
    "QUIET",
    "REACTION",
    "RECORD",
    "REPORTED",
    "REWARDS",
    "RISK",
    "SCORED",
    "SIGNALLED",
    "SLOTS",
    "STATE",
    "STILL",
    "TAKER",
    "TAKES",
    "THROUGH",
    "TOUCH",
    "TRADE",
    "UNDERLYING",
    "UNIFORM",
    "Known",
    "Walk",
    "ahead_after_cancel_nb",
    "ahead_of_nb",
    "aligned_nb",
    "answer_nb",
    "answered_nb",
    "behind_nb",
    "compiled",
    "depth_nb",
    "disjoint",
    "entry",
    "guest",
    "history_nb",
    "is_probable_nb",
    "is_short_nb",
    "is_whole_nb",
    "keep_nb",
    "kept_nb",
    "larger_nb",
    "lately_nb",
    "matched_nb",
    "melted",
    "no_rewards_nb",
    "past_nb",
    "place_nb",
    "probe_nb",
    "quote_nb",
    "read_nb",
    "referred_nb",
    "rewards_nb",
    "seen_place_nb",
    "short_fee_nb",
    "smaller_nb",
    "trade_fee_nb",
    "whole_power_nb",
]

ONE = False  #: the block is a single cell
RECORD = True  #: fills and quotes are written down
LATENCY = True  #: some delay is not zero
RISK = True  #: limits shrink, halt or stop
TAKER = True  #: quotes may cross and take
FEES = True  #: some fee or rounding of the balance is not zero
CAPITAL = True  #: orders must be paid for
DRAWN = True  #: fills are drawn by the distance from the mid
REPORTED = False  #: only the exchange's own reports fill
REWARDS = False  #: incentive programs are scored
REACTION = False  #: rivals answer quotes that score
UNIFORM = False  #: the price grid has one step
AHEAD = np.float64  #: type of the queue position
LEVELS = 1  #: orders a side that may rest
SLOTS = 1  #: orders a side in all
LADDER = False  #: wishes are matched with orders
TAKES = False  #: the model takes beside its quotes
STATE = False  #: the model has a state of its own
STILL = False  #: an order may stay though another is wished for
QUIET = False  #: one side, or the time before the close, is not quoted
PROMPTED = False  #: events besides own fills are decided on
SIGNALLED = False  #: the model has signals
LATELY = False  #: the model reads what came last
HISTORY = False  #: the model reads its own history
SCORED = False  #: the model reads what programs score
PLACED = False  #: the model reads its orders' places, and learns of them late
PROBE = False  #: somebody looks at decisions; only without a compiler

entry = kept(nogil=True, **OPTIONS)  #: for what Python calls: it runs without the interpreter's lock


@melted
def probe_nb(told, asked, held, limit, want, size):
    """Look at a decision: what the cell was told, the model's quote, lots held and allowed, levels and lots wanted."""


@melted
def read_nb(w, first, i, now):
    """The model's signals as of event ``i``, and what else it reads; this one has none."""
    return ()


@melted
def keep_nb(params, c, marked, state):
    """Keep a marked cell's new state; this model has none."""


@disjoint
def matched_nb(first, side, spot, lots, px, want, size):
    """Make each wish of a side some order's, of a group of cells; the text is written for the model's levels.

    Wishes at one level become one; a wish at the level of an order is that order's; those that are left take the free
    orders, the nearest wish first. All of a cell stays in registers: the same in passes over the rows of a group loads
    and stores each row for each pair of a wish and an order.
    """


@disjoint
def kept_nb(first, top, far, tolerance, spot, lots, px, want, size, room):
    """The same of both sides, of a group of cells, where orders are kept still; written for the model's levels, too.

    ``want`` and ``size`` hold what young orders stand for. An order near enough to a wish stays for it where it may
    rest, below its side's level ``far``; a wish that would meet an order of the other side that stays is left out; what
    a side may have resting goes to its orders in turn.
    """


@compiled
def quote_nb(known, params, c):
    """The quote of cell ``c``: bid and ask in cents, sizes in contracts; what it takes; its new state."""
    return (known.mid - params[0, c], known.mid + params[0, c], 1.0, 1.0), (0.0, 0.0), ()
