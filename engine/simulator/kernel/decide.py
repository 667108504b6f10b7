"""How a cell decides: what it is told, the model's quote on the grid, the risk limits."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from .head import (
    AHEAD,
    BOOK,
    KIND,
    LADDER,
    LEVELS,
    ONE,
    PROBE,
    QUIET,
    RECORD,
    RISK,
    SIGNALLED,
    SLOTS,
    STATE,
    TRADE,
    Known,
    compiled,
    disjoint,
    keep_nb,
    larger_nb,
    melted,
    probe_nb,
    quote_nb,
    read_nb,
    smaller_nb,
)
from .ladder import level_of_nb, lots_of_nb, settle_nb, wishes_nb
from .orders import WIDE, groups_nb, i32, i64, mid_nb, price_nb, u64
from .placing import place_nb
from .rows import CLOSE, POINT, I, L, S

CONSTANT, PRICES, INCREMENTS, DECAYING = range(4)  # volatility
SESSION, TO_CLOSE, FIXED = range(3)  # horizon
SHRINK_LIMIT, SHRINK_SIZE = 1, 2
NS_A_DAY = 86_400_000_000_000
ON_TRADE, ON_TOUCH, ON_BOOK = 1, 2, 4  #: bits of what is decided on


@compiled
def variance_nb(venue, points, tail, now, sc):
    """Variance of the price in cents squared, from the observations before ``tail``."""
    if venue.volatility == CONSTANT:
        return venue.variance
    if venue.volatility == DECAYING:
        return points.value[tail - 1] if tail > 0 else venue.variance
    rows = points.rows
    head = sc[S.window_head]
    while head < tail and rows[POINT.ts, head] <= now - venue.window_ns:
        head += 1
    sc[S.window_head] = head
    count = tail - head
    if count < 2:
        return venue.variance
    squares = rows[POINT.squares, tail] - rows[POINT.squares, head]
    if venue.volatility == INCREMENTS:
        return float(squares) / (float(venue.window_ns) * 1e-9 * 40_000.0)
    total = rows[POINT.sum, tail] - rows[POINT.sum, head]
    return float(count * squares - total * total) / (float(count) * float(count - 1) * 10_000.0)


@compiled
def close_nb(closes, now):
    """When the session is to end, as it is known at a moment: what is told later is not."""
    step = closes.shape[1] - 1
    while step > 0 and closes[CLOSE.since, step] > now:
        step -= 1
    return closes[CLOSE.ts, step]


@compiled
def tau_nb(venue, now):
    """Time left: the share of the session, the seconds to its end, or a constant."""
    if venue.horizon == FIXED:
        return venue.tau
    end = close_nb(venue.closes, now)
    if venue.horizon == TO_CLOSE:
        return larger_nb(0.0, float(end - now) * 1e-9)
    return larger_nb(0.0, float(end - now) / float(end - venue.session_start))


@melted
def told_nb(w, bid, ask, first, i, now, value, trigger):
    """What every cell is told at a decision that has seen event ``i``; its book's sides stand from row ``first``."""
    grid, venue, points, book, sc = w.grid, w.venue, w.points, w.st.book, w.st.scalars
    x, y = grid.ticks[bid] * 0.01, grid.ticks[ask] * 0.01
    p, q = book[first, bid] * 0.01, book[first + 1, grid.top - ask] * 0.01
    tail = sc[S.window_tail]
    while tail < len(points.value) and points.rows[POINT.event, tail] <= i:
        tail += 1
    sc[S.window_tail] = tail
    variance = variance_nb(venue, points, tail, now, sc)
    micro = (x * q + y * p) / (p + q) if p + q > 0.0 else (x + y) * 0.5
    return Known(
        now * 1e-9, x, y, p, q, (x + y) * 0.5, micro, variance, math.sqrt(variance), tau_nb(venue, now), value, 0.0,
        math.nan, math.nan, float(trigger), read_nb(w, first, u64(i), now),
    )  # fmt: skip


@disjoint
def wish_nb(
    active, groups, known, grid, bid, ask, post_only, shrink, params, mask, position, limit, halt, stopped, px0, px1,
    want0, want1, size0, size1,
):  # fmt: skip
    """What the cells of some groups want to rest: the model's quote on the grid, inside the limits, post-only if so."""
    none = i32(0)
    top = grid.top
    calm = len(params) - 1
    for k in range(active):
        first = u64(groups[u64(k)])
        for j in range(WIDE):
            c = first + u64(j)
            held = position[c]
            own_bid = price_nb(grid, i64(0), px0[c]) * 0.01 if px0[c] > 0 else math.nan
            own_ask = price_nb(grid, i64(1), px1[c]) * 0.01 if px1[c] > 0 else math.nan
            told = Known(
                known.time, known.bid, known.ask, known.bid_size, known.ask_size, known.mid, known.microprice,
                known.variance, known.sigma, known.tau, known.underlying, held * 0.01, own_bid, own_ask, known.trigger,
                known.signals,
            )  # fmt: skip
            asked, _, state = quote_nb(told, params, c)
            x, y, bid_size, ask_size = asked
            if STATE:
                keep_nb(params, c, mask[c], state)
            b, a = level_of_nb(grid, x), level_of_nb(grid, y)
            a = larger_nb(a, i32(b + 1))
            b = smaller_nb(b, i32(ask - 1)) if post_only else b
            a = larger_nb(a, i32(bid + 1)) if post_only else a
            b = smaller_nb(larger_nb(i32(1), b), i32(top - 1))
            a = larger_nb(i32(1), smaller_nb(i32(top - 1), a))
            cap = limit[c]
            if RISK:
                share = params[calm, c] / known.sigma
                share = share if (params[calm, c] > 0.0) & (share < 1.0) else 1.0
                cap = i32(cap * share) if shrink & SHRINK_LIMIT else cap
                bid_size = bid_size * share if shrink & SHRINK_SIZE else bid_size
                ask_size = ask_size * share if shrink & SHRINK_SIZE else ask_size
            s0 = lots_of_nb(bid_size, i32(cap - held))
            s1 = lots_of_nb(ask_size, i32(cap + held))
            if RISK:
                s0 = none if (held >= halt[c]) | (stopped[c] > 0) else s0
                s1 = none if (held <= -halt[c]) | (stopped[c] > 0) else s1
            s0 = none if math.isnan(x) else s0
            s1 = none if math.isnan(y) else s1
            s0 = none if post_only & (b >= ask) else s0
            s1 = none if post_only & (a <= bid) else s1
            want0[c] = b if s0 > 0 else none
            want1[c] = i32(top - a) if s1 > 0 else none
            size0[c] = larger_nb(s0, none)
            size1[c] = larger_nb(s1, none)
            if PROBE:
                probe_nb(told, asked, held, cap, (want0[c], want1[c]), (size0[c], size1[c]))


@disjoint
def stop_nb(active, groups, today, mid, mask, position, cash, paid, rebates, day, day_equity, loss, stopped):
    """The daily loss stop of marked cells: equity against that at the cell's first decision of the UTC day."""
    for k in range(active):
        first = u64(groups[u64(k)])
        for j in range(WIDE):
            c = first + u64(j)
            equity = cash[c] - paid[c] + rebates[c] + i64(position[c]) * i64(i32(mid))
            fresh = (mask[c] > 0) & (day[c] != today)
            day[c] = today if fresh else day[c]
            start = equity if fresh else day_equity[c]
            day_equity[c] = start
            lost = (mask[c] > 0) & (loss[c] > 0) & (equity <= start - loss[c])
            stopped[c] = i32(1) if lost else (i32(0) if fresh else stopped[c])


@compiled
def stop_of_nb(active, now, mid, st):
    """The daily loss stop of a state."""
    ints, longs = st.ints, st.longs
    stop_nb(
        active, ints[I.groups], now // NS_A_DAY, mid, ints[I.mask], ints[I.position], longs[L.cash], longs[L.fees_paid],
        longs[L.rebates], longs[L.day], longs[L.day_equity], longs[L.loss], ints[I.stopped],
    )  # fmt: skip


@disjoint
def due_nb(n, now, due, mask):
    """Mark the cells whose re-quote is due."""
    for c in range(n):
        mask[c] |= i32(1) if due[c] <= now else i32(0)


@disjoint
def stamp_nb(active, groups, n, counts, when, due, mask, requotes):
    """Set the marked cells' next due time, count their re-quote, clear the marks. Returns the earliest due time."""
    for k in range(active):
        first = u64(groups[u64(k)])
        for j in range(WIDE):
            c = first + u64(j)
            before = due[c]
            due[c] = when if mask[c] > 0 else before
        for j in range(WIDE):
            c = first + u64(j)
            requotes[c] += mask[c] & counts
            mask[c] = 0
    earliest = i64(1) << 62
    for c in range(n):
        earliest = smaller_nb(earliest, due[c])
    return earliest


@disjoint
def mark_all_nb(n, mask):
    """All cells decide."""
    for c in range(n):
        mask[c] = 1


@compiled
def prompts_nb(w, i):
    """Whether event ``i`` is one that the agent decides on, as the venue says."""
    tape, on = w.tape, w.venue.prompts
    kind = tape.kind[i] & KIND
    best = tape.best_bid[i] if tape.side[i] == 0 else w.grid.top - tape.best_ask[i]
    told = (kind == TRADE) & ((on & ON_TRADE) > 0)
    told |= (kind == BOOK) & (((on & ON_BOOK) > 0) | (((on & ON_TOUCH) > 0) & (tape.level[i] >= best)))
    if SIGNALLED:
        for at in range(len(w.venue.heed)):
            column = w.venue.heed[at]
            now, before = w.signals[i, column], w.signals[larger_nb(i - 1, 0), column]
            if now != before and not (math.isnan(now) and math.isnan(before)):
                told = True
    return told


@compiled
def log_ladder_nb(now, i, st, log):
    """The same for several levels, from the best one on."""
    k, ints = st.scalars[S.quotes], st.ints
    row, changed = log.quotes[k], k == 0
    for s in range(2):
        above = i32(2**31 - 1)
        for level in range(LEVELS):
            px, left, ahead = i32(0), i32(0), AHEAD(0)
            for which in range(s, 2 * LEVELS, 2):
                if (ints[I.px + which, 0] < above) & (ints[I.px + which, 0] > px):
                    px, left, ahead = ints[I.px + which, 0], ints[I.left + which, 0], st.ahead[which, 0]
            at = 4 * level + 2 * s + 1
            if k > 0:
                changed |= (log.quotes[k - 1, at] != px) | (log.quotes[k - 1, at + 1] != left)
            row[at], row[at + 1], above = px, left, px
            log.ahead[k, 2 * level + s] = ahead
    if changed:
        row[0] = i
        log.quote_ts[k] = now
        st.scalars[S.quotes] = k + 1


@compiled
def log_quote_nb(now, i, st, log):
    """Write the single cell's resting quote down, if it changed."""
    if LADDER:
        log_ladder_nb(now, i, st, log)
        return
    k = st.scalars[S.quotes]
    ints = st.ints
    bid, bid_left, ask, ask_left = ints[I.px, 0], ints[I.left, 0], ints[I.px + 1, 0], ints[I.left + 1, 0]
    if k > 0:
        last = log.quotes[u64(k - 1)]
        if (last[1] == bid) & (last[2] == bid_left) & (last[3] == ask) & (last[4] == ask_left):
            return
    row = log.quotes[u64(k)]
    row[0], row[1], row[2], row[3], row[4] = i, bid, bid_left, ask, ask_left
    log.quote_ts[u64(k)] = now
    log.ahead[u64(k), 0] = st.ahead[0, 0]
    log.ahead[u64(k), 1] = st.ahead[1, 0]
    st.scalars[S.quotes] = k + 1


@compiled
def clear_nb(n, st):
    """Marked cells withdraw."""
    for s in range(2 * LEVELS):
        for c in range(n):
            st.ints[I.px + s, c] = i32(0) if st.ints[I.mask, c] > 0 else st.ints[I.px + s, c]
            st.ints[I.left + s, c] = i32(0) if st.ints[I.mask, c] > 0 else st.ints[I.left + s, c]


@compiled
def quiet_nb(venue, now):
    """The sides that are not quoted now, a bit each."""
    return 3 if close_nb(venue.closes, now) - now <= venue.stop_ns else venue.quiet


@melted
def wish_ladder_nb(w, active, told, now, bid, ask, position, px, left):
    """The same where wishes are matched with orders."""
    ints, longs, venue, wide = w.st.ints, w.st.longs, w.venue, 2 * SLOTS
    spot, lots, room = ints[I.spot : I.spot + wide], ints[I.lots : I.lots + wide], ints[I.room : I.room + 2]
    wishes_nb(
        active, ints[I.groups], told, w.grid, bid, ask, venue.post_only, venue.shrink,
        quiet_nb(venue, now) if QUIET else 0, w.st.params, ints[I.mask], ints[position], ints[I.limit], ints[I.halt],
        ints[I.stopped], ints[px : px + wide], spot, lots, room,
    )  # fmt: skip
    settle_nb(
        active, ints[I.groups], now, bid, ask, venue.post_only, w.grid.top, ints[px : px + wide],
        ints[left : left + wide], spot, lots, ints[I.want : I.want + wide], ints[I.size : I.size + wide], room,
        ints[I.tolerance], longs[L.life], longs[L.since : L.since + wide],
    )  # fmt: skip


@melted
def wish_of_nb(w, active, told, now, bid, ask, position, px, left):
    """The wishes of the groups that decide; ``position``, ``px`` and ``left`` are the rows that the agent goes by."""
    ints, venue = w.st.ints, w.venue
    if LADDER:
        wish_ladder_nb(w, active, told, now, bid, ask, position, px, left)
        return
    wish_nb(
        active, ints[I.groups], told, w.grid, bid, ask, venue.post_only, venue.shrink, w.st.params, ints[I.mask],
        ints[position], ints[I.limit], ints[I.halt], ints[I.stopped], ints[px], ints[px + 1], ints[I.want],
        ints[I.want + 1], ints[I.size], ints[I.size + 1],
    )  # fmt: skip


@melted
def decide_nb(w, i, now, value, trigger):
    """Marked cells decide on event ``i`` and their orders stand at once. Returns the next due time."""
    n = 1 if ONE else w.n
    st, ints, sc = w.st, w.st.ints, w.st.scalars
    bid, ask = i32(w.tape.best_bid[u64(i)]), i32(w.tape.best_ask[u64(i)])
    active = groups_nb(n, ints[I.mask], ints[I.groups])
    if RISK:
        stop_of_nb(active, now, mid_nb(w.mids, i), st)
    quoting = (bid > 0) & (ask < w.grid.top) & (sc[S.open] == 3)
    if quoting:
        told = told_nb(w, bid, ask, 0, i, now, value, trigger)
        wish_of_nb(w, active, told, now, bid, ask, I.position, I.px, I.left)
        for s in range(2 * SLOTS):
            place_nb(w, s, i, now, active, ints[I.groups], ints[I.mask], ints[I.want + s], ints[I.size + s])
    else:
        clear_nb(n, st)
    if RECORD:
        log_quote_nb(now, i, st, w.log)
    return stamp_nb(
        active, ints[I.groups], n, i32(1 if quoting else 0), now + w.venue.requote_ns, st.longs[L.due],
        ints[I.mask], ints[I.requotes],
    )  # fmt: skip
