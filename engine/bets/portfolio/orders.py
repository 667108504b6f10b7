"""Orders that rest: when the venue fills them, what they then cost, and when they are withdrawn.

An order placed at bar t is filled in a later bar, at the price it joined, by what the replay gave an order of that bar
(see ``panel/maker.py``). The bar of the first fill decides: what is not filled at its end is withdrawn.
"""

from __future__ import annotations

import numpy as np

from ....io.ground.jit import compiled
from ..types import LOTS, PRICE, UNTIL, BetDesk, PanelColumns
from .entry import (
    BOUGHT,
    COARSEST_STEP,
    ENTERED,
    Int,
    Record,
    buy_nb,
    entry_rate_nb,
    fee_nb,
    reserve_nb,
    row_nb,
    vacate_nb,
)


@compiled
def fill_nb(rule: Record, rounding: Record, rate: Int, h: Record, account: Record, t: Int, got: Int) -> Int:
    """Turn an order whose money is free again into a holding of at most ``got`` lots. Returns how many."""
    lots, price = min(h.ordered, got), np.int64(h.price)
    while lots > 0:
        fee = fee_nb(rule, rounding, rate, price, lots, BOUGHT)
        excess = price * lots + fee - account.cash
        if excess <= 0:
            buy_nb(h, account, t, lots, fee)
            account.filled += 1 if lots == h.ordered else 0
            account.part_filled += 1 if lots < h.ordered else 0
            break
        lots -= max((excess - 4 * COARSEST_STEP) // (2 * price), 1)  # only where fees rose while it rested
    return lots


@compiled
def orders_nb(c: PanelColumns, rule: Record, t: Int, desk: BetDesk) -> None:
    """What became in bar t of the orders that rested at its begin; at the end of data all are withdrawn."""
    market, account, slots = c.market, desk.account, desk.slots
    i = np.int64(0)
    while i < account.held:
        h = slots[i]
        m, placed = np.int64(h.market), np.int64(h.entry_bar)
        row = row_nb(c, placed, m)
        after = np.int64(c.bid_after[row] if h.side > 0 else c.ask_after[row])
        is_filled = after > 0 and t == placed + after and t < len(c.times)
        if h.reserved == 0 or not (is_filled or t >= placed + rule.maker_bars or t > market[m].closes):
            i += 1
            continue
        if len(desk.rested) > 0:
            desk.rested[row, LOTS] = h.side * h.ordered
            desk.rested[row, PRICE] = h.price
            desk.rested[row, UNTIL] = t
        reserve_nb(h, account, -h.reserved)
        got = np.int64(c.bid_got[row] if h.side > 0 else c.ask_got[row]) if is_filled else np.int64(0)
        rounding = c.rounding[min(t, len(c.times) - 1)]
        if fill_nb(rule, rounding, entry_rate_nb(c.fees, rule, market[m], t), h, account, t, got) == 0:
            vacate_nb(market[m], i, desk)
            continue
        if len(desk.fates) > 0 and h.score != 0:
            desk.fates[row_nb(c, placed - rule.delay, m)] = ENTERED
        i += 1
