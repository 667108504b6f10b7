"""Which decreases of the recorded book were trades, as a tape matches them: a trade never moves a queue twice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....io.ground.units import TICKS_PER_DOLLAR
from ....io.store.schema import BookKind, Side
from ...simulator.tape import rebuild as kernel
from ...simulator.tape.events import BOOK, GAP, LATER, TRADE, UNDERLYING
from ...simulator.tape.tape import MATCH_WINDOW_NS

_BIDS, _ASKS = 0, 1


def explained(
    market: npt.NDArray[np.int32],
    ts: npt.NDArray[np.int64],
    kind: npt.NDArray[np.int8],
    side: npt.NDArray[np.int8],
    price: npt.NDArray[np.int32],
    size: npt.NDArray[np.int64],
    traded: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """For each decrease of a level the lots that trades explain; below 0 where those trades come later.

    ``traded`` marks the trades that touched the book; of these ``side`` is the taker's.
    """
    out = np.zeros(len(ts), np.int64)
    change, gap = ~traded & (kind == BookKind.DELTA), ~traded & (kind == BookKind.GAP)
    event = np.select([traded & (side != 0), change, gap], [TRADE, BOOK, GAP], UNDERLYING)
    rest = np.where(traded, size, np.maximum(-size, 0))
    hit = np.where(traded, -side, side)  # a trade takes from the other side than its taker's
    row = np.where(hit == Side.BID, _BIDS, _ASKS)
    codes, row, level = event.astype(np.uint8), row.astype(np.int8), price.astype(np.int16)
    order = np.argsort(market, kind="stable")
    bounds = np.flatnonzero(np.diff(market[order])) + 1
    for rows in np.split(order, bounds) if len(order) else []:
        out[rows] = _of_market(ts[rows], codes[rows], row[rows], level[rows], rest[rows])
    return out


def _of_market(
    ts: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    side: npt.NDArray[np.int8],
    level: npt.NDArray[np.int16],
    rest: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    aux, counts = np.zeros(len(ts), np.int32), np.zeros(kernel.COUNTS, np.int64)
    link, marks = np.empty(len(ts), np.int64), np.empty((3, 2, TICKS_PER_DOLLAR + 1), np.int64)
    kernel.match_nb(ts, kind, side, level, aux, MATCH_WINDOW_NS, rest, link, marks, counts)
    return np.where(kind & LATER, -aux, aux).astype(np.int64)
