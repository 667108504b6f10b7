"""A walk under way: the state of some signals between one slice of events and the next."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....features.signals.event import NEAR
from ....features.signals.signal import Signal
from ..state import F64, I64, Columns, Grid
from .build import AT, walk_of

#: Rows of a ring at the start.
ROOM = 64


class Walker:
    """Takes events of a market in and writes the columns of ``own``, which all are functions of events.

    ``at`` says where the events stand in the arrays that are handed over; what was taken in is never needed again.
    """

    def __init__(self, signals: Mapping[str, Signal], own: tuple[str, ...], grid: Grid) -> None:
        self._walk, self._grid = walk_of(signals, own), grid
        top = int(grid.top)
        self._book, self._near = np.zeros((2, top + 1), np.int64), np.zeros((4, NEAR), np.int64)
        self._levels = np.zeros((2, NEAR), np.int64)
        self._ints, self._floats = self._walk.ints.copy(), self._walk.floats.copy()
        self._rings = tuple(np.zeros((ROOM, width), np.int64) for width in self._walk.rings)

    def take(self, events: Columns, values: F64, out: F64, first: int, stop: int) -> None:
        """Take events ``first`` to ``stop`` in; the row of event ``first`` is the first one of ``out``."""
        self._ints[AT] = first
        while status := self._walk.run(
            events, values, self._grid.ticks, int(self._grid.top), self._book, self._near, self._levels, self._ints,
            self._floats, self._walk.whole, self._walk.real, self._rings, out, first, stop,
        ):  # fmt: skip
            self._longer(status - 1)

    def _longer(self, which: int) -> None:
        """A ring with twice the room; its rows stand where the counters of the state look for them."""
        rings = list(self._rings)
        old = rings[which]
        rows = len(old)
        made = np.zeros((2 * rows, old.shape[1]), np.int64)
        made[:rows], made[rows:] = old, old  # a row's place among twice as many is either of two
        rings[which] = made
        self._rings = tuple(rings)

    @property
    def held(self) -> I64:
        """How many rows each ring has room for."""
        return np.array([len(ring) for ring in self._rings], np.int64)
