"""What a walk carries and no log has: scores of incentive programs and the model's own state, at marks along a tape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...strategies.quoting.model import QuotingModel
from ..rewards.payout import PARTS, amount
from ..simulator.block import Block
from ..simulator.programs import RewardPlan, reward_money
from ..simulator.state import F64, I64, RewardArrays

#: What a walk writes into its reward arrays. The others say how it scores; a course is written the same again.
_WRITTEN = frozenset(RewardArrays._fields) - {"ts", "rows", "place", "power", "course"}


@dataclass(frozen=True)
class RewardStanding:
    """How a replay stands with incentive programs after an event. Money in micros."""

    accrued: int  #: by the snapshots so far, before the rules of payout
    paid: int  #: by programs that ended
    bid_share: float | None  #: of the last snapshot, None where it did not count
    ask_share: float | None
    snapshot_ts: int | None  #: when that was; None before the first one


@dataclass(frozen=True)
class Marks:
    """What was carried at some events: a row a mark. Between two marks it is taken to go on evenly."""

    stops: I64  #: how many events were walked
    accrued: F64  #: micros
    own: F64  #: own shares of both sides, summed over the snapshots that counted
    counted: I64  #: snapshots that counted, of all programs
    state: F64  #: the model's own, a column a name

    def course(self, edges: I64) -> tuple[F64, F64, F64]:
        """Return accrued micros after each stretch, the average share over it, and the state after it."""
        first = np.searchsorted(self.stops, edges[:-1], side="right") - 1
        last = np.searchsorted(self.stops, edges[1:], side="right") - 1
        last = np.minimum(np.maximum(last, first + 1), len(self.stops) - 1)
        first = np.maximum(np.minimum(first, last - 1), 0)
        counted = self.counted[last] - self.counted[first]
        share = np.where(counted > 0, (self.own[last] - self.own[first]) / np.maximum(2 * counted, 1), np.nan)
        at = np.maximum(np.searchsorted(self.stops, edges[1:], side="right") - 1, 0)
        return np.interp(edges[1:], self.stops, self.accrued), share, self.state[at]


class Looker:
    """Looks at a block between two slices of its walk."""

    def __init__(self, block: Block, model: type[QuotingModel]) -> None:
        self._first, self._names = len(model.columns()), tuple(model.state)
        self.plan: RewardPlan | None = block.counted[0] if block.counted is not None else None
        programs = self.plan.programs if self.plan is not None else ()
        self._reward = np.array([one.reward for one in programs], np.float64)
        self._seconds = np.array([one.seconds for one in programs], np.float64)
        self._ends = np.array([one.end for one in programs], np.int64)
        rules = self.plan.rules if self.plan is not None else ()
        self._whole = np.array(
            [not one.scaled and self.plan is not None and not self.plan.is_part(at) for at, one in enumerate(rules)],
            np.bool_,
        )

    @property
    def is_needed(self) -> bool:
        """Whether the walk carries anything."""
        return self.plan is not None or bool(self._names)

    def state(self, block: Block) -> list[float]:
        """Return the model's own state."""
        return block.state.params[self._first : self._first + len(self._names), 0].tolist()

    def row(self, block: Block, ts: int) -> tuple[float, float, int, list[float]]:
        """Return accrued micros, own shares, snapshots that counted, and the model's state."""
        if not isinstance(block.rewards, RewardArrays):
            return 0.0, 0.0, 0, self.state(block)
        own = (block.rewards.earned[0::3, 0] + block.rewards.earned[1::3, 0]) / PARTS
        counted = block.rewards.earned[2::3, 0]
        snapshots = np.where(self._whole & (self._ends <= ts), np.maximum(counted, 1), self._seconds)
        money = own * self._reward / (2 * np.maximum(snapshots, 1))
        return float(money.sum()), float(own.sum()), int(counted.sum()), self.state(block)

    def standing(self, before: I64 | None, block: Block, snapshot_ts: int | None, ts: int) -> RewardStanding | None:
        """Return how a block stands with its programs, whose scores before the last snapshot are ``before``."""
        if self.plan is None or not isinstance(block.rewards, RewardArrays):
            return None
        earned, accrued, paid = block.rewards.earned[:, 0], 0, 0
        for at, one in enumerate(self.plan.programs):
            own, counted = int(earned[3 * at]) + int(earned[3 * at + 1]), int(earned[3 * at + 2])
            if min(one.end, self.plan.last) <= ts:
                made = self.plan.money(at, own, counted)
                accrued, paid = accrued + made[0], paid + made[1]
            elif own:
                accrued += amount(own, counted, one.seconds, one.reward, scaled=True, parts=PARTS)
        if before is None:
            return RewardStanding(accrued, paid, None, None, snapshot_ts)
        gained = (earned - before).reshape(-1, 3).sum(axis=0)
        shares = [float(one) / PARTS / int(gained[2]) if gained[2] else None for one in gained[:2]]
        return RewardStanding(accrued, paid, shares[0], shares[1], snapshot_ts)


def marks_of(rows: list[tuple[float, float, int, list[float]]], stops: I64) -> Marks:
    """Return rows of ``Looker.row`` as columns."""
    accrued, own, counted, state = zip(*rows, strict=True)
    table = np.array(state, np.float64).reshape(len(rows), -1)
    return Marks(stops, np.array(accrued), np.array(own), np.array(counted, np.int64), table)


def paid_by(block: Block, ts: I64) -> I64:
    """Return what programs had paid by each of some moments, of a block that was walked to its end; micros."""
    if block.counted is None:
        return np.zeros(len(ts), np.int64)
    plan, arrays = block.counted
    _, paid = reward_money(plan, arrays, 1)
    ends = np.array([min(one.end, plan.last) for one in plan.programs], np.int64)
    order = np.argsort(ends, kind="stable")
    return np.append(0, np.cumsum(paid[order, 0]))[np.searchsorted(ends[order], ts, side="right")]


def fresh_rewards(rewards: RewardArrays | tuple[()]) -> RewardArrays | tuple[()]:
    """Return a copy of what a walk writes into its reward arrays, beside what it only reads."""
    if not isinstance(rewards, RewardArrays):
        return rewards
    return rewards._replace(**{name: getattr(rewards, name).copy() for name in _WRITTEN})
