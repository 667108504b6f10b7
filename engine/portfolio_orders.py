"""Orders that rest: when the venue fills them, what they then cost, and when they are withdrawn.

An order placed at bar t is filled in a later bar, at the price it joined, by what the replay gave an order of that bar
(see ``panel_maker``). The bar of the first fill decides: what is not filled at its end is withdrawn.
"""

from __future__ import annotations

import numpy as np

from ..io.jit import compiled
from .portfolio_entry import BOUGHT, COARSEST_STEP, ENTERED, Int, Record, entry_rate_nb, fee_nb, vacate_nb
from .portfolio_types import Columns, Desk


@compiled
def fill_nb(rule: Record, rounding: Record, rate: Int, h: Record, account: Record, t: Int, got: Int) -> Int:
    """Turn a resting order into a holding of at most ``got`` lots. Returns the lots; 0 leaves the order as it is."""
    lots, price = min(h.ordered, got), np.int64(h.price)
    money = account.cash + h.reserved
    fee = fee_nb(rule, rounding, rate, price, lots, BOUGHT)
    while price * lots + fee > money:  # only where fees rose while it rested
        lots -= max((price * lots + fee - money - 4 * COARSEST_STEP) // (2 * price), 1)
        fee = fee_nb(rule, rounding, rate, price, lots, BOUGHT)
    if lots > 0:
        cost = price * lots
        account.cash = money - cost - fee
        account.reserved -= h.reserved
        account.locked += cost - h.reserved
        account.fees += fee
        account.turnover += cost
        account.filled += 1 if lots == h.ordered else 0
        account.part_filled += 1 if lots < h.ordered else 0
        h.lots, h.left, h.entry_fee, h.entry_bar, h.reserved = lots, lots, fee, t, 0
    return lots


@compiled
def orders_nb(c: Columns, rule: Record, t: Int, desk: Desk) -> None:
    """What became in bar t of the orders that rested at its begin; at the end of data all are withdrawn."""
    market, account, slots = c.market, desk.account, desk.slots
    i = np.int64(0)
    while i < account.held:
        h = slots[i]
        m, placed = np.int64(h.market), np.int64(h.entry_bar)
        if h.reserved == 0:
            i += 1
            continue
        after = np.int64(c.bid_after[placed, m] if h.side > 0 else c.ask_after[placed, m])
        got = np.int64(c.bid_got[placed, m] if h.side > 0 else c.ask_got[placed, m])
        lots = np.int64(0)
        if after > 0 and t == placed + after and t < len(c.times):
            lots = fill_nb(rule, c.rounding[t], entry_rate_nb(rule, market[m], t), h, account, t, got)
            if lots > 0 and len(desk.fates) > 0 and h.score != 0:
                desk.fates[placed - rule.delay, m] = ENTERED
        if lots == 0 and (t >= placed + rule.maker_bars or t > market[m].closes):
            account.cash += h.reserved
            account.reserved -= h.reserved
            account.locked -= h.reserved
            vacate_nb(market[m], i, desk)
            continue
        i += 1
