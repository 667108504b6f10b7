"""Frames with reference values of underlyings: indices, slow and fast, and other prices, with the exchange's averages.

What the slow channel tells of an index has the index' own name. The fast channel's is ``NAME@5hz``, a price of another
underlying ``NAME@pyth``, the mean of a minute ``NAME:60s``, and what quarter-hour markets settle at ``NAME:settling``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ...store.schema import UNDERLYING
from ..values.convert import NULL

INDEX, FAST, PYTH = "cfbenchmarks_value", "cfbenchmarks_value_5hz", "pyth_value"
VALUE_TYPES = (INDEX, FAST, PYTH)
_MEANS = {"avg_60s_data": ":60s", "last_60s_windowed_average_15min": ":settling"}
_NS_PER_MS = 1_000_000
Row = tuple[int, str, float, int | None]


def value_rows(
    messages: Sequence[tuple[int, Mapping[str, Any]]], when: Sequence[int], received: Sequence[int]
) -> tuple[pl.DataFrame, dict[int, str]]:
    """Turn frames, each with its line, into rows of ``underlying``; and say why lines cannot be."""
    found: list[Row] = []
    refused: dict[int, str] = {}
    for (line, frame), ts, recv in zip(messages, when, received, strict=True):
        try:
            found += _rows(str(frame["type"]), frame["msg"], ts, None if recv == NULL else recv)
        except (KeyError, TypeError, ValueError):
            refused[line] = f"the {frame.get('type')} has no value that can be read"
    return pl.DataFrame(found, UNDERLYING.columns, orient="row"), refused


def _rows(kind: str, message: Mapping[str, Any], when: int, received: int | None) -> list[Row]:
    if kind == INDEX:
        name, data = _name(message["index_id"]), json.loads(message["data"])
        stamp, told = data.get("time") or message.get("received_at"), data["value"]
    elif kind == FAST:
        name, stamp, told = f"{_name(message['index_id'])}@5hz", message.get("source_ts_ms"), message["value_usd"]
    else:
        name = f"{_name(message['underlying_ticker'])}@pyth"
        stamp, told = message.get("source_ts_ms"), message["price"]
    stamp = stamp or message.get("received_at")
    ts = int(stamp) * _NS_PER_MS if stamp else when
    if ts == NULL:
        raise ValueError("no time")
    means = [
        (name + ending, message[key]["value"]) for key, ending in _MEANS.items() if kind == INDEX and message.get(key)
    ]
    rows = [(ts, symbol, float(value), received) for symbol, value in [(name, told), *means]]
    if not all(math.isfinite(value) for _, _, value, _ in rows):
        raise ValueError("not finite")
    return rows


def _name(given: object) -> str:
    if not isinstance(given, str) or not given or not given.isprintable() or " " in given:
        raise ValueError("no name")
    return given
