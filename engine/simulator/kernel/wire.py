"""Delays: what the agent sees, sends and learns, when some of it takes time.

Messages stand in two rings in the order of their arrival: a later message never overtakes an earlier one. A message
carries a row for the whole block, because cells that share their history mostly act together, and says which groups
of cells it is about.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from .decide import due_nb, log_quote_nb, mark_all_nb, prompts_nb, stamp_nb, stop_of_nb, told_nb, wish_of_nb
from .head import (
    AHEAD,
    BOOK,
    FEES,
    GAP,
    HISTORY,
    KIND,
    LATELY,
    LEVELS,
    MOMENT,
    ONE,
    PLACED,
    PROMPTED,
    RECORD,
    RISK,
    SLOTS,
    STILL,
    TAKER,
    TAKES,
    TRADE,
    UNDERLYING,
    compiled,
    disjoint,
    history_nb,
    larger_nb,
    melted,
    smaller_nb,
)
from .orders import WIDE, arrival_nb, groups_nb, i32, i64, mark_nb, mid_nb, u64
from .placing import place_nb, withdrawn_nb
from .rows import DELAY, FEE, FINISHED, MORE_LOG, MORE_WIRE, NOTICE, ORDER, PLACE, TIMES, I, L, S
from .rows import SLOTS as MOST

FAR = i64(1) << i64(62)


@compiled
def fees_from_nb(now, fees, sc):
    """Move to the fees that hold at ``now``. Returns when the next ones come in."""
    while sc[S.fee_row] + 1 < fees.shape[1] and now >= fees[FEE.since, sc[S.fee_row] + 1]:
        sc[S.fee_row] += 1
    return fees[FEE.since, sc[S.fee_row] + 1] if sc[S.fee_row] + 1 < fees.shape[1] else FAR


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
            price, old, lots, had, before = want[c], px[c], size[c], left[c], known[c]
            same = (price == old) & ((lots == had) | (old == 0))
            one = i32(0) if same else mask[c]
            changed[c] = one
            order_px[c] = price
            order_left[c] = lots
            px[c] = price if one > 0 else old
            left[c] = lots if one > 0 else had
            known[c] = version if one > 0 else before
            some = i32(some | one)
        order_groups[u64(count)] = groups[u64(k)]
        count += i64(1) if some > 0 else i64(0)
    return count


@melted
def send_nb(now, at, active, n, st, flight):
    """Marked cells send what they want changed; it arrives at ``at``."""
    sc, ints = st.scalars, st.ints
    if sc[S.order_head] == sc[S.order_tail]:  # a row that was used a moment ago is near
        sc[S.order_head] = sc[S.order_tail] = 0
    row = sc[S.order_tail] % len(flight.times)
    order = flight.orders[row]
    version = i32(sc[S.sent] + 1)
    sent = i64(0)
    for s in range(2 * SLOTS):
        count = changes_nb(
            active, ints[I.groups], version, ints[I.mask], ints[I.want + s], ints[I.size + s], ints[I.sent_px + s],
            ints[I.sent_left + s], ints[I.sent_version + s], order[s, ORDER.mask], order[s, ORDER.px],
            order[s, ORDER.left], order[s, ORDER.groups],
        )  # fmt: skip
        flight.times[row, TIMES.groups + s] = count
        sent += count
        if STILL:
            mark_nb(count, order[s, ORDER.groups], now, order[s, ORDER.mask], st.longs[L.since + s])
        if TAKES and s >= 2 * LEVELS:
            withdrawn_nb(count, order[s, ORDER.groups], ints[I.sent_px + s], ints[I.sent_left + s])
    if sent > 0:
        sc[S.sent] += 1
        flight.times[row, TIMES.order] = at
        flight.times[row, TIMES.version] = version
        sc[S.order_tail] += 1


@melted
def arrive_nb(w, i):
    """The oldest message under way reaches the exchange, which has processed event ``i``."""
    st, sc, times = w.st, w.st.scalars, w.flight.times
    row = sc[S.order_head] % len(times)
    now, version = times[row, TIMES.order], i32(times[row, TIMES.version])
    order = w.flight.orders[row]
    sc[S.order_head] += 1
    if sc[S.open] != 3:
        return
    if FEES:
        fees_from_nb(now, w.fees, sc)
    for s in range(2 * SLOTS):
        active, groups, mask = times[row, TIMES.groups + s], order[s, ORDER.groups], order[s, ORDER.mask]
        if active > 0:
            mark_nb(active, groups, version, mask, st.ints[I.version + s])
            place_nb(w, s, i, now, active, groups, mask, order[s, ORDER.px], order[s, ORDER.left])
    if RECORD:
        log_quote_nb(now, i, st, w.log)


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
    row = sc[S.notice_head] % len(flight.times)
    s = flight.times[row, TIMES.which]
    sc[S.notice_head] += 1
    if HISTORY:
        notice, now = flight.notices[row], flight.times[row, TIMES.notice]
        for c in range(n):
            lots = i64(notice[NOTICE.hit, c])
            if lots > 0:
                value = lots * notice[NOTICE.ticks, c] + notice[NOTICE.rest, c]
                history_nb(i64(s & 1), lots, value, i64(ints[I.known_position, c]), now, c, ints, st.longs)
    told_fills_nb(
        n, i32(1 - 2 * (s & 1)), flight.notices[row, NOTICE.hit], flight.notices[row, NOTICE.version],
        ints[I.known_position], ints[I.mask], ints[I.sent_version + s], ints[I.sent_px + s], ints[I.sent_left + s],
    )  # fmt: skip


@compiled
def watch_nb(tape, i, sc):
    """Take note of event ``i`` as the last of its kind."""
    kind = tape.kind[i] & KIND
    if kind == TRADE:
        sc[S.trade_ts], sc[S.trade_side] = tape.ts[i], tape.side[i]
        sc[S.trade_level], sc[S.trade_size] = tape.level[i], tape.size[i]
    elif kind == BOOK:
        sc[S.book_ts] = tape.ts[i]
    elif kind == UNDERLYING:
        sc[S.tick_ts] = tape.ts[i]


@compiled
def see_nb(tape, last, st):
    """The agent sees the next moment, up to event ``last``. Returns the kind of that event."""
    sc = st.scalars
    kind = i64(0)
    for j in range(sc[S.seen] + 1, last + 1):
        kind = i64(tape.kind[j] & KIND)
        if LATELY:
            watch_nb(tape, j, sc)
        if kind == BOOK:
            st.book[2 + tape.side[j], tape.level[j]] = tape.size[j]
        elif kind == UNDERLYING:
            sc[S.seen_value] = tape.aux[j]
        elif kind == GAP:
            for level in range(st.book.shape[1]):
                st.book[2, level] = 0
                st.book[3, level] = 0
    sc[S.seen] = last
    return kind


@melted
def note_places_nb(w, i):
    """Note for their owners which orders have another place, level or maker after event ``i`` than was noted before."""
    n = 1 if ONE else w.n
    st, sc, ints, notes = w.st, w.st.scalars, w.st.ints, w.flight.places
    for which in range(2 * LEVELS):
        for c in range(n):
            px, version, ahead = ints[I.px + which, c], ints[I.version + which, c], st.ahead[which, c]
            ahead = AHEAD(st.book[which & 1, px]) if ahead < 0 else ahead
            same = (px == ints[I.noted_px + which, c]) & (version == ints[I.noted_version + which, c])
            if same and (px == 0 or ahead == st.ahead[2 * MOST + which, c]):
                continue
            ints[I.noted_px + which, c], ints[I.noted_version + which, c] = px, version
            st.ahead[2 * MOST + which, c] = ahead
            row = notes[sc[S.place_tail] % len(notes)]
            row[PLACE.event], row[PLACE.which], row[PLACE.cell] = i, which, c
            row[PLACE.px], row[PLACE.version], row[PLACE.ahead] = px, version, ahead
            sc[S.place_tail] += 1


@compiled
def see_places_nb(last, st, flight):
    """Owners see what became of their orders up to event ``last``."""
    sc, ints, notes = st.scalars, st.ints, flight.places
    while sc[S.place_head] < sc[S.place_tail]:
        row = notes[sc[S.place_head] % len(notes)]
        if row[PLACE.event] > last:
            return
        which, c = i64(row[PLACE.which]), i64(row[PLACE.cell])
        ints[I.seen_px + which, c], ints[I.seen_version + which, c] = row[PLACE.px], row[PLACE.version]
        st.ahead[4 * MOST + which, c] = row[PLACE.ahead]
        sc[S.place_head] += 1


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
    if PROMPTED:  # whatever is seen may be decided on
        return i64(0)
    sc, times = st.scalars, flight.times
    orders = times[sc[S.order_head] % len(times), TIMES.order] if sc[S.order_head] < sc[S.order_tail] else FAR
    notes = times[sc[S.notice_head] % len(times), TIMES.notice] if sc[S.notice_head] < sc[S.notice_tail] else FAR
    return smaller_nb(smaller_nb(orders, notes), sc[S.next_due])


@melted
def see_until_nb(w, i, until):
    """The agent sees all moments up to event ``i`` that come in before ``until``."""
    while True:
        moment = next_moment_nb(w.tape, w.st.scalars[S.seen], i)
        if moment < 0 or arrival_nb(w.venue, DELAY.feed, w.tape.ts[moment]) >= until:
            return
        see_nb(w.tape, moment, w.st)
        if PLACED:
            see_places_nb(moment, w.st, w.flight)


@melted
def think_nb(w, now, trigger):
    """Marked cells decide on what they have seen and know, and send it."""
    n = 1 if ONE else w.n
    st, ints, sc = w.st, w.st.ints, w.st.scalars
    seen = sc[S.seen]
    bid, ask = i32(w.tape.best_bid[seen]), i32(w.tape.best_ask[seen])
    active = groups_nb(n, ints[I.mask], ints[I.groups])
    if RISK:
        stop_of_nb(active, now, mid_nb(w.mids, seen), st)
    quoting = (bid > 0) & (ask < w.grid.top) & (sc[S.open] == 3)
    if quoting:
        value = w.values[sc[S.seen_value]] if sc[S.seen_value] >= 0 else math.nan
        told = told_nb(w, bid, ask, 2, seen, now, value, trigger)
        wish_of_nb(w, active, told, now, bid, ask, I.known_position, I.sent_px, I.sent_left)
    else:
        for s in range(2 * SLOTS):
            for c in range(n):
                ints[I.want + s, c] = 0
                ints[I.size + s, c] = 0
    send_nb(now, arrival_nb(w.venue, DELAY.entry, now), active, n, st, w.flight)
    sc[S.next_due] = stamp_nb(
        active, ints[I.groups], n, i32(1 if quoting else 0), now + w.venue.requote_ns, st.longs[L.due],
        ints[I.mask], ints[I.requotes],
    )  # fmt: skip


@compiled
def short_nb(room, st, flight, log):
    """What has too little room for the next thing to happen: the log, the rings, or neither."""
    sc = st.scalars
    if RECORD and (sc[S.fills] + room > len(log.fill_ts) or sc[S.quotes] + 1 > len(log.quote_ts)):
        return MORE_LOG
    rows = len(flight.times) - 4 * SLOTS - 4
    if sc[S.order_tail] - sc[S.order_head] > rows or sc[S.notice_tail] - sc[S.notice_head] > rows:
        return MORE_WIRE
    return FINISHED


@melted
def drain_nb(w, i, until):
    """Everything on the wire and at the agent strictly before ``until``, with event ``i`` the last one processed.

    Stops early where something must be longer first, and says what.
    """
    n = 1 if ONE else w.n
    st, sc, times = w.st, w.st.scalars, w.flight.times
    rows = len(times)
    room = 2 * SLOTS * w.grid.top + 8 if TAKER else 2 * LEVELS + 6
    while True:
        short = short_nb(room, st, w.flight, w.log)
        if short != FINISHED:
            return short
        see_until_nb(w, i, smaller_nb(until, wake_nb(st, w.flight)))
        orders = times[sc[S.order_head] % rows, TIMES.order] if sc[S.order_head] < sc[S.order_tail] else FAR
        notes = times[sc[S.notice_head] % rows, TIMES.notice] if sc[S.notice_head] < sc[S.notice_tail] else FAR
        moment = next_moment_nb(w.tape, sc[S.seen], i)
        sight = arrival_nb(w.venue, DELAY.feed, w.tape.ts[moment]) if moment >= 0 else FAR
        now = smaller_nb(smaller_nb(orders, notes), sight)
        if now >= until:
            return FINISHED
        if orders == now:
            arrive_nb(w, i)
            continue
        trigger = i64(TRADE)
        marked = False
        if PROMPTED and sight == now:
            for event in range(sc[S.seen] + 1, moment + 1):
                marked |= prompts_nb(w, event)
            if marked:
                mark_all_nb(n, st.ints[I.mask])
        if sight == now:
            trigger = see_nb(w.tape, moment, st)
            if PLACED:
                see_places_nb(moment, st, w.flight)
        while sc[S.notice_head] < sc[S.notice_tail] and times[sc[S.notice_head] % rows, TIMES.notice] <= now:
            learn_nb(n, st, w.flight)
            marked = True
        if sight == now and sc[S.next_due] <= now:
            due_nb(n, now, st.longs[L.due], st.ints[I.mask])
            marked = True
        if marked and sc[S.seen] >= 0:
            think_nb(w, now, trigger)
