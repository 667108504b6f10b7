"""The mid at an event and some time after a moment: what a fill is worth later, for marks of fills and for training."""

from __future__ import annotations

import numpy as np

from ....io.ground.units import NS_PER_SECOND
from ..state import I64
from .tape import Tape


def mids_at(tape: Tape, at: I64) -> I64:
    """Mid in whole ticks after event ``at``; the last one there was while a side is empty, 0 before the first."""
    bid, ask, grid = tape.columns.best_bid, tape.columns.best_ask, tape.grid
    last = np.maximum.accumulate(np.where((bid > 0) & (ask < grid.top), np.arange(len(bid)), -1))
    event = last[np.maximum(at, 0)]
    event = np.where(at >= 0, event, -1)
    mids = (grid.ticks[bid[event]].astype(np.int64) + grid.ticks[ask[event]]) >> 1
    return np.where(event >= 0, mids, 0)


def mids_later(tape: Tape, ts: I64, seconds: float) -> I64:
    """Mid in whole ticks ``seconds`` after each of ``ts``, with every event of that very nanosecond."""
    return mids_at(tape, np.searchsorted(tape.columns.ts, ts + round(seconds * NS_PER_SECOND), side="right") - 1)
