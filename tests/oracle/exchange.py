"""What the exchange does with an order that arrives."""

from __future__ import annotations

from .setting import Order


class Exchange:
    def place(self, i: int, now: int, side: int, slot: int, level: int, lots: int, version: int) -> None:
        if level and self.a.capital and not self.is_paid(side, slot, level, lots):
            level, lots = 0, 0
            self.out.refused += 1
            if self.a.delays:
                self.notify(now, side, slot, version, -1)
        other = max(self.book[1 - side], default=0)
        crosses = level > 0 and other > 0 and level + other >= self.top
        now_or_never = slot == self.a.levels
        if self.a.delays and self.a.post_only and crosses and not now_or_never:
            self.out.rejected += 1
            self.notify(now, side, slot, version, -1)
            level = lots = 0
        old = self.orders[side][slot]
        if level == 0:
            self.orders[side][slot] = None
            return
        if old and (old.level, old.lots) == (level, lots):
            old.version = version
            return
        if old and self.a.keep and old.level == level and lots < old.lots:
            old.lots, old.version, old.since = lots, version, now
        else:
            self.orders[side][slot] = Order(level, lots, self.book[side].get(level, 0), version, since=now)
        if crosses and ((now_or_never and not self.a.reported) or (self.a.takes and not self.a.post_only)):
            self.take(i, now, side, slot)
        if now_or_never:
            self.orders[side][slot] = None

    def is_paid(self, side: int, slot: int, level: int, lots: int) -> bool:
        """Whether an order can be paid beside all others; what closes the position costs nothing, slot by slot."""
        out, needed = self.out, 0
        balance = self.a.capital + out.cash - out.fees + out.rebates - max(0, -out.position) * 10_000
        for s in (0, 1):
            closes = max(0, -out.position if s == 0 else out.position)
            there = {at: (order.level, order.lots) for at, order in self.resting(s)}
            if s == side:
                there[slot] = (level, lots)
            for at in sorted(there):
                its_level, its_lots = there[at]
                closing = min(its_lots, closes)
                closes -= closing
                price = self.price(s, its_level)
                needed += (its_lots - closing) * (price if s == 0 else 10_000 - price)
        return needed <= balance

    def take(self, i: int, now: int, side: int, slot: int) -> None:
        order, other = self.orders[side][slot], 1 - side
        assert order is not None
        total = value = 0
        own = max((one.level for _, one in self.resting(other)), default=0) if slot == self.a.levels else 0
        for level in sorted(self.book[other], reverse=True):
            if order.lots == 0 or level + order.level < self.top or level <= own:
                break
            there, taken = self.book[other][level], self.taken[side]
            if taken:
                there = 0 if level > taken[0] else there - taken[1] if level == taken[0] else there
            lots = min(there, order.lots)
            if lots > 0:
                self.taken[side] = (level, lots + (taken[1] if taken and taken[0] == level else 0))
                self.pay(i, now, side, slot, order, self.price(other, level), lots, taker=True)
                total += lots
                value += lots * self.price(other, level)
        if total and self.a.delays:
            self.notify(now, side, slot, order.version, total, value)

    def note_quote(self, i: int, now: int) -> None:
        """Write what rests down, from the best level on, if it changed."""
        sides = [sorted((order for _, order in self.resting(side)), key=lambda o: -o.level) for side in (0, 1)]
        padded = [side + [None] * (self.a.levels - len(side)) for side in sides]
        rows = [order for level in zip(*padded, strict=True) for order in level]
        shown = tuple(value for o in rows for value in ((o.level, o.lots) if o else (0, 0)))
        if not self.out.quotes or self.out.quotes[-1][2 : 2 + len(shown)] != shown:
            ahead = tuple(float(o.ahead) if o else None for o in rows)
            self.out.quotes.append((now, i, *shown, *ahead))
