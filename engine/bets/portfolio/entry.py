"""Entering positions: what a market offers, how many contracts are wanted, allowed and paid for.

At bar t what is known is bar ``t - delay`` (marks and scores); what can be had is bar t (bids, asks, depth).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....io.ground.jit import compiled
from ...simulator.assumptions.fees import RATE_UNIT, fill_fee_nb
from ..types import (
    MARKET_BITS,
    MARKET_SHIFT,
    NO_ORDER,
    NO_PRICE,
    NO_SIZE,
    ORDER_LOTS,
    WEAKNESS_BITS,
    WEAKNESS_SHIFT,
    BetDesk,
    Candidates,
    Fate,
    Offer,
    PanelColumns,
    Sizing,
)
from .kelly import exclusive_kelly_nb, kelly_nb

#: What kernels pass around, of which a type checker knows nothing: a row of a structured array, such an array,
#: a whole number of some width, and arrays of them.
Record = Any
Records = Any
Int = Any
Ints = Any

DOLLAR = 10_000  # ticks
MILLION = 1_000_000
#: Of a fixed width: a kernel is compiled once more for every plain number that it is called with.
BOUGHT = YES = OPENED = np.int64(1)
SOLD = CLOSED = UNSIZED = np.int64(-1)
MARKET_MASK, WEAKNESS_MASK = (1 << MARKET_BITS) - 1, (1 << WEAKNESS_BITS) - 1
COARSEST_STEP = 10_000  # micros, the coarsest step of a fee or a balance

ENTERED, WEAK, NOT_CHOSEN, HELD = int(Fate.ENTERED), int(Fate.WEAK), int(Fate.NOT_CHOSEN), int(Fate.HELD)
EVENT_CAP, SERIES_CAP, CATEGORY_CAP = int(Fate.EVENT_CAP), int(Fate.SERIES_CAP), int(Fate.CATEGORY_CAP)
POSITIONS_FULL, NOT_TRADABLE = int(Fate.POSITIONS_FULL), int(Fate.NOT_TRADABLE)
PRICELESS, PRICE_LIMIT = int(Fate.NO_PRICE), int(Fate.PRICE_LIMIT)
TOO_SMALL, NO_CASH = int(Fate.TOO_SMALL), int(Fate.NO_CASH)
UNFILLED, NO_BOOK = int(Fate.UNFILLED), int(Fate.NO_BOOK)
KELLY, FIXED_FRACTION, JOINT_KELLY = int(Sizing.KELLY), int(Sizing.FIXED_FRACTION), int(Sizing.JOINT_KELLY)


@compiled
def share_nb(amount: Int, ppm: Int) -> Int:
    """``floor(amount * ppm / 1,000,000)`` without overflow."""
    return (amount // MILLION) * ppm + ((amount % MILLION) * ppm) // MILLION


@compiled
def fee_nb(rule: Record, rounding: Record, rate: Int, price: Int, lots: Int, side: Int) -> Int:
    """Fee of an order that is one fill, in micros; side is BOUGHT or SOLD."""
    if rule.fees == 0:
        return np.int64(0)
    step, grid, rebate, strict = rounding.trade_step, rounding.grid, rounding.rebate_step, rounding.strict
    return fill_fee_nb(-side * price * lots, price, lots, rate, step, grid, rebate, strict, 0)[0]


@compiled
def fee_row_nb(fees: Records, market: Record, t: Int) -> Int:
    """The row of fees that holds at bar t."""
    row = np.int64(market.fee_first)
    while row + 1 < market.fee_end and fees[row + 1].from_bar <= t:
        row += 1
    return row


@compiled
def rate_nb(fees: Records, market: Record, t: Int) -> Int:
    """The taker rate that holds at bar t."""
    return fees[fee_row_nb(fees, market, t)].taker


@compiled
def entry_rate_nb(fees: Records, rule: Record, market: Record, t: Int) -> Int:
    """The rate of an entry at bar t: the maker's for orders that rest."""
    row = fees[fee_row_nb(fees, market, t)]
    return row.maker if rule.maker == 1 else row.taker


@compiled
def own_nb(price: Int, side: Int) -> Int:
    """A YES price seen from the side that is held."""
    if price == NO_PRICE:
        return NO_PRICE
    return price if side > 0 else DOLLAR - price


@compiled
def row_nb(c: PanelColumns, t: Int, m: Int) -> Int:
    """The row of market m at bar t; -1 outside its life."""
    market = c.market[m]
    return market.base + t * market.stride if market.first <= t <= market.last else np.int64(-1)


@compiled
def mark_nb(c: PanelColumns, t: Int, m: Int) -> Int:
    """The mark of market m at bar t; after its life the last one stands."""
    market = c.market[m]
    at = min(t, np.int64(market.last))
    return np.int64(c.mark[market.base + at * market.stride]) if at >= market.first else np.int64(NO_PRICE)


@compiled
def score_nb(c: PanelColumns, t: Int, m: Int) -> Int:
    """The score of market m at bar t, in ticks."""
    row = row_nb(c, t, m)
    return np.int64(c.score[row]) if row >= 0 else np.int64(0)


@compiled
def available_nb(rule: Record, depth: Int, volume: Int) -> Int:
    """Lots that could be traded: the depth where it is known, else a share of the bar's volume, else no limit."""
    if depth != NO_SIZE:
        return np.int64(depth)
    if volume != NO_SIZE:
        return share_nb(np.int64(volume), rule.participation_ppm)
    return np.int64(1) << 40


@compiled
def size_nb(sizes: Ints, row: Int) -> Int:
    """A size of a column that the panel may not have."""
    return np.int64(sizes[row]) if len(sizes) > 0 else np.int64(NO_SIZE)


@compiled
def slippage_nb(rule: Record, market: Record) -> Int:
    """Ticks against us on a fill."""
    return rule.slippage + market.unquoted * rule.trade_slippage


@compiled
def offer_nb(c: PanelColumns, rule: Record, t: Int, m: Int, side: Int) -> Offer:
    """What market m offers to a buyer of ``side`` at bar t, or where his order may rest."""
    known, row = t - rule.delay, row_nb(c, t, m)
    own, score = own_nb(mark_nb(c, known, m), side), score_nb(c, known, m)
    if row < 0:
        return Offer(np.int64(NO_PRICE), np.int64(0), own, score)
    rests = rule.maker == 1
    quote = c.ask[row] if (side > 0) != rests else c.bid[row]
    price = np.int64(NO_PRICE)
    if quote != NO_PRICE:
        price = own_nb(np.int64(quote), side)
        price += np.int64(0) if rests else slippage_nb(rule, c.market[m])
        if not 0 < price < DOLLAR:
            price = np.int64(NO_PRICE)
    if rests:
        after = c.bid_after[row] if side > 0 else c.ask_after[row]
        lots = np.int64(NO_ORDER if after == NO_ORDER else ORDER_LOTS)
    else:
        depth = size_nb(c.ask_lots if side > 0 else c.bid_lots, row)
        lots = available_nb(rule, depth, size_nb(c.volume, row))
    return Offer(price, lots, own, score)


@compiled
def kelly_lots_nb(rule: Record, rounding: Record, rate: Int, chance: float, price: Int, wealth: Int) -> Int:
    """Lots of a fractional Kelly stake, the rounded fee of that very order included."""
    lots = np.int64(1) << 40
    fee = 0.0
    for _ in range(8):
        cost = price / DOLLAR + fee
        stake = kelly_nb(chance, cost) * (rule.kelly_ppm / MILLION) * (wealth / MILLION)
        wanted = np.int64(stake / cost * 100.0 / rule.step_lots) * rule.step_lots
        if wanted >= lots:
            break
        lots = wanted
        if lots == 0 or rule.fees == 0:
            break
        fee = fee_nb(rule, rounding, rate, price, lots, BOUGHT) / (lots * 10_000.0)
    return lots


@compiled
def chance_nb(own: Int, edge: Int) -> float:
    """Probability that a side wins: its mark and our edge, kept off 0 and 1."""
    return min(max(own + edge, 1), DOLLAR - 1) / DOLLAR


@compiled
def lots_nb(rule: Record, rounding: Record, rate: Int, offer: Offer, side: Int, equity: Int) -> Int:
    """Lots that the sizing rule asks for, before caps and cash."""
    if rule.sizing == KELLY:
        chance = chance_nb(offer.own, side * offer.score)
        return kelly_lots_nb(rule, rounding, rate, chance, offer.price, equity)
    if rule.sizing == FIXED_FRACTION:
        return share_nb(equity, rule.fraction_ppm) // (offer.price * rule.step_lots) * rule.step_lots
    return rule.fixed_lots


@compiled
def affordable_nb(
    rule: Record, rounding: Record, rate: Int, offer: Offer, lots: Int, equity: Int, cash: Int
) -> tuple[Int, Int, Int]:
    """Apply the caps (contracts, share of equity, what is offered), then cash with the fee: lots, fee and fate."""
    step = rule.step_lots
    worth = offer.price * step
    lots = min(lots, rule.max_lots, share_nb(equity, rule.max_share_ppm) // worth * step, offer.lots) // step * step
    if lots <= 0:
        return np.int64(0), np.int64(0), TOO_SMALL
    lots = min(lots, cash // worth * step)
    while lots > 0:
        fee = fee_nb(rule, rounding, rate, offer.price, lots, BOUGHT)
        excess = offer.price * lots + fee - cash
        if excess <= 0:
            return lots, fee, ENTERED
        # never past the largest size that fits: a step less saves at most twice its worth, and a few roundings
        lots -= max((excess - 4 * COARSEST_STEP) // (2 * worth), 1) * step
    return np.int64(0), np.int64(0), NO_CASH


@compiled
def refusal_nb(rule: Record, market: Record, offer: Offer, t: Int, counts: Ints) -> Int:
    """Why a candidate may not be entered whatever its size, or 0."""
    if not market.opens <= t <= market.closes:
        return NOT_TRADABLE
    if counts[0, market.event] >= rule.max_event:
        return EVENT_CAP
    if counts[1, market.series] >= rule.max_series:
        return SERIES_CAP
    if counts[2, market.category] >= rule.max_category:
        return CATEGORY_CAP
    if NO_PRICE in (offer.price, offer.own):
        return PRICELESS
    if offer.lots == NO_ORDER:
        return NO_BOOK
    if offer.price < rule.low or offer.price > rule.high:
        return PRICE_LIMIT
    return 0


@compiled
def begin_nb(h: Record, m: Int, t: Int, side: Int, offer: Offer) -> None:
    """A slot is taken: by a position of no lots yet."""
    h.market, h.side, h.reason, h.score = m, side, 0, offer.score
    h.entry_bar, h.exit_bar, h.price = t, -1, offer.price
    h.mark, h.best, h.trigger = offer.own, offer.price, NO_PRICE
    h.lots, h.left, h.proceeds, h.entry_fee, h.exit_fee = 0, 0, 0, 0, 0
    h.ordered, h.reserved = 0, 0


@compiled
def buy_nb(h: Record, account: Record, t: Int, lots: Int, fee: Int) -> None:
    """The account pays at bar t for what a slot holds from then on."""
    cost = h.price * lots
    account.cash -= cost + fee
    account.fees += fee
    account.turnover += cost
    account.locked += cost
    h.entry_bar, h.lots, h.left, h.entry_fee = t, lots, lots, fee


@compiled
def reserve_nb(h: Record, account: Record, money: Int) -> None:
    """Keep money aside for an order that rests; below zero gives it back."""
    account.cash -= money
    account.reserved += money
    account.locked += money
    h.reserved += money


@compiled
def count_nb(counts: Ints, market: Record, change: Int) -> None:
    """Keep the numbers of open positions by event, series and category."""
    counts[0, market.event] += change
    counts[1, market.series] += change
    counts[2, market.category] += change


@compiled
def vacate_nb(market: Record, i: Int, desk: BetDesk) -> None:
    """Free slot i; the last slot moves into its place."""
    account, slots = desk.account, desk.slots
    count_nb(desk.counts, market, CLOSED)
    desk.held[slots[i].market] = -1
    account.held -= 1
    if i != account.held:
        slots[i] = slots[account.held]
        desk.held[slots[i].market] = i


@compiled
def enter_nb(c: PanelColumns, rule: Record, t: Int, m: Int, side: Int, offer: Offer, lots: Int, desk: BetDesk) -> Int:
    """Enter one market if it may be; ``lots`` below zero asks the sizing rule. Says what became of it."""
    account, market, rounding = desk.account, c.market[m], c.rounding[t]
    if desk.held[m] >= 0:
        return HELD
    if account.held >= rule.max_positions:
        return POSITIONS_FULL
    fate = refusal_nb(rule, market, offer, t, desk.counts)
    if fate != 0:
        return fate
    rate = entry_rate_nb(c.fees, rule, market, t)
    if lots < 0:
        lots = lots_nb(rule, rounding, rate, offer, side, account.equity)
    lots, fee, fate = affordable_nb(rule, rounding, rate, offer, lots, account.equity, account.cash)
    if fate == ENTERED:
        h = desk.slots[account.held]
        desk.held[m] = account.held
        account.held += 1
        count_nb(desk.counts, market, OPENED)
        begin_nb(h, m, t, side, offer)
        if rule.maker == 0:
            buy_nb(h, account, t, lots, fee)
        else:
            fate = UNFILLED
            account.orders += 1
            h.ordered = lots
            reserve_nb(h, account, offer.price * lots + fee)
    return fate


@compiled
def joint_lots_nb(c: PanelColumns, rule: Record, t: Int, event: Int, desk: BetDesk) -> None:
    """Lots of YES in every market of an event, by joint Kelly over its exclusive outcomes, into ``wanted``."""
    first: Int = c.member_start[event]
    n: Int = c.member_start[event + 1] - first
    chance, cost, share, value = desk.stakes[0], desk.stakes[1], desk.stakes[2], desk.stakes[3]
    total = 0.0
    for i in range(n):
        m = np.int64(c.members[first + i])
        chance[i], cost[i] = 0.0, 2.0
        offer = offer_nb(c, rule, t, m, YES)
        if (
            NO_PRICE in (offer.price, offer.own)
            or offer.lots == NO_ORDER
            or not c.market[m].opens <= t <= c.market[m].closes
        ):
            continue
        rate = entry_rate_nb(c.fees, rule, c.market[m], t) / RATE_UNIT if rule.fees == 1 else 0.0
        cost[i] = offer.price / DOLLAR + rate * offer.price * (DOLLAR - offer.price) / 1e8
        chance[i] = chance_nb(offer.own, offer.score)
        total += chance[i]
    if total > 1.0:
        for i in range(n):
            chance[i] /= total
    exclusive_kelly_nb(n, chance, cost, share, value, desk.wanted[0])
    for i in range(n):
        stake = share[i] * (rule.kelly_ppm / MILLION) * (desk.account.equity / MILLION)
        desk.wanted[1, i] = np.int64(stake / cost[i] * 100.0 / rule.step_lots) * rule.step_lots


@compiled
def enter_event_nb(c: PanelColumns, rule: Record, t: Int, event: Int, desk: BetDesk) -> None:
    """Joint Kelly: enter every outcome of an event that has a stake, unless something of it is held."""
    if desk.counts[0, event] > 0:
        return
    joint_lots_nb(c, rule, t, event, desk)
    first = c.member_start[event]
    for i in range(c.member_start[event + 1] - first):
        m, lots = np.int64(c.members[first + i]), desk.wanted[1, i]
        if lots > 0:
            offer = offer_nb(c, rule, t, m, YES)
            fate = enter_nb(c, rule, t, m, YES, offer, lots, desk)
            if len(desk.fates) > 0 and offer.score != 0:
                desk.fates[row_nb(c, t - rule.delay, m)] = fate


@compiled
def entries_nb(c: PanelColumns, rule: Record, candidates: Candidates, t: Int, desk: BetDesk) -> None:
    """Try the candidates of bar ``t - delay`` in their order until the bar's entries are used up."""
    known = t - rule.delay
    if known < 0 or (rule.close_at_end == 1 and t == len(c.times) - 1):
        return
    market, account, fates = c.market, desk.account, desk.fates
    record = len(fates) > 0
    chosen = 0
    for j in range(candidates.start[known], candidates.start[known + 1]):
        key = candidates.key[j]
        m = (key >> MARKET_SHIFT) & MARKET_MASK
        if DOLLAR - ((key >> WEAKNESS_SHIFT) & WEAKNESS_MASK) < rule.min_score:
            fate = WEAK
            if rule.ranked == 1 and not record:
                break
        elif desk.held[m] >= 0 or desk.free[m] == t:
            fate = HELD
        elif account.held >= rule.max_positions:
            fate = POSITIONS_FULL
            if not record:
                break
        elif chosen >= rule.max_entries:
            fate = NOT_CHOSEN
            if not record:
                break
        elif rule.sizing == JOINT_KELLY:
            event = market[m].event
            if desk.done[event] != t:
                desk.done[event] = t
                chosen += 1
                enter_event_nb(c, rule, t, event, desk)
            row = market[m].base + known * market[m].stride
            if record and fates[row] == 0:
                fates[row] = TOO_SMALL
            continue
        else:
            side = -YES if key & 1 else YES
            offer = offer_nb(c, rule, t, m, side)
            fate = enter_nb(c, rule, t, m, side, offer, UNSIZED, desk)
            if fate not in (EVENT_CAP, SERIES_CAP, CATEGORY_CAP):
                chosen += 1
        if record:
            fates[market[m].base + known * market[m].stride] = fate
