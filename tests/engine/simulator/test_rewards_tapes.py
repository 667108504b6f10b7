"""Two thousand short random tapes, each scored in fractions from what the replay wrote down."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from touchline.engine.rewards.exact import side_score
from touchline.engine.rewards.payout import PARTS
from touchline.engine.rewards.programs import Program
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.rows import S
from touchline.engine.simulator.prepare import new_block, run_block
from touchline.engine.simulator.tape.tape import Tape
from touchline.strategies.models.fixed_spread import FixedSpread

from .reward_oracle import Books, distance_of
from .test_rewards import RULES, SECOND, START, random_tape

LASTS = 4


def short_tape(seed: int) -> Tape:
    paying = (
        Program("all", "M", START, START + LASTS * SECOND, 10**8, 3_000, 5_000),
        Program("part", "M", START + SECOND, START + 3 * SECOND, 10**7, 6_000, 3_000),
    )
    return Tape(**{**vars(random_tape(seed, "linear_cent", LASTS)), "programs": paying})


def scored(seed: int) -> int:
    """Compare a tape. Returns how many sides of snapshots were shared."""
    tape, shared = short_tape(seed), 0
    cell = {"half_spread": (0.5, 1.0, 3.0)[seed % 3], "skew": 0.0, "size": (1.0, 14.0, 70.0)[seed // 3 % 3]}
    assumed = Assumptions(
        rewards="recorded", reward_rules=RULES[seed % len(RULES)], fees="none", queue="pessimistic@1",
        volatility="constant", requote_ms=700, position_limit=1000.0, seed=seed,
    )  # fmt: skip
    block = new_block(tape, FixedSpread, [cell], [assumed], record=True)
    run_block(block, FixedSpread)
    assert block.counted is not None
    (plan, arrays), books = block.counted, Books(tape)
    count = int(block.state.scalars[S.quotes])
    told, quotes = block.log.quote_ts[:count], block.log.quotes[:count].tolist()
    sums = [[Fraction(0), Fraction(0), 0] for _ in plan.programs]
    for ts in arrays.ts[:-1].tolist():
        books.go(ts)
        if books.is_over or not (books.is_open and books.is_known):
            continue
        row = quotes[at - 1] if (at := int(np.searchsorted(told, ts))) else [0] * 5
        own: list[dict[int, int]] = [{row[side]: row[side + 1]} if row[side + 1] else {} for side in (1, 3)]
        for one, how, total in zip(plan.programs, plan.rules, sums, strict=True):
            if one.start <= ts < one.end:
                sides = [
                    None if how.highest == "excluded" and max({**books.sides[side], **own[side]}, default=0) >= 99
                    else side_score(books.sides[side], own[side], one.target, one.discount, how,
                                    distance_of(tape, side, how))
                    for side in range(2)
                ]  # fmt: skip
                if sides[0] is not None and sides[1] is not None:
                    total[0] += sides[0].share
                    total[1] += sides[1].share
                    total[2] += 1
                    shared += sum(0 < score.share < 1 for score in sides if score is not None)
    found: Any = arrays.earned[:, 0].tolist()
    for index, (bid, ask, included) in enumerate(sums):
        assert found[3 * index + 2] == included, seed
        for kept, share in zip(found[3 * index : 3 * index + 2], (bid, ask), strict=True):
            assert abs(kept - share * PARTS) <= Fraction(51, 100) * (included + 1), seed
    return shared


@pytest.mark.parametrize(("first", "last"), [(0, 500), pytest.param(500, 2_000, marks=pytest.mark.slow)])
def test_every_tape_is_scored_as_the_fractions_say(first: int, last: int) -> None:
    assert sum(map(scored, range(first, last))) > last - first
