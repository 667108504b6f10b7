"""Models that try everything a model may do; what they ask for makes no money."""

from __future__ import annotations

import math
from typing import ClassVar

from numba import njit
from touchline.features.signals import bollinger, signed_flow
from touchline.features.signals.signal import Signal
from touchline.strategies.parameters import Parameter
from touchline.strategies.quoting import imbalance, size_within
from touchline.strategies.quoting.model import QuotingModel


class Two(QuotingModel):
    """Two orders a side: a step apart, now and then one without the other, sizes that grow outwards."""

    name = "two"
    levels: ClassVar[int] = 2
    parameters = (
        Parameter("half", 1.0, -50.0, 50.0, "cents to the nearest order"),
        Parameter("step", 1.0, -5.0, 50.0, "cents between orders"),
        Parameter("size", 1.0, 0.0, 1e6, "contracts of the nearest"),
        Parameter("skew", 0.0, -10.0, 10.0, "cents a contract held"),
    )

    @staticmethod
    def quote(known, p):
        """Around the mid; without a first bid while a position is long."""
        m = known.mid - p.skew * known.position
        first = math.nan if known.position > 2.0 else m - p.half
        return (first, m - p.half - p.step), (m + p.half, m + p.half + p.step), (p.size, 2.0 * p.size), (p.size, 1.0)


class Three(Two):
    """Three orders a side."""

    name = "three"
    levels: ClassVar[int] = 3

    @staticmethod
    def quote(known, p):
        """Around the mid; the middle ask is missing after a trade."""
        m, h, s = known.mid - p.skew * known.position, p.half, p.step
        middle = math.nan if known.trigger == 1.0 else m + h + s
        bids = (m - h, m - h - s, m - h - 2.0 * s)
        return bids, (m + h, middle, m + h + 2.0 * s), (p.size, p.size, p.size), (p.size, 0.5, p.size)


class Five(Two):
    """Five orders a side, whose sizes differ."""

    name = "five"
    levels: ClassVar[int] = 5

    @staticmethod
    def quote(known, p):
        """Around the microprice."""
        m, h, s = known.microprice - p.skew * known.position, p.half, p.step
        bids = (m - h, m - h - s, m - h - 2.0 * s, m - h - 3.0 * s, m - h - 4.0 * s)
        asks = (m + h, m + h + s, m + h + 2.0 * s, m + h + 3.0 * s, m + h + 4.0 * s)
        sizes = (p.size, 0.3, 2.0 * p.size, 0.0, p.size)
        return bids, asks, sizes, sizes


class Knows(Two):
    """One order a side around an average of the mids that it has seen, and a count of its quotes."""

    name = "knows"
    levels: ClassVar[int] = 1
    state: ClassVar = {"mean": math.nan, "count": 0.0}

    @staticmethod
    def quote(known, p, state):
        """The average moves by a quarter to each mid."""
        mean = known.mid if math.isnan(state.mean) else 0.75 * state.mean + 0.25 * known.mid
        m = mean - p.skew * known.position
        return m - p.half, m + p.half, p.size, p.size, (mean, state.count + 1.0)


class Takes(Two):
    """Two orders a side, and every third quote takes: to buy, to sell, in turn, one time in four at no price."""

    name = "takes"
    takes: ClassVar[bool] = True
    state: ClassVar = {"count": 0.0}

    @staticmethod
    def quote(known, p, state):
        """Reaches two cents into the other side."""
        m, n = known.mid - p.skew * known.position, state.count
        buys = n % 2.0 < 1.0
        price = (known.ask + 2.0) if buys else (known.bid - 2.0)
        price = math.nan if n % 4.0 == 1.0 else price
        size = 0.0 if n % 3.0 > 0.0 else (3.0 * p.size if buys else -3.0 * p.size)
        bids, asks = (m - p.half, m - p.half - p.step), (m + p.half, m + p.half + p.step)
        return bids, asks, (p.size, p.size), (p.size, 0.7), (price, size), (n + 1.0,)


@njit
def lots_near(known):
    """What a function that a quote calls reads is made known, too."""
    return size_within(known, 1, 1.0) - size_within(known, -1, 1.0)


READ = (
    *("near", "even", "bid", "bids", "ask", "asks", "trade", "lots", "taker", "trade_age", "book_age", "tick_age"),
    *("fills", "cost", "realised", "open", "since_bid", "since_ask"),
)


class Reads(Two):
    """Keeps what it reads of the book, of what came last and of its own history in its state."""

    name = "reads"
    state: ClassVar = dict.fromkeys(READ, 0.0)

    @staticmethod
    def quote(known, p, state):
        """Around the mid."""
        k, m = known, known.mid - p.skew * known.position
        book = (lots_near(k), imbalance(k, 3), k.bids[1], k.bid_sizes[2], k.asks[4], k.ask_sizes[1])
        last = (
            k.last_trade_price,
            k.last_trade_size,
            k.last_trade_side,
            k.last_trade_age,
            k.book_age,
            k.underlying_age,
        )
        own = (k.fills, k.average_cost, k.realised, k.open_pnl, k.since_bid_fill, k.since_ask_fill)
        bids, asks = (m - p.half, m - p.half - p.step), (m + p.half, m + p.half + p.step)
        return bids, asks, (p.size, p.size), (p.size, 0.7), book + last + own


class Places(Two):
    """Keeps its orders' places in its state."""

    name = "places"
    state: ClassVar = {"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0, "e": 0.0}

    @staticmethod
    def quote(known, p, state):
        """Around the mid."""
        m, k = known.mid - p.skew * known.position, known
        bids, asks = (m - p.half, m - p.half - p.step), (m + p.half, m + p.half + p.step)
        places = (k.bid_ahead[0], k.bid_ahead[1], k.bid_behind[0], k.ask_ahead[1], k.ask_behind[1])
        return bids, asks, (p.size, p.size), (p.size, 0.7), places


class Everything(Two):
    """Five orders a side that lean with signals; takes now and then; keeps in its state what it reads of all kinds."""

    name = "everything"
    levels: ClassVar[int] = 5
    takes: ClassVar[bool] = True
    signals: ClassVar = {"lean": Signal(None), "pair": Signal(None, values=2)}
    state: ClassVar = dict.fromkeys(("count", "mean", "front", "back", "second", "book", "trade", "cost", "pair"), 0.0)

    @staticmethod
    def quote(known, p, state):
        """Around a mean of the mid."""
        k, s, n = known, known.signals, state.count
        lean = (0.0 if math.isnan(s.lean) else s.lean) + (0.0 if math.isnan(s.pair[1]) else 0.5 * s.pair[1])
        mean = k.mid if n == 0.0 else 0.5 * state.mean + 0.5 * k.mid
        m, h, d = mean + lean - p.skew * k.position, p.half, p.step
        bids = (m - h, m - h - d, m - h - 2.0 * d, m - h - 3.0 * d, m - h - 4.0 * d)
        asks = (m + h, math.nan if k.trigger == 1.0 else m + h + d, m + h + 2.0 * d, m + h + 3.0 * d, m + h + 4.0 * d)
        sizes = (p.size, 0.3, 2.0 * p.size, 0.0, p.size)
        take = (k.ask + 1.0 if lean > 0.0 else k.bid - 1.0, p.size * lean if n % 3.0 == 2.0 else 0.0)
        places = (k.bid_ahead[0], k.ask_behind[1], k.bid_behind[2])
        return bids, asks, sizes, sizes, take, (
            n + 1.0, mean, *places, k.bid_sizes[1], k.last_trade_age, k.average_cost, s.pair[0],
        )  # fmt: skip


class Leaning(Everything):
    """The same with signals that are computed."""

    name = "leaning"
    signals: ClassVar = {"lean": signed_flow(3), "pair": bollinger(5)}


LADDERS = (Two, Three, Five)
OTHERS = (Knows, Takes, Reads, Places, Everything)
