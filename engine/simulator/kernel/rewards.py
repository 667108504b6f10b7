"""Score the snapshots of incentive programs along the walk, for every cell, as ``rewards/exact.py`` says it plainly.

A side is walked once a snapshot and program into tables by level; cells then look up what they need. Two facts make
that possible. An order scores if and only if what stands above it is less than the target. And the reference cancels
out of a share, for it scales all scores alike: only where weights above it are capped at 1 it matters, as a bound.
A cell's share is a float of exact sizes, and is added up as a whole number of ``PARTS``.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import numpy as np

from .head import (
    LEVELS,
    ONE,
    REACTION,
    RECORD,
    answer_nb,
    answered_nb,
    compiled,
    disjoint,
    larger_nb,
    referred_nb,
    smaller_nb,
)
from .orders import i32, i64, price_nb
from .rows import PROGRAM, TABLE, I, S

PARTS = float(1 << 40)
SHORT = -1  #: the side's bids run out before the target
FREE = 1e300  #: a bound on weights that bounds none


@compiled
def tables_nb(book, side, row, rewards):
    """Walk a side from its highest level down to where the target stands, into tables of levels and of bids.

    Returns how many bids there are, the first that is not above the reference or -1, the weight there, the level at
    which the walk ended, and the lots above it.
    """
    target, fifth = rewards.rows[row, PROGRAM.target], rewards.rows[row, PROGRAM.fifth]
    kind = rewards.rows[row, PROGRAM.weights]
    lots, sums = rewards.lots, rewards.sums
    place, power = rewards.place[kind, side], rewards.power[kind]
    middle = len(power) // 2
    top = len(book) - 1
    is_bounded = rewards.rows[row, PROGRAM.bounded] > 0
    base, running = i64(-1), i64(0)
    for level in range(top, 0, -1):
        if book[level] > 0:
            running += book[level]
            base = i64(place[level])
            if not is_bounded or running >= fifth:
                break
    bound = 0.0 if is_bounded else FREE
    first = i64(0) if bound > 0.0 else i64(-1)
    running, count = i64(0), i64(0)
    below = 0.0
    stop = i64(top)
    for level in range(top, -1, -1):
        stop = level
        weight = power[middle + base - place[level]] if base >= 0 else 1.0  # alone, the share is all or nothing
        lots[TABLE.above, level] = running
        sums[TABLE.weight, level] = weight
        if running >= target:
            break
        here = i64(book[level])
        if here > 0 and level > 0:
            lots[TABLE.level, count] = level
            lots[TABLE.before, count] = running
            running += here
            if first < 0 and running >= fifth:
                first, bound = count, weight
            sums[TABLE.lots, count] = float(here)
            if first >= 0:
                below += here * weight
            sums[TABLE.below, count] = below
            count += 1
    return count, first, bound, stop, running


@disjoint
def most_nb(n, left, total):
    """Add a row of lots to those of the side. Returns the largest sum so far."""
    most = i32(0)
    for c in range(n):
        total[c] += left[c]
        most = larger_nb(most, total[c])
    return most


@disjoint
def nearer_nb(n, level, px, left, ahead):
    """Add the own lots that stand above a level."""
    for c in range(n):
        ahead[c] += left[c] if px[c] > level else i32(0)


@disjoint
def nearer_own_nb(n, mine, px, left, ahead):
    """Add the own lots that stand above another own order."""
    for c in range(n):
        ahead[c] += left[c] if px[c] > mine[c] else i32(0)


@disjoint
def kept_nb(n, room, value, ahead, rivals):
    """Rivals' score is a row's running one where the row still qualifies: own lots ahead leave it room."""
    for c in range(n):
        rivals[c] = value if ahead[c] < room else rivals[c]


@disjoint
def bound_nb(n, need, weight, ahead, bounds):
    """The reference is at a level or above it where own and others' lots from it up are enough."""
    for c in range(n):
        raised = larger_nb(bounds[c], weight)
        bounds[c] = raised if ahead[c] >= need else bounds[c]


@disjoint
def capped_nb(n, room, size, weight, ahead, bounds, inside):
    """Rivals above the reference score their lots at its weight."""
    for c in range(n):
        w = weight if weight < bounds[c] else bounds[c]
        inside[c] += size * w if ahead[c] < room else 0.0


@disjoint
def own_bound_nb(n, stop, fifth, above, weight, px, left, ahead, bounds):
    """An own order may be what reaches the reference."""
    for c in range(n):
        p = px[c] if px[c] > stop else stop
        there = i64(above[p]) + i64(ahead[c]) + i64(left[c])
        w = weight[p]
        raised = w if w > bounds[c] else bounds[c]
        bounds[c] = raised if (left[c] > 0) & (there >= fifth) else bounds[c]


@disjoint
def own_nb(n, stop, target, above, weight, px, left, ahead, bounds, mine):
    """Own score of a row of orders."""
    for c in range(n):
        p = px[c] if px[c] > stop else stop
        w = weight[p]
        w = w if w < bounds[c] else bounds[c]
        scores = (px[c] > 0) & (i64(above[p]) + i64(ahead[c]) < target)
        mine[c] += left[c] * w if scores else 0.0


@disjoint
def share_nb(n, need, total, mine, inside, rivals, share):
    """Shares of a side in parts, or SHORT."""
    for c in range(n):
        all_of = mine[c] + (inside[c] + rivals[c])
        part = mine[c] / (all_of if all_of > 0.0 else 1.0)
        share[c] = i64(np.floor(part * PARTS + 0.5)) if total[c] >= need else i64(SHORT)


@compiled
def side_shares_nb(side, row, n, ints, book, rewards, share):
    """The shares of all cells of one side of a snapshot."""
    count, first, bound, stop, running = tables_nb(book, side, row, rewards)
    target, fifth = rewards.rows[row, PROGRAM.target], rewards.rows[row, PROGRAM.fifth]
    lots, sums, total, ahead = rewards.lots, rewards.sums, rewards.cells[0], rewards.cells[1]
    mine, inside, rivals, bounds = rewards.scores[0], rewards.scores[1], rewards.scores[2], rewards.scores[3]
    for c in range(n):
        total[c] = 0
        mine[c] = 0.0
        inside[c] = 0.0
        bounds[c] = bound
    most = i64(0)
    for which in range(side, 2 * LEVELS, 2):
        most = i64(most_nb(n, ints[I.left + which], total))
    above = first if first >= 0 else count
    sure = 0.0
    for k in range(above, count):
        if lots[TABLE.before, k] + most < target:
            sure = sums[TABLE.below, k]
    for c in range(n):
        rivals[c] = sure
    if rewards.rows[row, PROGRAM.bounded] > 0:
        for k in range(above):
            if lots[TABLE.before, k] + i64(sums[TABLE.lots, k]) + most >= fifth:
                level = lots[TABLE.level, k]
                ahead_of_nb(n, level - 1, side, ints, ahead)
                weight = sums[TABLE.weight, level]
                bound_nb(n, fifth - lots[TABLE.before, k] - i64(sums[TABLE.lots, k]), weight, ahead, bounds)
        for which in range(side, 2 * LEVELS, 2):
            ahead_of_own_nb(n, which, ints, ahead)
            own_bound_nb(
                n, stop, fifth, lots[TABLE.above], sums[TABLE.weight], ints[I.px + which], ints[I.left + which],
                ahead, bounds,
            )  # fmt: skip
        for k in range(above):
            level = lots[TABLE.level, k]
            ahead_of_nb(n, level, side, ints, ahead)
            room = i32(target - lots[TABLE.before, k])
            capped_nb(n, room, sums[TABLE.lots, k], sums[TABLE.weight, level], ahead, bounds, inside)
    for k in range(above, count):
        if lots[TABLE.before, k] + most >= target:
            ahead_of_nb(n, lots[TABLE.level, k], side, ints, ahead)
            kept_nb(n, i32(target - lots[TABLE.before, k]), sums[TABLE.below, k], ahead, rivals)
    for which in range(side, 2 * LEVELS, 2):
        ahead_of_own_nb(n, which, ints, ahead)
        own_nb(
            n, stop, target, lots[TABLE.above], sums[TABLE.weight], ints[I.px + which], ints[I.left + which], ahead,
            bounds, mine,
        )  # fmt: skip
    share_nb(n, target - running, total, mine, inside, rivals, share)


@compiled
def ahead_of_nb(n, level, side, ints, ahead):
    """Own lots of a side that stand above a level, of each cell."""
    for c in range(n):
        ahead[c] = 0
    for which in range(side, 2 * LEVELS, 2):
        nearer_nb(n, level, ints[I.px + which], ints[I.left + which], ahead)


@compiled
def ahead_of_own_nb(n, which, ints, ahead):
    """Own lots of the same side that stand above an own order, of each cell."""
    for c in range(n):
        ahead[c] = 0
    if LEVELS > 1:
        for other in range(which & 1, 2 * LEVELS, 2):
            nearer_own_nb(n, ints[I.px + which], ints[I.px + other], ints[I.left + other], ahead)


@disjoint
def earn_nb(n, bid, ask, earned_bid, earned_ask, included):
    """Add a snapshot's shares up where both sides count."""
    for c in range(n):
        counts = (bid[c] >= 0) & (ask[c] >= 0)
        earned_bid[c] += bid[c] if counts else i64(0)
        earned_ask[c] += ask[c] if counts else i64(0)
        included[c] += i64(1) if counts else i64(0)


@compiled
def leave_out_nb(side, n, top, book, ints, share):
    """A side whose best bid is the highest price counts for nobody."""
    for which in range(side, 2 * LEVELS, 2):
        for c in range(n):
            if (book[top - 1] > 0) | (ints[I.px + which, c] >= top - 1):
                share[c] = i64(SHORT)


@compiled
def snapshot_nb(now, cells, st, rewards):
    """Score the snapshot of every program under way. Returns when the next snapshot is."""
    n = 1 if ONE else cells
    sc = st.scalars
    if sc[S.open] == 3:
        if REACTION:
            for side in range(2):
                for c in range(n):
                    answer_nb(side, now, rewards.rows[0, PROGRAM.answer], c, LEVELS, st, rewards)
        for row in range(len(rewards.rows)):
            if rewards.rows[row, PROGRAM.start] <= now < rewards.rows[row, PROGRAM.end]:
                for side in range(2):
                    side_shares_nb(side, row, n, st.ints, st.book[side], rewards, rewards.shares[side])
                    if rewards.rows[row, PROGRAM.left_out] > 0:
                        leave_out_nb(side, n, st.book.shape[1] - 1, st.book[side], st.ints, rewards.shares[side])
                earn_nb(
                    n, rewards.shares[0], rewards.shares[1], rewards.earned[3 * row], rewards.earned[3 * row + 1],
                    rewards.earned[3 * row + 2],
                )  # fmt: skip
                if RECORD:
                    referred_nb(row, LEVELS, st, rewards)
                if REACTION:
                    for c in range(n):
                        answered_nb(row, c, LEVELS, st, rewards)
    sc[S.snapshot] += 1
    return rewards.ts[sc[S.snapshot]]


@compiled
def lock_nb(n, mid, grid, st, rewards):
    """Add up what every cell has locked: its position at the mid, and what its orders would open."""
    ints = st.ints
    for c in range(n):
        held = i64(ints[I.position, c])
        locked = held * mid if held > 0 else -held * (10_000 - mid)
        for side in range(2):
            cost, lots = i64(0), i64(0)
            for which in range(side, 2 * LEVELS, 2):
                price = i64(price_nb(grid, side, ints[I.px + which, c]))
                left = i64(ints[I.left + which, c])
                cost += left * (price if side == 0 else 10_000 - price)
                lots += left
            closing = smaller_nb(lots, larger_nb(i64(0), (2 * side - 1) * held))
            locked += cost * (lots - closing) // lots if lots > 0 else i64(0)
        rewards.locked[c] += locked
        if RECORD:
            rewards.course[st.scalars[S.sample], -1] = locked
    if RECORD:
        for row in range(len(rewards.earned)):
            rewards.course[st.scalars[S.sample], row] = rewards.earned[row, 0]
