"""What incentive programs pay for a maker's bets while they rest, beside their P&L."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ...io.store.store import Store
from ..rewards.exact import side_score
from ..rewards.payout import PARTS
from ..rewards.rules import described
from ..rewards.snapshots import snapshot_times
from ..simulator.assumptions.venue import Assumptions
from ..simulator.programs import RewardPlan, reward_plan
from ..simulator.tape.events import BOOK, GAP, KIND, STATUS
from ..simulator.tape.source import compile_tape
from ..simulator.tape.tape import Tape, open_at_start
from .panel.panel import Panel
from .types import LOTS, PRICE, UNTIL, PanelColumns

#: An order: from when, until when, side (0 YES, 1 NO), level of its own scale, lots.
Order = tuple[int, int, int, int, int]


def maker_rewards(
    store: Store, panel: Panel, columns: PanelColumns, rested: npt.NDArray[np.int32], rewards: str
) -> list[dict[str, Any]]:
    """Return what each program's period comes to for the orders that rested, market by market.

    An order that filled counts until the bar of its fill begins, one that was withdrawn until it was.
    """
    found: list[dict[str, Any]] = []
    assumed, end = Assumptions(rewards=rewards), int(columns.times[-1]) + 1
    for m, ticker in enumerate(panel.markets["ticker"].to_list()):
        market = columns.market[m]
        bars = np.arange(int(market["first"]), int(market["last"]) + 1)
        rows = int(market["base"]) + bars * int(market["stride"])
        placed = np.flatnonzero(rested[rows, LOTS]) if len(rows) else np.zeros(0, np.int64)
        if not len(placed):
            continue
        tape = compile_tape(store, ticker, None, end)
        plan = reward_plan(tape, assumed)
        if plan.programs:
            orders = [_order(columns, tape, int(bars[at]), int(rows[at]), rested[rows[at]]) for at in placed]
            found += _periods(ticker, plan, scored(tape, plan, orders, int(assumed.seed)))
    return found


def _order(columns: PanelColumns, tape: Tape, bar: int, row: int, told: npt.NDArray[np.int32]) -> Order:
    """An order as it stood in the book."""
    lots, price, until = int(told[LOTS]), int(told[PRICE]), int(told[UNTIL])
    after = int(columns.bid_after[row] if lots > 0 else columns.ask_after[row])
    last = until - 1 if after > 0 and until == bar + after else until
    level = int(np.searchsorted(tape.grid.ticks, price if lots > 0 else 10_000 - price))
    side = int(lots < 0)
    level = level if side == 0 else int(tape.grid.top) - level
    return int(columns.times[bar]), int(columns.times[min(last, len(columns.times) - 1)]), side, level, abs(lots)


def scored(tape: Tape, plan: RewardPlan, orders: list[Order], seed: int) -> list[tuple[Fraction, int]]:
    """Return of each program the sum of the own shares of both sides, and how many snapshots counted."""
    sums = [[Fraction(0), 0] for _ in plan.programs]
    for ts, sides in _books(tape, plan, seed):
        own: list[dict[int, int]] = [{}, {}]
        for since, until, side, level, lots in orders:
            if since < ts <= until:
                own[side][level] = own[side].get(level, 0) + lots
        for one, rules, total in zip(plan.programs, plan.rules, sums, strict=True):
            if one.start <= ts < one.end:
                made = [
                    None if rules.highest == "excluded" and max({**sides[s], **own[s]}, default=0) >= tape.grid.top - 1
                    else side_score(sides[s], own[s], one.target, one.discount, rules, _steps(tape, s, rules.unit))
                    for s in range(2)
                ]  # fmt: skip
                if made[0] is not None and made[1] is not None:
                    total[0] += made[0].share + made[1].share
                    total[1] += 1
    return [(share, int(count)) for share, count in sums]


def _steps(tape: Tape, side: int, unit: str) -> Any:
    """Steps from a reference down to a level of a side."""
    ticks, top = tape.grid.ticks, int(tape.grid.top)

    def steps(reference: int, level: int) -> Fraction:
        if unit == "ticks":
            return Fraction(reference - level)
        high, low = (reference, level) if side == 0 else (top - level, top - reference)
        return Fraction(int(ticks[high]) - int(ticks[low]), 100)

    return steps


def _books(tape: Tape, plan: RewardPlan, seed: int) -> Iterator[tuple[int, tuple[dict[int, int], dict[int, int]]]]:
    """The book at every snapshot at which the market trades and its book is known, until the last event."""
    columns, at = tape.columns, 0
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    is_open, is_known = open_at_start(tape), False
    start, end = min(one.start for one in plan.programs), max(one.end for one in plan.programs)
    for ts in snapshot_times(max(start, int(columns.ts[0])), min(end, plan.last + 1), seed).tolist():
        while at < len(columns.ts) and columns.ts[at] <= ts:
            kind, side = int(columns.kind[at]) & KIND, int(columns.side[at])
            if kind == BOOK:
                is_known = True
                sides[side].pop(int(columns.level[at]), None)
                if size := int(columns.size[at]):
                    sides[side][int(columns.level[at])] = size
            elif kind == GAP:
                is_known = False
                sides[0].clear()
                sides[1].clear()
            elif kind == STATUS:
                is_open = side > 0
            at += 1
        if at >= len(columns.ts):
            return
        if is_open and is_known:
            yield ts, sides


def _periods(ticker: str, plan: RewardPlan, sums: list[tuple[Fraction, int]]) -> Iterator[dict[str, Any]]:
    """What each period earns and pays, micros, where an order scored in it."""
    for index, (own, included) in enumerate(sums):
        if own == 0:
            continue
        one = plan.programs[index]
        earned, paid = plan.money(index, int(own * PARTS + Fraction(1, 2)), included)
        yield {
            "market": ticker, "id": one.id, "start": one.start, "end": one.end, "reward": one.reward,
            "rules": described(plan.rules[index]), "included": included, "earned": earned, "paid": paid,
            "is_part": plan.is_part(index),
        }  # fmt: skip
