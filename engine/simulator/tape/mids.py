"""A tape of mids alone, for checks against theory: one level on each side, no trades."""

from __future__ import annotations

import numpy as np

from ....io.ground.errors import InputError
from ..state import F64, I64
from .rebuild import DELTA
from .tape import Tape, TapeMarket, TapeRows, build, kernel_grid

FINEST = "center_centi_edge_centi_cent"


def mid_tape(ts: I64, mids: F64, market: TapeMarket | None = None) -> Tape:
    """Return a tape whose mid is ``mids`` (cents) from each of ``ts`` on, to half a level of the market's grid.

    With ``poisson@A,k`` fills it is the setting of the papers: a mid that moves, and fills by the distance from it.
    """
    owner = market or TapeMarket("MID", grid=FINEST)
    grid = kernel_grid(owner.grid)
    if not grid.step:
        raise InputError(f"a tape of mids needs a grid with one step, not {owner.grid}")
    doubled = np.rint(mids * 200.0 / grid.step).astype(np.int64)
    bid = (doubled - 1) // 2
    ask = doubled - bid
    if len(ts) != len(mids) or not len(ts) or bid.min() < 1 or ask.max() >= grid.top:
        raise InputError("a tape of mids needs a time for each, and every mid inside the grid by more than a level")
    before = np.maximum(np.arange(len(ts)) - 1, 0)
    level = np.stack([bid[before], ask[before], bid, ask], axis=1)
    size = np.tile(
        np.array([-100, -100, 100, 100]), (len(ts), 1)
    )  # each step takes both levels away and puts them anew
    size[0, :2] = 0
    n = 4 * len(ts)
    rows = TapeRows(
        np.repeat(ts, 4).astype(np.int64), np.full(n, DELTA, np.uint8), np.tile(np.array([1, -1], np.int8), n // 2),
        (level.ravel() * grid.step).astype(np.int32), size.ravel().astype(np.int64),
    )  # fmt: skip
    return build(owner, rows, np.zeros(0), empty_start=True)
