"""What a live run may forget: events, observations and log lines that nothing reads any more.

A stream has no end, so what is kept of it must not grow. Numbers that count events or prices of the underlying are
counted anew when their first ones go.
"""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
import numpy as np

from ..simulator.block import Block
from ..simulator.kernel.rows import PLACE, POINT, S
from ..simulator.state import F64, Log, Points
from ..simulator.tape.events import KIND, UNDERLYING

#: So many events and log lines are kept at least, and half of twice as many are forgotten at a time.
KEPT = 1 << 13


def first_needed(block: Block, count: int) -> int:
    """The first event that is not processed and seen yet, or the last one that is: a decision looks at it."""
    scalars = block.state.scalars
    seen = scalars[S.seen] if block.venue.delay.any() else scalars[S.at] - 1
    return int(min(seen, scalars[S.at] - 1, count - 1))


def forget_events(block: Block, count: int) -> int:
    """Forget events that were processed and seen, but for the last ``KEPT``. Returns how many."""
    scalars = block.state.scalars
    drop = min(count - KEPT, first_needed(block, count))
    if drop < KEPT:
        return 0
    rest = count - drop
    for column in block.columns:
        column[:rest] = column[drop:count]
    block.mids[:, :rest] = block.mids[:, drop:count]
    if isinstance(block.signals, np.ndarray):
        block.signals[:rest] = block.signals[drop:count]
    scalars[S.at] -= drop
    scalars[S.seen] = max(scalars[S.seen] - drop, -1)
    block.points.rows[POINT.event] -= drop
    noted = np.arange(scalars[S.place_head], scalars[S.place_tail]) % len(block.flight.places)
    block.flight.places[noted, PLACE.event] -= drop
    block.log.fills[: scalars[S.fills], 0] -= drop
    block.log.quotes[: scalars[S.quotes], 0] -= drop
    return drop


def forget_prices(block: Block, count: int, priced: int) -> int:
    """Forget prices of the underlying that no event that is left tells of. Returns how many."""
    scalars = block.state.scalars
    told = np.flatnonzero((block.columns.kind[:count] & KIND) == UNDERLYING)
    named = [int(scalars[S.value]), int(scalars[S.seen_value]), *block.columns.aux[told].tolist()]
    drop = min([priced, *(at for at in named if at >= 0)])
    if drop < KEPT:
        return 0
    block.values[: priced - drop] = block.values[drop:priced]
    block.columns.aux[told] -= drop
    for which in (S.value, S.seen_value):
        scalars[which] = max(scalars[which] - drop, -1)
    return drop


def forget_points(block: Block, count: int, observed: int) -> int:
    """Forget observations from before the window of volatility. Returns how many."""
    scalars, rows, first = block.state.scalars, block.points.rows, max(first_needed(block, count), 0)
    old = int(np.searchsorted(rows[POINT.ts, :observed], int(block.columns.ts[first]) - block.venue.window_ns))
    seen = int(np.searchsorted(rows[POINT.event, :observed], first))
    drop = min(old, seen - 1)
    if drop < KEPT:
        return 0
    rest = observed - drop
    table = np.zeros_like(rows)
    table[:, : rest + 1] = rows[:, drop : observed + 1]
    block.points = Points(table, block.points.value[drop:].copy())
    for which in (S.window_head, S.window_tail):
        scalars[which] = max(scalars[which] - drop, 0)
    return drop


def forget_log(log: Log, scalars: np.ndarray) -> tuple[int, int]:
    """Forget the older half of what was written down, once there are many lines. Returns how many fills and quotes."""
    gone: list[int] = []
    for which, columns in ((S.fills, (log.fill_ts, log.fills)), (S.quotes, (log.quote_ts, log.quotes, log.ahead))):
        count = int(scalars[which])
        drop = count // 2 if count >= 8 * KEPT else 0
        for column in columns if drop else ():
            column[: count - drop] = column[drop:count]
        scalars[which] = count - drop
        gone.append(drop)
    return gone[0], gone[1]


def with_room(rows: F64 | tuple[()], length: int) -> F64:
    """Rows of signals, as many as there is room for events."""
    kept = np.asarray(rows)
    return kept if len(kept) >= length else np.vstack([kept, np.zeros((length - len(kept), kept.shape[1]))])


def whole(view: np.ndarray) -> np.ndarray:
    """The whole array of which ``view`` is the filled part."""
    return view if view.base is None else view.base


def joined(column: np.ndarray, count: int, more: np.ndarray) -> np.ndarray:
    """The column with ``more`` after its first ``count`` entries; twice as long whenever it is full."""
    if count + len(more) > len(column):
        longer = np.zeros(2 * (count + len(more)), column.dtype)
        longer[:count] = column[:count]
        column = longer
    column[count : count + len(more)] = more
    return column
