"""Best prices, one market and moment a row: polls, quote streams and tops of books."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from ...ground.units import TICKS_PER_CENT, TICKS_PER_DOLLAR
from ..values import price_unit
from ..values.convert import NULL, SourceRows
from .layout import Layout

TIME = ("exchange_timestamp", "timestamp", "ts", "ts_ms", "time", "poll_ts")
TICKER = ("ticker", "market_ticker", "market", "symbol")
BID = ("yes_bid_dollars", "yes_bid", "bid_price", "best_bid", "bid", "yb")
ASK = ("yes_ask_dollars", "yes_ask", "ask_price", "best_ask", "ask", "ya")
BID_SIZE = ("yes_bid_size_fp", "yes_bid_size", "yes_bid_sz", "bid_size", "bid_sz")
ASK_SIZE = ("yes_ask_size_fp", "yes_ask_size", "yes_ask_sz", "ask_size", "ask_sz")
RECEIVED = ("recv_ts", "local_timestamp", "received_at")


def _decide(rows: SourceRows) -> Mapping[str, str]:
    columns = tuple(name for name in (rows.first(BID), rows.first(ASK)) if name)
    return price_unit.decide(rows, columns)


def _convert(rows: SourceRows, decided: Mapping[str, str]) -> None:
    time, received = rows.first(TIME), rows.first(RECEIVED)
    assert time is not None
    columns: dict[str, object] = {"ts": rows.time(time), "ticker": rows.ticker(*TICKER)}
    sides = (("bid", BID, BID_SIZE, 0), ("ask", ASK, ASK_SIZE, TICKS_PER_DOLLAR))
    for side, names, sizes, empty in sides:
        name, size = rows.first(names), rows.first(sizes)
        if name is None:
            continue
        price = rows.price(name, price_unit.unit_of(rows, name, decided), null=True)
        standing = rows.size(size, null=True) if size else np.full(price.size, NULL)
        absent = (price == empty) | (price == TICKS_PER_DOLLAR - empty) | (standing == 0)
        columns[side] = np.where(absent, NULL, price)
        columns[f"{side}_size"] = np.where(absent | (price == NULL), NULL, standing)
    if received is not None:
        columns["recv_ts"] = rows.time(received, null=True)
    rows.emit("quotes", columns)


def _convert_with_spot(rows: SourceRows, decided: Mapping[str, str]) -> None:
    """Read a poll that carries the underlying's price too; a spot that was not fetched is no row."""
    _convert(rows, decided)
    ts = rows.time("ts")
    symbol: object = rows.options.underlying
    if symbol is None:
        symbol = rows.text("series").str.extract(r"^KX([A-Z]+?)(?:\d+[A-Z]*)?$") if rows.has("series") else None
    if symbol is None:
        rows.say("the spot price has no symbol and is not taken; pass underlying=")
        return
    for column, name in (("spot", symbol), ("btc_mid", "BTC")):
        if rows.has(column):
            value = rows.real(column)
            known = value.is_not_null().to_numpy()
            if column == "spot" and rows.has("spot_ok"):
                known &= rows.text("spot_ok").is_in(["1", "true"]).to_numpy()
            if isinstance(name, pl.Series):
                known &= name.is_not_null().to_numpy()
            rows.emit("underlying", {"ts": ts, "symbol": name, "value": value}, known)


def _convert_bids(rows: SourceRows, decided: Mapping[str, str]) -> None:
    """Read best YES and NO bids in cents; 0 is no bid, and a NO bid at q is a YES ask at 100 - q."""
    ts = rows.time("timestamp", tz="America/Los_Angeles")
    bid = rows.price("best_yes_bid", "cents", null=True)
    no_bid = rows.price("best_no_bid", "cents", null=True)
    for name, other in (("implied_yes_ask", no_bid), ("implied_no_ask", bid)):
        if rows.has(name):
            implied = rows.price(name, "cents", null=True)
            wrong = (implied != NULL) & (other != NULL) & (implied + other != TICKS_PER_DOLLAR)
            rows.fail(wrong, lambda row, name=name: f"{name} {rows.frame[name][row]} is not 100 less the other bid")
    ask = np.where((no_bid == NULL) | (no_bid == 0), NULL, 100 * TICKS_PER_CENT - no_bid)
    bid = np.where(bid == 0, NULL, bid)
    rows.emit("quotes", {"ts": ts, "ticker": rows.ticker(*TICKER), "bid": bid, "ask": ask})


QUOTES = Layout(
    "quotes",
    "best bids and asks, one a row (CSV, JSON lines or Parquet)",
    needs=(TIME, BID, ASK),
    convert=_convert,
    decide=_decide,
    facts=("a price of 0 or 1 dollar, or a size of 0, is no quote",),
)
SPOT_QUOTES = Layout(
    "spot-quotes",
    "polls of best prices with the underlying's spot price",
    needs=(("ts",), ("yb",), ("ya",), ("spot",)),
    convert=_convert_with_spot,
    decide=_decide,
    facts=("a price of 0 or 1 dollar is no quote",),
)
BID_QUOTES = Layout(
    "bid-quotes",
    "best YES and NO bids in cents, Pacific time unless said",
    needs=(("timestamp",), ("best_yes_bid",), ("best_no_bid",)),
    convert=_convert_bids,
)
