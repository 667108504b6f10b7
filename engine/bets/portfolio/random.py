"""What luck would have made of the same bets: random portfolios of the same exposure, and buying everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from ....io.ground.jit import compiled, kept
from ....io.ground.units import LOTS_PER_CONTRACT
from ..types import NO_PRICE, PanelColumns
from .entry import (
    BOUGHT,
    DOLLAR,
    SOLD,
    YES,
    Int,
    Ints,
    Record,
    Records,
    fee_nb,
    mark_nb,
    own_nb,
    rate_nb,
    row_nb,
    slippage_nb,
)
from .portfolio import PortfolioRun

CONTRACT = np.int64(LOTS_PER_CONTRACT)


@dataclass(frozen=True)
class RandomComparison:
    """P&L of each random portfolio (micros), the strategy's, and what buying everything at its price made."""

    pnl: npt.NDArray[np.int64]
    strategy: int
    market_pnl: int
    market_cost: int

    @property
    def beaten(self) -> float:
        """Share of the random portfolios that made less than the strategy; ties count half."""
        return float((self.pnl < self.strategy).mean() + 0.5 * (self.pnl == self.strategy).mean())

    def as_dict(self) -> dict[str, Any]:
        """What is written to JSON, money in dollars."""
        quantiles = {f"q{q:02d}": float(np.quantile(self.pnl, q / 100)) / 1e6 for q in (5, 25, 50, 75, 95)}
        return {
            "portfolios": len(self.pnl),
            "strategy": self.strategy / 1e6,
            "beaten": self.beaten,
            "mean": float(self.pnl.mean()) / 1e6,
            "deviation": float(self.pnl.std()) / 1e6,
            **quantiles,
            "pnl": [int(pnl) / 1e6 for pnl in self.pnl],
            "market_return": self.market_pnl / self.market_cost if self.market_cost else None,
        }


def compare_random(
    columns: PanelColumns, rule: npt.NDArray[Any], run: PortfolioRun, portfolios: int = 200, seed: int = 0
) -> RandomComparison:
    """Replace each bet by one on a random market and side: same bar, same money, left in the same bar.

    Every random bet pays the prices that could be had and the fees, and is paid out when its market is.
    """
    bets = np.concatenate([run.trades, run.still_open])
    bets["exit_bar"][bets["exit_bar"] < 0] = len(columns.times) - 1
    pnl = np.zeros(portfolios, np.int64)
    _random_nb(columns, rule, bets, np.uint64(seed), pnl)
    totals = np.zeros(2, np.int64)
    _market_nb(columns, rule[0], totals)
    made = sum(int(t["proceeds"]) - int(t["price"]) * int(t["lots"]) for t in bets)
    paid = int(bets["entry_fee"].sum() + bets["exit_fee"].sum())
    held = int(run.account["equity"]) - int(run.account["cash"])
    return RandomComparison(pnl, made - paid + held, int(totals[0]), int(totals[1]))


@compiled
def mixed_nb(a: Int, b: Int, c: Int) -> Int:
    """A well mixed 64-bit number from three (splitmix64)."""
    x = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b) * np.uint64(0xD1B54A32D192ED03) + np.uint64(c)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@compiled
def bought_nb(c: PanelColumns, rule: Record, t: Int, m: Int, side: Int) -> Int:
    """Price of one contract of a side at bar t, or NO_PRICE."""
    at = row_nb(c, t, m)
    if at < 0 or not c.market[m].opens <= t <= c.market[m].closes:
        return np.int64(NO_PRICE)
    quote = c.ask[at] if side > 0 else c.bid[at]
    if quote == NO_PRICE:
        return np.int64(NO_PRICE)
    price = own_nb(np.int64(quote), side) + slippage_nb(rule, c.market[m])
    return price if 0 < price < DOLLAR else np.int64(NO_PRICE)


@compiled
def ended_nb(c: PanelColumns, rule: Record, t: Int, m: Int, side: Int, lots: Int) -> Int:
    """What a position fetches when it is left at bar t, net of fees: the payout, a sale, or its mark."""
    row = c.market[m]
    if row.payout != NO_PRICE and row.settles <= t:
        return own_nb(np.int64(row.payout), side) * lots
    at = row_nb(c, t, m)
    quote = np.int64(NO_PRICE if at < 0 else c.bid[at] if side > 0 else c.ask[at])
    price = own_nb(quote, side)
    if quote != NO_PRICE and t <= row.closes:
        price = max(price - slippage_nb(rule, row), 0)
        fee = fee_nb(rule, c.rounding[t], rate_nb(c.fees, row, t), price, lots, SOLD) if price > 0 else np.int64(0)
        return max(price * lots - fee, 0)
    mark = own_nb(mark_nb(c, t, m), side)
    return max(mark, 0) * lots


@kept(parallel=True)
def _random_nb(c: PanelColumns, rules: Records, bets: Records, seed: Int, pnl: Ints) -> None:
    markets = len(c.market)
    for i in numba.prange(len(pnl)):
        rule = rules[0]  # a row cannot be handed to threads
        made = np.int64(0)
        for j in range(len(bets)):
            bet = bets[j]
            for attempt in range(64):
                drawn = mixed_nb(seed, i, j * 64 + attempt)
                m = np.int64((drawn >> np.uint64(1)) % np.uint64(markets))
                side = YES if drawn & np.uint64(1) else -YES
                price = bought_nb(c, rule, bet.entry_bar, m, side)
                if price == NO_PRICE:
                    continue
                lots = np.int64(bet.price) * bet.lots // (price * rule.step_lots) * rule.step_lots
                if lots > 0:
                    rate = rate_nb(c.fees, c.market[m], bet.entry_bar)
                    fee = fee_nb(rule, c.rounding[bet.entry_bar], rate, price, lots, BOUGHT)
                    made += ended_nb(c, rule, bet.exit_bar, m, side, lots) - price * lots - fee
                break
        pnl[i] = made


@kept()
def _market_nb(c: PanelColumns, rule: Record, totals: Ints) -> None:
    """Buy one contract of YES in every market when it can first be had, and keep it."""
    bars = len(c.times)
    for m in range(len(c.market)):
        for t in range(c.market[m].first, c.market[m].last + 1):
            price = bought_nb(c, rule, t, m, YES)
            if price != NO_PRICE:
                fee = fee_nb(rule, c.rounding[t], rate_nb(c.fees, c.market[m], t), price, CONTRACT, BOUGHT)
                totals[0] += ended_nb(c, rule, bars - 1, m, YES, CONTRACT) - price * CONTRACT - fee
                totals[1] += price * CONTRACT + fee
                break
