"""Scores of a snapshot: the walk in fractions against known answers, and the kernel's against the fractions."""

from __future__ import annotations

import json
import os
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from touchline.engine.rewards.exact import SideScore, side_score
from touchline.engine.rewards.payout import PARTS, amount, paid, volume_share
from touchline.engine.rewards.rules import RewardRules, described, rules_at
from touchline.engine.rewards.weights import weights_of
from touchline.engine.simulator.assumptions.flags import Flags
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.kernel.rewards import SHORT
from touchline.engine.simulator.kernel.rows import GROUP, INTS, I
from touchline.engine.simulator.state import RewardArrays
from touchline.io.ground.errors import InputError
from touchline.io.ground.grids import grid_levels
from touchline.io.ground.times import nanoseconds
from touchline.strategies.quoting.model import QuotingModel

ROOT = Path(__file__).resolve().parents[3]
READINGS = [(reference, inside) for reference in ("best", "fifth") for inside in ("capped", "filed")]
#: note, levels, own, target, and the share under best/capped, best/filed, fifth/capped, fifth/filed; 5,000 of 10,000.
BOOKS = [
    ("join the best", {40: 100, 39: 500, 38: 1000}, {40: 100}, 1000, ["1/7"] * 4),
    ("one tick in front", {40: 100, 39: 500, 38: 1000}, {41: 100}, 1000, ["1/4", "1/4", "1/7", "1/4"]),
    ("the target alone, in front", {40: 100, 39: 500, 38: 1000}, {41: 1000}, 1000, ["1"] * 4),
    ("the bids run out", {40: 100, 39: 50}, {40: 100}, 1000, [None] * 4),
    ("below what scores", {40: 1000, 39: 500}, {39: 100}, 1000, ["0"] * 4),
    ("the reference is not the best", {40: 10, 37: 2000}, {37: 100}, 1000, ["5/109", "5/109", "10/211", "5/109"]),
]


def rules(reference: Any, inside: Any) -> RewardRules:
    return RewardRules("test", reference, inside)


def steps_of(step: int) -> Any:
    return lambda reference, price: Fraction(reference - price, step)


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    path = Path(os.environ.get("TOUCHLINE_FACTS", ROOT.parent / "shared" / "facts")) / "rewards_vectors.json"
    if not path.is_file():
        pytest.skip(f"no vectors at {path}; set TOUCHLINE_FACTS to the folder that has rewards_vectors.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize(("note", "levels", "own", "target", "shares"), BOOKS, ids=[book[0] for book in BOOKS])
def test_a_book_is_scored_as_the_exchange_writes(
    note: str, levels: dict[int, int], own: dict[int, int], target: int, shares: list[str | None]
) -> None:
    for (reference, inside), share in zip(READINGS, shares, strict=True):
        found = side_score(levels, own, target, 5000, rules(reference, inside), steps_of(1))
        assert (None if found is None else found.share) == (None if share is None else Fraction(share))


class Rungs(QuotingModel):
    """Five orders a side: only its kernel is asked."""

    name = "rungs"
    levels = 5


PLAIN = interpreted(Rungs, Flags(rewards=True))


def of_kernel(
    levels: dict[int, int], own: dict[int, int], target: int, discount: int, how: RewardRules, top: int
) -> int:
    """The share in parts as the kernel has it; prices are levels of a side."""
    weights = weights_of(np.linspace(0, 10_000, top + 1).astype(np.int32), discount, how)
    bounded = how.reference == "fifth" and how.inside == "capped"
    ints, book = np.zeros((INTS, GROUP), np.int32), np.zeros(top + 1, np.int32)
    for level, lots in levels.items():
        book[level] = lots
    for slot, (level, lots) in enumerate(own.items()):
        ints[I.px + 2 * slot, 0], ints[I.left + 2 * slot, 0] = level, lots
    rows = np.array([[0, 1, target, -(-target // 5), 0, bounded, 0, how.reference == "fifth", 0, 0, discount, 1, 0]])
    none = np.zeros((0, GROUP), np.int64)
    arrays = RewardArrays(
        np.zeros(1, np.int64), rows, weights.place[None], weights.power[None], np.zeros((3, GROUP), np.int64),
        np.zeros(GROUP, np.int64), np.zeros((2, GROUP), np.int64), np.zeros((2, GROUP), np.int32),
        np.zeros((4, GROUP)), np.zeros((3, top + 1), np.int64), np.zeros((3, top + 1)),
        none, none, none, none,
    )  # fmt: skip
    PLAIN.side_shares_nb(0, 0, 1, ints, book, arrays, arrays.shares[0])
    return int(arrays.shares[0, 0])


def agrees(found: int, wanted: SideScore | None) -> bool:
    return found == SHORT if wanted is None else abs(found - wanted.share * PARTS) <= Fraction(501, 1000)


def test_all_sides_of_the_vectors_come_out_exactly(vectors: dict[str, Any]) -> None:
    for row in vectors["sides"]:
        levels, own = ({int(price): lots for price, lots in row[name].items()} for name in ("levels", "own"))
        how = rules(row["reference"], row["inside"])
        found = side_score(levels, own, row["target_lots"], row["df_bps"], how, steps_of(row["step"]))
        assert (None if found is None else found.share) == (None if row["share"] is None else Fraction(*row["share"]))
        by_level = [{price // row["step"]: lots for price, lots in each.items()} for each in (levels, own)]
        top = 10_000 // row["step"]
        assert agrees(of_kernel(*by_level, row["target_lots"], row["df_bps"], how, top), found), row
    assert len(vectors["sides"]) == 836


def test_all_payouts_of_the_vectors_come_out_exactly(vectors: dict[str, Any]) -> None:
    for row in vectors["payouts"]:
        own_sum, reward = Fraction(*row["own_sum"]), row["period_reward"] * 100
        earned = amount(own_sum, row["included"], row["total"], reward, scaled=row["scaled"])
        assert paid(earned) == row["payout_cents"] * 10_000
    assert vectors["payouts"]


TARGETS, DISCOUNTS = (5_000, 30_000, 100_000, 250_000), (1_000, 3_000, 5_000, 9_900, 10_000)


def random_side(chance: random.Random) -> dict[int, int]:
    """A few levels, near each other as a rule."""
    best, span = chance.randint(1, 99), chance.choice((3, 10, 98))
    levels = range(max(best - span, 1), best + 1)
    return {chance.choice(levels): chance.randint(1, 60_000) for _ in range(chance.randint(0, 9))}


def test_the_kernels_form_is_the_fractions_to_half_a_part_on_many_books() -> None:
    chance, shares = random.Random(1), 0
    for _ in range(2_000):
        levels, own = random_side(chance), dict([*random_side(chance).items()][:5])
        target, discount, how = chance.choice(TARGETS), chance.choice(DISCOUNTS), rules(*chance.choice(READINGS))
        wanted = side_score(levels, own, target, discount, how, steps_of(1))
        assert agrees(of_kernel(levels, own, target, discount, how, 100), wanted), (levels, own, target, discount, how)
        shares += wanted is not None and 0 < wanted.share < 1
    assert shares > 300


@pytest.mark.parametrize("reading", READINGS)
def test_the_shares_of_all_users_of_a_snapshot_sum_to_two(reading: tuple[str, str]) -> None:
    """Split books at random among made-up users: each side is worth one in total, the snapshot two."""
    chance, whole = random.Random(2), 0
    for _ in range(100):
        sides, target, discount = (
            (random_side(chance), random_side(chance)),
            chance.choice(TARGETS),
            chance.choice(DISCOUNTS),
        )
        total = Fraction(0)
        for side in sides:
            left, users = dict(side), list[dict[int, int]]()
            for _ in range(3):
                users.append({price: chance.randint(0, lots) for price, lots in left.items()})
                left = {price: lots - users[-1][price] for price, lots in left.items()}
            for mine in (*users, left):
                others = {price: side[price] - mine[price] for price in side}
                found = side_score(others, mine, target, discount, rules(*reading), steps_of(1))
                total += found.share if found is not None else 0
        assert total == sum(sum(side.values()) >= target for side in sides)
        whole += total == 2
    assert whole > 20


def test_cents_are_a_tenth_of_ticks_on_a_fine_grid() -> None:
    fine = grid_levels("deci_cent").astype(np.int32)
    ticks, cents = (weights_of(fine, 5000, RewardRules("test", "best", unit=unit)) for unit in ("ticks", "cents"))
    assert ticks.power[ticks.middle + 1] == 0.5
    assert cents.power[cents.middle + 10] == 0.5
    tapered = weights_of(
        grid_levels("tapered_deci_cent").astype(np.int32), 5000, RewardRules("test", "best", unit="cents")
    )
    assert (np.diff(tapered.place[1]) == np.diff(tapered.place[0])).all()  # the grid is symmetric
    assert tapered.place[0][-1] == tapered.middle


def test_a_program_pays_nothing_below_a_dollar_and_whole_cents_above() -> None:
    twenty = 20_000_000
    assert paid(amount(90, 900, 900, twenty, scaled=True)) == 1_000_000  # a share of 5 % of 20 dollars
    assert paid(amount(Fraction(899, 10), 900, 900, twenty, scaled=True)) == 0
    assert amount(Fraction(899, 10), 900, 900, twenty, scaled=True) == 998_889
    assert amount(90, 450, 900, twenty, scaled=False) == 2 * amount(90, 450, 900, twenty, scaled=True)
    assert amount(0, 0, 900, twenty, scaled=True) == amount(0, 0, 900, twenty, scaled=False) == 0


def test_a_volume_program_pays_by_both_sides_of_a_trade_and_at_most_half_a_cent_a_contract() -> None:
    assert volume_share(50_000, 100_000, 1_000_000) == 250_000  # a quarter of all sides
    assert volume_share(100, 200, 1_000_000) == 5_000
    assert volume_share(100, 0, 1_000_000) == 0


def test_rules_follow_the_day_and_settings_override_them() -> None:
    day = nanoseconds
    assert [rules_at(day(at)).name for at in ("2026-01-01", "2026-07-14", "2026-07-15")] == [
        "lip@2026-02", "lip@2026-02", "lip@2026-07",
    ]  # fmt: skip
    assert [rules_at(day(at)).scaled for at in ("2026-07-14", "2026-07-29", "2026-07-30")] == [False, False, True]
    old = rules_at(day("2026-10-06"), "lip@2026-02,inside=filed,scaled=true")
    assert (old.reference, old.inside, old.scaled) == ("best", "filed", True)
    assert rules_at(0, described(old)) == old
    for wrong in ("lip@2027-01", "inside=open", "by-day,lip@2026-02", ""):
        with pytest.raises(InputError, match="reward_rules"):
            rules_at(0, wrong)
