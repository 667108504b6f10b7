"""Which decreases of the recorded book were trades, so that a trade never moves a queue twice."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import numpy as np
import numpy.typing as npt
from numba import njit

from ...io.schema import BookKind, Side
from ...io.units import NS_PER_SECOND

#: A decrease and a trade farther apart than this have nothing to do with each other.
WINDOW_NS = NS_PER_SECOND
_DELTA, _TRADE, _BUY = int(BookKind.DELTA), 9, int(Side.BID)


def explained(
    market: npt.NDArray[np.int32],
    ts: npt.NDArray[np.int64],
    kind: npt.NDArray[np.int8],
    side: npt.NDArray[np.int8],
    price: npt.NDArray[np.int32],
    size: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """For each decrease of a level the lots that trades explain; below 0 where those trades come later."""
    out = np.zeros(len(ts), np.int64)
    order = np.argsort(market, kind="stable")
    bounds = np.flatnonzero(np.diff(market[order])) + 1
    for rows in np.split(order, bounds) if len(order) else []:
        out[rows] = explained_nb(ts[rows], kind[rows], side[rows], price[rows], size[rows], WINDOW_NS)
    return out


@njit(cache=True)
def explained_nb(ts, kind, side, price, size, window):
    """Match the trades of one market with decreases of the level they hit: those to come, then those just before."""
    n = len(ts)
    out = np.zeros(n, np.int64)
    open_lots = np.zeros((2, 10_001), np.int64)  # traded, and the decrease has not come
    open_ts = np.zeros((2, 10_001), np.int64)
    free = np.zeros(n, np.int64)  # lots of a decrease that no trade explains yet
    latest = np.full((2, 10_001), -1, np.int64)
    earlier = np.full(n, -1, np.int64)
    for i in range(n):
        p = price[i]
        if kind[i] == _DELTA and size[i] < 0:
            s = 0 if side[i] == _BUY else 1
            fall = -size[i]
            done = min(fall, open_lots[s, p]) if ts[i] - open_ts[s, p] <= window else 0
            open_lots[s, p] -= done
            out[i] = done
            if done == 0:
                free[i], earlier[i] = fall, latest[s, p]
                latest[s, p] = i
        elif kind[i] == _TRADE and side[i] != 0:
            s = 1 if side[i] == _BUY else 0
            left = size[i]
            j = latest[s, p]
            while left > 0 and j >= 0 and ts[i] - ts[j] <= window:
                done = min(left, free[j])
                free[j] -= done
                out[j] -= done
                left -= done
                if free[j] == 0:
                    j = earlier[j]
            latest[s, p] = j if j >= 0 and ts[i] - ts[j] <= window else -1
            if ts[i] - open_ts[s, p] > window:
                open_lots[s, p] = 0
            open_lots[s, p] += left
            open_ts[s, p] = ts[i]
    return out
