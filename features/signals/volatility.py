"""How much the mid moves, as signals."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from .signal import Signal
from .windows import expire_nb, put_nb, window_ns


def realised_volatility(window: float = 300.0) -> Signal:
    """Return the volatility of the mid over the last ``window`` seconds, in cents per square root of a second.

    It is ``sqrt(sum of squared changes / seconds)``; while the first mid is younger than the window, its age counts.
    nan at the first mid.

    >>> realised_volatility(60).columns
    1
    """
    state = {"head": 0, "tail": 0, "total": 0, "twice": 0, "first": 0}
    return Signal(_realised, state, ring=2, window=window_ns(window))


def _realised(event, state, p, ring):
    tail, total, twice, first = state.tail, state.total, state.twice, state.first
    if event.moment & (event.bid_lots > 0) & (event.ask_lots > 0):
        now = event.bid_tick + event.ask_tick
        if twice == 0:
            first = event.ts
        elif now != twice:
            tail = put_nb(ring, tail, event.ts, (now - twice) * (now - twice))
            total += (now - twice) * (now - twice)
        twice = now
    head, total = expire_nb(ring, state.head, tail, event.ts - p.window, total)
    age = min(event.ts - first, p.window)
    value = math.sqrt(float(total) / (float(age) * 1e-9)) * 0.005 if (twice > 0) & (age > 0) else math.nan
    return value, head, tail, total, twice, first


def ewma_volatility(theta: float = 60.0) -> Signal:
    """Return the standard deviation of the mid around a mean, both forgetting with time constant ``theta`` seconds.

    Each new mid counts once. In cents; 0 at the first mid, nan before.

    >>> ewma_volatility(60).columns
    1
    """
    window_ns(theta, "theta")
    state = {"ts": 0, "twice": 0, "mean": 0.0, "variance": 0.0}
    return Signal(_ewma, state, theta=float(theta))


def _ewma(event, state, p):
    ts, twice, mean, variance = state.ts, state.twice, state.mean, state.variance
    now = event.bid_tick + event.ask_tick
    if event.moment & (event.bid_lots > 0) & (event.ask_lots > 0) & (now != twice):
        x = now / 200.0
        if twice == 0:
            mean = x
        else:
            a = 1.0 - math.exp(-float(event.ts - ts) * 1e-9 / p.theta)
            d = x - mean
            mean += a * d
            variance = (1.0 - a) * (variance + a * d * d)
        ts, twice = event.ts, now
    return math.sqrt(variance) if twice > 0 else math.nan, ts, twice, mean, variance
