"""The portfolio kernel: every market in one pass through time, whole-number money.

A bar goes: fills of orders that rest, payouts, equity, exits, entries. Nothing else happens to a market on the bar
in which it was left.
"""

from __future__ import annotations

import numba
import numpy as np

from ....io.ground.jit import compiled, inlined, kept
from ..types import (
    BAR_SHIFT,
    BOOKED_FEES,
    BOOKED_LOTS,
    BOOKED_OPEN,
    BOOKED_PNL,
    BOOKED_SETTLED,
    BOOKED_TRADES,
    MARKET_SHIFT,
    NO_PRICE,
    SAMPLED_EQUITY,
    SAMPLED_STAKED,
    WEAKNESS_SHIFT,
    BetDesk,
    Candidates,
    Exit,
    PanelColumns,
)
from .entry import (
    DOLLAR,
    MILLION,
    SOLD,
    Int,
    Ints,
    Record,
    Records,
    available_nb,
    entries_nb,
    fee_nb,
    mark_nb,
    own_nb,
    rate_nb,
    size_nb,
    slippage_nb,
    vacate_nb,
)
from .orders import orders_nb

RESOLUTION, TAKE_PROFIT, STOP_LOSS = int(Exit.RESOLUTION), int(Exit.TAKE_PROFIT), int(Exit.STOP_LOSS)
TRAILING_STOP, SCORE_REVERSAL = int(Exit.TRAILING_STOP), int(Exit.SCORE_REVERSAL)
BARS_AT_ONCE = 512
TIME_STOP, END_OF_DATA, STILL_OPEN = int(Exit.TIME_STOP), int(Exit.END_OF_DATA), int(Exit.STILL_OPEN)


@compiled
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


@compiled
def sell_nb(
    rule: Record, rounding: Record, rate: Int, h: Record, account: Record, t: Int, price: Int, offered: Int
) -> bool:
    """Sell what the market takes of a holding whose exit is due; true when nothing is left."""
    lots = min(h.left, offered)
    if price <= 0 or lots <= 0:
        return False
    fee = fee_nb(rule, rounding, rate, price, lots, SOLD)
    fee = min(fee, price * lots)  # an exit never costs more than it fetches
    h.left -= lots
    h.proceeds += price * lots
    h.exit_fee += fee
    h.exit_bar = t
    account.cash += price * lots - fee
    account.fees += fee
    return h.left == 0


@compiled
def exits_nb(c: PanelColumns, rule: Record, t: Int, desk: BetDesk) -> None:
    """Every exit that is due and can be had at bar t. An exit that is due stays due."""
    market, times = c.market, c.times
    account, slots = desk.account, desk.slots
    known = t - rule.delay
    last = rule.close_at_end == 1 and t == len(times) - 1
    i = np.int64(0)
    while i < account.held:
        h = slots[i]
        m = np.int64(h.market)
        if h.reserved == 0 and market[m].opens <= t <= market[m].closes:
            row = market[m].base + t * market[m].stride  # it trades, so it lives, as it did when it was entered
            before = row - rule.delay * market[m].stride
            if h.reason == 0:
                fresh = known >= h.entry_bar
                own = own_nb(np.int64(c.mark[before]), h.side) if fresh else np.int64(NO_PRICE)
                against = np.int64(c.score[before]) if fresh else np.int64(0)
                h.reason = exit_due_nb(rule, h, own, against, times[t] - times[h.entry_bar])
                if h.reason == 0 and last:
                    h.reason = END_OF_DATA
            if h.reason != 0:
                quote = np.int64(c.bid[row] if h.side > 0 else c.ask[row])
                depth = size_nb(c.bid_lots if h.side > 0 else c.ask_lots, row)
                price = own_nb(quote, h.side)
                if quote != NO_PRICE:
                    price -= slippage_nb(rule, market[m])
                offered = available_nb(rule, depth, size_nb(c.volume, row))
                if sell_nb(rule, c.rounding[t], rate_nb(c.fees, market[m], t), h, account, t, price, offered):
                    leave_nb(times, market[m], i, desk)
                    continue
        i += 1


@compiled
def book_nb(booked: Ints, h: Record, pnl: Int) -> None:
    """Add a position to what its market came to, where that is wanted."""
    if booked.shape[0] > 0:
        booked[h.market, BOOKED_PNL] += pnl
        booked[h.market, BOOKED_FEES] += h.entry_fee + h.exit_fee
        booked[h.market, BOOKED_TRADES] += 1
        booked[h.market, BOOKED_LOTS] += h.lots
        booked[h.market, BOOKED_OPEN] += h.side * h.left


@compiled
def leave_nb(times: Ints, market: Record, i: Int, desk: BetDesk) -> None:
    """Take the holding in slot i off the books and into the trades; the last slot moves into its place."""
    account, h = desk.account, desk.slots[i]
    cost = h.price * h.lots
    pnl = h.proceeds - cost - h.entry_fee - h.exit_fee
    if len(desk.curve) > 0:
        desk.trades[account.trades] = h
    book_nb(desk.booked, h, pnl)
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
    desk.free[h.market] = h.exit_bar
    vacate_nb(market, i, desk)


@compiled
def pay_nb(c: PanelColumns, t: Int, desk: BetDesk) -> None:
    """Payouts of bar t, then equity: cash and every position at this bar's mark."""
    market, account, slots, booked = c.market, desk.account, desk.slots, desk.booked
    worth = np.int64(0)
    i = np.int64(0)
    while i < account.held:
        h = slots[i]
        m = np.int64(h.market)
        if market[m].settles <= t and market[m].payout != NO_PRICE:
            paid = own_nb(np.int64(market[m].payout), h.side) * h.left
            h.proceeds += paid
            account.cash += paid
            if booked.shape[0] > 0:
                booked[m, BOOKED_SETTLED] += paid - h.price * h.left
            h.left, h.reason, h.exit_bar = 0, RESOLUTION, t
            leave_nb(c.times, market[m], i, desk)
            continue
        stands = market[m].base + min(t, np.int64(market[m].last)) * market[m].stride  # after its life the last mark
        own = own_nb(np.int64(c.mark[stands]), h.side)
        worth += (own if own != NO_PRICE else np.int64(h.price)) * h.left
        i += 1
    account.equity = account.cash + account.reserved + worth
    account.peak = max(account.peak, account.equity)
    account.drawdown = max(account.drawdown, account.peak - account.equity)


@compiled
def bar_nb(c: PanelColumns, rule: Record, candidates: Candidates, t: Int, desk: BetDesk) -> None:
    """Everything that happens in bar t."""
    if rule.maker == 1:
        orders_nb(c, rule, t, desk)
    pay_nb(c, t, desk)
    exits_nb(c, rule, t, desk)
    if desk.account.cash > 0:
        entries_nb(c, rule, candidates, t, desk)


@kept()
def step_nb(c: PanelColumns, rule: Record, candidates: Candidates, t: Int, desk: BetDesk) -> None:
    """Run one bar of one cell: for a run under way, whose orders go on resting."""
    bar_nb(c, rule, candidates, t, desk)


@kept()
def walk_nb(c: PanelColumns, rule: Record, candidates: Candidates, desk: BetDesk, sampled: Ints, first: Int) -> Int:
    """Run one cell through the panel from bar ``first``; the bar at which its trades need more room, or the end."""
    bars, recorded = len(c.times), len(desk.curve) > 0
    account, slots, curve = desk.account, desk.slots, desk.curve
    if first == 0:
        account.cash = account.equity = account.peak = rule.capital
    for t in range(first, bars):
        if recorded and account.trades + account.held > len(desk.trades):
            return t
        held, equity = account.held, account.equity
        bar_nb(c, rule, candidates, t, desk)
        account.locked_bars += account.locked
        sampled[c.bucket[t], SAMPLED_EQUITY] = account.equity
        if held > 0 or account.held > 0 or account.equity != equity:
            account.staked_bars += 1
            sampled[c.bucket[t], SAMPLED_STAKED] += 1
        if recorded:
            curve[t, 0], curve[t, 1] = account.equity, account.cash
            curve[t, 2], curve[t, 3] = account.locked, account.held
    if rule.maker == 1:
        orders_nb(c, rule, bars, desk)  # at the end of data orders are withdrawn
    account.equity = account.cash
    for i in range(account.held):
        own = own_nb(mark_nb(c, bars - 1, np.int64(slots[i].market)), slots[i].side)
        h = slots[i]
        worth = (own if own != NO_PRICE else np.int64(h.price)) * h.left
        account.equity += worth
        book_nb(desk.booked, h, h.proceeds + worth - h.price * h.lots - h.entry_fee - h.exit_fee)
        h.reason = STILL_OPEN
    return bars


@kept(parallel=True)
def grid_nb(c: PanelColumns, rules: Records, candidates: Candidates, desks: BetDesk, sampled: Ints) -> None:
    """Run every cell at its own desk, one thread each at a time; the desks have one more axis in front."""
    for cell in numba.prange(len(rules)):
        desk = BetDesk(
            desks.account[cell],
            desks.slots[cell],
            desks.held[cell],
            desks.free[cell],
            desks.done[cell],
            desks.counts[cell],
            desks.stakes[cell],
            desks.wanted[cell],
            desks.booked[cell],
            desks.trades[cell],
            desks.curve[cell],
            desks.fates[cell],
            desks.rested[cell],
        )
        walk_nb(c, rules[cell], candidates, desk, sampled[cell], 0)


@inlined
def listed_nb(score: Ints, passed: Ints, floor: Int, t: Int, m: Int, row: Int, key: Ints, place: Int) -> Int:
    """Write the key of a row if it is a candidate and there is room; 1 if it is one."""
    s = np.int64(score[row])
    if s == 0 or abs(s) < floor or (len(passed) > 0 and passed[row] != 0):
        return 0
    if len(key) > 0:
        weakness = (DOLLAR - abs(s)) << WEAKNESS_SHIFT
        key[place] = (t << BAR_SHIFT) | weakness | (m << MARKET_SHIFT) | (s < 0)
    return 1


@kept()
def candidates_nb(c: PanelColumns, passed: Ints, floor: Int, start: Ints, key: Ints) -> None:
    """List the scores that count and passed the filters; where each bar's begin, and after all how many there are.

    A bar's keys come in the order of the markets; sorted, strongest score first. Without room for keys they are counted
    only; else ``start`` holds what was counted.
    """
    bars, markets, counting = len(start) - 1, len(c.market), len(key) == 0
    place = np.zeros(len(start), np.int64) if counting else start.copy()
    if c.market[0].stride > 1:  # bar after bar
        for t in range(bars):
            for m in range(markets):
                place[t] += listed_nb(c.score, passed, floor, np.int64(t), np.int64(m), t * markets + m, key, place[t])
    else:
        for begin in range(0, bars, BARS_AT_ONCE):  # the keys of some bars lie near each other
            for m in range(markets):
                low = max(np.int64(c.market[m].first), np.int64(begin))
                high = min(np.int64(c.market[m].last) + 1, np.int64(begin + BARS_AT_ONCE))
                base = c.market[m].base
                for t in range(low, high):
                    place[t] += listed_nb(c.score, passed, floor, t, np.int64(m), base + t, key, place[t])
    if counting:
        start[0] = 0
        for t in range(bars):
            start[t + 1] = start[t] + place[t]
