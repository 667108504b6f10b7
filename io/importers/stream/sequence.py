"""The exchange's numbering of frames: a seq counts a subscription's frames over all its markets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .frames import NULL


@dataclass
class Track:
    """One subscription (sid) of a capture."""

    last: int | None = None
    last_ts: int = NULL
    acknowledged: bool = False  # a new subscription was acknowledged since the last numbered frame
    first: tuple[object, ...] | None = None  # what its first snapshot said, to tell a repeat from a new connection


@dataclass
class Numbering:
    """What the numbering of a block says."""

    repeated: NDArray[np.bool_]
    #: Gaps: before which frame, of which sid, at which (missing) seq, and the time of the last frame before it.
    gaps: list[tuple[int, int, int, int]] = field(default_factory=list)
    missed: int = 0
    restarts: int = 0


def check(
    tracks: dict[int, Track],
    sid: NDArray[np.int64],
    seq: NDArray[np.int64],
    ts: NDArray[np.int64],
    acknowledged: Iterable[tuple[int, int]],
    snapshots: dict[int, tuple[object, ...]],
) -> Numbering:
    """Check the seq of every frame of a block.

    A seq that was seen is a repeat. One that leaves out some is a gap, after which no book of the sid is known. A
    sid begins again after its acknowledgement, or when its first seq comes with a snapshot other than the first.
    ``acknowledged`` are (frame, sid) of new subscriptions, ``snapshots`` what the snapshots with seq 1 say, by frame.
    """
    result = Numbering(np.zeros(sid.size, np.bool_))
    numbered = (sid != NULL) & (seq != NULL)
    acks: dict[int, list[int]] = {}
    for frame, which in acknowledged:
        acks.setdefault(which, []).append(frame)
    for which in np.unique(np.concatenate([sid[numbered], np.array(list(acks), np.int64)])).tolist():
        track = tracks.setdefault(which, Track())
        rows = np.flatnonzero(numbered & (sid == which))
        orderly = rows.size and (np.diff(seq[rows]) == 1).all()
        begins = track.last is None or (rows.size and seq[rows[0]] == track.last + 1)
        if which not in acks and orderly and begins:
            if seq[rows[0]] == 1:
                track.first = snapshots.get(int(rows[0]))
            track.last, track.acknowledged = int(seq[rows[-1]]), False
            _note_time(track, ts[rows])
        else:
            _walk(which, track, rows, seq, ts, set(acks.get(which, ())), snapshots, result)
    return result


def _note_time(track: Track, ts: NDArray[np.int64]) -> None:
    stamped = ts[ts != NULL]
    if stamped.size:
        track.last_ts = int(stamped[-1])


def _walk(
    which: int,
    track: Track,
    rows: NDArray[np.int64],
    seq: NDArray[np.int64],
    ts: NDArray[np.int64],
    acks: set[int],
    snapshots: dict[int, tuple[object, ...]],
    result: Numbering,
) -> None:
    """Check frame by frame where something is out of order."""
    for row in sorted({*rows.tolist(), *acks}):
        if row in acks:
            track.acknowledged = True
            continue
        number = int(seq[row])
        again = (
            track.last is not None
            and number <= track.last
            and (track.acknowledged or (number == 1 and row in snapshots and snapshots[row] != track.first))
        )
        if again and track.last is not None:
            result.restarts += 1
            result.gaps.append((row, which, track.last + 1, track.last_ts))
        elif track.last is not None and number <= track.last:
            result.repeated[row] = True
            continue
        elif track.last is not None and number > track.last + 1:
            result.missed += number - track.last - 1
            result.gaps.append((row, which, track.last + 1, track.last_ts))
        if number == 1:
            track.first = snapshots.get(row)
        track.last, track.acknowledged = number, False
        if ts[row] != NULL:
            track.last_ts = int(ts[row])
