"""What a session heard, as the store that its bars are made of: messages in, rows out, as an import makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


class HeardHistory:
    """A store that grows by what a session hears."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self._reader = CaptureReader(FrameScanner(("frame",), "recv_ts"), Options(use_yes_price=True))
        self._lines: list[bytes] = []
        self._read = self._brought = 0

    def list(self, markets: list[dict[str, Any]]) -> None:
        """Take markets in as the exchange lists them."""
        self._bring(Chunk({"markets": pl.DataFrame(markets, schema=dict(MARKETS.columns))}))

    def hear(self, ts: int, raw: bytes) -> None:
        """Take a message in; it is in the store with the next bar."""
        self._lines.append(b'{"recv_ts":%d,"frame":%s}' % (ts, raw.replace(b"\n", b" ")))

    def miss(self, ts: int, gap: Gap) -> None:
        """Something was missed: books are unknown until their next snapshot."""
        if gap.channel == BOOK and not gap.numbered:
            body = {"market_tickers": list(gap.tickers), "start_ts": gap.start, "reason": gap.reason}
            self.hear(ts, encode({"type": "gap", "msg": body}))

    def bring(self) -> None:
        """Bring what was heard into the store."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
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
    return [{**row, "valid_from": max(row["valid_from"], since)} for row in rows]
