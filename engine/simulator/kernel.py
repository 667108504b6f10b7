"""Kernel, part 4: the walk along the tape, for a block of cells at once: behind replay, sweep and live.

The book is seen as two sides of bids, YES bids (side 0) and NO bids (side 1), each on its own scale from 0 to the
grid's top level, so that one rule serves both: a NO bid at level p is a YES ask at level top - p. Level 0 means no
order. Loops run without branches, because such loops become vector code: over whole blocks, or over those groups of
cells that stand side by side in which an event concerns some. A cell that it cannot change is masked, not skipped.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from ...io.jit import compiled, entry, larger_nb, melted, smaller_nb
from .events import BOOK, GAP, KIND, LATER, MOMENT, TRADE, UNDERLYING
from .kernel_decide import decide_nb, due_nb, log_quote_nb
from .kernel_head import DRAWN, LATENCY, ONE, RECORD, TAKER
from .kernel_orders import (
    LAZY,
    chance_nb,
    cross_nb,
    fill_nb,
    highest_nb,
    i32,
    i64,
    join_nb,
    level_nb,
    trade_nb,
    u64,
)
from .kernel_wire import FAR, drain_nb, fees_from_nb, mid_nb, wake_nb
from .queue import THROUGH
from .state import (
    AT,
    CASH,
    CELLS,
    DUE,
    FEES_PAID,
    FILLS,
    FINISHED,
    HELD,
    HIGH,
    HIT,
    LATER_MID,
    LEFT,
    MASK,
    MORE_LOG,
    NEXT_DUE,
    OPEN,
    PENDING,
    POSITION,
    PX,
    QUOTED,
    QUOTES,
    REBATES,
    SAMPLE,
    SENT_LEFT,
    SENT_PX,
    TAKEN_PX,
    VALUE,
    WIDEST,
)


# <kernel>
@compiled
def sample_nb(n, mid, st, equity):
    """Write every cell's equity down, and take note of what it quotes and holds."""
    ints, longs = st.ints, st.longs
    for c in range(n):
        equity[c] = longs[CASH, c] - longs[FEES_PAID, c] + longs[REBATES, c] + i64(ints[POSITION, c]) * mid
    for c in range(n):
        held = abs(ints[POSITION, c])
        longs[QUOTED, c] += i64(1) if (ints[PX, c] > 0) & (ints[PX + 1, c] > 0) else i64(0)
        longs[HELD, c] += i64(held)
        ints[WIDEST, c] = larger_nb(ints[WIDEST, c], held)


@compiled
def withdraw_nb(n, st):
    """No order rests any more, and the agent knows."""
    for s in range(2):
        for c in range(n):
            st.ints[PX + s, c] = 0
            st.ints[LEFT + s, c] = 0
            if LATENCY:
                st.ints[SENT_PX + s, c] = 0
                st.ints[SENT_LEFT + s, c] = 0


@compiled
def interrupt_nb(kind, side, now, i, n, st, log):
    """The market opens or closes, or the book is lost: while it is not open and known, nothing rests."""
    sc = st.scalars
    if kind == GAP:
        sc[OPEN] &= ~2
        for level in range(st.book.shape[1]):
            st.book[0, level] = 0
            st.book[1, level] = 0
    else:
        sc[OPEN] = (sc[OPEN] & 2) | (1 if side > 0 else 0)
    if sc[OPEN] != 3:
        withdraw_nb(n, st)
        if RECORD:
            log_quote_nb(now, i, st, log)


@melted
def match_book_nb(side, p, q, traded, is_later, n, grid, venue, st):
    """The exchange's side of a change at a level. Returns lots that fill because the other side's best crosses."""
    sc = st.scalars
    before = st.book[u64(side), u64(p)]
    st.book[u64(side), u64(p)] = q
    if LAZY and (venue.rule > THROUGH) & (q != before) & (p <= sc[u64(HIGH + side)]):
        join_nb(p, before, n, st.ints[u64(PX + side)], st.ahead[u64(side)])
    if (venue.rule > THROUGH) & (q < before) & (p <= sc[u64(HIGH + side)]):  # one branch: each alone is a coin's toss
        bound = i32(q + traded) if is_later else q
        level_nb(
            venue.rule, venue.exponent, p, i32(before - traded), i32(before - q - traded), bound, n,
            st.ints[u64(PX + side)], st.ahead[u64(side)],
        )  # fmt: skip
    other = 1 - side
    if TAKER:
        for c in range(n):
            st.ints[TAKEN_PX + other, c] = i32(0) if p >= st.ints[TAKEN_PX + other, c] else st.ints[TAKEN_PX + other, c]
    reach = i32(grid.top - p)
    if venue.cross & (q > 0) & (reach <= sc[u64(HIGH + other)]):
        highest = i64(highest_nb(n, st.ints[u64(PX + other)]))
        sc[u64(HIGH + other)] = highest
        if reach <= highest:
            return cross_nb(reach, n, st.ints[u64(PX + other)], st.ints[u64(LEFT + other)], st.ints[HIT])
    return i64(0)


@compiled
def match_trade_nb(side, p, q, n, venue, st):
    """The exchange's side of a trade that hits resting orders of ``side`` at ``p``. Returns lots that fill."""
    px = st.ints[u64(PX + side)]
    highest = i64(highest_nb(n, px))
    st.scalars[u64(HIGH + side)] = highest
    if p > highest:
        return i64(0)
    if LAZY and venue.rule > THROUGH:
        join_nb(p, st.book[u64(side), u64(p)], n, px, st.ahead[u64(side)])
    return trade_nb(
        venue.rule, venue.partial, p, q, n, px, st.ints[u64(LEFT + side)], st.ahead[u64(side)], st.ints[HIT]
    )


@compiled
def step_nb(i, now, n, tape, mids, grid, venue, fees, st, flight, log):
    """Poisson fills of both sides in the step from event ``i`` to ``now``. Returns whether there are any."""
    ints = st.ints
    filled = False
    for s in range(2):
        if chance_nb(s, i, tape, grid, venue, n, ints[PX + s], ints[LEFT + s], ints[HIT]) > 0:
            fill_nb(s, i, now, mid_nb(mids, i), i64(mids[LATER_MID, u64(i)]), n, grid, venue, fees, st, flight, log)
            filled = True
    return filled


@entry
def run_nb(tape, mids, values, grid, points, venue, fees, st, flight, log, samples, stop):
    """Walk the tape from where the state stands to event ``stop``; stop early only to ask for a longer log or ring."""
    sc = st.scalars
    n = 1 if ONE else sc[CELLS]
    i = sc[AT]
    next_sample = samples.ts[u64(sc[SAMPLE])] if sc[SAMPLE] < len(samples.ts) else FAR
    next_fees = fees_from_nb(i64(0), fees, sc)
    filled = sc[PENDING] > 0
    next_due = sc[NEXT_DUE]
    room = 2 * grid.top + 8 if TAKER else 8
    status = FINISHED
    wake = wake_nb(st, flight) if LATENCY else FAR
    while i < stop:
        if RECORD and (sc[FILLS] + room > len(log.fill_ts) or sc[QUOTES] + room > len(log.quote_ts)):
            status = MORE_LOG
            break
        at = u64(i)
        now = tape.ts[at]
        until = smaller_nb(now, next_sample)
        if LATENCY and until > wake:
            status = drain_nb(i - 1, until, n, tape, mids, values, grid, points, venue, fees, st, flight, log)
            if status != FINISHED:
                break
            wake = wake_nb(st, flight)
        if now >= next_sample:
            sample_nb(n, mid_nb(mids, i - 1), st, samples.equity[u64(sc[SAMPLE])])
            sc[SAMPLE] += 1
            next_sample = samples.ts[u64(sc[SAMPLE])] if sc[SAMPLE] < len(samples.ts) else FAR
            continue
        if now >= next_fees:
            next_fees = fees_from_nb(now, fees, sc)
        if DRAWN and i > 0 and now > tape.ts[i - 1]:
            filled |= step_nb(i - 1, now, n, tape, mids, grid, venue, fees, st, flight, log)
            wake = wake_nb(st, flight) if LATENCY else FAR
        kind = tape.kind[at]
        k = kind & KIND
        hits = i64(0)
        side = i64(tape.side[at])
        if k == BOOK:
            sc[OPEN] |= 2
            hits = match_book_nb(
                side, i32(tape.level[at]), tape.size[at], tape.aux[at], (kind & LATER) > 0, n, grid, venue, st
            )
            side = 1 - side
        elif k == TRADE:
            if not DRAWN and tape.level[at] <= sc[u64(HIGH + side)]:
                hits = match_trade_nb(side, i32(tape.level[at]), tape.size[at], n, venue, st)
        elif k == UNDERLYING:
            sc[VALUE] = tape.aux[at]
        else:
            interrupt_nb(k, side, now, i, n, st, log)
        if hits > 0:
            fill_nb(side, i, now, mid_nb(mids, i), i64(mids[LATER_MID, at]), n, grid, venue, fees, st, flight, log)
            filled = True
            wake = wake_nb(st, flight) if LATENCY else FAR
        if not LATENCY and ((kind & MOMENT) > 0) & (filled | (now >= next_due)):
            filled = False
            if now >= next_due:
                due_nb(n, now, st.longs[DUE], st.ints[MASK])
            value = values[sc[VALUE]] if sc[VALUE] >= 0 else math.nan
            next_due = decide_nb(
                i, now, mid_nb(mids, i), i64(mids[LATER_MID, at]), i32(tape.best_bid[at]), i32(tape.best_ask[at]),
                value, k, n, grid, points, venue, fees, st, flight, log,
            )  # fmt: skip
        i += 1
    sc[AT] = i
    sc[PENDING] = 1 if filled else 0
    if not LATENCY:
        sc[NEXT_DUE] = next_due
    return status
