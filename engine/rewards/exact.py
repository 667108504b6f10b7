"""The score of a snapshot in fractions: the plain form that every faster one is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from .rules import RewardRules

#: How far a price lies below the reference, in steps of the rules' unit; below zero where it is better.
Distance = Callable[[int, int], Fraction]


@dataclass(frozen=True)
class SideScore:
    """What a side of a snapshot comes to."""

    share: Fraction  #: own score of everybody's
    reference: int  #: price from which the score falls
    last: int  #: lowest price that scores
    everybody: Fraction  #: score of all


def side_score(
    levels: Mapping[int, int], own: Mapping[int, int], target: int, discount: int, rules: RewardRules,
    distance: Distance,
) -> SideScore | None:  # fmt: skip
    """Score one side of a book; None where its bids run out before the target is reached.

    Args:
        levels: Lots of everybody else by price.
        own: Own lots by price.
        target: Lots that must stand at a price or better for the side to count.
        discount: What a step below the reference leaves of the score, 1/10,000.
        rules: The rules that hold.
        distance: From reference and price to steps.

    Example:
        >>> from .rules import rules_at
        >>> cents = lambda reference, price: Fraction(reference - price, 100)
        >>> book = {4000: 10_000, 3900: 50_000, 3800: 100_000}
        >>> score = side_score(book, {4100: 10_000}, 100_000, 5000, rules_at(0), cents)
        >>> score.share
        Fraction(1, 4)
    """
    reached: list[int] = []
    running, reference = 0, None
    for price in sorted({*levels, *own}, reverse=True):
        lots = levels.get(price, 0) + own.get(price, 0)
        if lots == 0:
            continue
        reached.append(price)
        running += lots
        if reference is None and (rules.reference == "best" or 5 * running >= target):
            reference = price
        if running >= target:
            break
    if reference is None or running < target:
        return None
    weights = {price: _weight(rules, discount, distance(reference, price)) for price in reached}
    mine = sum((own.get(price, 0) * weight for price, weight in weights.items()), Fraction(0))
    everybody = mine + sum((levels.get(price, 0) * weight for price, weight in weights.items()), Fraction(0))
    return SideScore(mine / everybody, reference, reached[-1], everybody)


def _weight(rules: RewardRules, discount: int, steps: Fraction) -> Fraction:
    """What a lot scores so many steps below the reference; of a part of a step, the nearest float."""
    if steps < 0 and rules.inside == "capped":
        return Fraction(1)
    kept = Fraction(discount, 10_000)
    if steps.denominator == 1:
        return kept ** int(steps)
    return Fraction(float(kept) ** float(steps))
