"""One cell along one tape in plain Python, from the meaning of the simulator and sharing no code with its kernel.

Money, sizes and levels are whole numbers; floats stand only in the queue position and in what the model is told.
Both sides of the book are bids on their own scale: a NO bid at level p is a YES ask at level top - p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from touchline.strategies.quoting.known import Known

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


@dataclass
class Order:
    level: int
    lots: int
    ahead: float
    version: int
    carry: int = 0


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


class Run:
    """A cell under way."""

    def __init__(
        self, events: list[Event], values: list[float], ticks: list[int], quote: Callable[[Known], tuple[float, ...]],
        setting: Setting, points: list[tuple[int, int, float]], sample_at: list[int],
    ) -> None:  # fmt: skip
        self.events, self.values, self.ticks, self.quote, self.a = events, values, ticks, quote, setting
        self.points, self.sample_at = points, sample_at
        self.top = len(ticks) - 1
        self.uniform = len({b - a for a, b in pairwise(ticks)}) == 1
        self.out = Outcome()
        self.book: list[dict[int, int]] = [{}, {}]
        self.orders: list[Order | None] = [None, None]
        self.taken: list[tuple[int, int] | None] = [None, None]  #: deepest level taken from, lots taken there
        self.is_open, self.is_known = setting.is_open, False
        self.value = math.nan
        self.due = events[0].ts + setting.requote_ns
        self.has_filled = False
        self.day, self.day_equity, self.stopped = None, 0, False
        self.mids = self.all_mids()
        # What the agent has seen, knows and has sent; what is under way.
        self.seen_book: list[dict[int, int]] = [{}, {}]
        self.seen, self.seen_value, self.known_position = -1, math.nan, 0
        self.sent: list[Order | None] = [None, None]
        self.messages = 0
        self.to_exchange: list[tuple[int, int, dict[int, tuple[int, int]]]] = []
        self.to_agent: list[tuple[int, int, int, int]] = []
        self.versions = [0, 0]

    # The book.

    def best(self, book: list[dict[int, int]]) -> tuple[int, int]:
        """Best bid and best ask as YES levels; 0 and the top level where there is none."""
        return max(book[0], default=0), self.top - max(book[1], default=0)

    def change(self, book: list[dict[int, int]], event: Event) -> None:
        if event.kind == GAP:
            book[0].clear()
            book[1].clear()
        elif event.kind == BOOK:
            book[event.side][event.level] = event.size
            if event.size == 0:
                del book[event.side][event.level]

    def all_mids(self) -> list[int]:
        book: list[dict[int, int]] = [{}, {}]
        mids, mid = [], 0
        for event in self.events:
            self.change(book, event)
            bid, ask = self.best(book)
            if bid > 0 and ask < self.top:
                mid = (self.ticks[bid] + self.ticks[ask]) // 2
            mids.append(mid)
        return mids

    def later(self, i: int) -> int:
        return [mid for event, mid in zip(self.events, self.mids, strict=True)
                if event.ts <= self.events[i].ts + 10 * 10**9][-1]  # fmt: skip

    def price(self, side: int, level: int) -> int:
        return self.ticks[level] if side == 0 else self.ticks[self.top - level]

    # The walk.

    def run(self) -> Outcome:
        for i, event in enumerate(self.events):
            while len(self.out.equity) < len(self.sample_at) and self.sample_at[len(self.out.equity)] <= event.ts:
                if self.a.delays:
                    self.advance(i - 1, self.sample_at[len(self.out.equity)])
                self.sample(i - 1)
            if self.a.delays:
                self.advance(i - 1, event.ts)
            if self.a.rule == "poisson" and i > 0 and event.ts > self.events[i - 1].ts:
                self.step(i, event.ts)
            self.happen(i, event)
            if not self.a.delays and event.moment and (self.has_filled or self.due <= event.ts):
                self.decide_at_once(i, event)
        return self.out

    def step(self, i: int, now: int) -> None:
        """Poisson fills over the time before event ``i``, at the distance from the mid that held."""
        bid, ask = self.best(self.book)
        if bid == 0 or ask == self.top:
            return
        mid = (self.ticks[bid] + self.ticks[ask]) * 0.005
        for side, order in enumerate(list(self.orders)):
            if order:
                away = (1 - 2 * side) * (mid - self.price(side, order.level) * 0.01)
                most = self.a.rate * (float(now - self.events[i - 1].ts) * 1e-9)
                if self.a.draws[side][i] < most * math.exp(-self.a.exponent * away):
                    self.fill(i - 1, side, order.lots, now)

    def sample(self, i: int) -> None:
        mid = self.mids[i] if i >= 0 else 0
        out = self.out
        out.equity.append(out.cash - out.fees + out.rebates + out.position * mid)
        out.quoted += all(self.orders)
        out.held += abs(out.position)
        out.widest = max(out.widest, abs(out.position))

    def happen(self, i: int, event: Event) -> None:
        if event.kind == BOOK:
            self.is_known = True
            before = self.book[event.side].get(event.level, 0)
            self.change(self.book, event)
            self.shrink_queue(event, before)
            taker = 1 - event.side
            taken = self.taken[taker]
            if taken and event.level >= taken[0]:
                self.taken[taker] = None
            order = self.orders[taker]
            if (
                self.a.cross
                and not self.a.reported
                and event.size > 0
                and order
                and order.level + event.level >= self.top
            ):
                self.fill(i, taker, order.lots)
        elif event.kind == TRADE:
            order = self.orders[event.side]
            if order and self.a.rule != "poisson" and not self.a.reported:
                self.fill(i, event.side, self.traded(order, event.level, event.size))
        elif event.kind == UNDERLYING:
            self.value = self.values[event.aux]
        elif event.kind == FILLED:
            self.report(i, event)
        elif event.kind in (STATUS, GAP):
            if event.kind == GAP:
                self.is_known = False
                self.change(self.book, event)
            else:
                self.is_open = event.side > 0
            if not (self.is_open and self.is_known):
                self.orders = [None, None]
                self.sent = [None, None]
                self.note_quote(i, event.ts)

    def shrink_queue(self, event: Event, before: int) -> None:
        order = self.orders[event.side]
        if event.size >= before or order is None or order.level != event.level:
            return
        cancelled = before - event.size - event.aux
        bound = event.size + event.aux if event.later else event.size
        rule = self.a.rule
        if rule in ("pessimistic", "risk-averse"):
            order.ahead = min(order.ahead, bound)
        elif rule == "optimistic":
            order.ahead = max(0, min(order.ahead - max(cancelled, 0), bound))
        elif rule in ("power", "log"):
            front = float(order.ahead)
            if cancelled > 0:
                back = max(before - event.aux - front, 0.0)
                chance = behind(front, back, rule, self.a.exponent)
                front = front - (1.0 - chance) * cancelled + min(back - chance * cancelled, 0.0)
                front = max(front, 0.0)
            order.ahead = min(front, float(bound))

    def traded(self, order: Order, level: int, lots: int) -> int:
        """What a trade of ``lots`` at ``level`` gives to the order."""
        rule = self.a.rule
        if rule in ("touch", "through"):
            reached = order.level >= level if rule == "touch" else order.level > level
            return min(lots, order.lots) if reached else 0
        if order.level > level:
            return min(lots, order.lots) if self.a.partial else order.lots
        if order.level < level:
            return 0
        order.ahead = order.ahead - lots
        if self.a.partial:
            beyond = math.floor(0.5 - order.ahead) if isinstance(order.ahead, float) else -order.ahead
            order.ahead = max(order.ahead, 0)
            return max(0, min(beyond, order.lots))
        return order.lots if order.ahead < 0 else 0

    # Fills.

    def fees_at(self, i: int, now: int) -> Fees | None:
        rows = [row for row in self.a.fees if row.from_ts <= now]
        return rows[-1] if rows else (self.a.fees[0] if self.a.fees else None)

    def pay(self, i: int, now: int, side: int, order: Order, price: int, lots: int, taker: bool) -> None:
        """One fill: fee, cash, position, record. ``order`` still has its lots."""
        out = self.out
        sign = 1 if side == 0 else -1
        fee = rebate = 0
        row = self.fees_at(i, now)
        if row:
            closing = min(lots, max(0, -sign * out.position))
            cost = price if side == 0 else 10_000 - price
            revenue = closing * (10_000 - cost) - (lots - closing) * cost
            rate = row.taker if taker else row.maker
            fee, rebate, order.carry = exact_fee(revenue, price, lots, rate, row, order.carry)
        out.fees += fee
        out.rebates += rebate
        out.cash -= sign * lots * price
        out.position += sign * lots
        out.flow += sign * lots * (self.mids[i])
        out.flow_later += sign * lots * self.later(i)
        out.volume += lots
        out.fills.append((now, i, side, self.own_level(side, price), lots, out.position, int(taker), fee, rebate))
        order.lots -= lots
        if order.lots == 0:
            self.orders[side] = None

    def own_level(self, side: int, price: int) -> int:
        level = self.ticks.index(price)
        return level if side == 0 else self.top - level

    def fill(self, i: int, side: int, lots: int, at: int | None = None) -> None:
        order = self.orders[side]
        if lots == 0 or order is None:
            return
        now = self.events[i].ts if at is None else at
        self.has_filled = True
        self.pay(i, now, side, order, self.price(side, order.level), lots, taker=False)
        if self.a.delays:
            self.notify(now, side, order.version, lots)

    def report(self, i: int, event: Event) -> None:
        """The exchange says that an order of ours was filled."""
        out, side, lots = self.out, event.side, event.size
        sign, price = 1 - 2 * side, self.price(side, event.level)
        out.fees += event.aux
        out.cash -= sign * lots * price
        out.position += sign * lots
        out.flow += sign * lots * self.mids[i]
        out.flow_later += sign * lots * self.later(i)
        out.volume += lots
        out.fills.append((event.ts, i, side, event.level, lots, out.position, 0, event.aux, 0))
        order = self.orders[side]
        if order:
            order.lots -= lots
            if order.lots <= 0:
                self.orders[side] = None
        self.has_filled = True

    # Decisions.

    def variance(self, i: int, now: int) -> float:
        a = self.a
        seen = [point for point in self.points if point[1] <= i]
        if a.volatility == "constant":
            return a.variance
        if a.volatility == "decaying":
            return float(seen[-1][2]) if seen else a.variance
        window = [int(value) for ts, _, value in seen if ts > now - a.window_ns]
        n, total, squares = len(window), sum(window), sum(x * x for x in window)
        if n < 2:
            return a.variance
        if a.volatility == "increments":
            return float(squares) / (float(a.window_ns) * 1e-9 * 40_000.0)
        return float(n * squares - total * total) / (float(n) * float(n - 1) * 10_000.0)

    def tau(self, now: int) -> float:
        first, last = self.a.session
        for since, close in self.a.closes:
            last = close if since <= now else last
        if self.a.horizon == "fixed":
            return self.a.tau
        if self.a.horizon == "to close":
            return max(0.0, float(last - now) * 1e-9)
        return max(0.0, float(last - now) / float(last - first))

    def nearest(self, cents: float) -> int:
        """Nearest level to a price, halves up."""
        cents = min(cents, 2e4) if cents > -1e4 else -1e4
        if self.uniform:
            return math.floor(cents * (100.0 / self.ticks[1]) + HALF)
        ticks = min(max(cents * 100.0, 0.0), 10_000.0)
        gap = min(abs(ticks - tick) for tick in self.ticks)
        return max(level for level, tick in enumerate(self.ticks) if abs(ticks - tick) <= gap + 1e-8)

    def wishes(
        self, i: int, now: int, book: list[dict[int, int]], value: float, trigger: int, held: int,
        mine: list[Order | None],
    ) -> list[tuple[int, int]]:  # fmt: skip
        """Level and lots wanted on both sides; zeros where nothing should rest."""
        a, top = self.a, self.top
        bid, ask = self.best(book)
        x, y = self.ticks[bid] * 0.01, self.ticks[ask] * 0.01
        p, q = book[0][bid] * 0.01, book[1][top - ask] * 0.01
        variance = self.variance(i, now)
        own = [self.price(s, order.level) * 0.01 if order else math.nan for s, order in enumerate(mine)]
        known = Known(
            time=now * 1e-9, bid=x, ask=y, bid_size=p, ask_size=q, mid=(x + y) * 0.5,
            microprice=(x * q + y * p) / (p + q), variance=variance, sigma=math.sqrt(variance), tau=self.tau(now),
            underlying=value, position=held * 0.01, own_bid=own[0], own_ask=own[1], trigger=float(trigger),
        )  # fmt: skip
        low, high, *sizes = self.quote(known)
        limit, b, s = a.limit, self.nearest(low), self.nearest(high)
        s = max(s, b + 1)
        if a.post_only:
            b, s = min(b, ask - 1), max(s, bid + 1)
        b, s = min(max(b, 1), top - 1), min(max(s, 1), top - 1)
        share = a.calm / known.sigma if a.calm > 0 and known.sigma > 0 else 1.0
        share = min(share, 1.0)
        if a.shrink_limit:
            limit = int(limit * share)
        if a.shrink_size:
            sizes = [size * share for size in sizes]
        lots = [int(min(max(size, 0.0), 1e7) * 100.0 + HALF) for size in sizes]
        lots = [min(lots[0], limit - held), min(lots[1], limit + held)]
        off_bid = math.isnan(low) or (a.post_only and b >= ask) or self.stopped
        off_ask = math.isnan(high) or (a.post_only and s <= bid) or self.stopped
        if a.halt is not None:
            off_bid, off_ask = off_bid or held >= a.halt, off_ask or held <= -a.halt
        bid_wish = (0, 0) if off_bid or lots[0] <= 0 else (b, lots[0])
        return [bid_wish, (0, 0) if off_ask or lots[1] <= 0 else (top - s, lots[1])]

    def check_loss(self, i: int, now: int) -> None:
        out = self.out
        equity = out.cash - out.fees + out.rebates + out.position * self.mids[i]
        if now // DAY_NS != self.day:
            self.day, self.day_equity, self.stopped = now // DAY_NS, equity, False
        if self.a.loss > 0 and equity <= self.day_equity - self.a.loss:
            self.stopped = True

    def is_quotable(self, book: list[dict[int, int]]) -> bool:
        return bool(book[0] and book[1]) and self.is_open and self.is_known

    def decide_at_once(self, i: int, event: Event) -> None:
        self.has_filled = False
        self.check_loss(i, event.ts)
        if self.is_quotable(self.book):
            wishes = self.wishes(i, event.ts, self.book, self.value, event.kind, self.out.position, self.orders)
            for side in (0, 1):
                self.place(i, event.ts, side, *wishes[side], version=0)
            self.out.requotes += 1
        else:
            self.orders = [None, None]
        self.note_quote(i, event.ts)
        self.due = event.ts + self.a.requote_ns

    # The exchange acts on an order.

    def place(self, i: int, now: int, side: int, level: int, lots: int, version: int) -> None:
        if level and self.a.capital and not self.is_paid(side, level, lots):
            level, lots = 0, 0
            self.out.refused += 1
            if self.a.delays:
                self.notify(now, side, version, -1)
        other = max(self.book[1 - side], default=0)
        crosses = level > 0 and other > 0 and level + other >= self.top
        if self.a.delays and self.a.post_only and crosses:
            self.out.rejected += 1
            self.notify(now, side, version, -1)
            level = lots = 0
        old = self.orders[side]
        if level == 0:
            self.orders[side] = None
            return
        if old and (old.level, old.lots) == (level, lots):
            old.version = version
            return
        if old and self.a.keep and old.level == level and lots < old.lots:
            old.lots, old.version = lots, version
        else:
            self.orders[side] = Order(level, lots, self.book[side].get(level, 0), version)
        if self.a.takes and not self.a.post_only and crosses:
            self.take(i, now, side)

    def is_paid(self, side: int, level: int, lots: int) -> bool:
        out, needed = self.out, 0
        balance = self.a.capital + out.cash - out.fees + out.rebates - max(0, -out.position) * 10_000
        other = self.orders[1 - side]
        for s, its_level, its_lots in [(side, level, lots)] + ([(1 - side, other.level, other.lots)] if other else []):
            closing = min(its_lots, max(0, -out.position if s == 0 else out.position))
            price = self.price(s, its_level)
            needed += (its_lots - closing) * (price if s == 0 else 10_000 - price)
        return needed <= balance

    def take(self, i: int, now: int, side: int) -> None:
        order, other = self.orders[side], 1 - side
        assert order is not None
        total = 0
        for level in sorted(self.book[other], reverse=True):
            if order.lots == 0 or level + order.level < self.top:
                break
            there, taken = self.book[other][level], self.taken[side]
            if taken:
                there = 0 if level > taken[0] else there - taken[1] if level == taken[0] else there
            lots = min(there, order.lots)
            if lots > 0:
                self.taken[side] = (level, lots + (taken[1] if taken and taken[0] == level else 0))
                self.pay(i, now, side, order, self.price(other, level), lots, taker=True)
                total += lots
        if total and self.a.delays:
            self.notify(now, side, order.version, total)

    def note_quote(self, i: int, now: int) -> None:
        """Write the resting quote down if it changed."""
        bid, ask = ((o.level, o.lots) if o else (0, 0) for o in self.orders)
        if not self.out.quotes or self.out.quotes[-1][2:6] != (*bid, *ask):
            ahead = tuple(float(o.ahead) if o else None for o in self.orders)
            self.out.quotes.append((now, i, *bid, *ask, *ahead))

    # Delays: messages never overtake each other, nor any that could have been sent before.

    def arrival(self, line: int, now: int) -> int:
        assert self.a.delays is not None
        delays, step = self.a.delays[line], self.a.bucket_ns
        bucket = now // step
        times = [now + delays[bucket % len(delays)]]
        earlier = bucket - 1
        while (earlier + 1) * step + max(delays) > now:
            times.append((earlier + 1) * step + delays[earlier % len(delays)])
            earlier -= 1
        return max(times)

    def notify(self, now: int, side: int, version: int, lots: int) -> None:
        self.to_agent.append((self.arrival(2, now), side, version, lots))

    def advance(self, i: int, until: int) -> None:
        """Everything before ``until``, event ``i`` being the last that happened: orders, then sight, then notices."""
        never = 1 << 62
        while True:
            moment = next((j for j in range(self.seen + 1, i + 1) if self.events[j].moment), None)
            sight = never
            if moment is not None:
                sight = self.arrival(0, self.events[moment].ts)
            order = self.to_exchange[0][0] if self.to_exchange else never
            notice = self.to_agent[0][0] if self.to_agent else never
            now = min(order, notice, sight)
            if now >= until:
                return
            if order == now:
                self.arrive(i, now)
                continue
            wakes, trigger = False, TRADE
            if sight == now and moment is not None:
                for event in self.events[self.seen + 1 : moment + 1]:
                    self.change(self.seen_book, event)
                    self.seen_value = self.values[event.aux] if event.kind == UNDERLYING else self.seen_value
                    trigger = event.kind
                self.seen = moment
            while self.to_agent and self.to_agent[0][0] <= now:
                wakes |= self.learn(*self.to_agent.pop(0)[1:])
            if wakes or (sight == now and self.due <= now):
                self.think(now, trigger)

    def learn(self, side: int, version: int, lots: int) -> bool:
        """A notice of a fill, or of a refusal where ``lots`` is -1. Returns whether the agent decides on it."""
        mine = self.sent[side]
        if lots > 0:
            self.known_position += lots if side == 0 else -lots
        if mine and mine.version == version:
            mine.lots = mine.lots - lots if lots > 0 else 0
            if mine.lots <= 0:
                self.sent[side] = None
        return lots > 0

    def think(self, now: int, trigger: int) -> None:
        self.check_loss(self.seen, now)
        wishes = [(0, 0), (0, 0)]
        if self.is_quotable(self.seen_book):
            position = self.known_position
            wishes = self.wishes(self.seen, now, self.seen_book, self.seen_value, trigger, position, self.sent)
            self.out.requotes += 1
        message: dict[int, tuple[int, int]] = {}
        for side, (level, lots) in enumerate(wishes):
            mine = self.sent[side]
            if (level, lots) != ((mine.level, mine.lots) if mine else (0, 0)):
                message[side] = (level, lots)
                self.sent[side] = Order(level, lots, 0, self.messages + 1) if level else None
        if message:
            self.messages += 1
            self.to_exchange.append((self.arrival(1, now), self.messages, message))
        self.due = now + self.a.requote_ns

    def arrive(self, i: int, now: int) -> None:
        _, version, message = self.to_exchange.pop(0)
        if self.is_open and self.is_known:
            for side, (level, lots) in message.items():
                self.place(i, now, side, level, lots, version)
            self.note_quote(i, now)
