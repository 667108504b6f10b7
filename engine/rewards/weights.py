"""What a kernel needs of a program to score a book: weights by distance, and the places of levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .rules import RewardRules

#: A weight stays inside the range of floats, far as an order may stand in front of all others: its share is one then.
LARGEST = 1e250


@dataclass(frozen=True)
class Weights:
    """Weights of a program on a market's grid."""

    place: npt.NDArray[np.int32]  #: a row a side: where each level of it stands, in the smallest steps of the rules
    power: npt.NDArray[np.float64]  #: weight by steps below the reference, from minus ``middle`` on
    middle: int  #: place of the weight at the reference


def weights_of(ticks: npt.NDArray[np.int32], discount: int, rules: RewardRules) -> Weights:
    """Return the weights of a program on the grid whose levels stand at ``ticks``."""
    top = len(ticks) - 1
    if rules.unit == "ticks":
        levels = np.arange(top + 1, dtype=np.int32)
        place, step = np.stack([levels, levels]), 1.0
    else:
        smallest = int(np.gcd.reduce(np.diff(ticks)))
        prices = np.stack([ticks, 10_000 - ticks[::-1]])
        place, step = (prices // smallest).astype(np.int32), smallest / 100.0
    middle = int(place.max())
    steps = np.arange(-middle, middle + 1) * step
    with np.errstate(over="ignore", under="ignore"):
        power = np.minimum((discount / 10_000.0) ** steps, LARGEST)
    return Weights(np.ascontiguousarray(place), power, middle)
