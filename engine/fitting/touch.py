"""Best bid and ask over time from one market's stored book rows, for the estimators beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...io.ground.jit import kept
from ...io.ground.units import TICKS_PER_DOLLAR
from ...io.store.schema import BookKind, Side

_DELTA, _LEVEL, _CLEAR, _GAP = int(BookKind.DELTA), int(BookKind.LEVEL), int(BookKind.CLEAR), int(BookKind.GAP)
_BID = int(Side.BID)
_COLUMNS = ("ts", "kind", "side", "price", "size")


def touch(book: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Time, best bid and best ask in ticks after each moment of one market's book; -1 where there is none or a gap.

    >>> rows = {"ts": [1, 1, 2], "kind": [0, 0, 0], "side": [1, -1, 1], "price": [4500, 4700, 4500], "size": [5, 5, -5]}
    >>> [column.tolist() for column in touch(pl.DataFrame(rows))]
    [[1, 2], [4500, -1], [4700, 4700]]
    """
    ts, kind, side, price, size = (book.get_column(name).cast(pl.Int64).to_numpy() for name in _COLUMNS)
    bid, ask = np.empty(ts.size, np.int64), np.empty(ts.size, np.int64)
    _touch_nb(kind, side, price, size, bid, ask)
    last = np.append(ts[1:] != ts[:-1], True) if ts.size else np.zeros(0, np.bool_)
    return ts[last], bid[last], ask[last]


@kept()
def _touch_nb(kind: Any, side: Any, price: Any, size: Any, bid: Any, ask: Any) -> None:
    """Bids stand at their price, asks at a dollar minus theirs, so that the best of a side is its highest."""
    depth = np.zeros((2, TICKS_PER_DOLLAR + 1), np.int64)
    best = np.full(2, -1, np.int64)
    known = True
    for i in range(kind.size):
        if kind[i] == _CLEAR or kind[i] == _GAP:
            depth[:] = 0
            best[:] = -1
            known = kind[i] == _CLEAR
        else:
            s = 0 if side[i] == _BID else 1
            at = price[i] if s == 0 else TICKS_PER_DOLLAR - price[i]
            held = size[i] if kind[i] == _LEVEL else depth[s, at] + size[i]
            depth[s, at] = held
            if held > 0:
                best[s] = max(best[s], at)
            elif at == best[s]:
                while best[s] >= 0 and depth[s, best[s]] <= 0:
                    best[s] -= 1
        bid[i] = best[0] if known else -1
        ask[i] = TICKS_PER_DOLLAR - best[1] if known and best[1] >= 0 else -1
