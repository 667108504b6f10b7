"""Walk along the tape for a block of cells at once: the one meaning behind replay, sweep and live.

The book is seen as two sides of bids, YES bids (side 0) and NO bids (side 1), each on its own scale from 0 to the
grid's top level, so that one rule serves both: a NO bid at level p is a YES ask at level top - p. Level 0 means no
order. Loops run without branches, because such loops become vector code: over whole blocks, or over those groups of
cells that stand side by side in which an event concerns some. A cell that it cannot change is masked, not skipped.

A ``Walk`` goes to functions that are melted into the walk: handing its arrays over costs more than most of them do.
Functions that are called get the arrays they need.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from .decide import decide_nb, due_nb, log_quote_nb, mark_all_nb, prompts_nb
from .head import (
    BOOK,
    CLOCK,
    DRAWN,
    FILLED,
    GAP,
    KIND,
    LADDER,
    LATELY,
    LATENCY,
    LATER,
    LEVELS,
    MOMENT,
    ONE,
    PLACED,
    PROMPTED,
    RECORD,
    REPORTED,
    REWARDS,
    SCORED,
    SLOTS,
    TAKER,
    THROUGH,
    TRADE,
    UNDERLYING,
    Walk,
    compiled,
    entry,
    larger_nb,
    melted,
    smaller_nb,
)
from .orders import (
    LAZY,
    chance_nb,
    cross_nb,
    fill_nb,
    fills_nb,
    highest_nb,
    i32,
    i64,
    join_nb,
    level_nb,
    mid_nb,
    report_nb,
    trade_nb,
    u64,
)
from .rewards import lock_nb, snapshot_nb
from .rows import FINISHED, MORE_LOG, MORE_WIRE, I, L, S
from .wire import FAR, drain_nb, fees_from_nb, note_places_nb, wake_nb, watch_nb


@compiled
def sample_nb(n, mid, st, equity):
    """Write every cell's equity down, and take note of what it quotes and holds."""
    ints, longs = st.ints, st.longs
    for c in range(n):
        equity[c] = longs[L.cash, c] - longs[L.fees_paid, c] + longs[L.rebates, c] + i64(ints[I.position, c]) * mid
    for c in range(n):
        held = abs(ints[I.position, c])
        bid, ask = ints[I.px, c], ints[I.px + 1, c]
        if LADDER:
            for slot in range(1, LEVELS):
                bid, ask = bid | ints[I.px + 2 * slot, c], ask | ints[I.px + 1 + 2 * slot, c]
        longs[L.quoted, c] += i64(1) if (bid > 0) & (ask > 0) else i64(0)
        longs[L.held, c] += i64(held)
        ints[I.widest, c] = larger_nb(ints[I.widest, c], held)


@compiled
def withdraw_nb(n, st):
    """No order rests any more, and the agent knows."""
    for which in range(2 * LEVELS):
        for c in range(n):
            st.ints[I.px + which, c] = 0
            st.ints[I.left + which, c] = 0
            if LATENCY:
                st.ints[I.sent_px + which, c] = 0
                st.ints[I.sent_left + which, c] = 0


@compiled
def interrupt_nb(kind, side, now, i, n, st, log):
    """The market opens or closes, or the book is lost: while it is not open and known, nothing rests."""
    sc = st.scalars
    if kind == GAP:
        sc[S.open] &= ~2
        for level in range(st.book.shape[1]):
            st.book[0, level] = 0
            st.book[1, level] = 0
    else:
        sc[S.open] = (sc[S.open] & 2) | (1 if side > 0 else 0)
    if sc[S.open] != 3:
        withdraw_nb(n, st)
        if RECORD:
            log_quote_nb(now, i, st, log)


@melted
def match_books_nb(w, side, p, q, before, traded, is_later):
    """The same for several levels, once the book has changed."""
    n = 1 if ONE else w.n
    ints, sc, venue = w.st.ints, w.st.scalars, w.venue
    other, reach, total = 1 - side, i32(w.grid.top - p), i64(0)
    if (venue.rule > THROUGH) & (q != before) & (p <= sc[S.high + side]):
        bound = i32(q + traded) if is_later else q
        for which in range(side, 2 * LEVELS, 2):
            if LAZY:
                join_nb(p, before, n, ints[I.px + which], w.st.ahead[which])
            if q < before:
                level_nb(
                    venue.rule, venue.exponent, p, i32(before - traded), i32(before - q - traded), bound, n,
                    ints[I.px + which], w.st.ahead[which],
                )  # fmt: skip
    if TAKER:
        taken_px = ints[I.taken_px + other]
        for c in range(n):
            taken_px[c] = i32(0) if p >= taken_px[c] else taken_px[c]
    if not REPORTED and venue.cross & (q > 0) & (reach <= sc[S.high + other]):
        highest = highest_of_nb(other, n, ints)
        sc[S.high + other] = highest
        if reach <= highest:
            for which in range(other, 2 * LEVELS, 2):
                total += cross_nb(reach, n, ints[I.px + which], ints[I.left + which], ints[I.hit + which])
    return total


@compiled
def highest_of_nb(side, n, ints):
    """Highest level of a side's orders in the block."""
    best = i64(0)
    for which in range(side, 2 * LEVELS, 2):
        best = larger_nb(best, i64(highest_nb(n, ints[I.px + which])))
    return best


@melted
def match_book_nb(w, side, p, q, traded, is_later):
    """The exchange's side of a change at a level. Returns lots that fill because the other side's best crosses."""
    n = 1 if ONE else w.n
    st, sc, venue = w.st, w.st.scalars, w.venue
    before = st.book[u64(side), u64(p)]
    st.book[u64(side), u64(p)] = q
    if LADDER:
        return match_books_nb(w, side, p, q, before, traded, is_later)
    if LAZY and (venue.rule > THROUGH) & (q != before) & (p <= sc[u64(S.high + side)]):
        join_nb(p, before, n, st.ints[u64(I.px + side)], st.ahead[u64(side)])
    if (venue.rule > THROUGH) & (q < before) & (p <= sc[u64(S.high + side)]):  # one branch: each alone is a coin's toss
        bound = i32(q + traded) if is_later else q
        level_nb(
            venue.rule, venue.exponent, p, i32(before - traded), i32(before - q - traded), bound, n,
            st.ints[u64(I.px + side)], st.ahead[u64(side)],
        )  # fmt: skip
    other = 1 - side
    if TAKER:
        taken_px = st.ints[I.taken_px + other]
        for c in range(n):
            taken_px[c] = i32(0) if p >= taken_px[c] else taken_px[c]
    reach = i32(w.grid.top - p)
    if not REPORTED and venue.cross & (q > 0) & (reach <= sc[u64(S.high + other)]):
        highest = i64(highest_nb(n, st.ints[u64(I.px + other)]))
        sc[u64(S.high + other)] = highest
        if reach <= highest:
            return cross_nb(
                reach, n, st.ints[u64(I.px + other)], st.ints[u64(I.left + other)], st.ints[u64(I.hit + other)]
            )
    return i64(0)


@compiled
def match_trade_nb(side, p, q, n, venue, st):
    """The exchange's side of a trade that hits resting orders of ``side`` at ``p``. Returns lots that fill."""
    ints, end = st.ints, side + 2 * LEVELS
    highest = highest_of_nb(side, n, ints)
    st.scalars[u64(S.high + side)] = highest
    if p > highest:
        return i64(0)
    return trade_nb(
        venue.rule, venue.partial, p, q, st.book[u64(side), u64(p)], n, ints[I.px + side : I.px + end],
        ints[I.left + side : I.left + end], st.ahead[side:end], ints[I.hit + side : I.hit + end],
    )  # fmt: skip


@melted
def step_nb(w, i, now):
    """Poisson fills of both sides in the step from event ``i`` to ``now``. Returns whether there are any."""
    n = 1 if ONE else w.n
    ints = w.st.ints
    filled = False
    for s in range(2 * LEVELS):
        if chance_nb(s, i, w.tape, w.grid, w.venue, n, ints[I.px + s], ints[I.left + s], ints[I.hit + s]) > 0:
            fill_nb(w, s, i, now)
            filled = True
    return filled


@entry
def run_nb(tape, mids, values, signals, grid, points, venue, fees, st, flight, log, samples, rewards, stop):
    """Walk the tape from where the state stands to event ``stop``; stop early only to ask for a longer log or ring."""
    sc = st.scalars
    n = 1 if ONE else sc[S.cells]
    w = Walk(
        tape, mids, values, signals, grid, points, venue, fees, st, flight if LATENCY else (), log if RECORD else (), n,
        rewards if SCORED else (),
    )  # fmt: skip
    i = sc[S.at]
    next_sample = samples.ts[u64(sc[S.sample])] if sc[S.sample] < len(samples.ts) else FAR
    next_look = rewards.ts[sc[S.snapshot]] if REWARDS else FAR
    next_fees = fees_from_nb(i64(0), fees, sc)
    filled = sc[S.pending] > 0
    next_due = sc[S.next_due]
    room = 2 * SLOTS * grid.top + 8 if TAKER else 2 * LEVELS + 6
    status = FINISHED
    wake = wake_nb(st, flight) if LATENCY else FAR
    while i < stop:
        if RECORD and (sc[S.fills] + room > len(log.fill_ts) or sc[S.quotes] + room > len(log.quote_ts)):
            status = MORE_LOG
            break
        if PLACED and sc[S.place_tail] - sc[S.place_head] + 2 * LEVELS * n > len(flight.places):
            status = MORE_WIRE
            break
        at = u64(i)
        now = tape.ts[at]
        until = smaller_nb(now, next_sample)
        if REWARDS:
            until = smaller_nb(until, next_look)
        if LATENCY and until > wake:
            status = drain_nb(w, i - 1, until)
            if status != FINISHED:
                break
            wake = wake_nb(st, flight)
        if REWARDS and until == next_look:
            next_look = snapshot_nb(until, n, st, rewards)
            continue
        if now >= next_sample:
            if REWARDS:
                lock_nb(n, mid_nb(mids, i - 1), grid, st, rewards)
            sample_nb(n, mid_nb(mids, i - 1), st, samples.equity[u64(sc[S.sample])])
            sc[S.sample] += 1
            next_sample = samples.ts[u64(sc[S.sample])] if sc[S.sample] < len(samples.ts) else FAR
            continue
        if now >= next_fees:
            next_fees = fees_from_nb(now, fees, sc)
        if DRAWN and i > 0 and now > tape.ts[i - 1]:
            filled |= step_nb(w, i - 1, now)
            wake = wake_nb(st, flight) if LATENCY else FAR
        kind = tape.kind[at]
        k = kind & KIND
        hits = i64(0)
        side = i64(tape.side[at])
        if k == BOOK:
            sc[S.open] |= 2
            hits = match_book_nb(w, side, i32(tape.level[at]), tape.size[at], tape.aux[at], (kind & LATER) > 0)
            side = 1 - side
        elif k == TRADE:
            if not DRAWN and not REPORTED and tape.level[at] <= sc[u64(S.high + side)]:
                hits = match_trade_nb(side, i32(tape.level[at]), tape.size[at], n, venue, st)
        elif k == UNDERLYING:
            sc[S.value] = tape.aux[at]
        elif REPORTED and k == FILLED:
            report_nb(w, side, i, now, i32(tape.level[at]), i64(tape.size[at]), i64(tape.aux[at]))
            filled = True
        elif k != CLOCK:
            interrupt_nb(k, side, now, i, n, st, w.log)
        if hits > 0:
            fills_nb(w, side, i, now)
            filled = True
            wake = wake_nb(st, flight) if LATENCY else FAR
        if PLACED:
            note_places_nb(w, i)
        if LATELY and not LATENCY:
            watch_nb(tape, i, sc)
        if PROMPTED and not LATENCY:
            if prompts_nb(w, i):
                sc[S.prompted] = 1
            if (kind & MOMENT) > 0 and sc[S.prompted] > 0:
                sc[S.prompted] = 0
                mark_all_nb(n, st.ints[I.mask])
                filled = True
        if not LATENCY and ((kind & MOMENT) > 0) & (filled | (now >= next_due)):
            filled = False
            if now >= next_due:
                due_nb(n, now, st.longs[L.due], st.ints[I.mask])
            value = values[sc[S.value]] if sc[S.value] >= 0 else math.nan
            next_due = decide_nb(w, i, now, value, k)
        i += 1
    sc[S.at] = i
    sc[S.pending] = 1 if filled else 0
    if not LATENCY:
        sc[S.next_due] = next_due
    return status
