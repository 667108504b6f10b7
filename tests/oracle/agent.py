"""How the cell decides."""

from __future__ import annotations

import math

from touchline.strategies.quoting.known import Known

from .setting import DAY_NS, HALF, Event, Order


class Agent:
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
        mine: list[list[Order | None]],
    ) -> list[list[tuple[int, int]]]:  # fmt: skip
        """Level and lots wanted on both sides by slot; zeros where nothing should rest."""
        a, top = self.a, self.top
        bid, ask = self.best(book)
        x, y = self.ticks[bid] * 0.01, self.ticks[ask] * 0.01
        p, q = book[0][bid] * 0.01, book[1][top - ask] * 0.01
        variance = self.variance(i, now)
        best = [max((order.level for order in side if order), default=0) for side in mine]
        own = [self.price(s, level) * 0.01 if level else math.nan for s, level in enumerate(best)]
        known = Known(
            time=now * 1e-9, bid=x, ask=y, bid_size=p, ask_size=q, mid=(x + y) * 0.5,
            microprice=(x * q + y * p) / (p + q), variance=variance, sigma=math.sqrt(variance), tau=self.tau(now),
            underlying=value, position=held * 0.01, own_bid=own[0], own_ask=own[1], trigger=float(trigger),
        )  # fmt: skip
        asked = self.quote(known)
        if a.levels == 1:
            asked = tuple((value,) for value in asked)
        ladders = self.ladders(asked, known, bid, ask, held)
        return [self.matched(ladder, side) for ladder, side in zip(ladders, mine, strict=True)]

    def ladders(
        self, asked: tuple[tuple[float, ...], ...], known: Known, bid: int, ask: int, held: int
    ) -> list[list[tuple[int, int]]]:  # fmt: skip
        """What the cell wants on each side, nearest first: different levels on the side's own scale, and lots."""
        a, top = self.a, self.top
        share = min(a.calm / known.sigma if a.calm > 0 and known.sigma > 0 else 1.0, 1.0)
        limit = int(a.limit * share) if a.shrink_limit else a.limit
        own_best = max(max(self.nearest(price), 0) if price == price else 0 for price in asked[0])
        outcome: list[list[tuple[int, int]]] = []
        for side in (0, 1):
            sign = 1 - 2 * side
            room = limit - sign * held
            first, far = (top - 1, ask) if side == 0 else (top - (own_best + 1), top - bid)
            if a.post_only:
                first = min(first, far - 1)
            if (a.post_only and far <= 1) or self.stopped or (a.halt is not None and sign * held >= a.halt):
                room = 0
            level, merged = max(first, 1), dict[int, int]()
            for price, size in zip(asked[side], asked[2 + side], strict=True):
                if math.isnan(price):
                    continue
                near = self.nearest(price)
                level = max(1, min(level, near if side == 0 else top - max(near, 0)))
                asked_size = size * share if a.shrink_size else size
                lots = max(min(int(min(max(asked_size, 0.0), 1e7) * 100.0 + HALF), room), 0)
                room -= lots
                merged[level] = merged.get(level, 0) + lots
            outcome.append([(level, lots) for level, lots in merged.items() if lots > 0])
        return outcome

    def matched(self, ladder: list[tuple[int, int]], mine: list[Order | None]) -> list[tuple[int, int]]:
        """The ladder by slot: a wish at the level of an order is that order's, others take free slots in turn."""
        slots = [(0, 0)] * self.a.levels
        there = {order.level: slot for slot, order in enumerate(mine) if order}
        for level, lots in ladder:
            if level in there:
                slots[there[level]] = (level, lots)
        for level, lots in ladder:
            if level not in there:
                slots[slots.index((0, 0))] = (level, lots)
        return slots

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
            for slot in range(self.a.levels):
                for side in (0, 1):
                    self.place(i, event.ts, side, slot, *wishes[side][slot], version=0)
            self.out.requotes += 1
        else:
            self.orders = self.nothing()
        self.note_quote(i, event.ts)
        self.due = event.ts + self.a.requote_ns
