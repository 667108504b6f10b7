"""What a model may know beyond the touch."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from .setting import BOOK, TRADE, UNDERLYING, Order


class Told:
    def remember(self, side: int, lots: int, value: int, now: int, held: int) -> None:
        """A fill becomes known; what closes takes its share of the cost along, rounded towards zero."""
        sign = 1 - 2 * side
        closing = min(lots, max(0, -sign * held))
        gone = int(Fraction(self.cost * closing, abs(held))) if closing else 0
        paid = int(Fraction(value * closing, lots))
        self.cost += sign * (value - paid) - gone
        self.realised -= sign * paid + gone if closing else 0
        self.last_fill[side] = now
        self.told[side] += 1

    def in_front(self, i: int, side: int, order: Order) -> float:
        """Lots ahead of an order; with delays as they were right after event ``i``, of one that had come before it."""
        has_queue = self.a.rule not in ("touch", "through", "poisson")
        if not self.a.delays:
            return float(order.ahead) if has_queue else 0.0
        slot = next(at for at, one in enumerate(self.sent[side]) if one is order)
        version, level, ahead = self.noted[i].get((side, slot), (0, 0, 0.0))
        if (version, level) != (order.version, order.level):
            return math.nan
        return ahead if has_queue else 0.0

    def more(
        self, i: int, book: list[dict[int, int]], mine: list[list[Order | None]], now: int, held: int
    ) -> dict[str, Any]:
        """Everything that only some models read, but for what needs the mid."""
        out: dict[str, Any] = {}
        for side, word in enumerate(("bid", "ask")):
            levels = sorted(book[side], reverse=True)[:5]
            rest = 5 - len(levels)
            prices = [self.price(side, level) * 0.01 for level in levels]
            out[f"{word}s"] = (*prices, *[math.nan] * rest)
            out[f"{word}_sizes"] = (*(book[side][level] * 0.01 for level in levels), *[0.0] * rest)
            orders = sorted((one for one in mine[side][: self.a.levels] if one), key=lambda one: -one.level)
            ahead = [self.in_front(i, side, one) for one in orders]
            there = [float(book[side].get(one.level, 0)) for one in orders]
            nothing = [math.nan] * (self.a.levels - len(orders))
            pairs = zip(there, ahead, strict=True)
            behind = [(all_ - front if not front >= all_ else 0.0) * 0.01 for all_, front in pairs]
            for name, values in (("ahead", [front * 0.01 for front in ahead]), ("behind", behind)):
                places = (*values, *nothing)
                out[f"{word}_{name}"] = places if self.a.levels > 1 else places[0]
            last = self.last_fill[side]
            out[f"since_{word}_fill"] = math.nan if last is None else float(now - last) * 1e-9
        trade = self.lately.get(TRADE)
        lately = [self.lately.get(kind) for kind in (TRADE, BOOK, UNDERLYING)]
        ages = [float(now - one.ts) * 1e-9 if one else math.nan for one in lately]
        out |= {"last_trade_age": ages[0], "book_age": ages[1], "underlying_age": ages[2]}
        out["last_trade_price"] = self.price(trade.side, trade.level) * 0.01 if trade else math.nan
        out["last_trade_size"] = trade.size * 0.01 if trade else math.nan
        out["last_trade_side"] = 2.0 * trade.side - 1.0 if trade else math.nan
        out["average_cost"] = float(self.cost) / (held * 0.01 * 10_000.0) if held else math.nan
        return out | {"fills": float(sum(self.told)), "realised": self.realised * 1e-6}
