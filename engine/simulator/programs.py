"""The incentive programs that a run counts: which there are on a tape, by which rules, and what a kernel needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..rewards.payout import PARTS, amount, paid
from ..rewards.programs import LIQUIDITY, Program, answer_ns, assumed
from ..rewards.rules import RewardRules, described, rules_at
from ..rewards.snapshots import snapshot_times
from ..rewards.weights import Weights, weights_of
from .assumptions.venue import Assumptions
from .kernel.rows import GROUP, PROGRAM
from .state import I64, RewardArrays
from .tape.tape import Tape

DAY_NS = 86_400_000_000_000
#: Later than any event.
FAR = 1 << 62
#: A period of which more than one snapshot in so many lies outside of the tape is told as a part and pays nothing.
WHOLE = 100


@dataclass(frozen=True)
class RewardPlan:
    """The liquidity programs of a tape in order of time, and the rules of each."""

    programs: tuple[Program, ...]
    rules: tuple[RewardRules, ...]
    unseen: tuple[int, ...]  #: snapshots of each period in the market's life that the tape does not reach
    volume: tuple[Program, ...] = ()  #: programs that pay by volume
    last: int = FAR  #: the tape's last event
    first: int = 0  #: its first one

    def is_part(self, index: int) -> bool:
        """Whether too little of a program's period is on the tape to say what it pays."""
        return self.unseen[index] * WHOLE > self.programs[index].seconds

    def money(self, index: int, own_sum: int, included: int) -> tuple[int, int]:
        """Return what a program earns before the rules of payout, and what it pays; micros.

        Of a part of a period the first is what that part adds to the whole, the second nothing.
        """
        program, rules = self.programs[index], self.rules[index]
        is_part = self.is_part(index)
        scaled = rules.scaled or is_part
        earned = amount(own_sum, included, program.seconds, program.reward, scaled=scaled, parts=PARTS)
        return earned, 0 if is_part else paid(earned, program.cap)


def reward_plan(tape: Tape, assumptions: Assumptions, until: int | None = None) -> RewardPlan:
    """Return the programs that a run on a tape counts: none, the recorded ones, or assumed ones.

    Of a stream, which has no end yet, those that begin before ``until``.
    """
    first, last = int(tape.columns.ts[0]), int(tape.columns.ts[-1]) if until is None else until - 1
    begins, ends = tape.life
    if assumptions.rewards == "none":
        found: list[Program] = []
    elif assumptions.rewards == "recorded":
        found = [one for one in tape.programs if one.end > first and one.start <= last]
    else:
        spans = [one.over(tape.market.ticker, first, last + 1) for one in assumed(assumptions.rewards)]
        found = sorted((one for span in spans for one in span), key=lambda one: (one.start, one.end, one.id))
    paying = [one for one in found if one.kind == LIQUIDITY and one.target > 0]
    unseen = []
    for one in paying:
        lived = (max(one.start, begins), min(one.end, ends))
        within = (max(lived[0], first), lived[1] if until is not None else min(lived[1], last + 1))
        unseen.append(max(lived[1] - lived[0] - max(within[1] - within[0], 0), 0) // 1_000_000_000)
    rules = tuple(rules_at(one.start, assumptions.reward_rules) for one in paying)
    volume = tuple(one for one in found if one.kind != LIQUIDITY)
    return RewardPlan(tuple(paying), rules, tuple(unseen), volume, last, first)


def reward_money(plan: RewardPlan, arrays: RewardArrays, cells: int, *, answered: bool = True) -> tuple[I64, I64]:
    """Return what every cell earns of every program before the rules of payout, and what it is paid: micros.

    Where rivals answer, ``answered`` says whether their answer counts.
    """
    earned, paid_ = np.zeros((2, len(plan.programs), cells), np.int64)
    for index in range(len(plan.programs)):
        own = _sums(arrays, index, answered=answered).sum(axis=0)[:cells].tolist()
        for c, included in enumerate(arrays.earned[3 * index + 2, :cells].tolist()):
            earned[index, c], paid_[index, c] = plan.money(index, own[c], included)
    return earned, paid_


def _sums(arrays: RewardArrays, index: int, *, answered: bool = True) -> I64:
    """What a program's snapshots are worth to each cell: a row of bids and one of asks."""
    if answered and len(arrays.answered):
        return arrays.answered[2 * index : 2 * index + 2]
    return arrays.earned[3 * index : 3 * index + 2]


def reward_columns(plan: RewardPlan, arrays: RewardArrays, pnl: I64, samples: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return the columns of totals that a run with programs has beside the others; ``pnl`` is the one without them."""
    earned, paid_ = reward_money(plan, arrays, len(pnl))
    rewards = paid_.sum(axis=0)
    columns: dict[str, np.ndarray[Any, Any]] = {
        "pnl": pnl + rewards, "pnl_without_rewards": pnl, "rewards": rewards, "rewards_earned": earned.sum(axis=0),
        "side_share": _largest_share(arrays, len(pnl)), "locked": arrays.locked[: len(pnl)] // max(samples, 1),
    }  # fmt: skip
    days = (plan.last - plan.first) / DAY_NS
    locked = np.where(columns["locked"] > 0, columns["locked"] * max(days, 1.0 / DAY_NS), np.inf)
    columns |= {"rewards_dollar_day": rewards / locked, "pnl_dollar_day": columns["pnl"] / locked}
    if len(arrays.answered):
        columns["rewards_unanswered"] = reward_money(plan, arrays, len(pnl), answered=False)[1].sum(axis=0)
    return columns


def periods_of(plan: RewardPlan, arrays: RewardArrays) -> list[dict[str, Any]]:
    """Return what the first cell came to in every program's period, for people and JSON.

    ``bid_share`` and ``ask_share`` are averages over the snapshots that counted, ``bid_referred`` and ``ask_referred``
    those in which an own order stood at the reference.
    """
    found: list[dict[str, Any]] = []
    for index, (one, rules) in enumerate(zip(plan.programs, plan.rules, strict=True)):
        bid, ask = (int(row[0]) for row in _sums(arrays, index))
        included = int(arrays.earned[3 * index + 2, 0])
        earned, paid_ = plan.money(index, bid + ask, included)
        row: dict[str, Any] = {
            "id": one.id, "start": one.start, "end": one.end, "reward": one.reward, "target": one.target,
            "discount": one.discount, "rules": described(rules), "snapshots": one.seconds,
            "unseen": plan.unseen[index], "included": included,
            "excluded": max(one.seconds - plan.unseen[index] - included, 0),
            "bid_share": bid / PARTS / included if included else None,
            "ask_share": ask / PARTS / included if included else None,
            "bid_referred": int(arrays.referred[2 * index, 0]), "ask_referred": int(arrays.referred[2 * index + 1, 0]),
            "earned": earned, "paid": paid_, "is_part": plan.is_part(index),
        }  # fmt: skip
        if len(arrays.answered):
            whole = int(_sums(arrays, index, answered=False)[:, 0].sum())
            row["earned_unanswered"], row["paid_unanswered"] = plan.money(index, whole, included)
        found.append(row)
    return found


def _largest_share(arrays: RewardArrays, cells: int) -> np.ndarray[Any, Any]:
    """The largest of every cell's average shares of a side in a period."""
    if not len(arrays.earned):
        return np.zeros(cells)
    counted = np.maximum(arrays.earned[2::3, :cells], 1)
    sums = [_sums(arrays, index)[:, :cells].max(axis=0) for index in range(len(counted))]
    return (np.stack(sums) / counted).max(axis=0) / PARTS


def paid_until(plan: RewardPlan, arrays: RewardArrays, ts: I64, cells: int) -> I64:
    """Return what every cell was paid until each of some moments: a row a moment, micros."""
    _, paid_ = reward_money(plan, arrays, cells)
    ends = np.array([min(one.end, plan.last) for one in plan.programs], np.int64)
    return (ends[None, :] <= ts[:, None]).astype(np.int64) @ paid_


def reward_arrays(
    plan: RewardPlan, tape: Tape, assumptions: Assumptions, cells: int, *, samples: int | None = None,
    since: int | None = None,
) -> RewardArrays:  # fmt: skip
    """Return what a kernel needs to score a tape's snapshots for some cells; zeros where nothing is scored yet.

    A replay, which writes everything down, says how many ``samples`` it has; a stream from when on it is scored.
    """
    grid, count = tape.grid, len(plan.programs)
    kinds: dict[tuple[int, str], int] = {}
    made = list[Weights]()
    which = list[int]()
    for one, how in zip(plan.programs, plan.rules, strict=True):
        kind = kinds.setdefault((one.discount, how.unit), len(kinds))
        made += [weights_of(grid.ticks, one.discount, how)] if kind == len(made) else []
        which.append(kind)
    made = made or [weights_of(grid.ticks, 10_000, rules_at(0))]
    middle = max(one.middle for one in made)
    power = np.zeros((len(made), 2 * middle + 1))
    for row, one in zip(power, made, strict=True):
        row[middle - one.middle : middle + one.middle + 1] = one.power
    answer = answer_ns(assumptions.reaction)
    rows = np.array(
        [
            [
                one.start, one.end, one.target, -(-one.target // 5), kind,
                how.reference == "fifth" and how.inside == "capped", how.highest == "excluded",
                how.reference == "fifth", how.unit == "cents", one.reward, one.discount, how.scaled, answer or 0,
            ]
            for one, how, kind in zip(plan.programs, plan.rules, which, strict=True)
        ],
        np.int64,
    ).reshape(count, len(PROGRAM))  # fmt: skip
    room, levels = -(-cells // GROUP) * GROUP, int(grid.top) + 1
    recorded, answers = count if samples is not None else 0, answer is not None
    return RewardArrays(
        ts=np.append(_times(plan, tape, int(assumptions.seed), since), FAR), rows=rows,
        place=np.stack([one.place for one in made]), power=power, earned=np.zeros((3 * count, room), np.int64),
        locked=np.zeros(room, np.int64), shares=np.zeros((2, room), np.int64), cells=np.zeros((2, room), np.int32),
        scores=np.zeros((4, room)), lots=np.zeros((3, levels), np.int64), sums=np.zeros((3, levels)),
        answered=np.zeros((2 * count if answers else 0, room), np.int64),
        referred=np.zeros((2 * recorded, room), np.int64), course=np.zeros((samples or 0, 3 * count + 1), np.int64),
        front=np.zeros((6 if answers else 0, room), np.int64),
    )  # fmt: skip


def _times(plan: RewardPlan, tape: Tape, seed: int, since: int | None) -> I64:
    """The snapshots of all programs on the tape, or from a moment on, each second once, in order."""
    first = int(tape.columns.ts[0]) if since is None else since
    spans: list[list[int]] = []
    for one in plan.programs:
        start, end = max(one.start, first), min(one.end, plan.last + 1)
        if spans and start <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], end)
        elif start < end:
            spans.append([start, end])
    parts = [snapshot_times(start, end, seed) for start, end in spans]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
