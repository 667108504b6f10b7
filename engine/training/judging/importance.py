"""What a model leans on: how much worse its predictions become when one feature is taken from other events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..learning.fold import Trial, opened
from ..learning.folds import Fold, FoldRows
from ..learning.rows import Rows
from .skill import brier

#: Rows that are asked about at most; of more, whole events are drawn.
MOST_ROWS = 50_000
_BATCH = 16_384


def importance(
    rows: Rows, chosen: Sequence[tuple[Fold, FoldRows]], trials: Sequence[Trial], seed: int = 0
) -> list[dict[str, Any]]:
    """Squared error that each feature takes away on rows out of fold, the largest first."""
    rng = np.random.default_rng(seed)
    total = sum(len(split.test) for _, split in chosen)
    worse, count = np.zeros(len(rows.names)), 0
    for (_, split), trial in zip(chosen, trials, strict=True):
        test = _some(rows, split.test, MOST_ROWS * len(split.test) // max(total, 1), rng)
        if len(np.unique(rows.event[test])) < 2:
            continue
        run, donors = opened(trial.model), _from_others(rows.event[test], rng)
        count += len(test)
        for at in range(0, len(test), _BATCH):
            own, other = test[at : at + _BATCH], test[donors[at : at + _BATCH]]
            x, theirs, y = rows.inputs(own), rows.inputs(other), rows.y[own]
            before = brier(run(x).astype(np.float64), y).sum()
            for place in range(len(rows.names)):
                kept = x[..., place].copy()
                x[..., place] = theirs[..., place]
                worse[place] += brier(run(x).astype(np.float64), y).sum() - before
                x[..., place] = kept
    each = worse / max(count, 1)
    return [{"feature": rows.names[place], "error": float(each[place])} for place in np.argsort(-each).tolist()]


def _some(rows: Rows, test: npt.NDArray[np.int64], most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of whole events, drawn until there are enough."""
    if len(test) <= most:
        return test
    events = rng.permutation(np.unique(rows.event[test]))
    counts = np.bincount(rows.event[test], minlength=len(rows.events))[events]
    kept = events[: int(np.searchsorted(np.cumsum(counts), most)) + 1]
    return test[np.isin(rows.event[test], kept)]


def _from_others(event: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """For each row the place of a row of another event, the same for all rows of its own event as far as it goes."""
    order = np.argsort(event, kind="stable")
    names, starts, counts = np.unique(event[order], return_index=True, return_counts=True)
    shift = np.roll(rng.permutation(len(names)), 1)  # a cycle through all events: none stays with itself
    donor = np.empty(len(names), np.int64)
    donor[np.roll(shift, -1)] = shift
    code = np.searchsorted(names, event[order])
    place = np.arange(len(event)) - starts[code]
    found = np.empty(len(event), np.int64)
    found[order] = order[starts[donor[code]] + place % counts[donor[code]]]
    return found
