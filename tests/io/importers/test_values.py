"""Reference values in captures of the stream: rows of ``underlying``, the exchange's averages among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .reading import read_text

AT = 1_781_159_489_000


def frame(kind: str, seq: int, **message: Any) -> str:
    return json.dumps({"recv_ts": (AT + 40) * 1_000_000, "frame": {"type": kind, "sid": 1, "seq": seq, "msg": message}})


def test_values_and_their_averages_are_rows_of_the_underlying(tmp_path: Path):
    data = json.dumps({"type": "value", "id": "BRTI", "time": AT, "value": "68000.12"})
    mean = {"value": "67999.50000000", "window_size": 60, "window_start_ts_ms": AT - 60_000}
    text = "\n".join(
        [
            frame("subscribed", 0, channel="cfbenchmarks_value", sid=1),
            frame(
                "cfbenchmarks_value", 1, index_id="BRTI", received_at=AT + 5, data=data, avg_60s_data=mean,
                last_60s_windowed_average_15min={**mean, "value": "68000.00000000"},
            ),
            frame("cfbenchmarks_value_5hz", 2, index_id="BRTI", value_usd="68000.25", source_ts_ms=AT + 200),
            frame("pyth_value", 3, underlying_ticker="EURUSD", price="1.0912", source_ts_ms=AT + 300),
            frame("cfbenchmarks_value", 4, index_id="BRTI", data="no JSON"),
            frame("pyth_value", 5, underlying_ticker="EUR USD", price="1.0912"),
        ]
    )  # fmt: skip
    found = read_text(tmp_path, "stream.jsonl", text + "\n")
    rows = found.tables["underlying"].sort("ts", "symbol").rows()
    recv = (AT + 40) * 1_000_000
    assert rows == [
        (AT * 1_000_000, "BRTI", 68000.12, recv), (AT * 1_000_000, "BRTI:60s", 67999.5, recv),
        (AT * 1_000_000, "BRTI:settling", 68000.0, recv), ((AT + 200) * 1_000_000, "BRTI@5hz", 68000.25, recv),
        ((AT + 300) * 1_000_000, "EURUSD@pyth", 1.0912, recv),
    ]  # fmt: skip
    assert [one.line for one in found.bad] == [5, 6]
