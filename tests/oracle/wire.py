"""Delays: messages never overtake each other, nor any that could have been sent before."""

from __future__ import annotations

from .setting import TRADE, UNDERLYING, Order


class Wire:
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

    def notify(self, now: int, side: int, slot: int, version: int, lots: int, value: int = 0) -> None:
        self.to_agent.append((self.arrival(2, now), side, slot, version, lots, value))

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
                for at in range(self.seen + 1, moment + 1):
                    event = self.events[at]
                    before = self.touch(self.seen_book)
                    self.change(self.seen_book, event)
                    self.lately[event.kind] = event
                    wakes |= self.prompts(at, event, before != self.touch(self.seen_book))
                    self.seen_value = self.values[event.aux] if event.kind == UNDERLYING else self.seen_value
                    trigger = event.kind
                self.seen = moment
            while self.to_agent and self.to_agent[0][0] <= now:
                wakes |= self.learn(*self.to_agent.pop(0))
            if wakes or (sight == now and self.due <= now):
                self.think(now, trigger)

    def learn(self, now: int, side: int, slot: int, version: int, lots: int, value: int) -> bool:
        """A notice of a fill, or of a refusal where ``lots`` is -1. Returns whether the agent decides on it."""
        mine = self.sent[side][slot]
        if lots > 0:
            self.remember(side, lots, value, now, self.known_position)
            self.known_position += lots if side == 0 else -lots
        if mine and mine.version == version:
            mine.lots = mine.lots - lots if lots > 0 else 0
            if mine.lots <= 0:
                self.sent[side][slot] = None
        return lots > 0

    def think(self, now: int, trigger: int) -> None:
        self.check_loss(self.seen, now)
        slots = self.a.levels + self.a.takes_too
        wishes = [[(0, 0)] * slots] * 2
        if self.is_quotable(self.seen_book):
            position = self.known_position
            wishes = self.wishes(self.seen, now, self.seen_book, self.seen_value, trigger, position, self.sent)
            self.out.requotes += 1
        message: dict[tuple[int, int], tuple[int, int]] = {}
        for slot in range(slots):
            for side in (0, 1):
                level, lots = wishes[side][slot]
                mine = self.sent[side][slot]
                if (level, lots) != ((mine.level, mine.lots) if mine else (0, 0)):
                    message[slot, side] = (level, lots)
                    order = Order(level, lots, 0, self.messages + 1, since=now) if level else None
                    self.sent[side][slot] = order if slot < self.a.levels else None
        if message:
            self.messages += 1
            self.to_exchange.append((self.arrival(1, now), self.messages, message))
        self.due = now + self.a.requote_ns if "time" in self.a.prompts else 1 << 62

    def arrive(self, i: int, now: int) -> None:
        _, version, message = self.to_exchange.pop(0)
        if self.is_open and self.is_known:
            for (slot, side), (level, lots) in sorted(message.items()):
                self.place(i, now, side, slot, level, lots, version)
            self.note_quote(i, now)
