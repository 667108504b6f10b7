"""Ticker frames: the best prices of a market as the exchange announces them."""

from __future__ import annotations

import numpy as np

from ...ground.units import TICKS_PER_DOLLAR
from ..values.convert import NULL, SourceRows


def emit_tickers(rows: SourceRows) -> None:
    """Turn ticker frames into quotes; a price of 0 or 1 dollar, or a size of 0, is no quote."""
    columns: dict[str, object] = {"ts": rows.time("ts_ms"), "ticker": rows.ticker("market_ticker")}
    for side, empty in (("bid", 0), ("ask", TICKS_PER_DOLLAR)):
        name, size = f"yes_{side}_dollars", f"yes_{side}_size_fp"
        unit, name = ("dollars", name) if rows.has(name) else ("cents", f"yes_{side}")
        if not rows.has(name):
            continue
        price = rows.price(name, unit, null=True)
        sizes = rows.size(size, null=True) if rows.has(size) else np.full(price.size, NULL)
        absent = (price == empty) | (price == TICKS_PER_DOLLAR - empty) | (sizes == 0)
        columns[side] = np.where(absent, NULL, price)
        columns[f"{side}_size"] = np.where(absent, NULL, sizes)
    columns["recv_ts"] = rows.time("recv_ts", null=True)
    columns["seq"] = rows.numbers("seq", 0, null=True)
    rows.emit("quotes", columns)
