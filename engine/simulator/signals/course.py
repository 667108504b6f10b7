"""All signals of a model along the events of one market: what comes from elsewhere, walks, and trained models."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....features.signals.outside import OnnxSignal
from ....features.signals.signal import Signal, column_names, places
from ..state import F64, Columns, Grid
from .asof import AsOf
from .onnx import OnnxWalk
from .walker import Walker


class Course:
    """Takes events in, slice by slice, and writes a row of values after each.

    ``known`` has the values from elsewhere of each signal that is no function of the market's events. Everything else
    is computed in the order of its declaration, so that a signal may read those before it.
    """

    def __init__(self, signals: Mapping[str, Signal], grid: Grid, known: Mapping[str, AsOf]) -> None:
        self.known, self.width = dict(known), len(column_names(signals))
        self._places, names = places(signals), column_names(signals)
        self._steps: list[Walker | tuple[OnnxWalk, list[int], int]] = []
        walk: list[str] = []
        for name, signal in signals.items():
            if isinstance(signal, OnnxSignal):
                self._walk(signals, walk, grid)
                inputs = [names.index(one) for one in signal.inputs]
                before = dict(list(signals.items())[: list(signals).index(name)])
                self._steps.append((OnnxWalk(signal, before), inputs, self._places[name].start))
            elif signal.update is not None:
                walk.append(name)
        self._walk(signals, walk, grid)

    def take(self, events: Columns, values: F64, out: F64, first: int, stop: int) -> None:
        """Take events ``first`` to ``stop`` in; the row of event ``first`` is the first one of ``out``."""
        rows = stop - first
        for name, series in self.known.items():
            where = self._places[name]
            series.fill(events.ts[first:stop], out[:rows, where.start : where.stop])
        for step in self._steps:
            if isinstance(step, Walker):
                step.take(events, values, out, first, stop)
            else:
                model, inputs, column = step
                given = np.ascontiguousarray(out[:rows, inputs])
                model.take(events.kind[first:stop], events.ts[first:stop], given, out[:rows, column])

    def _walk(self, signals: Mapping[str, Signal], own: list[str], grid: Grid) -> None:
        if own:
            self._steps.append(Walker(signals, tuple(own), grid))
            own.clear()
