"""The portfolio kernel: every market in one pass through time, whole-number money.

A bar goes: payouts, equity, exits, entries. Nothing else happens to a market on the bar in which it was left.
"""

from __future__ import annotations

import numba
import numpy as np

from .portfolio_entry import (
    DOLLAR,
    MILLION,
    Int,
    Ints,
    Record,
    Records,
    available_nb,
    count_nb,
    entries_nb,
    fee_nb,
    own_nb,
    rate_nb,
    size_nb,
    slippage_nb,
)
from .portfolio_types import (
    BOOKED_FEES,
    BOOKED_LOTS,
    BOOKED_OPEN,
    BOOKED_PNL,
    BOOKED_SETTLED,
    BOOKED_TRADES,
    HOLDING,
    NO_PRICE,
    Candidates,
    Columns,
    Exit,
)

RESOLUTION, TAKE_PROFIT, STOP_LOSS = int(Exit.RESOLUTION), int(Exit.TAKE_PROFIT), int(Exit.STOP_LOSS)
TRAILING_STOP, SCORE_REVERSAL = int(Exit.TRAILING_STOP), int(Exit.SCORE_REVERSAL)
TIME_STOP, END_OF_DATA, STILL_OPEN = int(Exit.TIME_STOP), int(Exit.END_OF_DATA), int(Exit.STILL_OPEN)


@numba.njit(cache=True)
def exit_due_nb(rule: Record, h: Record, own: Int, score: Int, held_ns: Int) -> Int:
    """Which exit is due, from the side's own mark and the score now known; the trigger is written down."""
    if own != NO_PRICE:
        h.trigger = own
        h.best = max(h.best, own)
        base = np.int64(DOLLAR) if rule.by_price == 1 else np.int64(h.price)
        gain = (own - np.int64(h.price)) * MILLION
        if rule.take_profit_ppm > 0 and gain >= rule.take_profit_ppm * base:
            return TAKE_PROFIT
        if rule.stop_loss_ppm > 0 and gain <= -rule.stop_loss_ppm * base:
            return STOP_LOSS
        if rule.trailing_ppm > 0 and (np.int64(h.best) - own) * MILLION >= rule.trailing_ppm * base:
            return TRAILING_STOP
    if rule.reversal > 0 and -h.side * score >= rule.reversal:
        return SCORE_REVERSAL
    if rule.max_hold_ns > 0 and held_ns >= rule.max_hold_ns:
        return TIME_STOP
    return 0


@numba.njit(cache=True)
def sell_nb(
    rule: Record, rounding: Record, rate: Int, h: Record, account: Record, t: Int, price: Int, offered: Int
) -> bool:
    """Sell what the market takes of a holding whose exit is due; true when nothing is left."""
    lots = min(h.left, offered)
    if price <= 0 or lots <= 0:
        return False
    fee = fee_nb(rule, rounding, rate, price, lots, False)
    fee = min(fee, price * lots)  # an exit never costs more than it fetches
    h.left -= lots
    h.proceeds += price * lots
    h.exit_fee += fee
    h.exit_bar = t
    account.cash += price * lots - fee
    account.fees += fee
    return h.left == 0


@numba.njit(cache=True)
def exits_nb(
    c: Columns,
    rule: Record,
    t: Int,
    slots: Records,
    held: Ints,
    free: Ints,
    counts: Ints,
    account: Record,
    trades: Records,
    record: bool,
    booked: Ints,
) -> None:
    """Every exit that is due and can be had at bar t. An exit that is due stays due."""
    market, mark, score, times, bid, ask = c.market, c.mark, c.score, c.times, c.bid, c.ask
    known = t - rule.delay
    last = rule.close_at_end == 1 and t == len(times) - 1
    i = 0
    while i < account.held:
        h = slots[i]
        m = h.market
        if market[m].opens <= t <= market[m].closes:
            if h.reason == 0:
                fresh = known >= h.entry_bar
                own = own_nb(np.int64(mark[known, m]), h.side) if fresh else np.int64(NO_PRICE)
                against = np.int64(score[known, m]) if fresh else np.int64(0)
                h.reason = exit_due_nb(rule, h, own, against, times[t] - times[h.entry_bar])
                if h.reason == 0 and last:
                    h.reason = END_OF_DATA
            if h.reason != 0:
                quote = np.int64(bid[t, m] if h.side > 0 else ask[t, m])
                depth = size_nb(c.bid_lots if h.side > 0 else c.ask_lots, t, m)
                price = own_nb(quote, h.side)
                if quote != NO_PRICE:
                    price -= slippage_nb(rule, market[m])
                offered = available_nb(rule, depth, size_nb(c.volume, t, m))
                if sell_nb(rule, c.rounding[t], rate_nb(market[m], t), h, account, t, price, offered):
                    leave_nb(times, market[m], i, slots, held, free, counts, account, trades, record, booked)
                    continue
        i += 1


@numba.njit(cache=True)
def book_nb(booked: Ints, h: Record, pnl: Int) -> None:
    """Add a position to what its market came to, where that is wanted."""
    if booked.shape[0] > 0:
        booked[h.market, BOOKED_PNL] += pnl
        booked[h.market, BOOKED_FEES] += h.entry_fee + h.exit_fee
        booked[h.market, BOOKED_TRADES] += 1
        booked[h.market, BOOKED_LOTS] += h.lots
        booked[h.market, BOOKED_OPEN] += h.side * h.left


@numba.njit(cache=True)
def leave_nb(
    times: Ints,
    market: Record,
    i: Int,
    slots: Records,
    held: Ints,
    free: Ints,
    counts: Ints,
    account: Record,
    trades: Records,
    record: bool,
    booked: Ints,
) -> None:
    """Take the holding in slot i off the books and into the trades; the last slot moves into its place."""
    h = slots[i]
    cost = h.price * h.lots
    pnl = h.proceeds - cost - h.entry_fee - h.exit_fee
    if record:
        trades[account.trades] = h
    book_nb(booked, h, pnl)
    account.trades += 1
    account.lots += h.lots
    account.pnl += pnl
    account.locked -= cost
    account.hold_ns += times[h.exit_bar] - times[h.entry_bar]
    if pnl > 0:
        account.wins += 1
        account.gains += pnl
    else:
        account.losses -= pnl
    count_nb(counts, market, -1)
    held[h.market] = -1
    free[h.market] = h.exit_bar
    account.held -= 1
    if i != account.held:
        slots[i] = slots[account.held]
        held[slots[i].market] = i


@numba.njit(cache=True)
def pay_nb(
    c: Columns,
    t: Int,
    slots: Records,
    held: Ints,
    free: Ints,
    counts: Ints,
    account: Record,
    trades: Records,
    record: bool,
    booked: Ints,
) -> None:
    """Payouts of bar t, then equity: cash and every position at this bar's mark."""
    market, mark = c.market, c.mark
    worth = np.int64(0)
    i = 0
    while i < account.held:
        h = slots[i]
        m = h.market
        if market[m].settles <= t and market[m].payout != NO_PRICE:
            paid = own_nb(np.int64(market[m].payout), h.side) * h.left
            h.proceeds += paid
            account.cash += paid
            if booked.shape[0] > 0:
                booked[m, BOOKED_SETTLED] += paid - h.price * h.left
            h.left, h.reason, h.exit_bar = 0, RESOLUTION, t
            leave_nb(c.times, market[m], i, slots, held, free, counts, account, trades, record, booked)
            continue
        own = own_nb(np.int64(mark[t, m]), h.side)
        worth += (own if own != NO_PRICE else np.int64(h.price)) * h.left
        i += 1
    account.equity = account.cash + worth
    account.peak = max(account.peak, account.equity)
    account.drawdown = max(account.drawdown, account.peak - account.equity)
    account.locked_bars += account.locked


@numba.njit(cache=True)
def room_nb(trades: Records, wanted: Int) -> Records:
    """The trades, with room for ``wanted`` rows."""
    if wanted <= len(trades):
        return trades
    grown = np.empty(max(2 * len(trades), wanted), HOLDING)
    grown[: len(trades)] = trades
    return grown


@numba.njit(cache=True)
def walk_nb(
    c: Columns,
    rule: Record,
    candidates: Candidates,
    account: Record,
    sampled: Ints,
    curve: Ints,
    fates: Ints,
    record: bool,
    booked: Ints,
) -> Records:
    """Run one cell through the panel; gives its trades, then what is still open (none unless ``record``).

    ``booked`` (markets x BOOKED) gets what each market came to; without rows nothing is booked.
    """
    bars, markets = c.mark.shape
    slots = np.zeros(min(rule.max_positions, markets) + 1, HOLDING)
    held = np.full(markets, -1, np.int32)  # slot of a market
    free = np.full(markets, -1, np.int32)  # bar in which a market was left
    done = np.full(len(c.member_start), -1, np.int32)  # bar in which an event was staked
    counts = np.zeros((3, markets + 1), np.int32)
    trades = np.empty(1, HOLDING)
    account.cash = account.equity = account.peak = rule.capital
    for t in range(bars):
        if record:
            trades = room_nb(trades, account.trades + account.held)
        pay_nb(c, t, slots, held, free, counts, account, trades, record, booked)
        exits_nb(c, rule, t, slots, held, free, counts, account, trades, record, booked)
        if account.cash > 0:
            entries_nb(c, rule, candidates, t, slots, held, free, counts, done, account, fates, record)
        sampled[c.bucket[t]] = account.equity
        if record:
            curve[t, 0], curve[t, 1] = account.equity, account.cash
            curve[t, 2], curve[t, 3] = account.locked, account.held
    account.equity = account.cash
    for i in range(account.held):
        own = own_nb(np.int64(c.mark[bars - 1, slots[i].market]), slots[i].side)
        h = slots[i]
        worth = (own if own != NO_PRICE else np.int64(h.price)) * h.left
        account.equity += worth
        book_nb(booked, h, h.proceeds + worth - h.price * h.lots - h.entry_fee - h.exit_fee)
        h.reason = STILL_OPEN
    if record:
        trades = room_nb(trades, account.trades + account.held)
        trades[account.trades : account.trades + account.held] = slots[: account.held]
    return trades


@numba.njit(cache=True, parallel=True)
def grid_nb(c: Columns, rules: Records, candidates: Candidates, accounts: Records, sampled: Ints, booked: Ints) -> None:
    """Run every cell, one thread each at a time; totals, sampled equity and what each market came to."""
    for cell in numba.prange(len(rules)):
        nothing_curve = np.empty((0, 4), np.int64)
        nothing_fates = np.empty((0, 0), np.int8)
        walk_nb(
            c, rules[cell], candidates, accounts[cell], sampled[cell], nothing_curve, nothing_fates, False, booked[cell]
        )


@numba.njit(cache=True, parallel=True)
def candidates_nb(score: Ints, passed: Ints, floor: Int, ranked: bool) -> tuple[Ints, Ints]:
    """Scores that count and passed the filters, listed bar by bar; strongest first when ``ranked``."""
    bars, markets = score.shape
    start = np.zeros(bars + 1, np.int64)
    for t in numba.prange(bars):
        n = 0
        for m in range(markets):
            s = np.int64(score[t, m])
            if s != 0 and abs(s) >= floor and (passed.shape[0] == 0 or passed[t, m] == 0):
                n += 1
        start[t + 1] = n
    start = np.cumsum(start)
    market = np.empty(start[bars], np.int32)
    for t in numba.prange(bars):
        key = np.empty(start[t + 1] - start[t], np.int64)
        n = 0
        for m in range(markets):
            s = np.int64(score[t, m])
            if s != 0 and abs(s) >= floor and (passed.shape[0] == 0 or passed[t, m] == 0):
                key[n] = (DOLLAR - abs(s)) * markets + m if ranked else m
                n += 1
        if ranked:
            key.sort()
        for i in range(n):
            market[start[t] + i] = key[i] % markets
    return start, market
