"""The life of markets as a capture tells it: every message adds to what is known and gives a row valid from then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from ...ground.errors import InputError
from ...ground.grids import grid_name
from ...ground.units import TICKS_PER_DOLLAR, exact
from ..values.convert import conform
from ..values.text import OK, times

_STATUS = {
    "created": "initialized",
    "activated": "active",
    "deactivated": "inactive",
    "determined": "determined",
    "settled": "finalized",
}
_TIMES = {
    "open_ts": "open_ts", "close_ts": "close_ts", "settled_ts": "settled_ts", "expected_expiration_ts": "expiration_ts",
}  # fmt: skip
_TEXTS = {"title": "title", "event_ticker": "event", "strike_type": "strike_type", "result": "result"}
_STRIKES = {"floor_strike": "floor", "cap_strike": "cap"}


class StreamedLives:
    """What is known of every market so far."""

    def __init__(self, grid: str | None) -> None:
        self._grid = grid
        self._known: dict[str, dict[str, Any]] = {}
        self._series: dict[str, str] = {}  # event -> series
        self._fees: dict[str, dict[str, Any]] = {}  # event -> its fee override
        self._rows: list[dict[str, Any]] = []

    def take(self, kind: str, message: Mapping[str, Any], ts: int) -> str | None:
        """Take a message in; return why it cannot be, or None."""
        event = message.get("event_ticker")
        if kind == "event_lifecycle":
            if isinstance(event, str) and isinstance(message.get("series_ticker"), str):
                self._series[event] = message["series_ticker"]
            return None
        try:
            if kind == "event_fee_update":
                return self._fee(event, message, ts)
            ticker = message.get("market_ticker")
            if not isinstance(ticker, str) or not ticker.strip():
                return "market_ticker is missing"
            known = self._known.get(ticker, {}) | _read(message)
        except (InputError, TypeError, ValueError, AttributeError) as error:
            return f"the life cycle message cannot be read: {error}"
        name = known.get("event")
        if isinstance(name, str):
            known["series"] = self._series.get(name, name.split("-")[0])
            known |= self._fees.get(name, {})
        if self._grid is not None:
            known.setdefault("grid", self._grid)
        self._note(ticker, known, ts)
        return None

    def _fee(self, event: object, message: Mapping[str, Any], ts: int) -> str | None:
        if not isinstance(event, str):
            return "event_ticker is missing"
        multiplier = message.get("fee_multiplier_override")
        self._fees[event] = {
            "fee_type": None if message.get("fee_type_override") is None else str(message["fee_type_override"]),
            "fee_multiplier": None if multiplier is None else float(multiplier),
        }
        for ticker, known in list(self._known.items()):
            if known.get("event") == event:
                self._note(ticker, known | self._fees[event], ts)
        return None

    def _note(self, ticker: str, known: dict[str, Any], ts: int) -> None:
        self._known[ticker] = known
        self._rows.append(known | {"ticker": ticker, "valid_from": ts})

    def rows(self) -> pl.DataFrame:
        """Return the rows since the last call; of several at one moment the last holds."""
        latest = {(row["ticker"], row["valid_from"]): row for row in self._rows}
        self._rows.clear()
        names = {name for row in latest.values() for name in row}
        columns = {name: pl.Series([row.get(name) for row in latest.values()], strict=False) for name in sorted(names)}
        return conform("markets", columns, len(latest))


def _read(message: Mapping[str, Any]) -> dict[str, Any]:
    about = message.get("additional_metadata")
    fields = {**message, **(about if isinstance(about, dict) else {})}
    read: dict[str, Any] = {}
    for theirs, ours in _TIMES.items():
        if fields.get(theirs) is not None:
            read[ours] = _moment(fields[theirs], theirs)
    read |= {ours: str(fields[theirs]) for theirs, ours in _TEXTS.items() if fields.get(theirs)}
    for theirs, ours in _STRIKES.items():
        if fields.get(theirs) is not None:
            read[ours] = float(fields[theirs])
    status = _STATUS.get(str(message.get("event_type")))
    if status is not None:
        read["status"] = status
    if fields.get("settlement_value") is not None:
        read["settlement"] = exact(str(fields["settlement_value"]), TICKS_PER_DOLLAR, "settlement_value")
        if not 0 <= read["settlement"] <= TICKS_PER_DOLLAR:
            raise InputError(f"settlement_value {fields['settlement_value']} is not between 0 and 1 dollar")
    elif read.get("result") in ("yes", "no"):
        read["settlement"] = TICKS_PER_DOLLAR if read["result"] == "yes" else 0
    grid = grid_name(fields.get("price_level_structure"), fields.get("price_ranges"))
    if grid is not None:
        read["grid"] = grid
    return read


def _moment(value: object, name: str) -> int:
    values, faults, _ = times(pl.Series([str(value)]))
    if faults[0] != OK:
        raise InputError(f"{name} {value!r} is no time")
    return int(np.int64(values[0]))
