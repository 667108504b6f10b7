"""The model's quote on the grid, prices to levels and sizes to lots, and which order each wish of a ladder is."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false, reportIndexIssue=false
import math

import numpy as np

from .head import (
    LEVELS,
    PROBE,
    QUIET,
    RISK,
    STATE,
    STILL,
    TAKES,
    UNIFORM,
    Known,
    compiled,
    disjoint,
    keep_nb,
    kept_nb,
    larger_nb,
    matched_nb,
    probe_nb,
    quote_nb,
    smaller_nb,
)
from .orders import WIDE, i32, i64, price_nb, u64

SHRINK_LIMIT, SHRINK_SIZE = 1, 2
HALF = 0.5 + 1e-9  # of a level or lot: floats say an exact half as a little less or more, and halves go up
MOST_LOTS = 2.0**31 - 1.0


@compiled
def level_of_nb(grid, cents):
    """Nearest level to a price in cents, halves up; any float is safe, what is not a number counts as nothing."""
    if UNIFORM:
        x, most = cents * grid.per_cent + HALF, float(grid.top)  # a bound that is no constant costs one operation
        x = x if x > 0.0 else 0.0
        return i32(x if x < most else most)
    x = cents if cents > 0.0 else 0.0
    ticks = 100.0 * (x if x < 100.0 else 100.0)
    low = grid.below[i64(np.floor(ticks))]
    up = smaller_nb(i32(low + 1), grid.top)
    return up if 2.0 * (ticks - grid.ticks[low]) + 1e-8 >= grid.ticks[up] - grid.ticks[low] else i32(low)


@compiled
def lots_of_nb(contracts, room):
    """Contracts in lots, at most ``room``; any float is safe, what is not a number counts as nothing."""
    x = contracts * 100.0 + HALF
    x = x if x > 0.0 else 0.0
    return smaller_nb(room, i32(x if x < MOST_LOTS else MOST_LOTS))  # sizes that are the same are converted once


@disjoint
def wishes_nb(
    active, groups, known, grid, bid, ask, post_only, shrink, quiet, params, mask, position, limit, halt, stopped, px,
    spot, lots, room,
):  # fmt: skip
    """What the cells of some groups want to rest on several levels, nearest first, into ``spot`` and ``lots``.

    A price that is not outside of the one before stands at the same level; a side's room goes to what takes, then to
    the nearest first. Bits of ``quiet`` are sides that are not quoted.
    """
    none, top = i32(0), grid.top
    calm = len(params) - 1
    for k in range(active):
        first = u64(groups[u64(k)])
        for j in range(WIDE):
            c = first + u64(j)
            held = position[c]
            high, low = px[0, c], px[1, c]
            for slot in range(1, LEVELS):
                high, low = larger_nb(high, px[2 * slot, c]), larger_nb(low, px[2 * slot + 1, c])
            own_bid = price_nb(grid, i64(0), high) * 0.01 if high > 0 else math.nan
            own_ask = price_nb(grid, i64(1), low) * 0.01 if low > 0 else math.nan
            told = Known(
                known.time, known.bid, known.ask, known.bid_size, known.ask_size, known.mid, known.microprice,
                known.variance, known.sigma, known.tau, known.underlying, held * 0.01, own_bid, own_ask, known.trigger,
                known.signals,
            )  # fmt: skip
            asked, take, state = quote_nb(told, params, c)
            bids, asks, bid_sizes, ask_sizes = asked
            if STATE:
                keep_nb(params, c, mask[c], state)
            cap, share = limit[c], 1.0
            if RISK:
                share = params[calm, c] / known.sigma
                share = share if (params[calm, c] > 0.0) & (share < 1.0) else 1.0
                cap = i32(cap * share) if shrink & SHRINK_LIMIT else cap
                share = share if shrink & SHRINK_SIZE else 1.0
            room_b, room_a = i32(cap - held), i32(cap + held)
            if RISK:
                room_b = none if (held >= halt[c]) | (stopped[c] > 0) else room_b
                room_a = none if (held <= -halt[c]) | (stopped[c] > 0) else room_a
            if QUIET:
                room_b = none if quiet & 1 else room_b
                room_a = none if quiet & 2 else room_a
            if TAKES:
                cents, contracts = take[0], take[1]
                near = larger_nb(i32(1), smaller_nb(i32(top - 1), level_of_nb(grid, cents)))
                s0, s1 = lots_of_nb(contracts, room_b), lots_of_nb(-contracts, room_a)
                s0 = none if math.isnan(cents) else larger_nb(s0, none)
                s1 = none if math.isnan(cents) else larger_nb(s1, none)
                spot[2 * LEVELS, c], spot[2 * LEVELS + 1, c] = near, i32(top - near)
                lots[2 * LEVELS, c], lots[2 * LEVELS + 1, c] = s0, s1
                room_b, room_a = i32(room_b - s0), i32(room_a - s1)
            best = none
            for level in range(LEVELS):
                best = larger_nb(best, level_of_nb(grid, bids[level]))
            b, a = i32(top - 1), i32(best + 1)
            b = smaller_nb(b, i32(ask - 1)) if post_only else b
            a = larger_nb(a, i32(bid + 1)) if post_only else a
            room_b = none if post_only & (ask <= 1) else room_b
            room_a = none if post_only & (bid + 1 >= top) else room_a
            b, a = larger_nb(b, i32(1)), smaller_nb(a, i32(top - 1))
            if STILL:
                room[0, c], room[1, c] = room_b, room_a
            for level in range(LEVELS):
                x, y = bids[level], asks[level]
                inner = larger_nb(i32(1), smaller_nb(b, level_of_nb(grid, x)))
                outer = smaller_nb(i32(top - 1), larger_nb(a, level_of_nb(grid, y)))
                b, a = b if math.isnan(x) else inner, a if math.isnan(y) else outer
                s0 = lots_of_nb(bid_sizes[level] * share, room_b)
                s1 = lots_of_nb(ask_sizes[level] * share, room_a)
                s0 = none if math.isnan(x) else larger_nb(s0, none)
                s1 = none if math.isnan(y) else larger_nb(s1, none)
                room_b, room_a = i32(room_b - s0), i32(room_a - s1)
                spot[2 * level, c], spot[2 * level + 1, c] = b, i32(top - a)
                lots[2 * level, c], lots[2 * level + 1, c] = s0, s1
            if PROBE:
                probe_nb(told, asked, held, cap, spot[:, c], lots[:, c])


@disjoint
def young_nb(first, now, life, since, px, left, want, size):
    """An order that has not lived long enough stays as it is."""
    for one in range(2 * LEVELS):
        for j in range(WIDE):
            c = first + u64(j)
            young = (px[one, c] > 0) & (now - since[one, c] < life[c])
            want[one, c] = px[one, c] if young else i32(0)
            size[one, c] = left[one, c] if young else i32(0)


@disjoint
def settle_nb(
    active, groups, now, bid, ask, post_only, top, px, left, spot, lots, want, size, room, tolerance, life, since
):  # fmt: skip
    """Make each wish some order's: of the one that rests at its price, or else of a free one, the nearest wish first.

    Where orders are kept still, one that is young or near enough stays first.
    """
    for k in range(active):
        first = u64(groups[u64(k)])
        if STILL:
            far = (ask, i32(top - bid)) if post_only else (top, top)
            young_nb(first, now, life, since, px, left, want, size)
            kept_nb(first, top, far, tolerance, spot, lots, px, want, size, room)
        else:
            for side in range(2):
                matched_nb(first, side, spot, lots, px, want, size)
        if TAKES:
            for one in range(2 * LEVELS, 2 * LEVELS + 2):
                for j in range(WIDE):
                    c = first + u64(j)
                    size[one, c] = lots[one, c]
                    want[one, c] = spot[one, c] if lots[one, c] > 0 else i32(0)
