"""How the cell decides."""

from __future__ import annotations

import math

from touchline.strategies.quoting.known import Known

from .setting import BOOK, DAY_NS, HALF, TRADE, Event, Order


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
        first, last = self.a.session[0], self.close(now)
        if self.a.horizon == "fixed":
            return self.a.tau
        if self.a.horizon == "to close":
            return max(0.0, float(last - now) * 1e-9)
        return max(0.0, float(last - now) / float(last - first))

    def close(self, now: int) -> int:
        """The end of the session as it is known."""
        last = self.a.session[1]
        for since, close in self.a.closes:
            last = close if since <= now else last
        return last

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
        more = self.more(i, book, mine, now, held)
        more |= {"signals": a.shown(a.signals[i])} if a.signals else {}
        more["open_pnl"] = (known.position * known.mid - float(self.cost) * 1e-4) * 0.01
        asked, take = self.ask(known._replace(**more))
        ladders, takes, rooms = self.ladders(asked, take, known, bid, ask, held, now)
        slots = self.matched(ladders, mine, rooms, (ask, top - bid), now)
        return [side + ([one] if a.takes_too else []) for side, one in zip(slots, takes, strict=True)]

    def ask(self, known: Known) -> tuple[tuple[tuple[float, ...], ...], tuple[float, float]]:
        """The model's quote, each part a tuple of levels, and what it takes; its state changes."""
        asked = list(self.quote(known, self.state) if self.a.state else self.quote(known))
        if self.a.state:
            self.state = tuple(float(value) for value in asked.pop())
        take = asked.pop() if self.a.takes_too else (math.nan, 0.0)
        return tuple((part,) if self.a.levels == 1 else part for part in asked), take

    def prompts(self, i: int, event: Event, is_touched: bool) -> bool:
        """Whether event ``i`` is one that the agent decides on; ``is_touched``: a best price or size is another."""
        on, rows = self.a.prompts, self.a.signals
        moved = [(rows[i - 1][at], rows[i][at]) for at in self.a.heed if i > 0]
        return (
            ("trade" in on and event.kind == TRADE)
            or ("book" in on and event.kind == BOOK)
            or ("touch" in on and event.kind == BOOK and is_touched)
            or any(old != new and (old == old or new == new) for old, new in moved)
        )  # fmt: skip

    def ladders(
        self, asked: tuple[tuple[float, ...], ...], take: tuple[float, float], known: Known, bid: int, ask: int,
        held: int, now: int,
    ) -> tuple[list[list[tuple[int, int]]], list[tuple[int, int]], list[int]]:  # fmt: skip
        """What the cell wants on each side, nearest first: different levels on the side's own scale, and lots.

        And what it takes, and the lots that a side may have resting.
        """
        a, top = self.a, self.top
        share = min(a.calm / known.sigma if a.calm > 0 and known.sigma > 0 else 1.0, 1.0)
        limit = int(a.limit * share) if a.shrink_limit else a.limit
        own_best = max(max(self.nearest(price), 0) if price == price else 0 for price in asked[0])
        outcome: list[list[tuple[int, int]]] = []
        takes, rooms = list[tuple[int, int]](), list[int]()
        is_late = self.close(now) - now <= a.stop_ns
        for side in (0, 1):
            sign = 1 - 2 * side
            room = limit - sign * held
            first, far = (top - 1, ask) if side == 0 else (top - (own_best + 1), top - bid)
            if a.post_only:
                first = min(first, far - 1)
            if (a.post_only and far <= 1) or self.stopped or (a.halt is not None and sign * held >= a.halt):
                room = 0
            if is_late or not a.quoted[side]:
                room = 0
            cents, contracts = take
            lots = 0 if math.isnan(cents) else self.lots(sign * contracts, room)
            near = max(1, min(top - 1, self.nearest(cents))) if not math.isnan(cents) else 0
            takes.append((near if side == 0 else top - near, lots) if lots else (0, 0))
            room -= lots
            rooms.append(max(room, 0))
            level, merged = max(first, 1), dict[int, int]()
            for price, size in zip(asked[side], asked[2 + side], strict=True):
                if math.isnan(price):
                    continue
                near = self.nearest(price)
                level = max(1, min(level, near if side == 0 else top - max(near, 0)))
                lots = self.lots(size * share if a.shrink_size else size, room)
                room -= lots
                merged[level] = merged.get(level, 0) + lots
            outcome.append([(level, lots) for level, lots in merged.items() if lots > 0])
        return outcome, takes, rooms

    def lots(self, size: float, room: int) -> int:
        """Contracts in lots, at most ``room``."""
        return max(min(int(min(max(size, 0.0), 1e7) * 100.0 + HALF), room), 0)

    def matched(
        self, ladders: list[list[tuple[int, int]]], mine: list[list[Order | None]], rooms: list[int],
        far: tuple[int, int], now: int,
    ) -> list[list[tuple[int, int]]]:  # fmt: skip
        """The ladders by slot: a wish at the level of an order is that order's, others take free slots in turn.

        Before that, young orders stay as they are and those near enough to a wish stay for it, below level ``far`` of
        their side where quotes are post-only; then a wish that would meet an order that stays is left out.
        """
        a = self.a
        is_still = a.tolerance > 0 or a.life_ns > 0
        slots = [[(0, 0)] * a.levels, [(0, 0)] * a.levels]
        left: list[list[tuple[int, int]]] = []
        for side in (0, 1):
            orders = [(slot, order) for slot, order in enumerate(mine[side][: a.levels]) if order]
            chosen, wishes = slots[side], list(ladders[side])
            for slot, order in orders:
                if now - order.since < a.life_ns:
                    chosen[slot] = (order.level, order.lots)
            for slot, order in orders:
                for wish in [wish for wish in wishes if wish[0] == order.level]:
                    wishes.remove(wish)
                    chosen[slot] = wish if chosen[slot] == (0, 0) else chosen[slot]
            for wish in list(wishes) if is_still else []:
                for slot, order in orders:
                    is_free = chosen[slot] == (0, 0) and (not a.post_only or order.level < far[side])
                    if is_free and abs(wish[0] - order.level) <= a.tolerance:
                        chosen[slot] = (order.level, wish[1])
                        wishes.remove(wish)
                        break
            left.append(wishes)
        for side in (0, 1) if is_still else ():
            kept = max(level for level, _ in slots[1 - side])
            left[side] = [wish for wish in left[side] if not kept or wish[0] + kept < self.top]
        for side in (0, 1):
            for wish in left[side]:
                if (0, 0) in slots[side]:
                    slots[side][slots[side].index((0, 0))] = wish
            room = rooms[side]
            for slot, (level, lots) in enumerate(slots[side]) if is_still else ():
                slots[side][slot] = (level, min(lots, room)) if min(lots, room) > 0 else (0, 0)
                room -= min(lots, room)
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
        self.has_filled = self.prompted = False
        self.check_loss(i, event.ts)
        if self.is_quotable(self.book):
            wishes = self.wishes(i, event.ts, self.book, self.value, event.kind, self.out.position, self.orders)
            for slot in range(self.a.levels + self.a.takes_too):
                for side in (0, 1):
                    self.place(i, event.ts, side, slot, *wishes[side][slot], version=0)
            self.out.requotes += 1
        else:
            self.orders = self.nothing()
        self.note_quote(i, event.ts)
        self.due = event.ts + self.a.requote_ns if "time" in self.a.prompts else 1 << 62
