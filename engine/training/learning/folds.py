"""Folds in time: each model learns from events that were over before the bars it is judged on, and serves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....io.ground.errors import InputError
from .rows import Rows

#: A model learns from at least so many events.
FEWEST_EVENTS = 5
#: The share of a fold's rows, its latest, on which the model is chosen and calibrated.
LATER_SHARE = 0.25
#: A later part with fewer events says nothing of calibration.
FEWEST_LATER = 3


@dataclass(frozen=True)
class Fold:
    """A model that is trained: from ``cut`` on it serves, until the next one does at ``stop``."""

    cut: int
    stop: int | None  #: None: the newest


@dataclass(frozen=True)
class FoldRows:
    """Which rows a fold learns from, on which of the later ones it is chosen and calibrated, and on which judged."""

    early: npt.NDArray[np.int64]
    later: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def cuts(rows: Rows, until: int, folds: int, every_ns: int | None = None) -> list[Fold]:
    """The moments from which a model serves: after equal shares of the rows, or every so often; the last is ``until``.

    The first share is for learning alone.
    """
    time = rows.time
    if every_ns is None:
        places = (len(time) * np.arange(1, folds + 1)) // (folds + 1)
        begins = np.unique(time[places]).tolist()
    else:
        begins = list(range(int(time[0]) + every_ns, until, every_ns))
    begins = [cut for cut in begins if cut < until]
    return [Fold(cut, stop) for cut, stop in zip([*begins, until], [*begins[1:], until, None], strict=True)]


def parts(rows: Rows, fold: Fold, embargo_ns: int, move: bool = False) -> FoldRows | None:
    """Split the rows for a fold; None if too little was known by then.

    An event is learned from only if its last label was known ``embargo_ns`` before the cut. So an event is never on
    both sides, and nothing that a model learned lies after what it is judged on.
    """
    train = np.flatnonzero(rows.event_known[rows.event] + embargo_ns <= fold.cut)
    if len(np.unique(rows.event[train])) < FEWEST_EVENTS or (not move and np.ptp(rows.y[train]) == 0):
        return None
    time = rows.time
    mine = (time >= fold.cut) & (rows.event_known[rows.event] + embargo_ns > fold.cut)
    test = np.flatnonzero(mine & (time < fold.stop)) if fold.stop is not None else np.zeros(0, np.int64)
    inner = int(time[train[int(len(train) * (1 - LATER_SHARE))]])
    over = rows.event_known[rows.event[train]] + embargo_ns <= inner
    early, later = train[over], train[~over & (time[train] >= inner)]
    if not _enough(rows, early, FEWEST_EVENTS // 2, move) or not _enough(rows, later, FEWEST_LATER, move):
        return FoldRows(train, np.zeros(0, np.int64), test)
    return FoldRows(early, later, test)


def _enough(rows: Rows, chosen: npt.NDArray[np.int64], events: int, move: bool) -> bool:
    if len(np.unique(rows.event[chosen])) < events:
        return False
    return move or bool(np.ptp(rows.y[chosen]) > 0)


def first_usable(rows: Rows, found: list[Fold], embargo_ns: int, move: bool) -> list[tuple[Fold, FoldRows]]:
    """The folds that have enough to learn from, with their rows."""
    made = [(fold, split) for fold in found if (split := parts(rows, fold, embargo_ns, move)) is not None]
    if not made:
        raise InputError(
            f"fewer than {FEWEST_EVENTS} events of both results were over by the end: there is too little to learn from"
        )
    return made
