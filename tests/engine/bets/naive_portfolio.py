"""The portfolio in plain Python: dicts and whole numbers, from the definition, sharing no code with the kernel."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

NO_PRICE = -1
EXITS = {
    "resolution": 1,
    "take profit": 2,
    "stop loss": 3,
    "trailing": 4,
    "reversal": 5,
    "time": 6,
    "end": 7,
    "open": 8,
}
ENTERED, WEAK, NOT_CHOSEN, HELD, EVENT, SERIES, CATEGORY, FULL, CLOSED, PRICELESS, LIMIT, SMALL, CASH = range(1, 14)
UNFILLED, NO_BOOK = 14, 15


def own(price, side):
    return price if price == NO_PRICE or side > 0 else 10_000 - price


def fee_of(price, lots, rate, rounding, bought):
    model = Fraction(rate, 10**7) * Fraction(lots, 100) * Fraction(price, 10**4) * (1 - Fraction(price, 10**4)) * 10**6
    step, grid = int(rounding["trade_step"]), int(rounding["grid"])
    rebate_step, strict = int(rounding["rebate_step"]), int(rounding["strict"])
    trade_fee = math.ceil(model / step) * step
    before = (-1 if bought else 1) * price * lots - trade_fee
    over = before - before // grid * grid
    steps = max(min(over - strict, trade_fee + over), 0) // rebate_step
    return trade_fee + over - steps * rebate_step


def exclusive(p, c):
    order = sorted(range(len(p)), key=lambda i: -(p[i] / c[i]))
    missing = unspent = reserve = 1.0
    chosen = []
    for i in order:
        if c[i] >= unspent - 1e-12 or p[i] <= reserve * c[i]:
            break
        missing -= p[i]
        unspent -= c[i]
        reserve = max(missing, 0.0) / unspent
        chosen.append(i)
    return [max(p[i] - reserve * c[i], 0.0) if i in chosen else 0.0 for i in range(len(p))]


def matrix(c, rows, before):
    """Rows as bars x markets, cell by cell: ``before`` outside a market's life, what stands after it for prices."""
    if not len(rows):
        return np.empty((0, 0), rows.dtype)
    made = np.full((len(c.times), len(c.market)), before, rows.dtype)
    for m in range(len(c.market)):
        for t in range(c.market[m]["first"], c.market[m]["last"] + 1):
            made[t, m] = rows[c.market[m]["base"] + t * c.market[m]["stride"]]
    return made


def dense(c):
    names = {"mark": -1, "bid": -1, "ask": -1, "bid_lots": -1, "ask_lots": -1, "volume": -1, "score": 0}
    names |= {"bid_after": -1, "ask_after": -1, "bid_got": 0, "ask_got": 0}
    made = {name: matrix(c, getattr(c, name), before) for name, before in names.items()}
    for m in range(len(c.market)):  # after a market's life its last mark stands
        last = c.market[m]["last"]
        if last >= c.market[m]["first"]:
            made["mark"][last:, m] = made["mark"][last, m]
    return c._replace(**made)


class Portfolio:
    def __init__(self, columns, rule, passed=None):
        self.c = dense(columns)
        if passed is not None:
            passed = matrix(columns, passed, 0)
        self.r = {name: int(rule[name][0]) for name in rule.dtype.names}
        self.passed = passed
        self.cash = self.r["capital"]
        self.held = {}
        self.resting = {}
        self.orders = self.filled = self.part_filled = 0
        self.left_at = {}
        self.trades, self.curve, self.fates = [], [], {}

    def run(self):
        bars, markets = self.c.mark.shape
        for t in range(bars):
            self.rest(t)
            self.pay(t)
            reserved = sum(order["reserved"] for order in self.resting.values())
            equity = self.cash + reserved + sum(self.value(t, m) for m in self.held)
            self.exits(t)
            if self.cash > 0:
                self.enter(t, equity, markets)
            locked = sum(h["price"] * h["lots"] for h in self.held.values())
            locked += sum(order["reserved"] for order in self.resting.values())
            self.curve.append((equity, self.cash, locked, len(self.taken())))
        self.cash += sum(order["reserved"] for order in self.resting.values())
        self.equity = self.cash + sum(self.value(bars - 1, m) for m in self.held)
        return self

    def taken(self):
        return [*self.held, *self.resting]

    def rest(self, t):
        for m, order in list(self.resting.items()):
            side, placed = order["side"], order["entry_bar"]
            after = int((self.c.bid_after if side > 0 else self.c.ask_after)[placed, m])
            got = int((self.c.bid_got if side > 0 else self.c.ask_got)[placed, m])
            lots = min(order["ordered"], got) if after > 0 and t - placed == after else 0
            while lots > 0:
                fee = (
                    fee_of(order["price"], lots, self.entry_rate(t, m), self.c.rounding[t], True)
                    if self.r["fees"]
                    else 0
                )
                if order["price"] * lots + fee <= self.cash + order["reserved"]:
                    break
                lots -= 1
            if lots > 0:
                self.cash += order["reserved"] - order["price"] * lots - fee
                self.held[m] = {**order, "lots": lots, "left": lots, "entry_fee": fee, "entry_bar": t}
                self.filled += lots == order["ordered"]
                self.part_filled += lots < order["ordered"]
                if order["score"]:
                    self.fates[placed - self.r["delay"], m] = ENTERED
                del self.resting[m]
            elif t - placed in (after, self.r["maker_bars"]) or t > self.c.market["closes"][m]:
                self.cash += order["reserved"]
                del self.resting[m]

    def value(self, t, m):
        h = self.held[m]
        mark = own(int(self.c.mark[t, m]), h["side"])
        return (h["price"] if mark == NO_PRICE else mark) * h["left"]

    def pay(self, t):
        for m in list(self.held):
            h = self.held[m]
            if self.c.market["payout"][m] != NO_PRICE and self.c.market["settles"][m] <= t:
                paid = own(int(self.c.market["payout"][m]), h["side"]) * h["left"]
                h["proceeds"] += paid
                self.cash += paid
                h["left"] = 0
                self.leave(t, m, "resolution")

    def leave(self, t, m, reason):
        h = self.held.pop(m)
        self.left_at[m] = t
        pnl = h["proceeds"] - h["price"] * h["lots"] - h["entry_fee"] - h["exit_fee"]
        self.trades.append({**h, "market": m, "exit_bar": t, "reason": EXITS[reason], "pnl": pnl})

    def obtainable(self, t, m, lots):
        if lots.shape[0] and lots[t, m] >= 0:
            return int(lots[t, m])
        if self.c.volume.shape[0] and self.c.volume[t, m] >= 0:
            return int(self.c.volume[t, m]) * self.r["participation_ppm"] // 10**6
        return 2**40

    def open_for_trading(self, t, m):
        return self.c.market["opens"][m] <= t <= self.c.market["closes"][m]

    def due(self, t, m, h):
        r, known = self.r, t - self.r["delay"]
        if known >= h["entry_bar"]:
            mark = own(int(self.c.mark[known, m]), h["side"])
            if mark != NO_PRICE:
                h["trigger"] = mark
                h["best"] = max(h["best"], mark)
                base = 10_000 if r["by_price"] else h["price"]
                gain = Fraction(mark - h["price"], base) * 10**6
                if r["take_profit_ppm"] and gain >= r["take_profit_ppm"]:
                    return "take profit"
                if r["stop_loss_ppm"] and gain <= -r["stop_loss_ppm"]:
                    return "stop loss"
                if r["trailing_ppm"] and Fraction(h["best"] - mark, base) * 10**6 >= r["trailing_ppm"]:
                    return "trailing"
            if r["reversal"] and -h["side"] * int(self.c.score[known, m]) >= r["reversal"]:
                return "reversal"
        if r["max_hold_ns"] and self.c.times[t] - self.c.times[h["entry_bar"]] >= r["max_hold_ns"]:
            return "time"
        if r["close_at_end"] and t == len(self.c.times) - 1:
            return "end"
        return None

    def exits(self, t):
        for m in list(self.held):
            h = self.held[m]
            if not self.open_for_trading(t, m):
                continue
            h["due"] = h["due"] or self.due(t, m, h)
            if not h["due"]:
                continue
            quote = int((self.c.bid if h["side"] > 0 else self.c.ask)[t, m])
            price = own(quote, h["side"]) - self.slippage(m)
            lots = min(h["left"], self.obtainable(t, m, self.c.bid_lots if h["side"] > 0 else self.c.ask_lots))
            if quote == NO_PRICE or price <= 0 or lots <= 0:
                continue
            fee = fee_of(price, lots, self.rate(t, m), self.c.rounding[t], False) if self.r["fees"] else 0
            fee = min(fee, price * lots)
            h["left"] -= lots
            h["proceeds"] += price * lots
            h["exit_fee"] += fee
            self.cash += price * lots - fee
            if h["left"] == 0:
                self.leave(t, m, h["due"])

    def enter(self, t, equity, markets):
        r, known = self.r, t - self.r["delay"]
        if known < 0 or (r["close_at_end"] and t == len(self.c.times) - 1):
            return
        scores = {m: int(self.c.score[known, m]) for m in range(markets)}
        listed = [m for m in scores if scores[m] and (self.passed is None or not self.passed[known, m])]
        if r["ranked"]:
            listed.sort(key=lambda m: -abs(scores[m]))
        chosen, done = 0, set()
        for m in listed:
            side = 1 if scores[m] > 0 else -1
            if abs(scores[m]) < r["min_score"]:
                fate = WEAK
            elif m in self.taken() or self.left_at.get(m) == t:
                fate = HELD
            elif len(self.taken()) >= r["max_positions"]:
                fate = FULL
            elif chosen >= r["max_entries"]:
                fate = NOT_CHOSEN
            elif r["sizing"] == 3:
                event = int(self.c.market["event"][m])
                if event not in done:
                    done.add(event)
                    chosen += 1
                    self.enter_event(t, event, equity)
                fate = self.fates.get((known, m), SMALL)
            else:
                fate = self.enter_one(t, m, side, None, equity)
                chosen += fate not in (EVENT, SERIES, CATEGORY)
            self.fates[known, m] = fate

    def enter_event(self, t, event, equity):
        if any(self.c.market["event"][m] == event for m in self.taken()):
            return
        known = t - self.r["delay"]
        members = [m for m in range(self.c.mark.shape[1]) if self.c.market["event"][m] == event]
        p, c = [], []
        for m in members:
            price = self.price(t, m, 1)
            unknown = NO_PRICE in (price, self.c.mark[known, m]) or not self.can_rest(t, m, 1)
            if unknown or not self.open_for_trading(t, m):
                p.append(0.0)
                c.append(2.0)
                continue
            rate = self.entry_rate(t, m) / 10_000_000 if self.r["fees"] else 0.0
            c.append(price / 10_000 + rate * price * (10_000 - price) / 1e8)
            p.append(min(max(int(self.c.mark[known, m]) + int(self.c.score[known, m]), 1), 9_999) / 10_000)
        total = sum(p)
        if total > 1.0:
            p = [x / total for x in p]
        for m, share, cost in zip(members, exclusive(p, c), c, strict=True):
            stake = share * (self.r["kelly_ppm"] / 1_000_000) * (equity / 1_000_000)
            step = self.r["step_lots"]
            lots = int(stake / cost * 100.0 / step) * step
            if lots > 0:
                fate = self.enter_one(t, m, 1, lots, equity)
                if self.c.score[known, m]:
                    self.fates[known, m] = fate

    def can_rest(self, t, m, side):
        return not self.r["maker"] or (self.c.bid_after if side > 0 else self.c.ask_after)[t, m] >= 0

    def price(self, t, m, side):
        if self.r["maker"]:
            price = own(int((self.c.bid if side > 0 else self.c.ask)[t, m]), side)
            return price if 0 < price < 10_000 else NO_PRICE
        quote = int((self.c.ask if side > 0 else self.c.bid)[t, m])
        price = own(quote, side) + self.slippage(m)
        return price if quote != NO_PRICE and 0 < price < 10_000 else NO_PRICE

    def slippage(self, m):
        return self.r["slippage"] + (self.r["trade_slippage"] if self.c.market["unquoted"][m] else 0)

    def rate(self, t, m, who="taker"):
        own = self.c.fees[self.c.market[m]["fee_first"] : self.c.market[m]["fee_end"]]
        return int([row for row in own if row["from_bar"] <= t][-1][who])

    def entry_rate(self, t, m):
        return self.rate(t, m, "maker" if self.r["maker"] else "taker")

    def kelly(self, t, chance, price, rate, equity):
        r, lots, fee = self.r, 2**40, 0.0
        for _ in range(8):
            cost = price / 10_000 + fee
            share = (chance - cost) / (1.0 - cost) if 0.0 < cost < 1.0 and chance > cost else 0.0
            stake = share * (r["kelly_ppm"] / 1_000_000) * (equity / 1_000_000)
            wanted = int(stake / cost * 100.0 / r["step_lots"]) * r["step_lots"]
            if wanted >= lots:
                return lots
            lots = wanted
            if lots == 0 or not r["fees"]:
                return lots
            fee = fee_of(price, lots, rate, self.c.rounding[t], True) / (lots * 10_000.0)
        return lots

    def enter_one(self, t, m, side, lots, equity):
        r, c, known = self.r, self.c, t - self.r["delay"]
        if m in self.taken():
            return HELD
        if len(self.taken()) >= r["max_positions"]:
            return FULL
        if not self.open_for_trading(t, m):
            return CLOSED
        for labels, cap, fate in (
            (c.market["event"], r["max_event"], EVENT),
            (c.market["series"], r["max_series"], SERIES),
            (c.market["category"], r["max_category"], CATEGORY),
        ):
            if sum(labels[x] == labels[m] for x in self.taken()) >= cap:
                return fate
        price = self.price(t, m, side)
        mark = own(int(c.mark[known, m]), side)
        if NO_PRICE in (price, mark):
            return PRICELESS
        if not self.can_rest(t, m, side):
            return NO_BOOK
        if not r["low"] <= price <= r["high"]:
            return LIMIT
        step, rate = r["step_lots"], self.entry_rate(t, m)
        if lots is None:
            chance = min(max(mark + side * int(c.score[known, m]), 1), 9_999) / 10_000
            if r["sizing"] == 0:
                lots = self.kelly(t, chance, price, rate, equity)
            elif r["sizing"] == 1:
                lots = equity * r["fraction_ppm"] // (10**6 * price * step) * step
            else:
                lots = r["fixed_lots"]
        lots = min(lots, r["max_lots"], equity * r["max_share_ppm"] // (10**6 * price * step) * step)
        there = 10_000_000 if r["maker"] else self.obtainable(t, m, c.ask_lots if side > 0 else c.bid_lots)
        lots = min(lots, there) // step * step
        if lots <= 0:
            return SMALL
        while lots > 0:
            fee = fee_of(price, lots, rate, c.rounding[t], True) if r["fees"] else 0
            if price * lots + fee <= self.cash:
                break
            lots -= step
        if lots <= 0:
            return CASH
        self.cash -= price * lots + fee
        entered = {
            "side": side,
            "score": int(c.score[known, m]),
            "entry_bar": t,
            "price": price,
            "mark": mark,
            "best": price,
            "trigger": NO_PRICE,
            "lots": lots,
            "left": lots,
            "proceeds": 0,
            "entry_fee": fee,
            "exit_fee": 0,
            "due": None,
        }
        if not r["maker"]:
            self.held[m] = {**entered, "ordered": 0}
            return ENTERED
        self.orders += 1
        self.resting[m] = {**entered, "ordered": lots, "reserved": price * lots + fee, "lots": 0, "left": 0}
        return UNFILLED
