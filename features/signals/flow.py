"""Order flow as signals: who takes, how the best levels change, how one-sided the volume is."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from ...io.ground.errors import InputError
from ...io.ground.jit import inlined
from .event import NEAR, TRADE
from .signal import Held, Signal
from .windows import expire_nb, put_nb, window_ns


def signed_flow(window: float = 60.0) -> Signal:
    """Return what takers bought less what they sold over the last ``window`` seconds, in contracts of YES.

    >>> signed_flow(30).columns
    1
    """
    return Signal(_signed_flow, {"head": 0, "tail": 0, "total": 0}, ring=2, window=window_ns(window))


def _signed_flow(event, state, p, ring):
    tail, total = state.tail, state.total
    if event.kind == TRADE:
        tail = put_nb(ring, tail, event.ts, event.side * event.lots)
        total += event.side * event.lots
    head, total = expire_nb(ring, state.head, tail, event.ts - p.window, total)
    return total * 0.01, head, tail, total


def order_flow_imbalance(window: float = 60.0, levels: int = 1) -> Signal:
    """Return order-flow imbalance over the last ``window`` seconds, in contracts (Cont, Kukanov and Stoikov 2014).

    It is the sum of what each moment added at the bid and took away at the ask. With ``levels`` above 1 there is a
    value for each of so many levels, best first (Xu, Gould and Howison 2018), which a model reads as a tuple. Where a
    level is missing, now or at the moment before, it adds nothing.

    >>> order_flow_imbalance(10, levels=5).columns
    5
    """
    if not 1 <= levels <= NEAR:
        raise InputError(f"levels of order_flow_imbalance is from 1 to {NEAR}, not {levels}")
    ns = window_ns(window)
    if levels == 1:
        touch: dict[str, Held] = dict.fromkeys(("head", "tail", "total", "bid", "bid_lots", "ask", "ask_lots"), 0)
        return Signal(_touch_flow, touch, ring=2, window=ns)
    state = {"head": 0, "tail": 0, "total": [0] * levels, "last": [0] * (4 * levels)}
    return Signal(_FLOWS[levels], state, ring=1 + levels, values=levels, window=ns)


@inlined
def added_nb(price, lots, before, lots_before):
    """What a side's best level added, its price counted so that higher is better."""
    return (lots if price >= before else 0) - (lots_before if price <= before else 0)


@inlined
def imbalance_nb(bid, bid_lots, ask, ask_lots, bid0, bid_lots0, ask0, ask_lots0):
    """The contribution of one moment at one level; 0 where a side is missing now or was before."""
    if (bid_lots > 0) & (ask_lots > 0) & (bid_lots0 > 0) & (ask_lots0 > 0):
        return added_nb(bid, bid_lots, bid0, bid_lots0) - added_nb(-ask, ask_lots, -ask0, ask_lots0)
    return 0


def _touch_flow(event, state, p, ring):
    tail, total = state.tail, state.total
    bid, bid_lots, ask, ask_lots = state.bid, state.bid_lots, state.ask, state.ask_lots
    if event.moment:
        flow = imbalance_nb(
            event.bid_tick, event.bid_lots, event.ask_tick, event.ask_lots, bid, bid_lots, ask, ask_lots
        )
        if flow != 0:
            tail = put_nb(ring, tail, event.ts, flow)
            total += flow
        bid, bid_lots, ask, ask_lots = event.bid_tick, event.bid_lots, event.ask_tick, event.ask_lots
    head, total = expire_nb(ring, state.head, tail, event.ts - p.window, total)
    return total * 0.01, head, tail, total, bid, bid_lots, ask, ask_lots


@inlined
def flow_by_level_nb(event, state, p, ring):
    """Bring the sums of all levels up to an event. Returns head and tail of the ring."""
    head, tail, total, last, near = state.head, state.tail, state.total, state.last, event.near
    count, end = len(total), len(ring) - 1
    if event.moment:
        row, some = tail & end, False
        for m in range(count):
            flow = imbalance_nb(
                near[0, m], near[1, m], near[2, m], near[3, m],
                last[4 * m], last[4 * m + 1], last[4 * m + 2], last[4 * m + 3],
            )  # fmt: skip
            ring[row, 1 + m] = flow
            total[m] += flow
            some |= flow != 0
            for side in range(4):
                last[4 * m + side] = near[side, m]
        if some:
            ring[row, 0] = event.ts
            tail += 1
    while head < tail and ring[head & end, 0] <= event.ts - p.window:
        for m in range(count):
            total[m] -= ring[head & end, 1 + m]
        head += 1
    return head, tail


def _flow_2(event, state, p, ring):
    head, tail = flow_by_level_nb(event, state, p, ring)
    total = state.total
    return total[0] * 0.01, total[1] * 0.01, head, tail


def _flow_3(event, state, p, ring):
    head, tail = flow_by_level_nb(event, state, p, ring)
    total = state.total
    return total[0] * 0.01, total[1] * 0.01, total[2] * 0.01, head, tail


def _flow_4(event, state, p, ring):
    head, tail = flow_by_level_nb(event, state, p, ring)
    total = state.total
    return total[0] * 0.01, total[1] * 0.01, total[2] * 0.01, total[3] * 0.01, head, tail


def _flow_5(event, state, p, ring):
    head, tail = flow_by_level_nb(event, state, p, ring)
    total = state.total
    return total[0] * 0.01, total[1] * 0.01, total[2] * 0.01, total[3] * 0.01, total[4] * 0.01, head, tail


_FLOWS = {2: _flow_2, 3: _flow_3, 4: _flow_4, 5: _flow_5}


def vpin(bucket: float, buckets: int = 50) -> Signal:
    """Return VPIN: the mean of ``|buys - sells| / bucket`` over the last equal-volume buckets (Easley et al. 2012).

    ``bucket`` is in contracts; a trade that fills one is split over the next. nan before so many buckets are full.

    >>> vpin(100, buckets=50).columns
    1
    """
    lots = round(bucket * 100)
    if lots < 1 or buckets < 1:
        raise InputError(f"vpin needs a bucket of 0.01 contracts or more and 1 bucket, not {bucket:g} and {buckets}")
    state = {"filled": 0, "net": 0, "full": 0, "total": 0, "kept": [0] * buckets}
    return Signal(_vpin, state, bucket=lots)


def _vpin(event, state, p):
    filled, net, full, total, kept = state.filled, state.net, state.full, state.total, state.kept
    left = event.lots if event.kind == TRADE else 0
    while left > 0:
        part = min(left, p.bucket - filled)
        filled += part
        net += event.side * part
        left -= part
        if filled == p.bucket:
            place = full % len(kept)
            total += abs(net) - kept[place]
            kept[place] = abs(net)
            full += 1
            filled, net = 0, 0
    value = float(total) / float(len(kept) * p.bucket) if full >= len(kept) else math.nan
    return value, filled, net, full, total
