"""What a maker wants to know of a program, as it follows from the rules: on books made for it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from touchline.engine.rewards.exact import side_score
from touchline.engine.rewards.payout import amount, paid
from touchline.engine.rewards.rules import RewardRules

BEST = RewardRules("test", "best")
TARGET, POOL = 30_000, 20_000_000
HOUR = 3_600


def share(levels: dict[int, int], own: dict[int, int], rules: RewardRules = BEST, target: int = TARGET) -> Fraction:
    found = side_score(levels, own, target, 5_000, rules, lambda reference, price: Fraction(reference - price, 100))
    assert found is not None
    return found.share


def rate(levels: dict[int, int], lots: int, price: int) -> Fraction:
    """Micros an hour that lots at a price earn of one side, of a pool an hour."""
    return share(levels, {price: lots}) * POOL / 2


def test_the_reward_of_a_dollar_more_is_the_derivative_of_the_share() -> None:
    """rate = pool / 2 x q / (q + S), so a collateral dollar more adds pool x S / (2 p (q + S)^2)."""
    book, price, rivals = {4_000: 40_000}, 4_000, 40_000
    for lots in (5_000, 10_000, 20_000):
        more = rate(book, lots + 1, price) - rate(book, lots, price)
        dollars = Fraction(price, 1_000_000)  # of a lot
        derived = POOL * Fraction(rivals) / (2 * dollars * (lots + rivals) ** 2)
        assert float(more / dollars) == pytest.approx(float(derived), rel=1e-3)


def test_the_cheap_side_earns_more_of_a_dollar_by_its_price() -> None:
    """With the same rivals on both sides a dollar buys 1/p contracts, and small shares go with them."""
    dollars = 2_000_000  # micros
    shares = [share({price: 1_000_000}, {price: dollars // price}) for price in (1_000, 9_000)]
    assert float(shares[0] / shares[1]) == pytest.approx(9.0, rel=0.01)


def test_of_two_sides_at_one_price_the_thinner_earns_more() -> None:
    assert share({5_000: 30_000}, {5_000: 10_000}) > share({5_000: 90_000}, {5_000: 10_000})


def test_a_tick_in_front_halves_every_rival_under_best_and_nobody_under_fifth() -> None:
    book, lots = {4_000: 40_000}, 2_000
    assert share(book, {4_000: lots}) == Fraction(lots, lots + 40_000)
    assert share(book, {4_100: lots}) == Fraction(lots, lots + 20_000)
    assert share(book, {4_100: lots}, RewardRules("test", "fifth")) == Fraction(lots, lots + 40_000)


def test_a_lot_of_the_target_in_front_takes_the_whole_side_until_somebody_steps_before_it() -> None:
    book = {4_000: 40_000, 3_900: 100_000}
    assert share(book, {4_100: TARGET}) == 1
    assert share(book | {4_200: TARGET}, {4_100: TARGET}) == 0
    assert share(book | {4_200: 10_000}, {4_100: TARGET}) == Fraction(TARGET // 2, TARGET // 2 + 10_000)


def test_the_cliff_of_a_twenty_dollar_pool_is_a_share_of_a_twentieth() -> None:
    snapshots = 900
    for lots, pays in ((4_999, False), (5_000, True), (5_001, True)):
        one = share({4_000: 100_000 - lots}, {4_000: lots})  # on both sides
        earned = amount(2 * one * snapshots, snapshots, snapshots, POOL, scaled=True)
        assert (paid(earned) > 0) is pays
