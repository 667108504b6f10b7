"""What became of every candidate, the rejected too: one contract of each, bought when it could be, kept to the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ....io.ground.jit import kept
from ..types import PanelColumns
from .entry import Ints, Records
from .random import bought_nb


def candidate_outcomes(
    columns: PanelColumns, rule: npt.NDArray[Any], fates: npt.NDArray[np.int8], passed: npt.NDArray[np.int8] | None
) -> npt.NDArray[np.int64]:
    """A row a fate: candidates, how many of them could be bought and settled, how many won, what they made (micros)."""
    table = np.zeros((128, 4), np.int64)
    stopped = np.zeros(0, np.int8) if passed is None else passed
    _outcomes_nb(columns, rule, fates, stopped, table)
    return table


@kept()
def _outcomes_nb(c: PanelColumns, rules: Records, fates: Ints, passed: Ints, table: Ints) -> None:
    rule, market, score = rules[0], c.market, c.score
    bars = len(c.times)
    for m in range(len(market)):
        for t in range(market[m].first, market[m].last + 1):
            at, row = t + rule.delay, market[m].base + t * market[m].stride
            fate = fates[row]
            if fate == 0 and score[row] != 0 and len(passed) > 0:
                fate = passed[row]
            if fate == 0:
                continue
            table[fate, 0] += 1
            if at >= bars or market[m].payout < 0 or not market[m].opens <= at <= market[m].closes:
                continue
            side = 1 if score[row] > 0 else -1
            price = bought_nb(c, rule, at, m, side)
            if price < 0:
                continue
            paid = market[m].payout if side > 0 else 10_000 - market[m].payout
            table[fate, 1] += 1
            table[fate, 2] += paid > price
            table[fate, 3] += (paid - price) * 100
