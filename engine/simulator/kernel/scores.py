"""Score a side of the book for one cell, level by level: what a model may read, and rivals that answer its quotes.

``rewards.py`` scores the snapshots of whole blocks by tables; this walks the levels as ``rewards/exact.py`` does.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from ....io.ground.jit import compiled
from ....strategies.quoting.known import Reward
from .rows import PROGRAM, I

PARTS = float(1 << 40)
WANTED, SINCE, STOOD = 0, 2, 4  #: rows of ``RewardArrays.front``, one a side each


@compiled
def own_lots_nb(level, side, px, left, c, levels, ints):
    """Own lots of a cell at a level; rows ``px`` and ``left`` are those of its orders."""
    lots = 0
    for which in range(side, 2 * levels, 2):
        if ints[px + which, c] == level:
            lots += ints[left + which, c]
    return lots


@compiled
def moved_lots_nb(level, best, stood, book):
    """Lots of others at a level, once those at their best level stand at ``stood`` instead."""
    if stood <= best:
        return book[level]
    if level == stood:
        return book[best] + book[level]
    return 0 if level == best else book[level]


@compiled
def best_nb(book):
    """The highest level of a side at which something rests, 0 for none."""
    level = len(book) - 1
    while level > 0 and book[level] <= 0:
        level -= 1
    return level


@compiled
def side_score_nb(side, row, book, stood, px, left, c, levels, ints, rewards):
    """The score of a side: reference, own score, rivals', lots that lack to the target, and the lowest level reached.

    ``stood`` is where the rivals of the best level stand instead, 0 for where they are. Where the highest price leaves
    a side out, all of the target lacks.
    """
    rows = rewards.rows
    target, kind = rows[row, PROGRAM.target], rows[row, PROGRAM.weights]
    place, power = rewards.place[kind, side], rewards.power[kind]
    middle, top, best = len(power) // 2, len(book) - 1, best_nb(book)
    reference, running, highest = 0, 0, 0
    for level in range(top, 0, -1):
        here = moved_lots_nb(level, best, stood, book) + own_lots_nb(level, side, px, left, c, levels, ints)
        if here > 0:
            running += here
            reference = level
            highest = level if highest == 0 else highest
            if rows[row, PROGRAM.deep] == 0 or 5 * running >= target:
                break
    mine, rivals, running, last = 0.0, 0.0, 0, 0
    for level in range(top if reference > 0 else 0, 0, -1):
        others, own = moved_lots_nb(level, best, stood, book), own_lots_nb(level, side, px, left, c, levels, ints)
        if others + own > 0:
            weight = power[middle + place[reference] - place[level]]
            weight = 1.0 if rows[row, PROGRAM.bounded] > 0 and weight > 1.0 else weight
            mine += own * weight
            rivals += others * weight
            running += others + own
            last = level
            if running >= target:
                break
    lacks = target - running if running < target else 0
    if rows[row, PROGRAM.left_out] > 0 and highest >= top - 1:
        lacks = target
    return reference, mine, rivals, lacks, last


@compiled
def cents_of_nb(grid, side, level):
    """The YES price of a level of a side in cents; nan for none."""
    return grid.ticks[level if side == 0 else grid.top - level] * 0.01 if level > 0 else math.nan


@compiled
def told_side_nb(side, row, first, c, levels, grid, st, rewards):
    """What is told of a side: reference, step and lowest price in cents, rivals' score and what lacks, the share."""
    px, left = (I.px, I.left) if first == 0 else (I.sent_px, I.sent_left)
    reference, mine, rivals, lacks, last = side_score_nb(
        side, row, st.book[first + side], 0, px, left, c, levels, st.ints, rewards
    )
    price = cents_of_nb(grid, side, reference)
    step = 1.0
    if rewards.rows[row, PROGRAM.cents] == 0 and reference > 0:
        step = abs(price - grid.ticks[reference - 1 if side == 0 else grid.top - reference + 1] * 0.01)
    share = mine / (mine + rivals) if lacks == 0 and mine > 0.0 else 0.0
    return price, step, cents_of_nb(grid, side, last), rivals * 0.01, lacks * 0.01, share


@compiled
def told_program_nb(row, first, now, c, levels, grid, st, rewards):
    """What is told of a program under way."""
    rows = rewards.rows
    bid, ask = (
        told_side_nb(0, row, first, c, levels, grid, st, rewards),
        told_side_nb(1, row, first, c, levels, grid, st, rewards),
    )
    own, included = rewards.earned[3 * row, c] + rewards.earned[3 * row + 1, c], rewards.earned[3 * row + 2, c]
    seconds = (rows[row, PROGRAM.end] - rows[row, PROGRAM.start]) // 1_000_000_000
    snapshots = seconds if rows[row, PROGRAM.scaled] > 0 else included
    pool = rows[row, PROGRAM.reward] * 1e-6
    accrued = own / PARTS / (2.0 * snapshots) * pool if snapshots > 0 else 0.0
    return Reward(
        pool, float(seconds), (rows[row, PROGRAM.end] - now) * 1e-9, rows[row, PROGRAM.target] * 0.01,
        rows[row, PROGRAM.discount] * 1e-4, float(rows[row, PROGRAM.bounded]), accrued, bid[0], bid[1], bid[2], bid[3],
        bid[4], bid[5], ask[0], ask[1], ask[2], ask[3], ask[4], ask[5],
    )  # fmt: skip


@compiled
def no_reward_nb():
    """What is told where no further program is under way."""
    return Reward(
        0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, math.nan, 1.0, math.nan, 0.0, 0.0, 0.0, math.nan, 1.0, math.nan, 0.0, 0.0,
        0.0,
    )  # fmt: skip


@compiled
def under_way_nb(after, now, rows):
    """The next program that is under way, by its row; how many there are for none."""
    row = after + 1
    while row < len(rows) and not rows[row, PROGRAM.start] <= now < rows[row, PROGRAM.end]:
        row += 1
    return row


@compiled
def one_nb(row, first, now, c, levels, grid, st, rewards):
    """What is told of a program, or of none."""
    if row < len(rewards.rows):
        return told_program_nb(row, first, now, c, levels, grid, st, rewards)
    return no_reward_nb()


@compiled
def rewards_nb(first, now, c, levels, grid, st, rewards):
    """What is told of the first three programs under way; the book's sides stand from row ``first``."""
    a = under_way_nb(-1, now, rewards.rows)
    b = under_way_nb(a, now, rewards.rows)
    d = under_way_nb(b, now, rewards.rows)
    return (
        one_nb(a, first, now, c, levels, grid, st, rewards), one_nb(b, first, now, c, levels, grid, st, rewards),
        one_nb(d, first, now, c, levels, grid, st, rewards),
    )  # fmt: skip


@compiled
def no_rewards_nb():
    """What is told where no programs are counted."""
    return no_reward_nb(), no_reward_nb(), no_reward_nb()


@compiled
def referred_nb(row, levels, st, rewards):
    """Count the sides of a snapshot that counts on which the single cell has an order at the reference."""
    if rewards.shares[0, 0] < 0 or rewards.shares[1, 0] < 0:
        return
    for side in range(2):
        reference, _, _, _, _ = side_score_nb(
            side, row, st.book[side], 0, I.px, I.left, 0, levels, st.ints, rewards
        )  # fmt: skip
        if reference > 0 and own_lots_nb(reference, side, I.px, I.left, 0, levels, st.ints) > 0:
            rewards.referred[2 * row + side, 0] += 1


@compiled
def answer_nb(side, now, delay, c, levels, st, rewards):
    """Where the rivals of a side's best level stand that answer a cell's quote; 0 for where the book has them.

    They wish to stand a level in front of the own best order while that is at their level or better, as far as the
    other side leaves room, and go there after the delay; whatever changes, they follow after it anew.
    """
    front, ints = rewards.front, st.ints
    own = 0
    for which in range(side, 2 * levels, 2):
        own = ints[I.px + which, c] if ints[I.px + which, c] > own else own
    best, other = best_nb(st.book[side]), best_nb(st.book[1 - side])
    wanted = own + 1 if own >= best > 0 else 0
    room = st.book.shape[1] - 1 - other - 1
    wanted = room if wanted > room else wanted
    if front[WANTED + side, c] != wanted:
        front[WANTED + side, c] = wanted
        front[SINCE + side, c] = now
    if now - front[SINCE + side, c] >= delay:
        front[STOOD + side, c] = wanted
    return front[STOOD + side, c]


@compiled
def answered_nb(row, c, levels, st, rewards):
    """Add up what a snapshot is worth to a cell whose quotes rivals answer; ``front`` is up to date."""
    shares = rewards.shares
    for side in range(2):
        _, mine, rivals, lacks, _ = side_score_nb(
            side, row, st.book[side], rewards.front[STOOD + side, c], I.px, I.left, c, levels, st.ints, rewards
        )
        shares[side, c] = -1 if lacks > 0 else 0
        if lacks == 0 and mine > 0.0:
            shares[side, c] = math.floor(mine / (mine + rivals) * PARTS + 0.5)
    if shares[0, c] >= 0 and shares[1, c] >= 0:
        rewards.answered[2 * row, c] += shares[0, c]
        rewards.answered[2 * row + 1, c] += shares[1, c]
