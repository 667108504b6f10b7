"""Prices as signals: where the mid goes, how far it came, where it stands among its own past."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

import numpy as np

from ...io.ground.errors import InputError
from ...io.ground.jit import inlined
from ..microprice import Microprice
from .event import UNDERLYING
from .signal import Held, Signal
from .windows import LONGEST_S, put_nb, standing_nb, window_ns


def microprice() -> Signal:
    """Return the mid weighted by the sizes across: ``(bid x ask size + ask x bid size) / (both sizes)``, in cents.

    nan while a side is empty.

    >>> microprice().columns
    1
    """
    return Signal(_microprice)


@inlined
def _microprice_nb(event):
    both = event.bid_lots + event.ask_lots
    if (event.bid_lots > 0) & (event.ask_lots > 0):
        return float(event.bid_tick * event.ask_lots + event.ask_tick * event.bid_lots) / float(both) * 0.01
    return math.nan


def _microprice(event):
    return _microprice_nb(event)


def touch() -> Signal:
    """Return mid, bid, ask, bid size, ask size and microprice as a tuple, in cents and contracts.

    What a model knows of its own market anyway, for another one. Prices are nan while they are not there.

    >>> touch().columns
    6
    """
    return Signal(_touch, values=6)


def _touch(event):
    return event.mid, event.bid, event.ask, event.bid_size, event.ask_size, _microprice_nb(event)


def learned_microprice(fit: Microprice, unit: float = 0.01) -> Signal:
    """Return the mid plus what was learned to follow from books like this one, in cents (Stoikov 2018).

    ``fit`` comes from ``features.microprice.fit_microprice``; ``unit`` is a unit of its prices in cents, 0.01 for the
    ticks of a store. nan before the fit's own time, and while a side is empty.
    """
    shape = fit.shape
    added = [float(value) * unit for value in fit.adjustment.ravel()]
    return Signal(
        _learned, tick=max(round(shape.tick * unit * 100), 1), added=added, before=fit.before, spreads=shape.spreads,
        buckets=shape.buckets,
    )  # fmt: skip


def _learned(event, state, p):
    low, high = event.bid_lots, event.ask_lots
    if (low <= 0) | (high <= 0) | (event.ask_tick <= event.bid_tick) | (event.ts < p.before):
        return math.nan
    half, size, total = p.buckets // 2, low - high, low + high
    bucket = min((abs(size) * p.buckets + total) // (2 * total), half)
    bucket = bucket if size > 0 else -bucket
    spread = min(max((event.ask_tick - event.bid_tick + p.tick // 2) // p.tick, 1), p.spreads) - 1
    return (event.bid_tick + event.ask_tick) * 0.005 + p.added[spread * p.buckets + bucket + half]


def momentum(*horizons: float) -> Signal:
    """Return how far the mid came over the last ``horizons`` seconds, in cents; several give a tuple.

    The mid then is the last one known at that time; a side that is empty leaves the last mid standing. nan until the
    first mid is so old.

    >>> momentum(60, 300).columns
    2
    """
    return _over(_MOMENTA, horizons, "momentum")


def underlying_return(*horizons: float) -> Signal:
    """Return the logarithm of how the underlying changed over the last ``horizons`` seconds; several give a tuple.

    nan until its first price is so old.

    >>> underlying_return(60).columns
    1
    """
    return _over(_RETURNS, horizons, "underlying_return")


def _over(updates, horizons: tuple[float, ...], what: str) -> Signal:
    if not 1 <= len(horizons) <= len(updates):
        raise InputError(f"{what} takes 1 to {len(updates)} horizons in seconds, not {len(horizons)}")
    edges = [window_ns(one, "a horizon") for one in horizons]
    state = {"head": 0, "tail": 0, "at": [0] * len(edges)}
    return Signal(updates[len(edges) - 1], state, ring=2, values=len(edges), horizons=edges)


@inlined
def rows_then_nb(event, state, p, ring, tail):
    """Find the row that stood at each horizon. Returns the first row that any of them needs."""
    at, first = state.at, tail
    for h in range(len(at)):
        at[h] = standing_nb(ring, at[h], tail, event.ts - p.horizons[h])
        first = min(first, at[h])
    return first


@inlined
def moved_nb(event, state, ring):
    """Put a mid that is not the last one into the ring, twice the ticks. Returns the next free row."""
    tail, twice = state.tail, event.bid_tick + event.ask_tick
    is_new = (tail == 0) | (twice != ring[(tail - 1) & (len(ring) - 1), 1])
    if event.moment & (event.bid_lots > 0) & (event.ask_lots > 0) & is_new:
        return put_nb(ring, tail, event.ts, twice)
    return tail


@inlined
def change_nb(event, state, p, ring, tail, h):
    """The change of the mid over a horizon, in cents."""
    last, row = len(ring) - 1, state.at[h]
    if (tail == 0) | (ring[row & last, 0] > event.ts - p.horizons[h]):
        return math.nan
    return (ring[(tail - 1) & last, 1] - ring[row & last, 1]) * 0.005


def _momentum_1(event, state, p, ring):
    tail = moved_nb(event, state, ring)
    head = rows_then_nb(event, state, p, ring, tail)
    return change_nb(event, state, p, ring, tail, 0), head, tail


def _momentum_2(event, state, p, ring):
    tail = moved_nb(event, state, ring)
    head = rows_then_nb(event, state, p, ring, tail)
    return change_nb(event, state, p, ring, tail, 0), change_nb(event, state, p, ring, tail, 1), head, tail


def _momentum_3(event, state, p, ring):
    tail = moved_nb(event, state, ring)
    head = rows_then_nb(event, state, p, ring, tail)
    one, two = change_nb(event, state, p, ring, tail, 0), change_nb(event, state, p, ring, tail, 1)
    return one, two, change_nb(event, state, p, ring, tail, 2), head, tail


_MOMENTA = (_momentum_1, _momentum_2, _momentum_3)


@inlined
def ticked_nb(event, state, ring):
    """Put a price of the underlying into the ring, as its bits. Returns the next free row."""
    if event.kind == UNDERLYING:
        return put_nb(ring, state.tail, event.ts, np.float64(event.underlying).view(np.int64))
    return state.tail


@inlined
def return_nb(event, state, p, ring, tail, h):
    """The logarithm of the underlying's change over a horizon."""
    last, row = len(ring) - 1, state.at[h]
    if (tail == 0) | (ring[row & last, 0] > event.ts - p.horizons[h]):
        return math.nan
    now, then = np.int64(ring[(tail - 1) & last, 1]).view(np.float64), np.int64(ring[row & last, 1]).view(np.float64)
    return math.log(now / then) if (now > 0.0) & (then > 0.0) else math.nan


def _return_1(event, state, p, ring):
    tail = ticked_nb(event, state, ring)
    head = rows_then_nb(event, state, p, ring, tail)
    return return_nb(event, state, p, ring, tail, 0), head, tail


def _return_2(event, state, p, ring):
    tail = ticked_nb(event, state, ring)
    head = rows_then_nb(event, state, p, ring, tail)
    return return_nb(event, state, p, ring, tail, 0), return_nb(event, state, p, ring, tail, 1), head, tail


def _return_3(event, state, p, ring):
    tail = ticked_nb(event, state, ring)
    head = rows_then_nb(event, state, p, ring, tail)
    one, two = return_nb(event, state, p, ring, tail, 0), return_nb(event, state, p, ring, tail, 1)
    return one, two, return_nb(event, state, p, ring, tail, 2), head, tail


_RETURNS = (_return_1, _return_2, _return_3)


def bollinger(window: float = 300.0, width: float = 2.0, floor: float = 0.0) -> Signal:
    """Return where the mid stands among its last ``window`` seconds: %B, and how many standard deviations off the mean.

    Each mid counts for as long as it stood. %B is 0 on the lower band and 1 on the upper one, ``width`` deviations
    from the mean. A model reads a tuple of both. nan where the deviation is not above ``floor`` cents.

    >>> bollinger(300).columns
    2
    """
    us = window_ns(window, longest=LONGEST_S) // 1_000
    state: dict[str, Held] = dict.fromkeys(("head", "tail", "sum", "squares"), 0)
    return Signal(_bollinger, state, ring=2, values=2, window=max(us, 1), width=float(width), floor=float(floor))


def _bollinger(event, state, p, ring):
    head, tail, total, squares = state.head, state.tail, state.sum, state.squares
    last, now = len(ring) - 1, event.ts // 1_000
    if event.moment & (event.bid_lots > 0) & (event.ask_lots > 0):
        twice, open_row = event.bid_tick + event.ask_tick, (tail - 1) & last
        if tail == 0:
            tail = put_nb(ring, tail, now, twice)
        elif twice != ring[open_row, 1]:
            stood, x = now - ring[open_row, 0], ring[open_row, 1]
            total += x * stood
            squares += x * x * stood
            tail = put_nb(ring, tail, now, twice)
    if tail == 0:
        return math.nan, math.nan, head, tail, total, squares
    edge = now - p.window
    while head + 1 < tail and ring[(head + 1) & last, 0] <= edge:
        stood, x = ring[(head + 1) & last, 0] - ring[head & last, 0], ring[head & last, 1]
        total -= x * stood
        squares -= x * x * stood
        head += 1
    lost = max(edge - ring[head & last, 0], 0)
    first, x, since = ring[head & last, 1], ring[(tail - 1) & last, 1], ring[(tail - 1) & last, 0]
    length = now - ring[head & last, 0] - lost
    if length <= 0:
        return math.nan, math.nan, head, tail, total, squares
    one = total + x * (now - since) - first * lost
    two = squares + x * x * (now - since) - first * first * lost
    off = float(one - x * length) / float(length)  # mean less the mid: whole numbers up to here
    variance = float(two - 2 * x * one + x * x * length) / float(length) - off * off
    deviation = math.sqrt(max(variance, 0.0))
    if deviation * 0.005 <= p.floor:
        return math.nan, math.nan, head, tail, total, squares
    z = -off / deviation
    return (z + p.width) / (2.0 * p.width), z, head, tail, total, squares
