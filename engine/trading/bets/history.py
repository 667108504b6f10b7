"""What a session heard, as the store that its bars are made of: messages in, rows out, as an import makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from ....io.ground.units import NS_PER_SECOND
from ....io.importers.base import Options
from ....io.importers.stream.frames import FrameScanner
from ....io.importers.stream.websocket import CaptureReader
from ....io.importers.values.lines import TextBlock
from ....io.kalshi.client import Client
from ....io.kalshi.rows import market_frame
from ....io.kalshi.stream.stream import BOOK, Gap
from ....io.store.chunk import Chunk
from ....io.store.schema import MARKETS
from ....io.store.store import Store
from ..orders.jobs import encode

#: A message comes at most so long after its own time; a bar is scored when that has passed.
LATE_NS = 2 * NS_PER_SECOND
MS = 1_000_000


class HeardHistory:
    """A store that grows by what a session hears."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self._reader = CaptureReader(FrameScanner(("frame",), "recv_ts"), Options(use_yes_price=True))
        self._lines: list[bytes] = []
        self._lives: list[tuple[int, bytes]] = []  # of markets, with their times
        self._determined: dict[str, tuple[int, bytes]] = {}  # results that are not paid yet
        self._read = self._brought = 0

    def list(self, markets: list[dict[str, Any]]) -> None:
        """Take markets in as the exchange lists them."""
        self._bring(Chunk({"markets": pl.DataFrame(markets, schema=dict(MARKETS.columns))}))

    def hear(self, ts: int, raw: bytes) -> None:
        """Take a message in; it is in the store with the next bar, a result when it is paid."""
        if b'"market_lifecycle_v2"' not in raw:
            self._lines.append(b'{"recv_ts":%d,"frame":%s}' % (ts, raw.replace(b"\n", b" ")))
            return
        told: dict[str, Any] = msgspec.json.decode(raw)["msg"]
        frame = {"type": "market_lifecycle_v2", "msg": told}  # without its number, as it comes out of turn
        line = encode({"recv_ts": ts, "frame": frame})
        at, ticker = int(told.get("ts_ms") or ts // MS) * MS, str(told.get("market_ticker"))
        if told.get("event_type") == "determined":
            self._determined[ticker] = at, line
            return
        if told.get("event_type") == "settled" and ticker in self._determined:
            self._lives.append((at, self._determined.pop(ticker)[1]))
        self._lives.append((at, line))

    def miss(self, ts: int, gap: Gap) -> None:
        """Something was missed: books are unknown until their next snapshot."""
        if gap.channel == BOOK and not gap.numbered:
            body = {"market_tickers": list(gap.tickers), "start_ts": gap.start, "reason": gap.reason}
            self.hear(ts, encode({"type": "gap", "msg": body}))

    def bring(self, end: int) -> None:
        """Bring what was heard into the store; what became of markets after ``end`` is not known yet."""
        lines = self._lines + [line for at, line in self._lives if at <= end]
        self._lines, self._lives = [], [(at, line) for at, line in self._lives if at > end]
        if not lines:
            return
        self._bring(self._reader.chunk(TextBlock(b"\n".join(lines) + b"\n", self._read + 1, len(lines))))
        self._read += len(lines)

    def _bring(self, chunk: Chunk) -> None:
        if chunk.tables:
            self._brought += 1
            self.store.ingest("heard", f"part {self._brought}", [chunk], label="session")


def listed_now(client: Client, tickers: list[str], since: int) -> list[dict[str, Any]]:
    """What the exchange says of markets, as rows of the store that hold from ``since`` on."""
    rows: list[dict[str, Any]] = []
    by_series: dict[str, list[Any]] = {}
    for page in client.market_data.markets(tickers=",".join(tickers), limit=1000):
        for one in page:
            by_series.setdefault(one.ticker.partition("-")[0], []).append(one)
    for name, found in by_series.items():
        changes = client.market_data.series_fee_changes(name)
        rows += market_frame(found, client.market_data.series(name), changes).to_dicts()
    unpaid = {"result": None, "settlement": None}  # a result counts from when it is paid
    return [
        {**row, "valid_from": max(row["valid_from"], since), **({} if row["settled_ts"] else unpaid)} for row in rows
    ]
