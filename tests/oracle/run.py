"""A cell under way: the book, the walk, fills."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from touchline.strategies.quoting.known import Known

from .agent import Agent
from .exchange import Exchange
from .setting import (
    BOOK,
    FILLED,
    GAP,
    STATUS,
    TRADE,
    UNDERLYING,
    Event,
    Fees,
    Order,
    Outcome,
    Setting,
    behind,
    exact_fee,
)
from .told import Told
from .wire import Wire


class Run(Agent, Told, Wire, Exchange):
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
        self.orders = self.nothing()  #: by side and slot
        self.taken: list[tuple[int, int] | None] = [None, None]  #: deepest level taken from, lots taken there
        self.is_open, self.is_known = setting.is_open, False
        self.value = math.nan
        self.due = events[0].ts + setting.requote_ns if "time" in setting.prompts else 1 << 62
        self.state = setting.state
        self.prompted = False
        self.lately: dict[int, Event] = {}  #: the last event of each kind that the agent has seen
        self.cost, self.realised, self.told = 0, 0, [0, 0]
        self.last_fill: list[int | None] = [None, None]
        self.has_filled = False
        self.day, self.day_equity, self.stopped = None, 0, False
        self.mids = self.all_mids()
        # What the agent has seen, knows and has sent; what is under way.
        self.seen_book: list[dict[int, int]] = [{}, {}]
        self.seen, self.seen_value, self.known_position = -1, math.nan, 0
        self.noted: list[dict[tuple[int, int], tuple[int, int, float]]] = []  #: what rests right after each event
        self.sent = self.nothing()
        self.messages = 0
        self.to_exchange: list[tuple[int, int, dict[tuple[int, int], tuple[int, int]]]] = []
        self.to_agent: list[tuple[int, int, int, int, int, int]] = []
        self.versions = [0, 0]

    def nothing(self) -> list[list[Order | None]]:
        slots = self.a.levels + self.a.takes_too
        return [[None] * slots, [None] * slots]

    def resting(self, side: int) -> list[tuple[int, Order]]:
        """Slots and orders of a side."""
        return [(slot, order) for slot, order in enumerate(self.orders[side]) if order]

    def touch(self, book: list[dict[int, int]]) -> list[tuple[int, int]]:
        """The best level of each side on its own scale, and the size there."""
        best = [max(side, default=0) for side in book]
        return [(level, side.get(level, 0)) for level, side in zip(best, book, strict=True)]

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
            before = self.touch(self.book)
            self.happen(i, event)
            resting = [(side, slot, one) for side in (0, 1) for slot, one in self.resting(side)]
            self.noted.append({(side, slot): (one.version, one.level, float(one.ahead)) for side, slot, one in resting})
            self.prompted |= self.prompts(i, event, before != self.touch(self.book))
            if not self.a.delays and event.moment and (self.prompted or self.has_filled or self.due <= event.ts):
                self.decide_at_once(i, event)
        return self.out

    def step(self, i: int, now: int) -> None:
        """Poisson fills over the time before event ``i``, at the distance from the mid that held."""
        bid, ask = self.best(self.book)
        if bid == 0 or ask == self.top:
            return
        mid = (self.ticks[bid] + self.ticks[ask]) * 0.005
        for slot in range(self.a.levels):
            for side in (0, 1):
                order = self.orders[side][slot]
                if order:
                    away = (1 - 2 * side) * (mid - self.price(side, order.level) * 0.01)
                    most = self.a.rate * (float(now - self.events[i - 1].ts) * 1e-9)
                    if self.a.draws[side][i] < most * math.exp(-self.a.exponent * away):
                        self.fill(i - 1, side, slot, order.lots, now)

    def sample(self, i: int) -> None:
        mid = self.mids[i] if i >= 0 else 0
        out = self.out
        out.equity.append(out.cash - out.fees + out.rebates + out.position * mid)
        out.quoted += all(any(side) for side in self.orders)
        out.held += abs(out.position)
        out.widest = max(out.widest, abs(out.position))

    def happen(self, i: int, event: Event) -> None:
        if not self.a.delays:
            self.lately[event.kind] = event
        if event.kind == BOOK:
            self.is_known = True
            before = self.book[event.side].get(event.level, 0)
            self.change(self.book, event)
            self.shrink_queue(event, before)
            taker = 1 - event.side
            taken = self.taken[taker]
            if taken and event.level >= taken[0]:
                self.taken[taker] = None
            if self.a.cross and not self.a.reported and event.size > 0:
                for slot, order in self.resting(taker):
                    if order.level + event.level >= self.top:
                        self.fill(i, taker, slot, order.lots)
        elif event.kind == TRADE:
            if self.a.rule != "poisson" and not self.a.reported:
                self.trade(i, event)
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
                self.orders, self.sent = self.nothing(), self.nothing()
                self.note_quote(i, event.ts)

    def shrink_queue(self, event: Event, before: int) -> None:
        for _, order in self.resting(event.side):
            if event.size < before and order.level == event.level:
                self.shrink_order(order, event, before)

    def shrink_order(self, order: Order, event: Event, before: int) -> None:
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

    def trade(self, i: int, event: Event) -> None:
        """A taker's lots go to the own orders from the best one down; where orders fill whole, each stands alone."""
        rest, got = event.size, {}
        shared = self.a.partial or self.a.rule in ("touch", "through")
        for slot, order in sorted(self.resting(event.side), key=lambda one: -one[1].level):
            lots = rest if shared else event.size
            got[slot] = self.traded(order, event.level, lots)
            rest = max(rest - order.lots, 0)
        for slot in sorted(got):
            self.fill(i, event.side, slot, got[slot])

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

    def fees_at(self, i: int, now: int) -> Fees | None:
        rows = [row for row in self.a.fees if row.from_ts <= now]
        return rows[-1] if rows else (self.a.fees[0] if self.a.fees else None)

    def pay(self, i: int, now: int, side: int, slot: int, order: Order, price: int, lots: int, taker: bool) -> None:
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
        if not self.a.delays:
            self.remember(side, lots, lots * price, now, out.position)
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
            self.orders[side][slot] = None

    def own_level(self, side: int, price: int) -> int:
        level = self.ticks.index(price)
        return level if side == 0 else self.top - level

    def fill(self, i: int, side: int, slot: int, lots: int, at: int | None = None) -> None:
        order = self.orders[side][slot]
        if lots == 0 or order is None:
            return
        now = self.events[i].ts if at is None else at
        self.has_filled = True
        self.pay(i, now, side, slot, order, self.price(side, order.level), lots, taker=False)
        if self.a.delays:
            self.notify(now, side, slot, order.version, lots, lots * self.price(side, order.level))

    def report(self, i: int, event: Event) -> None:
        """The exchange says that an order of ours was filled."""
        out, side, lots = self.out, event.side, event.size
        sign, price = 1 - 2 * side, self.price(side, event.level)
        self.remember(side, lots, lots * price, event.ts, out.position)
        out.fees += event.aux
        out.cash -= sign * lots * price
        out.position += sign * lots
        out.flow += sign * lots * self.mids[i]
        out.flow_later += sign * lots * self.later(i)
        out.volume += lots
        out.fills.append((event.ts, i, side, event.level, lots, out.position, 0, event.aux, 0))
        better = [(order.level, slot) for slot, order in self.resting(side) if order.level >= event.level]
        slot = min(better)[1] if better else 0
        order = self.orders[side][slot]
        if order:
            order.lots -= lots
            if order.lots <= 0:
                self.orders[side][slot] = None
        self.has_filled = True
