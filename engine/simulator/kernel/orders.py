"""What an event does to resting orders, and what a fill does to money. See ``walk.py`` for how the book is seen."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false, reportArgumentType=false
import math

import numpy as np

from .head import (
    AHEAD,
    DRAWN,
    FEES,
    HISTORY,
    LADDER,
    LATENCY,
    LATER,
    LEVELS,
    ONE,
    OPTIMISTIC,
    POISSON,
    POWER,
    RECORD,
    TAKES,
    THROUGH,
    TOUCH,
    UNIFORM,
    ahead_after_cancel_nb,
    ahead_of_nb,
    aligned_nb,
    behind_nb,
    compiled,
    disjoint,
    history_nb,
    is_probable_nb,
    is_short_nb,
    is_whole_nb,
    larger_nb,
    melted,
    short_fee_nb,
    smaller_nb,
    trade_fee_nb,
    whole_power_nb,
)
from .rows import DELAY, FEE, GROUP, MID, NOTICE, TIMES, I, L, S

i32 = np.int32
i64 = np.int64
u64 = np.uint64  # of an index: one without a sign need not be checked for counting from the end
#: Whether an order's queue is looked at only when something happens at its level. A look-up for each cell costs a block
#: more than all else about an order's arrival.
LAZY = not (ONE or RECORD)
WIDE = 1 if ONE else GROUP
#: Orders of a side whose fills are booked in one pass: all of them, where none needs the money of the one before.
TOGETHER = 1 if ONE or FEES or HISTORY or LATENCY or DRAWN else LEVELS


@compiled
def mid_nb(mids, i):
    """Mid after event ``i`` in whole ticks, rounded down; 0 before the first event."""
    return i64(mids[MID.now, u64(i)]) if i >= 0 else i64(0)


@disjoint
def highest_nb(n, px):
    """Highest level of the block."""
    best = i32(0)
    for c in range(n):
        best = larger_nb(best, px[c])
    return best


@melted
def groups_nb(n, mask, groups):
    """Write down where the groups with marked cells begin. Returns how many those are."""
    if ONE:
        groups[0] = 0
        return i64(1)
    active = i64(0)
    for first in range(0, n, WIDE):
        some = i32(0)
        for j in range(WIDE):
            some = i32(some | mask[u64(first) + u64(j)])
        groups[u64(active)] = first
        active += i64(1) if some > 0 else i64(0)
    return active


@disjoint
def mark_nb(active, groups, value, mask, row):
    """Marked cells of some groups take a value."""
    for k in range(active):
        for j in range(WIDE):
            c = u64(groups[u64(k)]) + u64(j)
            before = row[c]
            row[c] = value if mask[c] > 0 else before


@melted
def given_nb(q, slot, c, px, left):
    """What a trade of ``q`` lots has left for an order once the nearer ones of its cell have taken of it."""
    rest = q
    for other in range(LEVELS):
        nearer = px[2 * other, c] > px[2 * slot, c]
        rest = i32(rest - (left[2 * other, c] if nearer else i32(0)))
    return larger_nb(rest, i32(0))


@melted
def front_nb(lots, at, before):
    """Lots before an order: those of the level, if it is ``at`` it and its queue was not looked at since it came."""
    return AHEAD(lots) if LAZY and at & (before < 0) else before


@disjoint
def trade_nb(rule, partial, t, q, there, n, px, left, ahead, hit):
    """A trade of ``q`` lots reaches level ``t`` of this side: what each order gets, into ``hit``.

    A cell's nearer orders take of the trade first, unless orders fill whole. The level had ``there`` lots.
    """
    total = i64(0)
    if rule <= THROUGH:
        reach = t if rule == TOUCH else i32(t + 1)
        for c in range(n):
            for slot in range(LEVELS):
                lots = given_nb(q, slot, c, px, left)
                h = smaller_nb(lots if px[2 * slot, c] >= reach else i32(0), left[2 * slot, c])
                hit[2 * slot, c] = h
                total += h
    elif partial:
        for c in range(n):
            for slot in range(LEVELS):
                lots, level, at = given_nb(q, slot, c, px, left), px[2 * slot, c], px[2 * slot, c] == t
                front = front_nb(there, at, ahead[2 * slot, c])
                rest = AHEAD(front - AHEAD(lots))
                beyond = i32(np.floor(0.5 - rest)) if AHEAD is np.float64 else i32(-rest)
                h = beyond if at else i32(0)
                h = lots if level > t else h
                h = larger_nb(i32(0), smaller_nb(h, left[2 * slot, c]))
                hit[2 * slot, c] = h
                total += h
                ahead[2 * slot, c] = larger_nb(rest, AHEAD(0)) if at else front
    else:
        for c in range(n):
            for slot in range(LEVELS):
                level, at = px[2 * slot, c], px[2 * slot, c] == t
                front = front_nb(there, at, ahead[2 * slot, c])
                rest = AHEAD(front - AHEAD(q))
                h = left[2 * slot, c] if level > t else i32(0)
                h = left[2 * slot, c] if at & (rest < 0) else h
                hit[2 * slot, c] = h
                total += h
                ahead[2 * slot, c] = rest if at else front
    return total


@compiled
def price_nb(grid, side, level):
    """YES ticks of a level of a side."""
    if UNIFORM:
        return i32(grid.step * level) if side == 0 else i32(10_000 - grid.step * level)
    return grid.ticks[level] if side == 0 else grid.ticks[grid.top - level]


@compiled
def chance_nb(which, i, tape, grid, venue, n, px, left, hit):
    """Poisson fills in the step from event ``i`` to the next: each order whole or not at all."""
    side, bid, ask = which & 1, tape.best_bid[i], tape.best_ask[i]
    total = i64(0)
    if bid == 0 or ask >= grid.top:
        return total
    mid = (grid.ticks[bid] + grid.ticks[ask]) * 0.005
    most = venue.rate * (float(tape.ts[i + 1] - tape.ts[i]) * 1e-9)
    for c in range(n):
        away = (1 - 2 * side) * (mid - price_nb(grid, side, px[c]) * 0.01)
        h = left[c] if (px[c] > 0) & (venue.draws[side, i + 1] < most * math.exp(-venue.exponent * away)) else i32(0)
        hit[c] = h
        total += h
    return total


@disjoint
def cross_nb(t, n, px, left, hit):
    """The other side's best reaches level ``t``: orders at or beyond it fill whole."""
    total = i64(0)
    for c in range(n):
        h = left[c] if px[c] >= t else i32(0)
        hit[c] = h
        total += h
    return total


@disjoint
def join_nb(p, lots, n, px, ahead):
    """Orders at level ``p`` whose queue was not looked at since they came stand behind the ``lots`` of the level."""
    for c in range(n):
        front = ahead[c]
        ahead[c] = AHEAD(lots) if (px[c] == p) & (front < 0) else front


@melted
def level_nb(rule, exponent, p, before, cancelled, bound, n, px, ahead):
    """Level ``p`` shrank other than by trades: what that does to the queue ahead of the orders there."""
    if is_probable_nb(rule) and cancelled > 0:
        total, gone, most = float(before), float(cancelled), float(bound)
        if rule == POWER and is_whole_nb(exponent):
            for c in range(n):
                front = float(ahead[c])
                back = larger_nb(total - front, 0.0)
                behind = behind_nb(whole_power_nb(front, exponent), whole_power_nb(back, exponent))
                rest = AHEAD(ahead_of_nb(front, back, behind, gone, most))
                ahead[c] = rest if px[c] == p else ahead[c]
        else:
            for c in range(n):
                if px[c] == p:
                    ahead[c] = AHEAD(ahead_after_cancel_nb(float(ahead[c]), total, gone, most, rule, exponent))
    elif rule == OPTIMISTIC:
        gone = AHEAD(larger_nb(cancelled, i32(0)))
        for c in range(n):
            ahead[c] = larger_nb(AHEAD(0), smaller_nb(AHEAD(ahead[c] - gone), AHEAD(bound))) if px[c] == p else ahead[c]
    elif rule != POISSON:
        for c in range(n):
            ahead[c] = smaller_nb(ahead[c], AHEAD(bound)) if px[c] == p else ahead[c]


@disjoint
def book_nb(side, grid, mid, later, n, hit, px, left, position, fills, mask, cash, flow, flow_later, volume):
    """Book the fills in ``hit``: position, money, counts; filled orders leave."""
    sign = i32(1 - 2 * side)
    step, base = i32(sign * grid.step), i32(0 if side == 0 else 10_000)
    for c in range(n):
        money, lots = i64(0), i32(0)
        for slot in range(TOGETHER):
            h = i32(sign * hit[2 * slot, c])
            lots += h
            if UNIFORM:
                money += i64(h) * i64(i32(base + step * px[2 * slot, c]))
            else:
                money += i64(h) * i64(price_nb(grid, side, px[2 * slot, c]))
        cash[c] -= money
        position[c] += lots
        flow[c] += i64(lots) * i64(mid)
        flow_later[c] += i64(lots) * i64(later)
    for c in range(n):
        count, lots = i32(0), i32(0)
        for slot in range(TOGETHER):
            h, level = hit[2 * slot, c], px[2 * slot, c]
            count += i32(1) if h > 0 else i32(0)
            lots += h
            rest = i32(left[2 * slot, c] - h)
            left[2 * slot, c] = rest
            px[2 * slot, c] = level if rest > 0 else i32(0)
        fills[c] += count
        mask[c] |= i32(1) if count > 0 else i32(0)
        volume[c] += lots


@melted
def fee_nb(side, price, lots, position, trade_fee, rules, carry):
    """Exact fee of a fill before it is booked: fee, rebate, what its order carries. The fee of nothing is nothing."""
    _, unit, rebate_step, strict = rules
    closing = smaller_nb(lots, larger_nb(i64(0), i64(2 * side - 1) * position))
    cost = price if side == 0 else 10_000 - price
    return aligned_nb(10_000 * closing - lots * cost, trade_fee, unit, rebate_step, strict, carry)


@compiled
def rounding_nb(fees, sc):
    """How fees are rounded now: step of the fee, unit of the balance, step of rebates, whether strictly."""
    row = sc[S.fee_row]
    return fees[FEE.step, row], fees[FEE.grid, row], fees[FEE.rebate, row], fees[FEE.strict, row]


@disjoint
def charge_nb(side, rate, rules, grid, n, hit, px, position, carry, paid, rebates, fees):
    """Charge makers for the fills in I.hit before they are booked. Returns the last cell's fee and rebate."""
    fee, rebate = i64(0), i64(0)
    if rate == 0:
        for c in range(n):
            fees[c] = i64(0)
    elif is_short_nb(i64(highest_nb(n, hit)), rate):
        for c in range(n):
            fees[c] = short_fee_nb(i64(price_nb(grid, side, px[c])), i64(hit[c]), rate, rules[0])
    else:
        for c in range(n):
            fees[c] = trade_fee_nb(i64(price_nb(grid, side, px[c])), i64(hit[c]), rate, rules[0])
    for c in range(n):
        price = i64(price_nb(grid, side, px[c]))
        fee, rebate, left = fee_nb(side, price, i64(hit[c]), i64(position[c]), fees[c], rules, carry[c])
        carry[c] = left
        paid[c] += fee
        rebates[c] += rebate
    return fee, rebate


@compiled
def notify_nb(which, at, sign, n, st, flight):
    """Put the agent's notice of the fills in I.hit on its way; ``sign`` is -1 for refused orders. Returns its row."""
    sc = st.scalars
    if sc[S.notice_head] == sc[S.notice_tail]:  # a row that was used a moment ago is near
        sc[S.notice_head] = sc[S.notice_tail] = 0
    row = sc[S.notice_tail] % len(flight.times)
    flight.times[row, TIMES.notice] = at
    flight.times[row, TIMES.which] = which
    for c in range(n):
        flight.notices[row, NOTICE.hit, c] = sign * st.ints[I.hit + which, c]
        flight.notices[row, NOTICE.version, c] = st.ints[I.version + which, c]
    sc[S.notice_tail] += 1
    return row


@compiled
def log_fill_nb(now, i, side, level, q, taker, fee, rebate, st, log):
    """Write one fill of the single cell down; the position is the one after it."""
    k = st.scalars[S.fills]
    log.fill_ts[u64(k)] = now
    row = log.fills[u64(k)]
    row[0], row[1], row[2], row[3] = i, side, level, q
    row[4], row[5], row[6], row[7] = st.ints[I.position, 0], taker, fee, rebate
    st.scalars[S.fills] = k + 1


@compiled
def arrival_nb(venue, line, now):
    """When a message sent at ``now`` arrives: after its delay, and never before one sent earlier on the same line."""
    if venue.delay.shape[1] == 1:
        return now + venue.delay[line, 0]
    bucket = now // venue.bucket_ns
    at = bucket % venue.delay.shape[1]
    return larger_nb(now + venue.delay[line, at], bucket * venue.bucket_ns + venue.lift[line, at])


@melted
def fill_nb(w, which, i, now):
    """Makers' fills of an order in HIT at event ``i``, or of all on its side: fees, money, position, notice, record."""
    n = 1 if ONE else w.n
    st, fees, side, rows = w.st, w.fees, which & 1, 2 * TOGETHER
    hit, px = st.ints[I.hit + which], st.ints[I.px + which]
    level, fee, rebate = px[0], i64(0), i64(0)
    if FEES:
        fee, rebate = charge_nb(
            side, fees[FEE.maker, st.scalars[S.fee_row]], rounding_nb(fees, st.scalars), w.grid, n, hit, px,
            st.ints[I.position], st.longs[L.carry + which], st.longs[L.fees_paid], st.longs[L.rebates],
            st.longs[L.fee],
        )  # fmt: skip
    if HISTORY and not LATENCY:
        for c in range(n):
            if hit[c] > 0:
                lots, price = i64(hit[c]), i64(price_nb(w.grid, side, px[c]))
                history_nb(i64(side), lots, lots * price, i64(st.ints[I.position, c]), now, c, st.ints, st.longs)
    if LATENCY:
        row = notify_nb(which, arrival_nb(w.venue, DELAY.response, now), i32(1), n, st, w.flight)
        if HISTORY:
            for c in range(n):
                w.flight.notices[row, NOTICE.ticks, c] = price_nb(w.grid, side, px[c])
                w.flight.notices[row, NOTICE.rest, c] = 0
    book_nb(
        side, w.grid, mid_nb(w.mids, i), i64(w.mids[MID.later, u64(i)]), n,
        st.ints[I.hit + which : I.hit + which + rows], st.ints[I.px + which : I.px + which + rows],
        st.ints[I.left + which : I.left + which + rows], st.ints[I.position], st.ints[I.fills],
        st.ints[I.aside if LATENCY else I.mask], st.longs[L.cash], st.longs[L.flow], st.longs[L.flow_later],
        st.longs[L.volume],
    )  # fmt: skip
    if RECORD and hit[0] > 0:
        log_fill_nb(now, i, side, level, hit[0], 0, fee, rebate, st, w.log)


@melted
def fills_nb(w, side, i, now):
    """Makers' fills of a side's orders."""
    if LEVELS > TOGETHER:
        for which in range(side, 2 * LEVELS, 2):
            if highest_nb(1 if ONE else w.n, w.st.ints[I.hit + which]) > 0:
                fill_nb(w, which, i, now)
    else:
        fill_nb(w, side, i, now)


@compiled
def reported_nb(side, level, c, ints):
    """Which order of a side a reported fill is of: the one at its price, or else the next better one."""
    found = i64(side)
    for which in range(side, 2 * LEVELS, 2):
        px, old = ints[I.px + which, c], ints[I.px + found, c]
        found = i64(which) if (px >= level) & ((old < level) | (px < old)) else found
    return found


@melted
def report_nb(w, side, i, now, level, lots, fee):
    """Book a fill of ours that the exchange reports; what rests of the order may be less than it fills."""
    n = 1 if ONE else w.n
    st, ints, longs = w.st, w.st.ints, w.st.longs
    sign, price = i64(1 - 2 * side), i64(price_nb(w.grid, side, level))
    mid, later = mid_nb(w.mids, i), i64(w.mids[MID.later, u64(i)])
    taker = 1 if TAKES and (w.tape.kind[i] & LATER) > 0 else 0  # no quote's
    for c in range(n):
        if HISTORY:
            history_nb(i64(side), lots, lots * price, i64(ints[I.position, c]), now, c, ints, longs)
        ints[I.position, c] += i32(sign * lots)
        longs[L.cash, c] -= sign * lots * price
        longs[L.fees_paid, c] += fee
        longs[L.flow, c] += sign * lots * mid
        longs[L.flow_later, c] += sign * lots * later
        longs[L.volume, c] += lots
        ints[I.fills, c] += 1
        ints[I.mask, c] = 1
        if taker == 0:
            which = reported_nb(side, level, c, ints) if LADDER else side
            rest = larger_nb(i32(ints[I.left + which, c] - i32(lots)), i32(0))
            ints[I.left + which, c] = rest
            ints[I.px + which, c] = ints[I.px + which, c] if rest > 0 else i32(0)
    if RECORD:
        log_fill_nb(now, i, side, level, lots, taker, fee, i64(0), st, w.log)
