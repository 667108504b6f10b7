"""What a quoting model is told of incentive programs: the fractions' values, at every decision of random tapes."""

from __future__ import annotations

import math
import sys
from types import FrameType
from typing import Any

import polars as pl
import pytest
from touchline.engine.rewards.exact import side_score
from touchline.engine.runs.explain import explain
from touchline.engine.simulator.assumptions.fees import FeeTable
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.prepare import new_block, run_block
from touchline.engine.simulator.programs import reward_plan
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.tape import Tape
from touchline.strategies.quoting.known import NO_REWARD, Known
from touchline.strategies.quoting.model import QuotingModel

from .reward_oracle import books_at, distance_of, own_levels, scored
from .test_rewards import RULES, SECOND, START, Ladder, programs, random_tape


class Reader(Ladder):
    """Three orders a side, farther while a program has not paid much."""

    name = "reader"

    @staticmethod
    def quote(known: Any, p: Any) -> Any:
        one, two, none = known.rewards[0], known.rewards[1], known.rewards[2]
        half = p.half + (1.0 if one.bid_share < 0.3 else 0.0) + (1.0 if two.ask_lacks > 0.0 else 0.0) + none.pool
        half = half + (0.5 if one.accrued > 10.0 else 0.0)
        bids, asks = (known.mid - half, known.mid - half - 2.0, math.nan), (known.mid + half, math.nan, math.nan)
        sizes = (p.size, 2.0 * p.size, 1.0)
        return bids, asks, sizes, sizes


def told_along(tape: Tape, model: type[QuotingModel], cell: dict[str, float], assumed: Assumptions) -> list[Known]:
    block = new_block(tape, model, [cell], [assumed], record=True)
    told: list[Known] = []
    flags = assumed.flags(block.grid, FeeTable(*block.fees), cells=1, record=True)
    block.kernel = interpreted(model, flags)

    def look(frame: FrameType, happened: str, _: Any) -> None:
        if happened == "call" and frame.f_code is model.quote.__code__:
            told.append(frame.f_locals["known"])

    sys.setprofile(look)
    try:
        run_block(block, model)
    finally:
        sys.setprofile(None)
    return told


def at(assumed: str, seed: int, delay: int = 0) -> Assumptions:
    return Assumptions(
        rewards="recorded", reward_rules=assumed, fees="none", queue="pessimistic@1", volatility="constant",
        requote_ms=700, position_limit=1000.0, seed=seed, feed_ms=delay,
    )  # fmt: skip


@pytest.mark.usefixtures("plain_kernels")
def test_a_model_is_told_of_each_side_what_the_fractions_say() -> None:
    decided, shared = zip(*(compared(seed, rules) for seed, rules in enumerate(RULES)), strict=True)
    assert sum(decided) > 40
    assert sum(shared) > 40


def compared(seed: int, rules: str) -> tuple[int, int]:
    """Compare what a model is told along a tape. Returns how many decisions there were, and shares between 0 and 1."""
    made = random_tape(seed, "tapered_deci_cent", 30, trades=False)
    tape = Tape(**{**vars(made), "programs": programs()})
    cell, assumed = {"half": 0.5, "size": 9.0}, at(rules, seed)
    plan, run = reward_plan(tape, assumed), replay(tape, Reader, cell, assumed)
    shares, along = 0, told_along(tape, Reader, cell, assumed)
    for known in along:
        now = min(tape.columns.ts.tolist(), key=lambda ts: abs(ts - round(known.time * 1e9)))
        running = [pair for pair in zip(plan.programs, plan.rules, strict=True) if pair[0].start <= now < pair[0].end]
        books, own = books_at(tape, now), own_levels(tape, run, now)
        assert [*map(str, known.rewards[len(running) :])] == [str(NO_REWARD)] * (3 - len(running))
        for (program, how), told in zip(running, known.rewards, strict=False):
            assert (told.pool, told.left) == (program.reward / 1e6, pytest.approx((program.end - now) / 1e9))
            for side, word in enumerate(("bid", "ask")):
                reference, rivals, lacks, share = (
                    getattr(told, f"{word}_{name}") for name in ("reference", "rivals", "lacks", "share")
                )
                steps = distance_of(tape, side, how)
                wanted = side_score(books[side], own[side], program.target, program.discount, how, steps)
                if wanted is None:
                    standing = sum(books[side].values()) + sum(own[side].values())
                    assert (share, lacks) == (0.0, pytest.approx((program.target - standing) / 100.0))
                elif how.highest == "excluded" and max({**books[side], **own[side]}) >= tape.grid.top - 1:
                    assert (share, lacks) == (0.0, program.target / 100.0)
                else:
                    assert (share, lacks) == (pytest.approx(float(wanted.share), abs=1e-12), 0.0)
                    assert rivals == pytest.approx(float(wanted.everybody * (1 - wanted.share)) / 100.0)
                    level = wanted.reference if side == 0 else int(tape.grid.top) - wanted.reference
                    assert reference == tape.grid.ticks[level] * 0.01
                    shares += 0 < wanted.share < 1
    return len(along), shares


@pytest.mark.usefixtures("plain_kernels")
def test_what_was_earned_so_far_is_the_sum_of_the_snapshots_before() -> None:
    tape = Tape(**{**vars(random_tape(1, "linear_cent", 30, trades=False)), "programs": programs()})
    cell, assumed = {"half": 0.5, "size": 30.0}, at(RULES[1], 1)
    plan, run = reward_plan(tape, assumed), replay(tape, Reader, cell, assumed)
    block = new_block(tape, Reader, [cell], [assumed], record=True)
    last = told_along(tape, Reader, cell, assumed)[-1]
    before = [ts for ts in block.rewards.ts[:-1].tolist() if ts < last.time * 1e9]
    plain = scored(tape, run, list(plan.programs), list(plan.rules), before)
    seconds = 40  # of the long program
    assert last.rewards[0].accrued == pytest.approx(float((plain[0].bid + plain[0].ask) / (2 * seconds) * 100))
    assert last.rewards[0].accrued > 1.0


@pytest.mark.usefixtures("plain_kernels")
def test_without_programs_a_model_is_told_of_none() -> None:
    tape = random_tape(2, "linear_cent", 10)
    told = told_along(tape, Reader, {"half": 0.5, "size": 9.0}, Assumptions(fees="none", volatility="constant"))
    assert told and all(str(one.rewards) == str((NO_REWARD,) * 3) for one in told)


@pytest.mark.usefixtures("plain_kernels")
def test_explain_shows_the_programs_that_a_model_read() -> None:
    tape = Tape(**{**vars(random_tape(1, "linear_cent", 20)), "programs": programs()})
    cell, assumed = {"half": 0.5, "size": 9.0}, at(RULES[1], 1)
    quoted = replay(tape, Reader, cell, assumed).quotes.filter(pl.col("bid_size") > 0)["ts"]
    shown = explain(tape, Reader, cell, assumed, next(ts for ts in quoted if ts > START + 10 * SECOND))
    assert shown.known["rewards_1.pool"] == 100.0 and shown.known["rewards_2.target"] == 60.0
    assert 0.0 <= shown.known["rewards_1.bid_share"] <= 1.0
    assert not any(name.startswith("rewards_3") for name in shown.known)
