"""Rewards along the walk: the plain oracle's to the micro, and a sweep's row equal to the replay to the bit."""

from __future__ import annotations

import ast
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from touchline.engine.rewards.payout import PARTS, amount
from touchline.engine.rewards.programs import Program
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel import build as build_kernel
from touchline.engine.simulator.prepare import ground, new_block, run_block
from touchline.engine.simulator.programs import reward_plan
from touchline.engine.simulator.replay import replay, totals
from touchline.engine.simulator.tape.rebuild import DELTA, PRINT, STATE
from touchline.engine.simulator.tape.tape import Tape, TapeMarket, TapeRows, build
from touchline.io.ground.errors import InputError
from touchline.io.ground.grids import grid_levels
from touchline.io.store.schema import BookKind
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.parameters import Parameter
from touchline.strategies.quoting.model import QuotingModel

from .reward_oracle import scored

SECOND = 1_000_000_000
#: Names in the walk that are about programs alone.
OF_PROGRAMS = ("rewards", "snapshot_nb", "lock_nb")
START = 1_791_000_000 * SECOND


class Ladder(QuotingModel):
    """Three orders a side around a middle, the farther the larger."""

    name = "ladder"
    levels = 3
    parameters = (
        Parameter("half", 1.0, 0.0, 50.0, "cents from the mid"),
        Parameter("size", 3.0, 0.01, 1e6, "contracts"),
    )

    @staticmethod
    def quote(known: Any, p: Any) -> Any:
        """Near, a cent further, three cents further."""
        bids = (known.mid - p.half, known.mid - p.half - 1.0, known.mid - p.half - 4.0)
        asks = (known.mid + p.half, known.mid + p.half + 1.0, known.mid + p.half + 4.0)
        sizes = (p.size, 2.0 * p.size, 5.0 * p.size)
        return bids, asks, sizes, sizes


def random_tape(seed: int, grid: str, seconds: int = 40, *, trades: bool = True) -> Tape:
    """A book that moves about, with trades, a gap and a pause; prices on the grid, sizes of a few contracts."""
    chance = random.Random(seed)
    prices = [int(price) for price in grid_levels(grid)][1:-1]
    middle = chance.choice((300, 2_000, 5_000, 9_700))
    near = [[p for p in prices if p < middle][-9:], [p for p in prices if p > middle][:9]]
    rows: list[tuple[float, int, int, int, int]] = []

    def snapshot(at: float) -> None:
        rows.append((at, int(BookKind.CLEAR), 0, 0, 0))
        for side, sign in ((0, 1), (1, -1)):
            some = chance.sample(near[side], k=min(5, len(near[side])))
            rows.extend((at, int(BookKind.LEVEL), sign, price, chance.randint(1, 2_000)) for price in some)

    snapshot(0.0)
    for _ in range(seconds * 6):
        at, side = round(chance.uniform(0, seconds), 3), chance.randrange(2)
        if not near[side]:
            continue
        what = chance.random()
        if what < 0.7:
            rows.append((at, int(DELTA), 1 - 2 * side, chance.choice(near[side]), chance.randint(1, 1_500)))
        elif what < 0.95 and trades:
            rows.append((at, int(PRINT), 2 * side - 1, chance.choice(near[side]), chance.randint(1, 900)))
        elif what < 0.97:
            rows.append((at, int(STATE), chance.randrange(2), 0, 0))
        elif what < 0.98:
            rows.append((at, int(BookKind.GAP), 0, 0, 0))
    snapshot(seconds / 2)
    rows.append((float(seconds) + 1.0, int(STATE), 1, 0, 0))
    rows.sort(key=lambda row: row[0])
    table = list(zip(*rows, strict=True))
    ts = START + np.rint(np.array(table[0]) * 1e9).astype(np.int64)
    columns = TapeRows(
        ts, *(np.array(column, kind) for column, kind in zip(table[1:], ("u1", "i1", "i4", "i8"), strict=True))
    )
    market = TapeMarket("M", grid=grid, open_ts=START - SECOND, close_ts=START + (seconds + 1) * SECOND)
    return build(market, columns, np.zeros(0))


def programs(seconds: int = 40) -> tuple[Program, ...]:
    """Two that overlap, with targets that a book reaches often and now and then."""
    return (
        Program("long", "M", START, START + seconds * SECOND, 100_000_000, 3_000, 5_000),
        Program("short", "M", START + 10 * SECOND, START + 25 * SECOND, 20_000_000, 6_000, 3_000),
    )


RULES = (
    "lip@2026-02", "lip@2026-07", "lip@2026-07,inside=filed", "lip@2026-07,unit=cents", "lip@2026-07,highest=excluded",
)  # fmt: skip
CELLS = [{"half_spread": half, "skew": 0.0, "size": size} for half in (0.5, 1.0, 3.0) for size in (1.0, 14.0, 70.0)]
RUNGS = [{"half": half, "size": size} for half in (0.5, 2.0) for size in (1.0, 9.0, 30.0)]


def tape_with(seed: int, grid: str, *, trades: bool = True) -> Tape:
    made = random_tape(seed, grid, trades=trades)
    return Tape(**{**vars(made), "programs": programs()})


@pytest.mark.parametrize(
    ("model", "cells", "delay", "grid"),
    [
        pytest.param(FixedSpread, CELLS, 0, "linear_cent", id="at once", marks=pytest.mark.slow),
        pytest.param(FixedSpread, CELLS, 250, "tapered_deci_cent", id="delayed", marks=pytest.mark.slow),
        pytest.param(Ladder, RUNGS, 0, "tapered_deci_cent", id="three levels", marks=pytest.mark.slow),
    ],
)
def test_rewards_are_the_oracles_and_a_sweeps_row_is_the_replays(
    model: Any, cells: list[dict[str, float]], delay: int, grid: str
) -> None:
    shared_shares = 0
    for seed in range(6):
        tape = tape_with(seed, grid, trades=not delay)  # with a delay a fill is not seen in the quotes
        assumed = Assumptions(
            rewards="recorded", reward_rules=RULES[seed % len(RULES)], fees="none", queue="pessimistic@1",
            volatility="constant", requote_ms=700, entry_ms=delay, response_ms=delay, position_limit=1000.0, seed=seed,
        )  # fmt: skip
        shared = ground(tape, assumed)
        block = new_block(tape, model, cells, [assumed] * len(cells), record=False, shared=shared)
        run_block(block, model)
        plan = shared.rewards
        assert plan is not None
        rows = totals(block, tape)
        for c, cell in enumerate(cells):
            made = replay(tape, model, cell, assumed)
            assert made.totals == rows[c]
            parts = ("spread_capture", "drift", "settlement", "rebates", "rewards")
            assert made.totals.pnl == sum(made.totals.record()[part] for part in parts) - made.totals.fees
            assert made.totals.pnl - made.totals.rewards == made.totals.pnl_without_rewards
            assert made.totals.rewards == sum(one["paid"] for one in made.periods)
            single = new_block(tape, model, [cell], [assumed], record=True, shared=shared)
            run_block(single, model)
            assert (single.rewards.earned[:, 0] == block.rewards.earned[:, c]).all()
            assert single.rewards.locked[0] == block.rewards.locked[c]
            wanted = scored(tape, made, list(plan.programs), list(plan.rules), block.rewards.ts[:-1].tolist())
            for at, (one, plain) in enumerate(zip(plan.programs, wanted, strict=True)):
                bid, ask, included = (int(block.rewards.earned[3 * at + row, c]) for row in range(3))
                assert included == plain.included
                for found, share in ((bid, plain.bid), (ask, plain.ask)):
                    assert abs(found - share * PARTS) <= Fraction(51, 100) * (plain.included + 1)
                    shared_shares += 0 < share < plain.included
                scaled = plan.rules[at].scaled
                exact = amount(plain.bid + plain.ask, included, one.seconds, one.reward, scaled=scaled)
                assert plan.money(at, bid + ask, included)[0] == exact
    assert shared_shares > 30


def still_tape(*, seconds: int = 20, opens: int = 0, closes: int | None = None) -> Tape:
    """A book that stands still: bids of 10 and 20 contracts at 46 and 45 cents, asks of 15 and 25 at 48 and 49."""
    rows = [
        (0.0, int(BookKind.CLEAR), 0, 0, 0),
        *((0.0, int(BookKind.LEVEL), 1, price, lots) for price, lots in ((4_600, 1_000), (4_500, 2_000))),
        *((0.0, int(BookKind.LEVEL), -1, price, lots) for price, lots in ((4_800, 1_500), (4_900, 2_500))),
        *((second + 0.5, int(DELTA), 1, 100, 100) for second in range(seconds)),
    ]
    table = list(zip(*rows, strict=True))
    ts = START + np.rint(np.array(table[0]) * 1e9).astype(np.int64)
    kinds = ("u1", "i1", "i4", "i8")
    columns = TapeRows(ts, *(np.array(column, kind) for column, kind in zip(table[1:], kinds, strict=True)))
    ends = START + (seconds if closes is None else closes) * SECOND
    return build(TapeMarket("M", open_ts=START + opens * SECOND, close_ts=ends), columns, np.zeros(0))


QUIET = Assumptions(
    rewards="recorded", fees="none", queue="pessimistic@1", volatility="constant", requote_ms=700, position_limit=1000.0
)


def paying(tape: Tape, start: float, end: float, **more: Any) -> tuple[Tape, Any]:
    base = {"reward": 20_000_000, "target": 3_000, "discount": 5_000} | more
    one = Program("p", "M", START + int(start * SECOND), START + int(end * SECOND), **base)
    counted = Tape(**{**vars(tape), "programs": (one,)})
    return counted, reward_plan(counted, QUIET)


@pytest.mark.parametrize(
    ("start", "end", "unseen", "is_part"),
    [(0, 19, 0, False), (-50, 10, 0, False), (5, 60, 0, False), (-50, 10, 50, True), (5, 60, 40, True)],
    ids=["inside", "before the open", "after the close", "before the data", "after the data"],
)
def test_a_period_that_the_data_does_not_reach_is_a_part_and_pays_nothing(
    start: float, end: float, unseen: int, is_part: bool
) -> None:
    life = {"opens": -100, "closes": 200} if unseen else {"opens": 0}
    _, plan = paying(still_tape(**life), start, end)
    assert plan.is_part(0) is is_part
    assert plan.unseen[0] == pytest.approx(unseen, abs=1)
    earned, paid = plan.money(0, 20 * PARTS, 10)
    assert earned == amount(20, 10, int(end - start), 20_000_000, scaled=True)
    assert paid == (0 if is_part else earned // 10_000 * 10_000)


def test_programs_assumed_for_a_what_if_begin_at_round_times() -> None:
    asked = Assumptions(rewards="pool=20,per=5s,target=30,discount=0.5;pool=1,per=1m,target=30")
    plan = reward_plan(still_tape(), asked)
    assert sorted({one.seconds for one in plan.programs}) == [5, 60]
    assert all(one.start % (one.end - one.start) == 0 for one in plan.programs)
    assert {one.discount for one in plan.programs} == {5_000}
    for wrong, said in {
        "pool=20": "lacks per, target; it is written such as pool=20,per=15m",
        "pool=20,per=15,target=300": r"the span \(per\) of a reward is a time such as 15m",
        "pool=0,per=15m,target=300": "the pool of a reward is a number above 0, not '0'; one is written such as pool",
        "20 dollars": "'20 dollars' is no part of one",
        "pool=1,per=1d,target=1,discount=2": "the discount of a reward is a number above 0 and up to 1, not 2",
        "pool=1,per=1d,target=1,kind=x": "the kind of a reward is liquidity or volume, not 'x'",
    }.items():
        with pytest.raises(InputError, match=said):
            Assumptions(rewards=wrong)


def test_a_walk_without_programs_holds_nothing_of_them() -> None:
    """Whatever the walk does with programs stands behind a switch, whose branch is dropped before it is compiled."""
    walk = ast.parse((Path(build_kernel.__file__).parent / "walk.py").read_text())
    (run,) = [one for one in walk.body if isinstance(one, ast.FunctionDef) and one.name == "run_nb"]
    inside: set[ast.AST] = set()
    for one in ast.walk(run):
        if isinstance(one, ast.If | ast.IfExp) and ast.unparse(one.test).partition(" and ")[0] in ("REWARDS", "SCORED"):
            body = one.body if isinstance(one.body, list) else [one.body]
            inside |= {part for statement in body for part in ast.walk(statement)} | {*ast.walk(one.test)}
    used = [one for one in ast.walk(run) if isinstance(one, ast.Name) and one.id in OF_PROGRAMS]
    assert len(used) > 5
    assert [one.lineno for one in used if one not in inside] == []
