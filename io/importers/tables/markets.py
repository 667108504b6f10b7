"""Markets, one a row: what each is about, when it trades, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import polars as pl

from ...ground.errors import InputError
from ...ground.grids import grid_name
from ...ground.units import TICKS_PER_DOLLAR
from ..values import price_unit
from ..values.convert import NULL, SourceRows
from .layout import Layout

TICKER = ("ticker", "market_ticker", "market_id")
OPEN = ("open_time", "market_open_time", "open_ts", "start_ts")
CLOSE = ("close_time", "market_close_time", "close_ts", "end_ts")
EXPIRATION = ("expected_expiration_time", "expiration_time", "latest_expiration_time")
SETTLED = ("settlement_ts", "settled_time", "settled_ts")
RESULT = ("result", "outcome", "market_result", "payout_up")
BID = ("yes_bid_dollars", "yes_bid")
ASK = ("yes_ask_dollars", "yes_ask")
_TEXTS = {
    "series": ("series_ticker", "series"),
    "event": ("event_ticker", "event", "slug"),
    "title": ("title", "question"),
    "category": ("category",),
    "status": ("status",),
    "strike_type": ("strike_type",),
    "grid": ("price_level_structure", "grid"),
    "fee_type": ("fee_type",),
}
_NUMBERS = {
    "floor": ("floor_strike", "floor", "strike_F"),
    "cap": ("cap_strike", "cap"),
    "fee_multiplier": ("fee_multiplier",),
}
_SIZES = {"volume": ("volume_fp", "volume"), "open_interest": ("open_interest_fp", "open_interest")}
_OPEN, _YES, _NO, _SCALAR = range(4)
_WORDS = {
    "": _OPEN, "null": _OPEN, "none": _OPEN, "yes": _YES, "1": _YES, "1.0": _YES, "true": _YES, "up": _YES,
    "no": _NO, "0": _NO, "0.0": _NO, "false": _NO, "down": _NO, "scalar": _SCALAR,
}  # fmt: skip
_RESULTS = pl.Series([None, "yes", "no", "scalar"], dtype=pl.String)


def _decide(rows: SourceRows) -> Mapping[str, str]:
    columns = tuple(name for name in (rows.first(BID), rows.first(ASK)) if name)
    return price_unit.decide(rows, columns) if columns else {}


def _convert(rows: SourceRows, decided: Mapping[str, str]) -> None:
    ticker = rows.ticker(*TICKER)
    columns: dict[str, object] = {"ticker": ticker, "valid_from": 0}
    for name, given in {"open_ts": OPEN, "close_ts": CLOSE, "expiration_ts": EXPIRATION, "settled_ts": SETTLED}.items():
        found = rows.first(given)
        if found is not None:
            columns[name] = rows.time(found, null=True)
    for name, given in _TEXTS.items():
        found = rows.first(given)
        if found is not None:
            columns[name] = rows.text(found)
    if "series" not in columns and "event" in columns and rows.has("event_ticker"):
        columns["series"] = rows.frame["event_ticker"].str.split("-").list.first()
        rows.say("the series is the first part of event_ticker, as the file does not name it")
    if rows.has("price_ranges") and rows.has("price_level_structure"):
        columns["grid"] = _grids(rows)
    if rows.options.grid is not None:
        columns["grid"] = rows.options.grid
    if rows.options.underlying is not None:
        columns["underlying"] = rows.options.underlying
    for name, given in _NUMBERS.items():
        found = rows.first(given)
        if found is not None:
            columns[name] = rows.real(found)
    for name, given in _SIZES.items():
        found = rows.first(given)
        if found is not None:
            columns[name] = rows.size(found, null=True)
    for name, given, empty in (("yes_bid", BID, 0), ("yes_ask", ASK, TICKS_PER_DOLLAR)):
        found = rows.first(given)
        if found is not None:
            price = rows.price(found, price_unit.unit_of(rows, found, decided), null=True, grid=False)
            columns[name] = np.where((price == empty) | (price == TICKS_PER_DOLLAR - empty), NULL, price)
    columns |= _settlement(rows)
    if rows.has("label"):  # training rows repeat what is known of their market
        rows.say("a market is taken from the first of its rows")
        rows.emit("markets", columns, ticker.is_first_distinct().to_numpy())
    else:
        rows.emit("markets", columns)


def _grids(rows: SourceRows) -> pl.Series:
    """Name each market's grid by its ranges; the structure's name is only a label."""
    texts = rows.frame.select("price_level_structure", pl.col("price_ranges").cast(pl.String)).rows()
    named: dict[tuple[str | None, str | None], str | None] = {}
    for structure, ranges in dict.fromkeys(texts):
        try:
            named[structure, ranges] = grid_name(structure or None, json.loads(ranges) if ranges else None)
        except (InputError, ValueError, TypeError, AttributeError) as error:
            wrong = np.array([text == (structure, ranges) for text in texts], dtype=np.bool_)
            rows.fail(wrong, lambda row, error=error: f"price_ranges cannot be read: {error}")
            named[structure, ranges] = None
    return pl.Series([named[text] for text in texts], dtype=pl.String)


def _settlement(rows: SourceRows) -> dict[str, object]:
    columns: dict[str, object] = {}
    found = rows.first(RESULT)
    values = np.full(rows.frame.height, NULL)
    if found is not None:
        if found in ("outcome", "payout_up"):
            rows.say(f"{found} is taken as the market's result")
        codes = rows.words(found, _WORDS, what="yes, no, scalar or empty")
        columns["result"] = _RESULTS[codes.astype(np.int64)]
        values = np.where(codes == _YES, TICKS_PER_DOLLAR, np.where(codes == _NO, 0, NULL))
    if rows.has("settlement_value_dollars"):
        paid = rows.price("settlement_value_dollars", "dollars", null=True, grid=False)
        values = np.where(paid != NULL, paid, values)
    columns["settlement"] = values
    return columns


MARKETS = Layout(
    "markets",
    "markets, one a row (CSV, JSON lines or Parquet)",
    needs=(TICKER, (*CLOSE, *RESULT)),
    convert=_convert,
    decide=_decide,
)
