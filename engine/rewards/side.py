"""The score of one side of a book, compiled: what replays, the local exchange and scans ask, snapshot by snapshot.

A share comes out as a whole number of ``PARTS``. Sizes are exact, weights and the one division are floats, so that a
share is at most half a part off what the fractions of ``exact.py`` say, and about 1 in 10^15.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import numpy as np

from ...io.ground.jit import OPTIONS, kept
from .payout import PARTS

#: What a side comes to, beside a share: its bids run out before the target.
SHORT = -1


@kept(**OPTIONS)
def side_nb(book, own, target, place, power, middle, is_fifth, is_capped, out):
    """Score a side: lots of others and own lots by level. Returns the own share in parts, or SHORT.

    Into ``out``: level of the reference, last level that scores, everybody's score, own lots at the reference.
    """
    running, reference, last = np.int64(0), -1, -1
    for level in range(len(book) - 1, 0, -1):
        lots = np.int64(book[level]) + np.int64(own[level])
        if lots == 0:
            continue
        running += lots
        if reference < 0 and (not is_fifth or 5 * running >= target):
            reference = level
        if running >= target:
            last = level
            break
    if last < 0:
        return np.int64(SHORT)
    mine, everybody = 0.0, 0.0
    for level in range(len(book) - 1, last - 1, -1):
        if book[level] == 0 and own[level] == 0:
            continue
        steps = place[reference] - place[level]
        weight = 1.0 if is_capped and steps < 0 else power[middle + steps]
        mine += own[level] * weight
        everybody += (np.int64(book[level]) + np.int64(own[level])) * weight
    out[0], out[1], out[2], out[3] = reference, last, everybody, own[reference]
    return np.int64(np.floor(mine / everybody * PARTS + 0.5))
