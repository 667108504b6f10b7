"""Kelly stakes for contracts that pay one dollar or nothing: alone, in whole contracts with the fee, and exclusive.

A cost is what one contract takes in all, fee included, in dollars; net odds are then (1 - cost) / cost.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ....io.ground.errors import InputError
from ....io.ground.jit import inlined, kept

#: Of sums of costs: what is left of a dollar by less than this is nothing.
ROUNDING = 1e-12
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@inlined
def kelly_nb(probability: float, cost: float) -> float:
    """Share of wealth to stake on one contract: (p - C) / (1 - C), never below zero."""
    if cost <= 0.0 or cost >= 1.0 or probability <= cost:
        return 0.0
    return (probability - cost) / (1.0 - cost)


@kept()
def exclusive_kelly_nb(n: int, probability: Floats, cost: Floats, share: Floats, value: Floats, order: Ints) -> None:
    """Shares of wealth over n outcomes of which at most one happens (Smoczynski and Tomkins 2010), into ``share``."""
    for i in range(n):  # best value first; numpy's sort would take seconds to compile
        share[i], value[i] = 0.0, probability[i] / cost[i]
        place = i
        while place > 0 and value[i] > value[order[place - 1]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = i
    missing, unspent, reserve = 1.0, 1.0, 1.0
    chosen = 0
    for i in range(n):
        index = order[i]
        if cost[index] >= unspent - ROUNDING or probability[index] <= reserve * cost[index]:
            break
        missing -= probability[index]
        unspent -= cost[index]
        reserve = max(missing, 0.0) / unspent
        chosen += 1
    for i in range(chosen):
        index = order[i]
        share[index] = max(probability[index] - reserve * cost[index], 0.0)


def kelly_fraction(probability: float, price: float, fee: float = 0.0) -> float:
    """Share of wealth that maximises growth: ``probability`` to win, ``price`` and ``fee`` a contract in dollars.

    >>> round(kelly_fraction(0.6, 0.5), 9), round(kelly_fraction(0.6, 0.5, fee=0.0175), 9)
    (0.2, 0.170984456)
    """
    _probability(probability)
    if not 0 < price < 1 or fee < 0:
        raise InputError(f"a price lies between 0 and 1 dollar and a fee is not negative, not {price} and {fee}")
    return float(kelly_nb(probability, price + fee))


def exclusive_kelly(probabilities: npt.ArrayLike, costs: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Shares of wealth over the exclusive outcomes of one event; what is left out gets 0.

    >>> exclusive_kelly([0.5, 0.3, 0.2], [0.40, 0.33, 0.30]).round(9).tolist()
    [0.203703704, 0.055555556, 0.0]
    """
    p, c = np.asarray(probabilities, float), np.asarray(costs, float)
    if p.shape != c.shape or p.ndim != 1:
        raise InputError(f"as many probabilities as costs are needed, not {p.shape} and {c.shape}")
    if (p < 0).any() or p.sum() > 1 + 1e-9 or not ((c > 0) & (c < 1)).all():
        raise InputError("exclusive probabilities are not negative and sum to at most 1; costs lie between 0 and 1")
    share, value = np.zeros((2, len(p)))
    exclusive_kelly_nb(len(p), p, c, share, value, np.zeros(len(p), np.int64))
    return share


def growth(probability: float, cost: float, share: float) -> float:
    """Expected log growth of wealth when ``share`` of it is staked at ``cost`` a contract.

    >>> round(growth(0.6, 0.5, 0.2), 10)
    0.0201355136
    """
    _probability(probability)
    return probability * math.log1p(share * (1 - cost) / cost) + (1 - probability) * math.log1p(-share)


def _probability(probability: float) -> None:
    if not 0 <= probability <= 1:
        raise InputError(f"a probability lies between 0 and 1, not {probability}")
