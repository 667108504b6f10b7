"""The frames of a WebSocket capture as columns: what each is, when it came, and what it carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..values.scan import JsonScanner, Path, Spans, decode
from ..values.text import NULL, OK

#: Where a frame stands in a line, by the key it is wrapped in.
WRAPPERS = ("frame", "msg", "message", "data", "raw")
RECEIVED = ("recv_ts", "received_at", "recv_time", "ts_recv", "ts")
OTHER, DELTA, SNAPSHOT, TRADE, TICKER = range(5)
KINDS = {"orderbook_delta": DELTA, "orderbook_snapshot": SNAPSHOT, "trade": TRADE, "ticker": TICKER}
#: Code by place among KINDS; the last, for place -1, is OTHER.
_CODES = np.array([*KINDS.values(), OTHER], dtype=np.int8)
TYPES = {
    *KINDS, "subscribed", "unsubscribed", "ok", "error", "market_lifecycle_v2", "event_lifecycle",
    "event_fee_update", "cfbenchmarks_value", "cfbenchmarks_value_5hz", "pyth_value",
    "fill", "user_order", "recording", "gap", "missed", "ended",
}  # fmt: skip

#: Keys of ``msg``: the present strings first, then the cents and whole contracts of before 2026.
_BODY = (
    "market_ticker", "side", "price_dollars", "delta_fp", "price", "delta", "ts_ms", "ts",
    "yes_dollars_fp", "no_dollars_fp", "yes_dollars", "no_dollars", "yes", "no",
    "trade_id", "yes_price_dollars", "no_price_dollars", "count_fp", "yes_price", "no_price", "count",
    "taker_outcome_side", "taker_book_side", "taker_side", "is_block_trade",
    "yes_bid_dollars", "yes_ask_dollars", "yes_bid_size_fp", "yes_ask_size_fp", "yes_bid", "yes_ask",
)  # fmt: skip


def is_frame(record: Mapping[str, Any]) -> bool:
    """Whether an object is a message of the exchange's stream, or a command to it."""
    return record.get("type") in TYPES or (isinstance(record.get("cmd"), str) and "params" in record)


class FrameScanner:
    """Scans the lines of a capture whose frames stand at one path."""

    def __init__(self, path: Path, received: str | None) -> None:
        self.path = path
        paths: dict[str, Path] = {name: (*path, name) for name in ("type", "cmd", "sid", "seq")}
        paths |= {f"msg.{name}": (*path, "msg", name) for name in _BODY}
        if received is not None:
            paths["recv_ts"] = (received,)
        self.received = received is not None
        self._scanner = JsonScanner(paths)

    def scan(self, block: Any) -> Spans:
        """Scan a block of lines."""
        return self._scanner.scan(block)

    def whole(self, spans: Spans, row: int) -> dict[str, Any]:
        """Decode the frame of one line in full."""
        record, _ = decode(spans.raw(row).encode("utf-8"))
        for step in self.path:
            record = record.get(step, {})
        return record


def kinds(spans: Spans) -> NDArray[np.int8]:
    """Return what each frame is."""
    return _CODES[spans.words("type", tuple(KINDS))]


def whole_numbers(spans: Spans, name: str) -> NDArray[np.int64]:
    """Return a path's whole numbers; what is absent or none is NULL."""
    values, faults = spans.decimals(name, 0)
    return np.where(faults == OK, values, NULL)


def moments(spans: Spans, *names: str) -> NDArray[np.int64]:
    """Return the first of some paths that holds a time, as ns; NULL where none does."""
    found = np.full(spans.height, NULL, np.int64)
    for name in names:
        if (found != NULL).all():
            break
        if (spans.at(name)[0] >= 0).any():
            values, faults, _ = spans.times(name)
            found = np.where((found == NULL) & (faults == OK), values, found)
    return found
