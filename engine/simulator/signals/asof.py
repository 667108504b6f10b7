"""Values from elsewhere as they were known at an event: the last one from strictly before it."""

from __future__ import annotations

import numpy as np

from ..state import F64, I64


class AsOf:
    """Rows of values in the order of the time from which on each is known."""

    def __init__(self, columns: int, ts: I64 | None = None, values: F64 | None = None) -> None:
        self.ts = np.zeros(0, np.int64) if ts is None else ts
        self.values = np.zeros((0, columns)) if values is None else values.reshape(len(self.ts), columns)

    def add(self, ts: int, values: tuple[float, ...]) -> None:
        """Put one more row behind the others."""
        self.ts = np.append(self.ts, np.int64(max(ts, int(self.ts[-1]) if len(self.ts) else ts)))
        self.values = np.vstack([self.values, np.array([values], np.float64)])

    def forget(self, ts: int) -> None:
        """Let go of what no event from ``ts`` on can ask for."""
        first = max(int(np.searchsorted(self.ts, ts)) - 1, 0)
        self.ts, self.values = self.ts[first:], self.values[first:]

    def fill(self, ts: I64, out: F64) -> None:
        """Write into ``out`` what was known at each time; nan before the first row."""
        at = np.searchsorted(self.ts, ts) - 1
        if len(self.ts):
            out[:] = self.values[at]
        out[at < 0] = np.nan
