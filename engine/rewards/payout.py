"""From the scores of a period to money: the amount, the cliff of one dollar, whole cents, the cap."""

from __future__ import annotations

from fractions import Fraction

from ...io.ground.units import MICROS_PER_DOLLAR

#: What a program pays at least, micros; less is nothing.
LEAST = MICROS_PER_DOLLAR
CENT = MICROS_PER_DOLLAR // 100
#: A share of a side is kept as a whole number of these parts. A snapshot's two shares are then off by at most a part,
#: and a period's amount by less than 1/1,000 micro for each 1,000 dollars of reward.
PARTS = 1 << 40


def amount(own_sum: Fraction | int, included: int, total: int, reward: int, *, scaled: bool, parts: int = 1) -> int:
    """Return what a period earns before the rules of payout, to the nearest micro.

    Args:
        own_sum: Sum of the own shares of both sides over the included snapshots, in ``parts``.
        included: Snapshots that count.
        total: Snapshots of the period.
        reward: What the program pays in the period, micros.
        scaled: Whether the amount is reduced by the share of snapshots that do not count.
        parts: How many of ``own_sum`` are one whole side.

    Example:
        >>> amount(3200, 8000, 10_000, 100_000_000, scaled=True)
        16000000
    """
    snapshots = total if scaled else included
    if not snapshots or not included:
        return 0
    earned, whole = own_sum.numerator * reward, 2 * snapshots * parts * own_sum.denominator
    return (2 * earned + whole) // (2 * whole)


def paid(earned: int, cap: int | None = None) -> int:
    """Return what of an amount is paid: nothing below a dollar, whole cents, at most the cap. All in micros.

    >>> paid(999_999), paid(1_239_999), paid(5_000_000, cap=2_000_000)
    (0, 1230000, 2000000)
    """
    if earned < LEAST:
        return 0
    whole = earned // CENT * CENT
    return whole if cap is None else min(whole, cap)


def volume_share(own_lots: int, all_lots: int, reward: int, *, per_contract: int = 5_000) -> int:
    """Estimate what a volume program pays: the reward by volume, at most half a cent a contract. Micros.

    Args:
        own_lots: Own lots traded from 3 to 97 cents in the period.
        all_lots: Lots that traded there; each counts on both of its sides.
        reward: What the program pays in the period, micros.
        per_contract: The most for a contract, micros.

    Example:
        >>> volume_share(10_000, 100_000, 20_000_000)
        500000
    """
    if all_lots <= 0:
        return 0
    return min(own_lots * reward // (2 * all_lots), own_lots * per_contract // 100)
