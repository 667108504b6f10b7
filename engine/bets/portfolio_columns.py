"""From a panel to what the kernel reads: when each market trades and pays, what it charges, which events it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...io.units import TICKS_PER_DOLLAR
from ..simulator.fees import FeeTable, Membership, fee_table, market_schedule
from .panel import Panel
from .portfolio import groups, members_of
from .portfolio_types import MARKET, NO_PRICE, ROUNDING, Columns

if TYPE_CHECKING:
    from .panel_maker import Resting

DAY_NS = 86_400_000_000_000
_NO_SIZES = np.empty((0, 0), np.int32)
_NO_ORDERS = np.empty((0, 0), np.int16)


def columns_of(panel: Panel, score: npt.NDArray[np.int16], membership: Membership = "direct") -> Columns:
    """Everything the portfolio kernel needs of a panel and a score (ticks of edge, bars x markets)."""
    matrices = panel.matrices
    mark = matrices["mark"]
    market = market_rows(panel, membership)
    start, members = members_of(market["event"])
    days = (panel.times - 1) // DAY_NS
    columns = Columns(
        times=panel.times,
        bucket=(days - days[0]).astype(np.int32),
        mark=mark,
        bid=matrices.get("bid", mark),
        ask=matrices.get("ask", mark),
        bid_lots=matrices.get("bid_lots", _NO_SIZES),
        ask_lots=matrices.get("ask_lots", _NO_SIZES),
        volume=matrices.get("volume", _NO_SIZES),
        score=score,
        market=market,
        rounding=_rounding(panel, membership),
        member_start=start,
        members=members,
        bid_after=_NO_ORDERS,
        ask_after=_NO_ORDERS,
        bid_got=_NO_SIZES,
        ask_got=_NO_SIZES,
    )
    return columns if panel.resting is None else with_resting(columns, panel.resting)


def with_resting(columns: Columns, resting: Resting) -> Columns:
    """The columns with what resting orders get."""
    (bid_after, ask_after), (bid_got, ask_got) = resting.after, resting.lots
    return columns._replace(bid_after=bid_after, ask_after=ask_after, bid_got=bid_got, ask_got=ask_got)


def market_rows(panel: Panel, membership: Membership = "direct") -> npt.NDArray[Any]:
    """One MARKET a column: trading stops before the payout is known, money comes back with the payout."""
    times, markets = panel.times, panel.markets
    rows = np.zeros(markets.height, MARKET)

    def bar_at(column: pl.Series, otherwise: int) -> npt.NDArray[np.int64]:
        """First bar at or after a moment."""
        at = np.searchsorted(times, column.fill_null(0).to_numpy(), side="left")
        return np.where(column.is_null().to_numpy(), otherwise, at)

    settled = markets.select(pl.coalesce("settled_ts", "close_ts", "expiration_ts").alias("ts"))["ts"]
    rows["settles"] = bar_at(settled, len(times))
    rows["opens"] = bar_at(markets["open_ts"], 0)
    closes = bar_at(markets["close_ts"], len(times)) - 1  # the last bar that ends before the close
    payout = markets.select(
        pl.coalesce(
            "settlement",
            pl.col("result").replace_strict({"yes": TICKS_PER_DOLLAR, "no": 0}, default=None, return_dtype=pl.Int32),
        ).alias("payout")
    )["payout"]
    rows["payout"] = payout.fill_null(NO_PRICE).to_numpy()
    known = rows["payout"] != NO_PRICE
    rows["closes"] = np.where(known, np.minimum(closes, rows["settles"] - 1), closes)
    rows["unquoted"] = ~panel.quoted
    rows["event"] = groups(markets["event"].to_list())
    rows["series"] = groups(markets["series"].to_list())
    rows["category"] = groups(markets["category"].to_list())
    for name, values in _rates(panel, membership).items():
        rows[name] = values
    return rows


def _rates(panel: Panel, membership: Membership) -> dict[str, list[int]]:
    """Of takers and makers: the first rate of every market, the last one, and the bar from which that holds."""
    begin, end = int(panel.times[0]), int(panel.times[-1])
    known: dict[tuple[Any, ...], dict[str, int]] = {}
    found = []
    for row in panel.markets.select("series", "fee_type", "fee_multiplier").iter_rows(named=True):
        key = tuple(row.values())
        if key not in known:
            given = [] if row["fee_type"] is None and row["fee_multiplier"] is None else [{"valid_from": 0, **row}]
            table = fee_table(market_schedule(row["series"] or "", given, membership), begin, end)
            known[key] = {}
            for name, rates in (("fee", table.taker_rate), ("maker", table.maker_rate)):
                moved = np.flatnonzero(np.diff(rates))
                change = (
                    int(np.searchsorted(panel.times, table.from_ts[moved[0] + 1])) if len(moved) else len(panel.times)
                )
                known[key] |= {f"{name}_rate": int(rates[0]), f"{name}_later": int(rates[-1]), f"{name}_change": change}
        found.append(known[key])
    return {name: [one[name] for one in found] for name in found[0]}


def _rounding(panel: Panel, membership: Membership) -> npt.NDArray[Any]:
    table: FeeTable = fee_table(market_schedule("", (), membership), int(panel.times[0]), int(panel.times[-1]))
    at = np.maximum(np.searchsorted(table.from_ts, panel.times, side="right") - 1, 0)
    rounding = np.zeros(len(panel.times), ROUNDING)
    rounding["trade_step"], rounding["grid"] = table.trade_step[at], table.grid[at]
    rounding["rebate_step"], rounding["strict"] = table.rebate_step[at], table.rebate_strict[at]
    return rounding
