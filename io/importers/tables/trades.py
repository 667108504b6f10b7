"""Trades, one a row: exchange exports, dumps and anybody's CSV."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...ground.units import TICKS_PER_DOLLAR
from ..values import price_unit
from ..values.convert import NULL, TAKER, SourceRows
from .layout import Layout

TIME = ("created_time", "timestamp", "ts", "ts_ms", "time", "trade_time", "datetime")
TICKER = ("ticker", "market_ticker", "market", "symbol")
YES = ("yes_price_dollars", "yes_price", "price_dollars", "price", "px")
NO = ("no_price_dollars", "no_price")
SIZE = ("count_fp", "count", "volume", "quantity", "size", "qty", "contracts", "amount")
#: The newest field first: the exchange has renamed it twice.
TAKER_SIDE = ("taker_outcome_side", "taker_book_side", "taker_side", "side")
BLOCK = ("is_block_trade", "is_block")
FLAGS = {"true": 1, "1": 1, "false": 0, "0": 0, "": 0}


def _decide(rows: SourceRows) -> Mapping[str, str]:
    yes, no = rows.first(YES), rows.first(NO)
    assert yes is not None
    return price_unit.decide(rows, (yes,), (yes, no) if no else None)


def _convert(rows: SourceRows, decided: Mapping[str, str]) -> None:
    time, yes, no, size = (rows.first(names) for names in (TIME, YES, NO, SIZE))
    assert time and yes and size
    ticker = rows.ticker(*TICKER)
    ts = rows.time(time)
    price = rows.price(yes, price_unit.unit_of(rows, yes, decided))
    if no is not None:
        other = rows.price(no, price_unit.unit_of(rows, no, decided), null=True)
        rows.fail(
            (other != NULL) & (price + other != TICKS_PER_DOLLAR),
            lambda row: f"{yes} {rows.frame[yes][row]} and {no} {rows.frame[no][row]} do not add up to one contract",
        )
    elif yes in ("price", "px"):
        rows.say(f"{yes} is taken as the YES price, whatever the taker's side")
    if size in ("amount", "volume"):
        rows.say(f"{size} is taken as the number of contracts traded")
    if rows.has("side") and rows.first(TAKER_SIDE) == "side":
        rows.say("side is taken as the taker's side")
    rows.emit(
        "trades",
        {
            "ts": ts,
            "ticker": ticker,
            "price": price,
            "size": rows.size(size, positive=True),
            "taker_side": _taker(rows),
            "is_block": _block(rows),
            "trade_id": rows.text("trade_id") if rows.has("trade_id") else None,
            "seq": rows.numbers("seq", 0, null=True) if rows.has("seq") else None,
            "recv_ts": _received(rows, time),
        },
    )


def _received(rows: SourceRows, time: str) -> np.ndarray | None:
    name = "recv_ts" if rows.has("recv_ts") else "ts" if time == "created_time" else ""
    return rows.time(name, null=True) if rows.has(name) else None


def _taker(rows: SourceRows) -> np.ndarray | int:
    known = None
    for name in TAKER_SIDE:
        if rows.has(name):
            side = rows.words(name, TAKER, what="yes, no, buy or sell")
            known = side if known is None else np.where(known != 0, known, side)
    return 0 if known is None else known


def _block(rows: SourceRows) -> np.ndarray | bool:
    name = rows.first(BLOCK)
    return False if name is None else rows.words(name, FLAGS, what="true or false") == 1


TRADES = Layout(
    "trades",
    "trades, one a row (CSV, JSON lines or Parquet)",
    needs=(TIME, YES, SIZE),
    convert=_convert,
    decide=_decide,
    integers=(*YES, *NO, *SIZE),
)
