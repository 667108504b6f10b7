"""Kernel, part 3: delays. What the agent sees, sends and learns, when some of it takes time.

Messages stand in two rings in the order of their arrival: a later message never overtakes an earlier one. A message
carries a row for the whole block, because cells that share their history mostly act together, and says which groups
of cells it is about.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from ...io.jit import compiled, disjoint, larger_nb, melted, smaller_nb
from .events import BOOK, GAP, KIND, MOMENT, TRADE, UNDERLYING
from .kernel_decide import due_nb, log_quote_nb, stamp_nb, stop_of_nb, told_nb, wish_of_nb
from .kernel_head import FEES, RECORD, RISK, TAKER
from .kernel_orders import WIDE, arrival_nb, groups_nb, i32, i64, mark_nb, place_nb, u64
from .state import (
    DUE,
    ENTRY,
    FEE_FROM,
    FEE_ROW,
    FEED,
    FILLS,
    FINISHED,
    GROUPS,
    KNOWN_POSITION,
    LATER_MID,
    MASK,
    MID,
    MORE_LOG,
    MORE_WIRE,
    NEXT_DUE,
    NOTICE_HEAD,
    NOTICE_HIT,
    NOTICE_SIDE,
    NOTICE_TAIL,
    NOTICE_TIME,
    NOTICE_VERSION,
    OPEN,
    ORDER_COUNT,
    ORDER_GROUPS,
    ORDER_HEAD,
    ORDER_LEFT,
    ORDER_MASK,
    ORDER_PX,
    ORDER_SENT,
    ORDER_TAIL,
    ORDER_TIME,
    QUOTES,
    REQUOTES,
    SEEN,
    SEEN_VALUE,
    SENT,
    SENT_LEFT,
    SENT_PX,
    SENT_VERSION,
    SIZE,
    VERSION,
    WANT,
)

# <kernel>
FAR = i64(1) << i64(62)


@compiled
def mid_nb(mids, i):
    """Mid after event ``i`` in whole ticks, rounded down; 0 before the first event."""
    return i64(mids[MID, u64(i)]) if i >= 0 else i64(0)


@compiled
def fees_from_nb(now, fees, sc):
    """Move to the fees that hold at ``now``. Returns when the next ones come in."""
    while sc[FEE_ROW] + 1 < fees.shape[1] and now >= fees[FEE_FROM, sc[FEE_ROW] + 1]:
        sc[FEE_ROW] += 1
    return fees[FEE_FROM, sc[FEE_ROW] + 1] if sc[FEE_ROW] + 1 < fees.shape[1] else FAR


@disjoint
def changes_nb(
    active, groups, version, mask, want, size, px, left, known, changed, order_px, order_left, order_groups
):  # fmt: skip
    """Write the marked cells' order of a side down where it is not the one last sent. Returns in how many groups."""
    count = i64(0)
    for k in range(active):
        first = u64(groups[u64(k)])
        some = i32(0)
        for j in range(WIDE):
            c = first + u64(j)
            same = (want[c] == px[c]) & ((size[c] == left[c]) | (px[c] == 0))
            one = i32(0) if same else mask[c]
            changed[c] = one
            some |= one
            order_px[c] = want[c]
            order_left[c] = size[c]
        for j in range(WIDE):
            c = first + u64(j)
            one, price, old, lots, had, before = changed[c], want[c], px[c], size[c], left[c], known[c]
            px[c] = price if one > 0 else old
            left[c] = lots if one > 0 else had
            known[c] = version if one > 0 else before
        order_groups[u64(count)] = groups[u64(k)]
        count += i64(1) if some > 0 else i64(0)
    return count


@melted
def send_nb(at, active, st, flight):
    """Marked cells send what they want changed; it arrives at ``at``."""
    sc, ints = st.scalars, st.ints
    row = sc[ORDER_TAIL] % len(flight.times)
    order = flight.orders[row]
    version = i32(sc[SENT] + 1)
    sent = i64(0)
    for s in range(2):
        count = changes_nb(
            active, ints[GROUPS], version, ints[MASK], ints[WANT + s], ints[SIZE + s], ints[SENT_PX + s],
            ints[SENT_LEFT + s], ints[SENT_VERSION + s], order[ORDER_MASK + s], order[ORDER_PX + s],
            order[ORDER_LEFT + s], order[ORDER_GROUPS + s],
        )  # fmt: skip
        flight.times[row, ORDER_COUNT + s] = count
        sent += count
    if sent > 0:
        sc[SENT] += 1
        flight.times[row, ORDER_TIME] = at
        flight.times[row, ORDER_SENT] = version
        sc[ORDER_TAIL] += 1


@melted
def arrive_nb(i, n, tape, mids, grid, venue, fees, st, flight, log):
    """The oldest message under way reaches the exchange, which has processed event ``i``."""
    sc = st.scalars
    row = sc[ORDER_HEAD] % len(flight.times)
    now, version = flight.times[row, ORDER_TIME], i32(flight.times[row, ORDER_SENT])
    order = flight.orders[row]
    sc[ORDER_HEAD] += 1
    if sc[OPEN] != 3:
        return
    if FEES:
        fees_from_nb(now, fees, sc)
    bid, ask = i32(tape.best_bid[i]), i32(tape.best_ask[i])
    mid = mid_nb(mids, i)
    for s in range(2):
        active, groups, mask = flight.times[row, ORDER_COUNT + s], order[ORDER_GROUPS + s], order[ORDER_MASK + s]
        mark_nb(active, groups, version, mask, st.ints[VERSION + s])
        place_nb(
            s, i, now, mid, i64(mids[LATER_MID, u64(i)]), bid, ask, active, groups, n, mask, order[ORDER_PX + s],
            order[ORDER_LEFT + s], grid, venue, fees, st, flight, log,
        )  # fmt: skip
    if RECORD:
        log_quote_nb(now, i, st, log)


@disjoint
def told_fills_nb(n, sign, hit, version, position, mask, known, px, left):
    """Fills move what the agent knows; they and a refusal take from the order of a side, if it is still the last."""
    for c in range(n):
        h, had, price = hit[c], left[c], px[c]
        got = larger_nb(h, i32(0))
        position[c] += sign * got
        mask[c] |= i32(1) if h > 0 else i32(0)
        rest = i32(had - got) if h >= 0 else i32(0)
        rest = rest if known[c] == version[c] else had
        left[c] = rest
        px[c] = price if rest > 0 else i32(0)


@melted
def learn_nb(n, st, flight):
    """The agent gets the oldest notice under way: fills move what it knows, a refusal frees its side."""
    sc, ints = st.scalars, st.ints
    row = sc[NOTICE_HEAD] % len(flight.times)
    s = flight.times[row, NOTICE_SIDE]
    sc[NOTICE_HEAD] += 1
    told_fills_nb(
        n, i32(1 - 2 * s), flight.notices[row, NOTICE_HIT], flight.notices[row, NOTICE_VERSION], ints[KNOWN_POSITION],
        ints[MASK], ints[SENT_VERSION + s], ints[SENT_PX + s], ints[SENT_LEFT + s],
    )  # fmt: skip


@compiled
def see_nb(tape, last, st):
    """The agent sees the next moment, up to event ``last``. Returns the kind of that event."""
    sc = st.scalars
    kind = i64(0)
    for j in range(sc[SEEN] + 1, last + 1):
        kind = i64(tape.kind[j] & KIND)
        if kind == BOOK:
            st.book[2 + tape.side[j], tape.level[j]] = tape.size[j]
        elif kind == UNDERLYING:
            sc[SEEN_VALUE] = tape.aux[j]
        elif kind == GAP:
            for level in range(st.book.shape[1]):
                st.book[2, level] = 0
                st.book[3, level] = 0
    sc[SEEN] = last
    return kind


@compiled
def next_moment_nb(tape, seen, i):
    """Last event of the next moment after ``seen``, at most ``i``; -1 if there is none yet."""
    for j in range(seen + 1, i + 1):
        if tape.kind[j] & MOMENT:
            return i64(j)
    return i64(-1)


@compiled
def wake_nb(st, flight):
    """Nothing but seeing happens on the wire and at the agent up to this time."""
    sc, times = st.scalars, flight.times
    orders = times[sc[ORDER_HEAD] % len(times), ORDER_TIME] if sc[ORDER_HEAD] < sc[ORDER_TAIL] else FAR
    notes = times[sc[NOTICE_HEAD] % len(times), NOTICE_TIME] if sc[NOTICE_HEAD] < sc[NOTICE_TAIL] else FAR
    return smaller_nb(smaller_nb(orders, notes), sc[NEXT_DUE])


@melted
def see_until_nb(i, until, tape, venue, st):
    """The agent sees all moments up to event ``i`` that come in before ``until``."""
    while True:
        moment = next_moment_nb(tape, st.scalars[SEEN], i)
        if moment < 0 or arrival_nb(venue, FEED, tape.ts[moment]) >= until:
            return
        see_nb(tape, moment, st)


@melted
def think_nb(now, trigger, n, tape, mids, values, grid, points, venue, st, flight):
    """Marked cells decide on what they have seen and know, and send it."""
    sc = st.scalars
    seen = sc[SEEN]
    bid, ask = i32(tape.best_bid[seen]), i32(tape.best_ask[seen])
    active = groups_nb(n, st.ints[MASK], st.ints[GROUPS])
    if RISK:
        stop_of_nb(active, now, mid_nb(mids, seen), st)
    quoting = (bid > 0) & (ask < grid.top) & (sc[OPEN] == 3)
    if quoting:
        value = values[sc[SEEN_VALUE]] if sc[SEEN_VALUE] >= 0 else math.nan
        told = told_nb(bid, ask, grid, venue, points, st.book, 2, seen, now, value, trigger, sc)
        wish_of_nb(active, told, grid, bid, ask, venue, KNOWN_POSITION, SENT_PX, st)
    else:
        for s in range(2):
            for c in range(n):
                st.ints[WANT + s, c] = 0
                st.ints[SIZE + s, c] = 0
    send_nb(arrival_nb(venue, ENTRY, now), active, st, flight)
    sc[NEXT_DUE] = stamp_nb(
        active, st.ints[GROUPS], n, i32(1 if quoting else 0), now + venue.requote_ns, st.longs[DUE], st.ints[MASK],
        st.ints[REQUOTES],
    )  # fmt: skip


@compiled
def short_nb(room, st, flight, log):
    """What has too little room for the next thing to happen: the log, the rings, or neither."""
    sc = st.scalars
    if RECORD and (sc[FILLS] + room > len(log.fill_ts) or sc[QUOTES] + 1 > len(log.quote_ts)):
        return MORE_LOG
    rows = len(flight.times) - 8
    if sc[ORDER_TAIL] - sc[ORDER_HEAD] > rows or sc[NOTICE_TAIL] - sc[NOTICE_HEAD] > rows:
        return MORE_WIRE
    return FINISHED


@melted
def drain_nb(i, until, n, tape, mids, values, grid, points, venue, fees, st, flight, log):
    """Everything on the wire and at the agent strictly before ``until``, with event ``i`` the last one processed.

    Stops early where something must be longer first, and says what.
    """
    sc, times = st.scalars, flight.times
    rows = len(times)
    room = 2 * grid.top + 8 if TAKER else 8
    while True:
        short = short_nb(room, st, flight, log)
        if short != FINISHED:
            return short
        see_until_nb(i, smaller_nb(until, wake_nb(st, flight)), tape, venue, st)
        orders = times[sc[ORDER_HEAD] % rows, ORDER_TIME] if sc[ORDER_HEAD] < sc[ORDER_TAIL] else FAR
        notes = times[sc[NOTICE_HEAD] % rows, NOTICE_TIME] if sc[NOTICE_HEAD] < sc[NOTICE_TAIL] else FAR
        moment = next_moment_nb(tape, sc[SEEN], i)
        sight = arrival_nb(venue, FEED, tape.ts[moment]) if moment >= 0 else FAR
        now = smaller_nb(smaller_nb(orders, notes), sight)
        if now >= until:
            return FINISHED
        if orders == now:
            arrive_nb(i, n, tape, mids, grid, venue, fees, st, flight, log)
            continue
        trigger = i64(TRADE)
        marked = False
        if sight == now:
            trigger = see_nb(tape, moment, st)
        while sc[NOTICE_HEAD] < sc[NOTICE_TAIL] and times[sc[NOTICE_HEAD] % rows, NOTICE_TIME] <= now:
            learn_nb(n, st, flight)
            marked = True
        if sight == now and sc[NEXT_DUE] <= now:
            due_nb(n, now, st.longs[DUE], st.ints[MASK])
            marked = True
        if marked and sc[SEEN] >= 0:
            think_nb(now, trigger, n, tape, mids, values, grid, points, venue, st, flight)
