"""A strip: a column along a tape that is drawn at any scale, each pixel by the lowest and the highest value in it."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
from typing import Any

import numpy as np

from ...io.ground.jit import OPTIONS, kept
from ..simulator.state import F64, I16, I64

#: Events whose lowest and highest value are known beforehand.
BLOCK = 256
#: Numbers of a column that are looked at for one picture.
MOST = 400_000


@kept(**OPTIONS)
def blocks_nb(values, none, low, high):
    """Write the lowest and the highest value of each block; ``none`` counts as no value."""
    for b in range(len(low)):
        lowest, highest = np.int16(32_767), np.int16(-1)
        for i in range(b * BLOCK, min((b + 1) * BLOCK, len(values))):
            v = values[i]
            if v != none:
                lowest, highest = min(lowest, v), max(highest, v)
        low[b], high[b] = lowest, highest


@kept(**OPTIONS)
def extremes_nb(values, none, low, high, edges, out_low, out_high, out_last):
    """Write what a column was between each edge and the next: what it came in with counts, too. -1 where it is not."""
    for p in range(len(edges) - 1):
        i, end = edges[p], edges[p + 1]
        lowest, highest = np.int16(32_767), np.int16(-1)
        if i > 0 and values[i - 1] != none:
            lowest = highest = values[i - 1]
        while i < end:
            if i % BLOCK == 0 and i + BLOCK <= end:
                b = i // BLOCK
                lowest, highest = min(lowest, low[b]), max(highest, high[b])
                i += BLOCK
            else:
                v = values[i]
                if v != none:
                    lowest, highest = min(lowest, v), max(highest, v)
                i += 1
        out_low[p] = lowest if highest >= 0 else np.int16(-1)
        out_high[p] = highest
        last = values[end - 1] if end > 0 else none
        out_last[p] = last if last != none else np.int16(-1)


class Strip:
    """A column of levels along a tape, with the extremes of its blocks."""

    def __init__(self, values: I16, none: int) -> None:
        self.values, self.none = values, np.int16(none)
        count = -(-len(values) // BLOCK)
        self.low, self.high = np.zeros(count, np.int16), np.zeros(count, np.int16)
        blocks_nb(self.values, self.none, self.low, self.high)

    def between(self, edges: I64) -> tuple[I16, I16, I16]:
        """Return lowest, highest and last value from each edge, an index, to the next; -1 where there is none."""
        out: Any = np.empty((3, len(edges) - 1), np.int16)
        extremes_nb(self.values, self.none, self.low, self.high, edges, out[0], out[1], out[2])
        return out[0], out[1], out[2]


def spread(values: F64, edges: I64) -> tuple[F64, F64, F64]:
    """Return lowest, highest and last value of a column of numbers from each edge to the next.

    Of a stretch of very many values some hundred are looked at; one without a value has nan, or what it came in with.

    >>> spread(np.array([1.0, 3.0, 2.0, 5.0]), np.array([0, 2, 4]))[1].tolist()
    [3.0, 5.0]
    """
    first, last = edges[:-1], np.minimum(edges[1:], len(values))
    apart = max(int(edges[-1] - edges[0]) // MOST, 1)
    begin = int(max(edges[0] - 1, 0))
    near = values[begin : max(int(edges[-1]), begin + 1) : apart]
    starts = np.minimum((np.maximum(first - 1, 0) - begin) // apart, len(near) - 1)
    ends = values[np.maximum(last - 1, 0)]
    return np.fmin(np.fmin.reduceat(near, starts), ends), np.fmax(np.fmax.reduceat(near, starts), ends), ends
