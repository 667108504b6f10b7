"""Every shipped signal again in plain Python: whole windows looked through anew at each event, in whole numbers.

Floats come in only where a definition says so, and in its order: at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

BOOK, TRADE, UNDERLYING, STATUS, GAP, CLOCK, FILLED = range(7)


@dataclass(frozen=True)
class Seen:
    """An event with the book after it: best levels first, as (ticks, lots)."""

    ts: int
    kind: int
    moment: bool
    bought: int  #: lots that the taker of a trade bought, less those it sold
    lots: int
    price: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    underlying: float

    @property
    def twice(self) -> int | None:
        """Twice the mid in ticks, where both sides are there and the moment is whole."""
        return self.bids[0][0] + self.asks[0][0] if self.moment and self.bids and self.asks else None


def seen_events(columns, values, ticks) -> list[Seen | None]:
    """A tape's events; None for those that do not come from the market."""
    top, book, last, out = len(ticks) - 1, ({}, {}), math.nan, []
    for ts, kind, side, level, size, aux in zip(
        *(getattr(columns, name).tolist() for name in ("ts", "kind", "side", "level", "size", "aux")), strict=True
    ):
        what = kind & 7
        if what >= CLOCK:
            out.append(None)
            continue
        if what == BOOK:
            book[side][level] = size
            book[side].update({level: size}) if size else book[side].pop(level)
        elif what == GAP:
            book[0].clear()
            book[1].clear()
        elif what == UNDERLYING:
            last = float(values[aux])
        bids = [(ticks[at], book[0][at]) for at in sorted(book[0], reverse=True)]
        asks = [(ticks[top - at], book[1][at]) for at in sorted(book[1], reverse=True)]
        price = ticks[level] if side == 0 else ticks[top - level]
        bought = (size if side == 1 else -size) if what == TRADE else 0
        out.append(Seen(ts, what, bool(kind & 16), bought, size, price, bids, asks, last))
    return out


def along(events: list[Seen | None], value, columns: int) -> list[tuple[float, ...]]:
    """A signal's values after each event, from its value after the events so far."""
    out, far = [], []
    before = (math.nan,) * columns
    for event in events:
        if event is not None:
            far.append(event)
            before = value(far)
        out.append(before)
    return out


def signed_flow(window):
    return lambda far: (sum(e.bought for e in far if e.ts > far[-1].ts - window) * 0.01,)


def contribution(now: Seen, before: Seen, m: int) -> int:
    if min(len(now.bids), len(now.asks), len(before.bids), len(before.asks)) <= m:
        return 0
    (bid, q), (ask, r) = now.bids[m], now.asks[m]
    (bid0, q0), (ask0, r0) = before.bids[m], before.asks[m]
    return (bid >= bid0) * q - (bid <= bid0) * q0 - (ask <= ask0) * r + (ask >= ask0) * r0


def order_flow_imbalance(window, levels):
    def value(far):
        whole = [e for e in far if e.moment]
        pairs = [(a, b) for a, b in pairwise(whole) if b.ts > far[-1].ts - window]
        return tuple(sum(contribution(b, a, m) for a, b in pairs) * 0.01 for m in range(levels))

    return value


def vpin(bucket, buckets):
    def value(far):
        lots = [sign for e in far for sign in [1 if e.bought > 0 else -1] * abs(e.bought)]
        full = [abs(sum(lots[at : at + bucket])) for at in range(0, len(lots) - bucket + 1, bucket)]
        return (sum(full[-buckets:]) / (bucket * buckets) if len(full) >= buckets else math.nan,)

    return value


def microprice(far):
    now = far[-1]
    if not (now.bids and now.asks):
        return (math.nan,)
    (bid, q), (ask, r) = now.bids[0], now.asks[0]
    return ((bid * r + ask * q) / (q + r) * 0.01,)


def learned_microprice(fit):
    def value(far):
        now, shape = far[-1], fit.shape
        if not (now.bids and now.asks) or now.asks[0][0] <= now.bids[0][0] or now.ts < fit.before:
            return (math.nan,)
        (bid, q), (ask, r) = now.bids[0], now.asks[0]
        bucket = math.floor(abs(Fraction(q - r, q + r)) * shape.buckets / 2 + Fraction(1, 2))
        bucket = min(bucket, shape.half) * (1 if q > r else -1)
        spread = min(max((ask - bid + shape.tick // 2) // shape.tick, 1), shape.spreads) - 1
        return ((bid + ask) * 0.005 + float(fit.adjustment[spread, bucket + shape.half]) * 0.01,)

    return value


def moves(far):
    """When the mid took which value, twice the ticks."""
    out = []
    for event in far:
        if event.twice is not None and (not out or out[-1][1] != event.twice):
            out.append((event.ts, event.twice))
    return out


def then(rows, edge):
    old = [value for ts, value in rows if ts <= edge]
    return old[-1] if old else None


def momentum(*horizons):
    def value(far):
        rows = moves(far)
        olds = [then(rows, far[-1].ts - horizon) for horizon in horizons]
        return tuple(math.nan if old is None else (rows[-1][1] - old) * 0.005 for old in olds)

    return value


def underlying_return(*horizons):
    def value(far):
        rows = [(e.ts, e.underlying) for e in far if e.kind == UNDERLYING]
        olds = [then(rows, far[-1].ts - horizon) for horizon in horizons]
        return tuple(math.nan if old is None else math.log(rows[-1][1] / old) for old in olds)

    return value


def bollinger(window_us, width, floor):
    def value(far):
        now, rows = far[-1].ts // 1_000, [(ts // 1_000, x) for ts, x in moves(far)]
        if not rows:
            return math.nan, math.nan
        ends = [*[ts for ts, _ in rows[1:]], now]
        stood = [(max(0, end - max(ts, now - window_us)), x) for (ts, x), end in zip(rows, ends, strict=True)]
        length, last = sum(dt for dt, _ in stood), rows[-1][1]
        if length <= 0:
            return math.nan, math.nan
        off = sum(dt * (x - last) for dt, x in stood) / length
        variance = sum(dt * (x - last) ** 2 for dt, x in stood) / length - off * off
        deviation = math.sqrt(max(variance, 0.0))
        if deviation * 0.005 <= floor:
            return math.nan, math.nan
        z = -off / deviation
        return (z + width) / (2.0 * width), z

    return value


def realised_volatility(window):
    def value(far):
        rows, now = moves(far), far[-1].ts
        if not rows or now == rows[0][0]:
            return (math.nan,)
        total = sum((b - a) ** 2 for (_, a), (ts, b) in pairwise(rows) if ts > now - window)
        age = min(now - rows[0][0], window)
        return (math.sqrt(total / (age * 1e-9)) * 0.005,)

    return value


def ewma_volatility(theta):
    def value(far):
        rows = moves(far)
        if not rows:
            return (math.nan,)
        before, mean, variance = rows[0][0], rows[0][1] / 200.0, 0.0
        for ts, twice in rows[1:]:
            a = 1.0 - math.exp(-float(ts - before) * 1e-9 / theta)
            d = twice / 200.0 - mean
            mean += a * d
            variance = (1.0 - a) * (variance + a * d * d)
            before = ts
        return (math.sqrt(variance),)

    return value
