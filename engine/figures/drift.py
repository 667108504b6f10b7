"""Drift: how far a distribution has moved from where it was, as the population stability index of its deciles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_GROUPS = 10
#: A group without rows counts as this share.
_LEAST = 1e-4
#: From here on a distribution has moved so much that what was learned from it should not be trusted.
MOVED = 0.25


def deciles(values: npt.ArrayLike) -> list[float]:
    """Return where groups of equal size begin, the first left out; equal values make fewer groups.

    >>> deciles(np.arange(100))[:2]
    [10.0, 20.0]
    """
    found = np.asarray(values, np.float64)
    found = np.sort(found[np.isfinite(found)])
    if not len(found):
        return []
    inner = np.unique(found[(len(found) * np.arange(1, _GROUPS)) // _GROUPS])
    return [float(one) for one in inner if one > found[0]]


def shares(values: npt.ArrayLike, edges: npt.ArrayLike) -> list[float]:
    """Return the share of values in each group.

    >>> shares([1, 2, 3, 4], [3.0])
    [0.5, 0.5]
    """
    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found)]
    where = np.searchsorted(np.asarray(edges, np.float64), found, side="right")
    counts = np.bincount(where, minlength=len(np.asarray(edges)) + 1)
    return [float(one) for one in counts / max(len(found), 1)]


def stability_index(before: npt.ArrayLike, now: npt.ArrayLike) -> float:
    """Return the sum of ``(now - before) ln(now / before)`` over groups: 0 is the same, above 0.25 it has moved.

    >>> round(stability_index([0.5, 0.5], [0.4, 0.6]), 6)
    0.040547
    """
    p, q = (np.maximum(np.asarray(one, np.float64), _LEAST) for one in (before, now))
    return float(np.sum((q - p) * np.log(q / p)))
