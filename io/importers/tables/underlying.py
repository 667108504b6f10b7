"""Series of an underlying: bars and single values."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import polars as pl

from ...ground.errors import InputError
from ...ground.units import NS_PER_SECOND
from ..values.convert import NULL, SourceRows
from .layout import Layout

TIME = ("timestamp", "ts", "ts_ms", "time", "datetime", "date_time")
SYMBOL = ("symbol", "index_id", "underlying", "asset")
VALUE = ("value", "price", "last", "spot", "close")
#: Columns that name contracts: a file with several has prices of markets, not of an underlying.
CONTRACT = (
    "ticker",
    "market_ticker",
    "market",
    "contract",
    "contract_id",
    "instrument",
    "asset_id",
    "token_id",
    "market_id",
)
#: Names that a file or its folder may carry.
KNOWN = ("SPX", "NDX", "BTC", "ETH", "SOL", "XRP", "DOGE")


def _symbol(rows: SourceRows) -> pl.Series | str:
    several = rows.names_in(*SYMBOL, *CONTRACT)
    if several is not None and (rows.options.underlying is not None or several not in SYMBOL):
        why = (
            "of which underlying= would make one index" if rows.options.underlying is not None else "as contracts have"
        )
        raise InputError(
            f"{rows.path}: {several} holds several names, {why}; map={{'symbol': {several!r}}} makes each an "
            "underlying of its own. Quotes and trades of markets need bids and asks, or sizes"
        )
    if rows.options.underlying is not None:
        return rows.options.underlying
    column = rows.first(SYMBOL)
    if column is not None:
        return rows.label(column)
    words = re.split(r"[^A-Za-z]+", f"{rows.path.parent.name}/{rows.path.name}".upper()) if rows.path else []
    for name in KNOWN:
        if name in words:
            rows.say(f"the underlying is {name}, from the file's name; underlying= says otherwise")
            return name
    raise InputError(f"{rows.path}: the file does not name its underlying; pass underlying=, such as SPX")


def _bar_length(rows: SourceRows) -> Mapping[str, str]:
    """Find how long a bar is: the usual distance of two, which is when its close is known."""
    time = rows.first(TIME)
    assert time is not None
    ts = rows.time(time)
    steps = np.diff(ts[ts != NULL])
    steps = steps[steps > 0]
    if not steps.size:
        raise InputError(f"{rows.path}: a single bar does not say how long it is; import it with longer files")
    lengths, counts = np.unique(steps, return_counts=True)
    length = int(lengths[np.argmax(counts)])
    rows.say(f"bars of {length / NS_PER_SECOND:g} s; a bar's close is taken as known at its end")
    return {"length": str(length)}


def _bars(rows: SourceRows, decided: Mapping[str, str]) -> None:
    time = rows.first(TIME)
    assert time is not None
    ts, value = rows.time(time), rows.real("close")
    rows.fail(value.is_null().to_numpy(), lambda row: "close is missing")
    rows.emit("underlying", {"ts": ts + int(decided["length"]), "symbol": _symbol(rows), "value": value})


def _values(rows: SourceRows, decided: Mapping[str, str]) -> None:
    time, column = rows.first(TIME), rows.first(VALUE)
    assert time is not None and column is not None
    ts, value = rows.time(time), rows.real(column)
    rows.fail(value.is_null().to_numpy(), lambda row: f"{column} is missing")
    rows.emit("underlying", {"ts": ts, "symbol": _symbol(rows), "value": value})


BARS = Layout(
    "bars",
    "bars of an underlying (open, high, low, close)",
    needs=(TIME, ("open",), ("high",), ("low",), ("close",)),
    convert=_bars,
    decide=_bar_length,
)
UNDERLYING = Layout(
    "underlying",
    "values of an underlying, one a row",
    needs=(TIME, VALUE),
    convert=_values,
)
