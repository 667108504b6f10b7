"""Incentive programs along a stream: which there are is known a while ahead, so that their snapshots have no end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...io.ground.units import NS_PER_SECOND
from ..rewards.programs import Program
from ..simulator.assumptions.venue import Assumptions
from ..simulator.block import Block
from ..simulator.kernel.rows import S
from ..simulator.programs import RewardPlan, periods_of, reward_arrays, reward_plan
from ..simulator.tape.tape import Coverage, Tape, TapeMarket

#: How far ahead programs are laid out, and how near the end of that the next ones are.
AHEAD, NEAR = 6 * 3_600 * NS_PER_SECOND, 3_600 * NS_PER_SECOND


class StreamPrograms:
    """The programs of one market under way, and what its block scored of them."""

    def __init__(self, market: TapeMarket, programs: Sequence[Program], assumptions: Assumptions) -> None:
        self._market, self._assumptions = market, assumptions
        self._programs = tuple(sorted(programs, key=lambda one: (one.start, one.end, one.id)))
        self._tape: Tape | None = None
        self._until = 0
        self._block: Block | None = None

    @property
    def counts(self) -> bool:
        """Whether programs are counted at all."""
        return self._assumptions.rewards != "none"

    def begin(self, tape: Tape) -> RewardPlan | None:
        """Return the programs of a stream that begins with the events of a tape."""
        if not self.counts:
            return None
        begins = tape.columns._replace(ts=tape.columns.ts[:1].copy())
        self._tape = Tape(self._market, begins, np.zeros(0), Coverage(), "live", programs=self._programs)
        return self._plan(int(begins.ts[0]))

    def reach(self, block: Block, ts: int) -> None:
        """Have a block know its programs until after ``ts``, with what it scored of them so far."""
        if not self.counts or (self._block is block and ts + NEAR < self._until):
            return
        assert self._tape is not None
        since = int(self._tape.columns.ts[0])
        kept = block.counted if self._block is block else None
        if kept is not None:
            at = int(block.state.scalars[S.snapshot])
            since = int(kept[1].ts[at]) if at < len(kept[1].ts) - 1 else self._until
        plan = self._plan(ts)
        arrays = reward_arrays(plan, self._tape, self._assumptions, 1, samples=0, since=since)
        if kept is not None:
            for old, new in ((kept[1].earned, arrays.earned), (kept[1].answered, arrays.answered)):
                new[: len(old)] = old
            arrays.referred[: len(kept[1].referred)] = kept[1].referred
            arrays.front[:] = kept[1].front
        block.plan, block.rewards, self._block = plan, arrays, block
        block.state.scalars[S.snapshot] = 0

    def so_far(self) -> list[dict[str, Any]]:
        """What each period came to so far, as a replay's record says it; money before and after the rules of payout."""
        counted = None if self._block is None else self._block.counted
        return [] if counted is None else periods_of(*counted)

    def _plan(self, ts: int) -> RewardPlan:
        """The programs that begin until a while after ``ts``; earlier ones keep their places."""
        assert self._tape is not None
        self._until = ts + AHEAD
        return reward_plan(self._tape, self._assumptions, self._until)
