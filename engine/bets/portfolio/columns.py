"""From a panel to what the kernel reads: when each market trades and pays, what it charges, which events it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....io.ground.units import TICKS_PER_DOLLAR
from ...simulator.assumptions.fees import FeeTable, Membership, fee_table, market_schedule
from ..panel.panel import Panel
from ..types import FEES, MARKET, NO_PRICE, ROUNDING, PanelColumns
from .portfolio import groups, members_of

if TYPE_CHECKING:
    from ..panel.resting import Resting

DAY_NS = 86_400_000_000_000
_NO_SIZES = np.empty(0, np.int32)
_NO_ORDERS = np.empty(0, np.int16)


def columns_of(panel: Panel, score: npt.NDArray[np.int16], membership: Membership = "direct") -> PanelColumns:
    """Everything the portfolio kernel needs of a panel and a score (ticks of edge, a row each)."""
    rows = panel.rows
    mark = rows["mark"]
    market = market_rows(panel)
    fees, places = fee_rows(panel, membership)
    market["fee_first"], market["fee_end"] = places.T
    start, members = members_of(market["event"])
    days = (panel.times - 1) // DAY_NS
    columns = PanelColumns(
        times=panel.times,
        bucket=(days - days[0]).astype(np.int32),
        mark=mark,
        bid=rows.get("bid", mark),
        ask=rows.get("ask", mark),
        bid_lots=rows.get("bid_lots", _NO_SIZES),
        ask_lots=rows.get("ask_lots", _NO_SIZES),
        volume=rows.get("volume", _NO_SIZES),
        score=score,
        market=market,
        fees=fees,
        rounding=_rounding(panel, membership),
        member_start=start,
        members=members,
        bid_after=_NO_ORDERS,
        ask_after=_NO_ORDERS,
        bid_got=_NO_SIZES,
        ask_got=_NO_SIZES,
    )
    return columns if panel.resting is None else with_resting(columns, panel.resting)


def with_resting(columns: PanelColumns, resting: Resting) -> PanelColumns:
    """The columns with what resting orders get."""
    (bid_after, ask_after), (bid_got, ask_got) = resting.after, resting.lots
    return columns._replace(bid_after=bid_after, ask_after=ask_after, bid_got=bid_got, ask_got=ask_got)


def market_rows(panel: Panel) -> npt.NDArray[Any]:
    """One MARKET a column: trading stops before the payout is known, money comes back with the payout."""
    times, markets = panel.times, panel.markets
    rows = np.zeros(markets.height, MARKET)

    lives = panel.lives
    rows["first"], rows["last"] = lives.first, lives.first + lives.counts - 1
    rows["base"], rows["stride"] = lives.base, lives.stride

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
    return rows


def fee_rows(panel: Panel, membership: Membership = "direct") -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    """The rates of every day: FEES of each schedule once, and of every market its first row and the one after its last.

    What a market charged when is what the replay takes: its own history, else the row it has, else its series.
    """
    known: dict[tuple[Any, ...], tuple[int, int]] = {}
    parts: list[npt.NDArray[Any]] = []
    places, count = [], 0
    names = ("series", "fee_history", "fee_type", "fee_multiplier")
    for series, history, kind, multiplier in panel.markets.select(names).iter_rows():
        given = [{"valid_from": 0, "fee_type": kind, "fee_multiplier": multiplier}] if history is None else history
        key = (series, repr(given))
        if key not in known:
            table = fee_table(market_schedule(series or "", given, membership), *_ends(panel))
            parts.append(_by_bar(panel.times, table))
            known[key] = (count, count + len(parts[-1]))
            count = known[key][1]
        places.append(known[key])
    return np.concatenate(parts), np.array(places, np.int32)


def _by_bar(times: npt.NDArray[np.int64], table: FeeTable) -> npt.NDArray[Any]:
    """A table's rates by the bar at whose close they hold, only where they change."""
    at = table.from_ts.searchsorted(times, side="right") - 1
    rates = np.stack([table.taker_rate, table.maker_rate])[:, np.maximum(at, 0)]
    moved = np.flatnonzero((rates[:, 1:] != rates[:, :-1]).any(axis=0)) + 1
    rows = np.zeros(len(moved) + 1, FEES)
    rows["from_bar"] = bars = np.concatenate(([0], moved))
    rows["taker"], rows["maker"] = rates[:, bars]
    return rows


def _ends(panel: Panel) -> tuple[int, int]:
    return int(panel.times[0]), int(panel.times[-1])


def _rounding(panel: Panel, membership: Membership) -> npt.NDArray[Any]:
    table: FeeTable = fee_table(market_schedule("", (), membership), *_ends(panel))
    at = np.maximum(np.searchsorted(table.from_ts, panel.times, side="right") - 1, 0)
    rounding = np.zeros(len(panel.times), ROUNDING)
    rounding["trade_step"], rounding["grid"] = table.trade_step[at], table.grid[at]
    rounding["rebate_step"], rounding["strict"] = table.rebate_step[at], table.rebate_strict[at]
    return rounding
