"""When snapshots are taken: once a second, at a moment inside it that is drawn anew every hour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...io.ground.units import NS_PER_SECOND

#: How long a moment inside the second holds before another one is drawn.
REDRAWN_S = 3_600
_STEP = 0x9E3779B97F4A7C15


def snapshot_times(start: int, end: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Return the moments of the snapshots with start <= moment < end, ns UTC, one for each second of the clock.

    Args:
        start: From this time on, ns UTC.
        end: Before this time.
        seed: Of the moments inside the seconds; the exchange does not publish its own.

    Example:
        >>> times = snapshot_times(0, 3 * NS_PER_SECOND, seed=7)
        >>> len(times), int(np.diff(times)[0])
        (3, 1000000000)
    """
    first, last = start // NS_PER_SECOND, -(-end // NS_PER_SECOND)
    seconds = np.arange(first, max(last, first), dtype=np.int64)
    times = seconds * NS_PER_SECOND + _moments(seconds // REDRAWN_S, seed)
    return times[(times >= start) & (times < end)]


def _moments(hours: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """The moment inside each second of some hours, ns: a hash of seed and hour."""
    distinct, place = np.unique(hours, return_inverse=True)
    key = np.uint64((seed * 2 + 1) * _STEP & 0xFFFFFFFFFFFFFFFF)
    z = (distinct.astype(np.uint64) * np.uint64(0x2545F4914F6CDD1D)) ^ key
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    z ^= z >> np.uint64(31)
    drawn = (z % np.uint64(NS_PER_SECOND)).astype(np.int64)
    return drawn[place]
