"""What the exchange does with orders that arrive: refuse, replace, rest or take."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false, reportArgumentType=false
from .head import (
    AHEAD,
    CAPITAL,
    DRAWN,
    FEES,
    HISTORY,
    LATENCY,
    LEVELS,
    ONE,
    RECORD,
    REPORTED,
    SLOTS,
    STILL,
    TAKER,
    TAKES,
    compiled,
    disjoint,
    history_nb,
    larger_nb,
    melted,
    smaller_nb,
    trade_fee_nb,
)
from .orders import (
    LAZY,
    WIDE,
    arrival_nb,
    fee_nb,
    i32,
    i64,
    log_fill_nb,
    mark_nb,
    mid_nb,
    notify_nb,
    price_nb,
    rounding_nb,
    u64,
)
from .rows import DELAY, FEE, MID, NOTICE, I, L, S


@melted
def take_nb(w, which, i, now, best, c):
    """A crossing order takes what stands on the other side, level by level; what is left of it rests."""
    st, ints, longs = w.st, w.st.ints, w.st.longs
    mid, later = mid_nb(w.mids, i), i64(w.mids[MID.later, u64(i)])
    side = which & 1
    other = 1 - side
    sign = i64(1 - 2 * side)
    reach = w.grid.top - ints[I.px + which, c]
    if TAKES and which >= 2 * LEVELS:  # it stops before an own order of the other side
        for one in range(other, 2 * LEVELS, 2):
            reach = larger_nb(reach, i32(ints[I.px + one, c] + 1)) if ints[I.px + one, c] > 0 else reach
    level = best
    while level >= reach and ints[I.left + which, c] > 0 and level > 0:
        there = st.book[other, level]
        used = ints[I.taken_px + side, c]
        before = ints[I.taken + side, c] if level == used else i32(0)
        there = i32(there - before)
        there = i32(0) if used > 0 and level > used else there
        q = smaller_nb(there, ints[I.left + which, c])
        if q > 0:
            price = i64(price_nb(w.grid, other, level))
            fee, rebate = i64(0), i64(0)
            if FEES:
                rules = rounding_nb(w.fees, st.scalars)
                trade_fee = trade_fee_nb(price, i64(q), w.fees[FEE.taker, st.scalars[S.fee_row]], rules[0])
                fee, rebate, longs[L.carry + which, c] = fee_nb(
                    side, price, i64(q), i64(ints[I.position, c]), trade_fee, rules, longs[L.carry + which, c]
                )
                longs[L.fees_paid, c] += fee
                longs[L.rebates, c] += rebate
            if HISTORY:
                longs[L.value, c] += i64(q) * price
                if not LATENCY:
                    history_nb(i64(side), i64(q), i64(q) * price, i64(ints[I.position, c]), now, c, ints, longs)
            ints[I.position, c] += i32(sign * q)
            longs[L.cash, c] -= sign * i64(q) * price
            longs[L.flow, c] += sign * i64(q) * mid
            longs[L.flow_later, c] += sign * i64(q) * later
            longs[L.volume, c] += q
            ints[I.fills, c] += 1
            ints[I.left + which, c] -= q
            ints[I.taken + side, c] = i32(before + q)
            ints[I.taken_px + side, c] = level
            ints[I.hit + which, c] += q
            if RECORD:
                log_fill_nb(now, i, side, i32(w.grid.top - level), q, 1, fee, rebate, st, w.log)
        level = i32(level - 1)
    if ints[I.left + which, c] == 0:
        ints[I.px + which, c] = 0


@disjoint
def doubtful_nb(active, groups, mask, want, size, left, position, capital, cash, paid, rebates):
    """How many marked cells could not pay a dollar a contract for all their orders: of all others, each is payable."""
    total = i64(0)
    for k in range(active):
        first = u64(groups[u64(k)])
        for j in range(WIDE):
            c = first + u64(j)
            lots = i64(size[c])
            for one in range(2 * SLOTS):
                lots += i64(left[one, c])
            balance = capital[c] + cash[c] - paid[c] + rebates[c]
            balance -= larger_nb(i64(0), -i64(position[c])) * 10_000
            doubt = (mask[c] > 0) & (want[c] > 0) & (capital[c] != 0) & (lots * 10_000 > balance)
            total += i64(1) if doubt else i64(0)
    return total


@disjoint
def unpaid_nb(
    which, active, groups, mask, want, size, grid, px, left, position, capital, cash, paid, rebates, hit, refused
):  # fmt: skip
    """Mark in I.hit the orders that cannot be paid, and take them out; all other orders count too. How many.

    What closes the position costs nothing: such lots are taken off a side's orders in turn.
    """
    total = i64(0)
    for k in range(active):
        first = u64(groups[u64(k)])
        for j in range(WIDE):
            c = first + u64(j)
            held, wanted, asked = i64(position[c]), want[c], size[c]
            balance = capital[c] + cash[c] - paid[c] + rebates[c] - larger_nb(i64(0), -held) * 10_000
            needed = i64(0)
            for s in range(2):
                closes = larger_nb(i64(0), (2 * s - 1) * held)
                for slot in range(SLOTS):
                    one = s + 2 * slot
                    level = wanted if one == which else px[one, c]
                    q = i64(asked if one == which else left[one, c])
                    q = q if level > 0 else i64(0)
                    closing = smaller_nb(q, closes)
                    closes -= closing
                    price = i64(price_nb(grid, i64(s), level))
                    needed += (q - closing) * (price if s == 0 else 10_000 - price)
            refuses = (mask[c] > 0) & (wanted > 0) & (capital[c] != 0) & (needed > balance)
            want[c] = i32(0) if refuses else wanted
            size[c] = i32(0) if refuses else asked
            hit[c] = i32(1) if refuses else i32(0)
            refused[c] += i32(1) if refuses else i32(0)
            total += i64(1) if refuses else i64(0)
    return total


@compiled
def afford_nb(which, active, groups, n, mask, want, size, grid, st):
    """Take the orders out that cannot be paid beside all others. How many; they are marked in I.hit."""
    ints, longs, wide = st.ints, st.longs, 2 * SLOTS
    left, position = ints[I.left : I.left + wide], ints[I.position]
    capital, cash, paid, rebates = longs[L.capital], longs[L.cash], longs[L.fees_paid], longs[L.rebates]
    if doubtful_nb(active, groups, mask, want, size, left, position, capital, cash, paid, rebates) == 0:
        return i64(0)
    for c in range(n):
        ints[I.hit + which, c] = 0
    return unpaid_nb(
        which, active, groups, mask, want, size, grid, ints[I.px : I.px + wide], left, position, capital, cash, paid,
        rebates, ints[I.hit + which], ints[I.refused],
    )  # fmt: skip


@disjoint
def rest_nb(active, groups, keep, mask, want, size, px, left, ahead, change, moved, carry, queue, tops):
    """Where marked cells want something else than rests, the old order goes and the new one joins the queue.

    With ``keep``, a smaller size at the same price keeps its place. Returns the highest level of these groups,
    which is looked for lane by lane in ``tops``: a group need not wait for that of another.
    """
    for j in range(WIDE):
        tops[u64(j)] = 0
    for k in range(active):
        first = u64(groups[u64(k)])
        for j in range(WIDE):
            c = first + u64(j)
            w, old, had, new = want[c], px[c], left[c], size[c]
            m = mask[c]
            changed = m if w != old else i32(0)
            changed = m if new != had else changed
            price = w if m > 0 else old
            px[c] = price
            rest = new if changed > 0 else had
            left[c] = rest if price > 0 else i32(0)
            moves = i32(0) if keep & (w == old) & (new < had) else changed
            tops[u64(j)] = larger_nb(tops[u64(j)], price)
            if TAKER or STILL:
                change[c] = changed
            if FEES or not LAZY:
                moved[c] = moves
            if LAZY:
                before = ahead[c]
                ahead[c] = AHEAD(-1) if moves > 0 else before
        if not LAZY:
            for j in range(WIDE):
                c = first + u64(j)
                before = ahead[c]
                ahead[c] = AHEAD(queue[u64(px[c])]) if moved[c] > 0 else before
        if FEES:
            for j in range(WIDE):
                c = first + u64(j)
                carried = carry[c]
                carry[c] = i64(0) if moved[c] > 0 else carried
    best = i32(0)
    for j in range(WIDE):
        best = larger_nb(best, tops[u64(j)])
    return i64(best)


@disjoint
def reject_nb(active, groups, n, mask, want, other, top, hit, rejected):
    """Mark in I.hit the post-only orders that would cross on arrival, and take them out. Returns how many."""
    total = i64(0)
    for k in range(active):
        for j in range(WIDE):
            c = u64(groups[u64(k)]) + u64(j)
            total += i64(1) if (mask[c] > 0) & (want[c] > 0) & (want[c] + other >= top) & (other > 0) else i64(0)
    if total > 0:
        for c in range(n):
            hit[c] = 0
        for k in range(active):
            for j in range(WIDE):
                c = u64(groups[u64(k)]) + u64(j)
                wanted = want[c]
                crosses = (mask[c] > 0) & (wanted > 0) & (wanted + other >= top)
                hit[c] = i32(1) if crosses else i32(0)
                rejected[c] += i32(1) if crosses else i32(0)
                want[c] = i32(0) if crosses else wanted
    return total


@disjoint
def crossing_nb(active, groups, change, want, other, top):
    """How many orders that have changed reach the other side's best."""
    total = i64(0)
    for k in range(active):
        first = u64(groups[u64(k)])
        for j in range(WIDE):
            c = first + u64(j)
            total += i64(1) if (change[c] > 0) & (want[c] > 0) & (want[c] + other >= top) else i64(0)
    return total


@melted
def taking_nb(w, which, i, now, other, active, groups, want):
    """Orders that have changed and reach the other side's best take, a cell at a time."""
    n = 1 if ONE else w.n
    st, ints, top = w.st, w.st.ints, w.grid.top
    taken = i64(0)
    for c in range(n):
        ints[I.hit + which, c] = 0
        if HISTORY:
            st.longs[L.value, c] = 0
    for at in range(active * WIDE):
        c = groups[at // WIDE] + at % WIDE
        if ints[I.change, c] > 0 and want[c] > 0 and want[c] + other >= top:
            take_nb(w, which, i, now, other, c)
            taken += ints[I.hit + which, c]
    if LATENCY and taken > 0:
        row = notify_nb(which, arrival_nb(w.venue, DELAY.response, now), i32(1), n, st, w.flight)
        if HISTORY:
            for c in range(n):
                if ints[I.hit + which, c] > 0:
                    lots, value = i64(ints[I.hit + which, c]), st.longs[L.value, c]
                    ticks = value // lots
                    w.flight.notices[row, NOTICE.ticks, c] = ticks
                    w.flight.notices[row, NOTICE.rest, c] = value - ticks * lots


@disjoint
def withdrawn_nb(active, groups, px, left):
    """An order of some groups is gone."""
    for k in range(active):
        first = u64(groups[u64(k)])
        for j in range(WIDE):
            c = first + u64(j)
            px[c] = 0
            left[c] = 0


@melted
def place_nb(w, which, i, now, active, groups, mask, want, size):
    """The exchange acts on an order of marked cells in some groups: refuse, replace, rest or take."""
    n = 1 if ONE else w.n
    side, st, ints, venue, top = which & 1, w.st, w.st.ints, w.venue, w.grid.top
    if CAPITAL and afford_nb(which, active, groups, n, mask, want, size, w.grid, st) > 0 and LATENCY:
        notify_nb(which, arrival_nb(venue, DELAY.response, now), i32(-1), n, st, w.flight)
    other = i32(top - i32(w.tape.best_ask[u64(i)])) if side == 0 else i32(w.tape.best_bid[u64(i)])
    takes = TAKES and which >= 2 * LEVELS
    rejects = LATENCY and venue.post_only and not takes
    if rejects and reject_nb(active, groups, n, mask, want, other, top, ints[I.hit + which], ints[I.rejected]) > 0:
        notify_nb(which, arrival_nb(venue, DELAY.response, now), i32(-1), n, st, w.flight)
    highest = rest_nb(
        active, groups, venue.amend_keeps, mask, want, size, ints[I.px + which], ints[I.left + which], st.ahead[which],
        ints[I.change], ints[I.moved], st.longs[L.carry + which], st.book[side],
        ints[I.room],
    )  # fmt: skip
    st.scalars[S.high + side] = larger_nb(st.scalars[S.high + side], highest)
    if STILL and not LATENCY:
        mark_nb(active, groups, now, ints[I.change], st.longs[L.since + which])
    may_take = TAKER and not REPORTED and (takes or not (venue.post_only or DRAWN)) and other > 0
    if may_take and crossing_nb(active, groups, ints[I.change], want, other, top) > 0:
        taking_nb(w, which, i, now, other, active, groups, want)
    if takes:
        withdrawn_nb(active, groups, ints[I.px + which], ints[I.left + which])
