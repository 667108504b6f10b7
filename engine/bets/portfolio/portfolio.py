"""The portfolio over many markets: checks the columns, calls the kernel, gives back trades, curve and totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from ....io.ground.errors import InputError
from ....io.ground.units import LOTS_PER_CONTRACT, MICROS_PER_DOLLAR, TICKS_PER_DOLLAR
from ....strategies.parameters import switch
from ..types import (
    ACCOUNT,
    BOOKED,
    HOLDING,
    NO_PRICE,
    RESTED,
    RULES,
    SAMPLED,
    SAMPLED_EQUITY,
    BetDesk,
    Candidates,
    PanelColumns,
    Sizing,
)
from .kernel import candidates_nb, grid_nb, walk_nb
from .layout import bar_after_bar, is_crowded

MILLION = 1_000_000
NS_PER_HOUR = 3_600_000_000_000
NO_LIMIT = 1 << 31

#: Rule -> (executor or selector parameter, what one unit of it is in the kernel's).
_SCALED: dict[str, tuple[str, int]] = {
    "capital": ("capital", MICROS_PER_DOLLAR),
    "kelly_ppm": ("kelly_fraction", MILLION),
    "fraction_ppm": ("fraction", MILLION),
    "fixed_lots": ("contracts", LOTS_PER_CONTRACT),
    "step_lots": ("contract_step", LOTS_PER_CONTRACT),
    "max_lots": ("max_position", LOTS_PER_CONTRACT),
    "max_share_ppm": ("max_position_pct", MILLION),
    "max_positions": ("max_positions", 1),
    "max_entries": ("max_entries", 1),
    "max_event": ("max_per_event", 1),
    "max_series": ("max_per_series", 1),
    "max_category": ("max_per_category", 1),
    "min_score": ("min_score", TICKS_PER_DOLLAR),
    "low": ("min_price", 100),
    "high": ("max_price", 100),
    "delay": ("delay_bars", 1),
    "slippage": ("slippage", 100),
    "trade_slippage": ("trade_slippage", 100),
    "participation_ppm": ("participation", MILLION),
    "take_profit_ppm": ("take_profit", MILLION),
    "stop_loss_ppm": ("stop_loss", MILLION),
    "trailing_ppm": ("trailing_stop", MILLION),
    "reversal": ("score_reversal", TICKS_PER_DOLLAR),
    "max_hold_ns": ("max_hold_hours", NS_PER_HOUR),
    "maker_bars": ("maker_bars", 1),
}
_YES_NO = {"ranked": "ranked", "fees": "fees", "close_at_end": "close_at_end"}
_DEFAULTS = {"max_entries": NO_LIMIT, "max_event": NO_LIMIT, "max_series": NO_LIMIT, "max_category": NO_LIMIT}


def rules(values: Mapping[str, Any]) -> npt.NDArray[Any]:
    """One row of kernel rules from a pipeline's selector and executor values, in the units people type.

    >>> int(rules({"kelly_fraction": 0.25, "capital": 10_000})["kelly_ppm"][0])
    250000
    """
    row = np.zeros(1, RULES)
    for rule, (name, unit) in _SCALED.items():
        given = values.get(name)
        row[rule] = _DEFAULTS.get(rule, 0) if given is None else min(int(Decimal(str(given)) * unit), 1 << 62)
    for rule, name in _YES_NO.items():
        row[rule] = switch(values.get(name)) is True
    row["sizing"] = Sizing[str(values.get("sizing", "kelly")).upper().replace("-", "_")]
    row["by_price"] = values.get("exit_basis") == "price"
    row["maker"] = values.get("entry") == "maker"
    row["step_lots"] = np.maximum(row["step_lots"], 1)
    if row["capital"][0] > 5_000_000 * MICROS_PER_DOLLAR:
        raise InputError(f"capital is at most $5,000,000 (exact 64-bit money), not {values['capital']}")
    return row


@dataclass(frozen=True)
class PortfolioRun:
    """One cell, everything recorded.

    ``curve`` columns: equity, free cash, locked cost (micros), open positions and resting orders.
    """

    trades: npt.NDArray[Any]
    still_open: npt.NDArray[Any]
    curve: npt.NDArray[np.int64]
    account: npt.NDArray[Any]
    fates: npt.NDArray[np.int8]
    rested: npt.NDArray[np.int32]  #: RESTED of the order placed in each row; no rows where none rest

    @property
    def pnl(self) -> int:
        """Profit in micros, open positions at their last mark."""
        return int(self.account["equity"]) - int(self.curve[0, 0])


def candidates(
    columns: PanelColumns, passed: npt.NDArray[np.int8] | None, minimum: int, ranked: bool = True
) -> Candidates:
    """List the markets to try, bar by bar. ``passed`` is 0 where the filters let a market through."""
    filtered = np.empty(0, np.int8) if passed is None else passed
    start = np.empty(len(columns.times) + 1, np.int64)
    candidates_nb(columns, filtered, max(minimum, 1), start, np.empty(0, np.int64))
    key = np.empty(int(start[-1]), np.int64)
    if len(key):
        candidates_nb(columns, filtered, max(minimum, 1), start, key)
    if ranked:
        key.sort()
    return Candidates(start, key)


def desks(columns: PanelColumns, cells: npt.NDArray[Any], *, booked: bool = False, recorded: bool = False) -> BetDesk:
    """Empty desks for so many cells."""
    bars, markets = len(columns.times), len(columns.market)
    count, events = len(cells), len(columns.member_start) - 1
    most = int(np.diff(columns.member_start).max(initial=0))
    shown = bars if recorded else 0
    return BetDesk(
        np.zeros(count, ACCOUNT),
        np.zeros((count, min(int(cells["max_positions"].max()), markets) + 1), HOLDING),
        np.full((count, markets), -1, np.int32),
        np.full((count, markets), -1, np.int32),
        np.full((count, events), -1, np.int32),
        np.zeros((count, 3, markets + 1), np.int32),
        np.zeros((count, 4, most)),
        np.zeros((count, 2, most), np.int64),
        np.zeros((count, markets if booked else 0, BOOKED), np.int64),
        np.zeros((count, 1 if recorded else 0), HOLDING),
        np.zeros((count, shown, 4), np.int64),
        np.zeros((count, len(columns.mark) if recorded else 0), np.int8),
        np.zeros((count, len(columns.mark) if recorded and cells["maker"].any() else 0, RESTED), np.int32),
    )


def run(columns: PanelColumns, rule: npt.NDArray[Any], passed: npt.NDArray[np.int8] | None = None) -> PortfolioRun:
    """Run one cell and record every trade, the curve and what became of every candidate."""
    check_columns(columns, rule)
    listed = candidates(columns, passed, 1, bool(rule["ranked"][0]))
    desk = BetDesk(*(column[0] for column in desks(columns, rule, recorded=True)))
    sampled = np.zeros((int(columns.bucket[-1]) + 1, SAMPLED), np.int64)
    bar = 0
    while (bar := walk_nb(columns, rule[0], listed, desk, sampled, bar)) < len(columns.times):
        room = np.zeros(2 * len(desk.trades) + int(desk.account["held"]), HOLDING)
        room[: len(desk.trades)] = desk.trades
        desk = desk._replace(trades=room)
    closed, held = int(desk.account["trades"]), int(desk.account["held"])
    return PortfolioRun(desk.trades[:closed], desk.slots[:held], desk.curve, desk.account, desk.fates, desk.rested)


def run_cells(
    columns: PanelColumns, cells: npt.NDArray[Any], passed: npt.NDArray[np.int8] | None = None
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Run many cells: their accounts, what is sampled (cells x buckets x SAMPLED) and booked by market.

    The last is cells x markets x BOOKED.
    """
    check_columns(columns, cells)
    if is_crowded(columns, len(cells)):
        columns, passed = bar_after_bar(columns, passed)
    accounts = np.zeros(len(cells), ACCOUNT)
    sampled = np.zeros((len(cells), int(columns.bucket[-1]) + 1, SAMPLED), np.int64)
    booked = np.zeros((len(cells), len(columns.market), BOOKED), np.int64)
    for ranked in (False, True):
        chosen = np.flatnonzero((cells["ranked"] == 1) == ranked)
        if len(chosen):
            listed = candidates(columns, passed, int(cells["min_score"][chosen].min()), ranked)
            own, curves = (
                desks(columns, cells[chosen], booked=True),
                np.zeros((len(chosen), *sampled.shape[1:]), np.int64),
            )
            grid_nb(columns, cells[chosen], listed, own, curves)
            accounts[chosen], sampled[chosen], booked[chosen] = own.account, curves, own.booked
    hit = np.zeros(sampled.shape[1], np.int64)
    hit[columns.bucket] = columns.bucket
    sampled[:, :, SAMPLED_EQUITY] = sampled[:, np.maximum.accumulate(hit), SAMPLED_EQUITY]  # without a bar it stands
    return accounts, sampled, booked


def check_columns(columns: PanelColumns, cells: npt.NDArray[Any]) -> None:
    """Refuse columns that a portfolio cannot go through."""
    rows = columns.mark.shape
    if len(columns.times) == 0 or len(columns.market) == 0:
        raise InputError("the panel is empty: no bar or no market in the chosen data and period")
    for name in ("bid", "ask", "score"):
        if getattr(columns, name).shape != rows:
            raise InputError(f"{name} is {getattr(columns, name).shape}, the marks are {rows}")
    if (np.diff(columns.times) <= 0).any():
        raise InputError("bar times are not strictly increasing")
    if ((columns.market["payout"] != NO_PRICE) & (columns.market["settles"] <= columns.market["closes"])).any():
        raise InputError("a market trades at or after its payout")
    if cells["maker"].any() and columns.bid_after.shape != rows:
        raise InputError("this panel does not say what resting orders get: put it through with_orders")


def groups(labels: Sequence[str | None]) -> npt.NDArray[np.int32]:
    """Number labels from 0; every missing label is a group of its own.

    >>> groups(["a", None, "a", None]).tolist()
    [0, 1, 0, 2]
    """
    known: dict[object, int] = {}
    return np.array(
        [known.setdefault(index if label is None else str(label), len(known)) for index, label in enumerate(labels)],
        np.int32,
    )


def members_of(event: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """The markets of every event: where each list starts, and the lists end to end."""
    start = np.zeros(int(event.max(initial=-1)) + 2, np.int64)
    np.cumsum(np.bincount(event, minlength=len(start) - 1), out=start[1:])
    return start, np.argsort(event, kind="stable").astype(np.int32)
