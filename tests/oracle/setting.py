"""What a run takes for granted, what it keeps, and the arithmetic of one fee and one cancelled lot."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

BOOK, TRADE, UNDERLYING, STATUS, GAP, CLOCK, FILLED = range(7)
HALF = 0.5 + 1e-9  # floats say an exact half as a little less or more
DAY_NS = 86_400_000_000_000


@dataclass(frozen=True)
class Event:
    ts: int
    kind: int
    side: int
    level: int
    size: int
    aux: int
    later: bool  #: the trade that explains a decrease is still to come
    moment: bool  #: the last event of its time


@dataclass(frozen=True)
class Fees:
    """What holds from a moment on; rates in 1/100,000 of price x (1 - price) a contract, steps in micros."""

    from_ts: int
    taker: int
    maker: int
    step: int
    grid: int
    rebate: int
    strict: int


@dataclass(frozen=True)
class Setting:
    """Every assumption of a run, and the limits of its cell."""

    rule: str = "touch"
    exponent: float = 3.0
    partial: bool = True
    cross: bool = False
    post_only: bool = True
    keep: bool = True
    requote_ns: int = 10**9
    is_open: bool = True
    limit: int = 10_000
    session: tuple[int, int] = (0, 1)
    closes: tuple[tuple[int, int], ...] = ()  #: when another end of the session was told, and that end
    horizon: str = "session"
    tau: float = 1.0
    volatility: str = "levels"
    window_ns: int = 60 * 10**9
    variance: float = 1.0
    fees: tuple[Fees, ...] = ()
    shrink_limit: bool = False
    shrink_size: bool = False
    calm: float = 0.0
    halt: int | None = None
    loss: int = 0
    capital: int = 0
    takes: bool = False
    reported: bool = False  #: only what the exchange reports fills
    delays: tuple[list[int], list[int], list[int]] | None = None  #: feed, order entry, response: one a bucket, in turn
    bucket_ns: int = 10**9
    rate: float = 0.0  #: of Poisson fills, a second; their decay is the exponent
    draws: tuple[list[float], list[float]] = ((), ())  #: for Poisson fills: one a side and event
    levels: int = 1  #: orders a side that may rest
    takes_too: bool = False  #: the model takes beside its quotes
    state: tuple[float, ...] = ()  #: the model's own at the start
    tolerance: int = 0  #: levels
    life_ns: int = 0
    prompts: frozenset[str] = frozenset({"time"})
    heed: tuple[int, ...] = ()  #: columns of signals on whose changes the agent decides
    signals: tuple[tuple[float, ...], ...] = ()  #: a row an event
    shown: Callable[[tuple[float, ...]], Any] = tuple  #: a row as the model reads it
    quoted: tuple[bool, bool] = (True, True)  #: which sides are
    stop_ns: int = -(1 << 61)


@dataclass
class Order:
    level: int
    lots: int
    ahead: float
    version: int
    carry: int = 0
    since: int = 0


@dataclass
class Outcome:
    cash: int = 0
    position: int = 0
    fees: int = 0
    rebates: int = 0
    flow: int = 0
    flow_later: int = 0
    volume: int = 0
    requotes: int = 0
    refused: int = 0
    rejected: int = 0
    quoted: int = 0
    held: int = 0
    widest: int = 0
    fills: list[tuple[int, ...]] = field(default_factory=list)
    quotes: list[tuple[Any, ...]] = field(default_factory=list)
    equity: list[int] = field(default_factory=list)


def exact_fee(revenue: int, price: int, lots: int, rate: int, fees: Fees, carry: int) -> tuple[int, int, int]:
    """Fee before the rebate, the rebate, and what the order carries to its next fill."""
    dollars = Fraction(rate, 10_000_000) * Fraction(lots, 100) * Fraction(price, 10_000) * (1 - Fraction(price, 10_000))
    trade_fee = math.ceil(dollars * 1_000_000 / fees.step) * fees.step
    aligned = math.floor(Fraction(revenue - trade_fee, fees.grid)) * fees.grid
    rounding = revenue - trade_fee - aligned
    carry += rounding
    steps = 0
    while (
        (steps + 1) * fees.rebate + fees.strict <= carry
        and (steps + 1) * fees.rebate <= trade_fee + rounding
        and fees.rebate < 1 << 61
    ):
        steps += 1
    return trade_fee + rounding, steps * fees.rebate, carry - steps * fees.rebate


def behind(front: float, back: float, rule: str, exponent: float) -> float:
    """Probability that a cancelled lot stood behind the order."""

    def weight(x: float) -> float:
        if rule == "log":
            return math.log(1.0 + x)
        if exponent in (1.0, 2.0, 3.0):
            return math.prod([x] * int(exponent))
        return x**exponent

    f, b = weight(front), weight(back)
    return b / (f + b) if f + b > 0 else 1.0
