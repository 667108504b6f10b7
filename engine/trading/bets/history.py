"""What a session of bets knows of its markets: as the exchange listed them, and what it told of their lives since."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
from ....io.store.chunk import Chunk
from ....io.store.schema import MARKETS
from ....io.store.store import Store
from ...bets.panel.build import markets_of
from ...bets.panel.scratch import Scratch
from ..orders.jobs import encode

#: A message comes at most so long after its own time; a bar is scored when that has passed.
LATE_NS = 2 * NS_PER_SECOND
MS = 1_000_000
LIFECYCLE = b'"market_lifecycle_v2"'


class MarketsHeard:
    """The table of markets, which grows by what a session is told of them: rows come out as an import makes them."""

    def __init__(self, where: pl.Expr | None) -> None:
        self._folder = Scratch("bets-")
        self._store, self._where = Store(self._folder.path), where
        self._reader = CaptureReader(FrameScanner(("frame",), "recv_ts"), Options(use_yes_price=True))
        self._waiting: list[tuple[int, bytes]] = []  # with their times
        self._determined: dict[str, tuple[int, bytes]] = {}  # results that are not paid yet
        self._read = self._brought = 0
        self._frame: pl.DataFrame | None = None
        self.log: list[dict[str, Any]] = []  #: everything it was told, in order
        self.listed = set[str]()

    @classmethod
    def of(cls, where: pl.Expr | None, log: list[dict[str, Any]]) -> MarketsHeard:
        """Take it up from what another was told."""
        made = cls(where)
        for one in log:
            if "rows" in one:
                made.list(one["rows"])
            else:
                made.hear(one["ts"], one["raw"].encode())
        return made

    def list(self, markets: list[dict[str, Any]]) -> None:
        """Take markets in as the exchange lists them."""
        self.log.append({"rows": markets})
        self.listed |= listed_in(self.log[-1:])
        self._bring(Chunk({"markets": pl.DataFrame(markets, schema=dict(MARKETS.columns))}))

    def hear(self, ts: int, raw: bytes) -> None:
        """Take a message of a market's life in; a result counts from when it is paid."""
        self.log.append({"ts": ts, "raw": raw.decode()})
        told: dict[str, Any] = msgspec.json.decode(raw)["msg"]
        frame = {"type": "market_lifecycle_v2", "msg": told}  # without its number, as it comes out of turn
        line = encode({"recv_ts": ts, "frame": frame})
        at, ticker = int(told.get("ts_ms") or ts // MS) * MS, str(told.get("market_ticker"))
        if told.get("event_type") == "determined":
            self._determined[ticker] = at, line
            return
        if told.get("event_type") == "settled" and ticker in self._determined:
            self._waiting.append((at, self._determined.pop(ticker)[1]))
        self._waiting.append((at, line))

    def at(self, end: int) -> pl.DataFrame:
        """The markets as they were known at a bar's end."""
        lines = [line for at, line in self._waiting if at <= end]
        if lines:
            self._waiting = [(at, line) for at, line in self._waiting if at > end]
            self._bring(self._reader.chunk(TextBlock(b"\n".join(lines) + b"\n", self._read + 1, len(lines))))
            self._read += len(lines)
        if self._frame is None:
            self._frame, _ = markets_of(self._store, self._where)
        return self._frame

    def _bring(self, chunk: Chunk) -> None:
        if chunk.tables:
            self._brought += 1
            self._frame = None
            self._store.ingest("heard", f"part {self._brought}", [chunk], label="session")


def listed_in(log: Iterable[dict[str, Any]]) -> set[str]:
    """The markets that are listed in what was told."""
    return {row["ticker"] for told in log for row in told.get("rows", ())}


def again(rows: Iterable[dict[str, Any]], listed: Collection[str], now: int) -> list[dict[str, Any]]:
    """Rows of markets that join: what was known of them before stays."""
    return [{**row, "valid_from": max(row["valid_from"], now if row["ticker"] in listed else 0)} for row in rows]


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
