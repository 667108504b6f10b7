"""Rings of what lies in a time window (t - window, t]: rows come in at the tail and go out at the head."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from ...io.ground.errors import InputError
from ...io.ground.jit import inlined

NS_PER_SECOND = 1_000_000_000
#: Longest window of sums over time, which must fit 64 bits.
LONGEST_S = 6 * 3_600.0


def window_ns(seconds: float, what: str = "window", longest: float = math.inf) -> int:
    """Return a window of seconds in whole ns; one that is not above zero is an error.

    >>> window_ns(1.5)
    1500000000
    """
    ns = round(seconds * NS_PER_SECOND) if 0 < seconds <= longest else 0
    if ns < 1:
        most = "" if math.isinf(longest) else f" and at most {longest:g}"
        raise InputError(f"{what} is in seconds, above 0{most}, not {seconds:g}")
    return ns


@inlined
def put_nb(ring, tail, ts, number):
    """Put a row with one number at the tail. Returns the next free row."""
    row = tail & (len(ring) - 1)
    ring[row, 0] = ts
    ring[row, 1] = number
    return tail + 1


@inlined
def expire_nb(ring, head, tail, edge, total):
    """Take from a sum what came at ``edge`` or before. Returns the first row that stays, and the sum."""
    last = len(ring) - 1
    while head < tail and ring[head & last, 0] <= edge:
        total -= ring[head & last, 1]
        head += 1
    return head, total


@inlined
def standing_nb(ring, at, tail, edge):
    """The row that stood at ``edge``: the last one that came then or before, looked for from row ``at`` on."""
    last = len(ring) - 1
    while at + 1 < tail and ring[(at + 1) & last, 0] <= edge:
        at += 1
    return at
