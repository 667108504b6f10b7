"""What the events of a stream say about volatility, as a tape's own observations, taken in as they come."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..simulator.assumptions.venue import Assumptions
from ..simulator.block import Block
from ..simulator.kernel.rows import POINT
from ..simulator.state import Columns, Points
from ..simulator.tape.events import KIND, TRADE
from ..simulator.tape.volatility import Decay
from . import memory


class Observation(NamedTuple):
    """When something was observed, at which event, how much, and the variance after it where that is asked for."""

    ts: int
    event: int
    observed: int
    value: float


class Observer:
    """Writes a market's observations into its block: trade prices, or changes of the mid, in ticks."""

    def __init__(self, assumptions: Assumptions, opens: int) -> None:
        self.count = 0
        self._kind, self._opens = assumptions.volatility, opens  #: what was before the market's life tells nothing
        self._decay = Decay(assumptions.window_s)
        self._touch: tuple[int, int] | None = None  #: the last one with two sides
        self._doubled = 0  #: twice its mid

    def see(self, block: Block, events: Columns, before: int) -> None:
        """Take events in that come after ``before`` others."""
        if self._kind == "constant":
            return
        seen = self._traded(block, events) if self._kind == "levels" else self._moved(block, events)
        found = [one for one in seen if one.ts >= self._opens]
        if found:
            self._write(block, found, before)

    def _traded(self, block: Block, events: Columns) -> list[Observation]:
        ticks, top = block.grid.ticks, int(block.grid.top)
        found: list[Observation] = []
        for at in np.flatnonzero((events.kind & KIND) == TRADE).tolist():
            level = int(events.level[at])
            price = ticks[level if events.side[at] == 0 else top - level]
            found.append(Observation(int(events.ts[at]), at, int(price), 0.0))
        return found

    def _moved(self, block: Block, events: Columns) -> list[Observation]:
        ticks, top = block.grid.ticks, int(block.grid.top)
        found: list[Observation] = []
        for at, touch in enumerate(zip(events.best_bid.tolist(), events.best_ask.tolist(), strict=True)):
            if touch == self._touch or touch[0] <= 0 or touch[1] >= top:
                continue
            doubled = int(ticks[touch[0]]) + int(ticks[touch[1]])
            change = 0 if self._touch is None else doubled - self._doubled
            self._touch, self._doubled = touch, doubled
            if change:
                found.append(self._change(int(events.ts[at]), at, change))
        return found

    def _change(self, ts: int, at: int, change: int) -> Observation:
        decays = self._kind == "decaying" and ts >= self._opens
        return Observation(ts, at, change, self._decay.add(ts, self._doubled / 200.0) if decays else 0.0)

    def _write(self, block: Block, found: list[Observation], before: int) -> None:
        n, k = len(found), self.count
        table = block.points.rows
        if k + n >= table.shape[1]:
            table = np.concatenate([table, np.zeros((4, table.shape[1] + n), np.int64)], axis=1)
        for at, one in enumerate(found, k):
            table[POINT.ts, at], table[POINT.event, at] = one.ts, before + one.event
            table[POINT.sum, at + 1] = table[POINT.sum, at] + one.observed
            table[POINT.squares, at + 1] = table[POINT.squares, at] + one.observed * one.observed
        kept = memory.joined(memory.whole(block.points.value), k, np.array([one.value for one in found]))
        self.count = k + n
        block.points = Points(table, kept[: self.count])
