"""What a replay carries along: rewards at any moment as the plain scores have them, and the model's own state."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from touchline.engine.page import timeline
from touchline.engine.page.carried import Marks
from touchline.engine.page.strip import spread
from touchline.engine.page.timeline import Timeline
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.replay import replay
from touchline.strategies.parameters import Parameter
from touchline.strategies.quoting.model import QuotingModel

from ..simulator.reward_oracle import scored
from ..simulator.test_rewards import tape_with

ASSUMED = Assumptions(
    rewards="recorded", fees="none", queue="pessimistic@1", volatility="constant", requote_ms=700, position_limit=1000.0
)


class Counting(QuotingModel):
    """Quotes about a slow mean of the mid, and counts its decisions."""

    name = "counting"
    state = {"mean": 0.0, "seen": 0.0}  # noqa: RUF012  # as in the docs
    parameters = (Parameter("half", 1.0, 0.0, 50.0, "cents from the mean"),)

    @staticmethod
    def quote(known: Any, p: Any, state: Any) -> Any:
        """About the mean."""
        mean = known.mid if state.seen < 0.5 else 0.9 * state.mean + 0.1 * known.mid
        return mean - p.half, mean + p.half, 90.0, 90.0, (mean, state.seen + 1.0)


@pytest.fixture
def travelled(plain_kernels: None, monkeypatch: pytest.MonkeyPatch) -> Timeline:
    monkeypatch.setattr(timeline, "STEP", 32)
    monkeypatch.setattr(timeline, "MARKS", 40)
    monkeypatch.setattr(timeline, "CLOSE", 64)
    return Timeline(tape_with(3, "linear_cent"), Counting, {"half": 1.0}, ASSUMED)


def test_rewards_at_any_moment_are_the_plain_ones(travelled: Timeline):
    tape, plan = travelled.tape, travelled.plan
    assert plan is not None
    made = replay(tape, Counting, {"half": 1.0}, ASSUMED)
    last = travelled.standing(len(tape) - 1)
    assert last.rewards is not None
    assert last.rewards.accrued == made.totals.rewards_earned
    assert last.rewards.paid == made.totals.rewards > 0
    assert last.pnl == made.equity["equity"][-1]
    shares, events = 0, travelled.reward_events.tolist()
    snapshots = travelled._block.rewards.ts[:-1].tolist()
    for event in events:
        ts = int(tape.columns.ts[event])
        before = int(tape.columns.ts[event - 1]) if event else 0
        told = travelled.standing(event).rewards
        assert told is not None
        assert told.snapshot_ts == max(one for one in snapshots if one <= ts)
        new = [one for one in snapshots if before < one <= ts]
        plain = scored(tape, made, list(plan.programs), list(plan.rules), new)
        counted = sum(one.included for one in plain)
        if not counted:
            assert (told.bid_share, told.ask_share) == (None, None)
            continue
        assert told.bid_share == pytest.approx(float(sum(one.bid for one in plain) / counted), abs=1e-9)
        assert told.ask_share == pytest.approx(float(sum(one.ask for one in plain) / counted), abs=1e-9)
        shares += told.bid_share > 0
    assert shares > 3


def test_pictures_far_and_near_show_the_same_course(travelled: Timeline):
    length = len(travelled.tape)
    far = travelled.carried(np.arange(0, length + 1, 10, dtype=np.int64))
    assert far is not None
    for begin in range(0, length - 60, 60):
        edges = np.arange(begin, begin + 61, 10, dtype=np.int64)
        near = travelled.carried(edges)
        assert near is not None
        wanted = [travelled.standing(int(edge) - 1) for edge in edges[1:]]
        assert near[2].tolist() == [list(one.state.values()) for one in wanted]
        # A picture counts a period by its length until it is over; a moment tells its money to the micro.
        assert near[0] == pytest.approx([one.rewards.accrued for one in wanted if one.rewards], abs=2.0)
        there = far[0][begin // 10 : begin // 10 + 6]
        assert np.abs(there - near[0]).max() <= max(np.diff(far[0]).max() * 2, 1)
    assert far[2][-1, 1] == travelled.decisions


def test_looking_twice_adds_nothing_to_the_rewards(travelled: Timeline):
    before = travelled.standing(150)
    travelled.standing(40)
    travelled.carried(np.arange(100, 160, 5, dtype=np.int64))
    assert travelled.standing(150) == before


def test_a_stretch_between_two_marks_has_the_share_of_both():
    marks = Marks(
        np.array([0, 10, 20]), np.array([0.0, 5, 5]), np.array([0.0, 1, 1]), np.array([0, 2, 2]), np.zeros((3, 0))
    )
    accrued, share, state = marks.course(np.array([0, 2, 4, 10, 14, 20]))
    assert accrued.tolist() == [1.0, 2.0, 5.0, 5.0, 5.0]
    assert share[:3].tolist() == [0.25] * 3
    assert np.isnan(share[3:]).all()
    assert state.shape == (5, 0)


def test_numbers_are_spread_by_stretch_with_what_they_came_in_with():
    rng = np.random.default_rng(0)
    values = rng.normal(size=1_000)
    values[300:420] = np.nan
    edges = np.sort(rng.integers(0, 1_001, 41)).astype(np.int64)
    low, high, last = spread(values, edges)
    for at, (begin, end) in enumerate(pairwise(edges)):
        seen = values[max(begin - 1, 0) : max(end, begin, 1)]
        seen = seen[np.isfinite(seen)]
        assert (low[at], high[at]) == (pytest.approx(seen.min()), pytest.approx(seen.max())) if len(seen) else True
        assert last[at] == values[max(end - 1, 0)] or np.isnan(last[at])
