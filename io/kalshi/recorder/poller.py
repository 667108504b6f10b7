"""Books and trades without the stream: read over REST every few seconds, given as the stream's own messages."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..client import Client
from ..rest.errors import ApiError, AuthError, NetworkError
from ..rest.market_data import BATCH
from ..rest.models import BookSides, TradeRecord
from ..rest.wire import write_count, write_price
from ..stream.books import StreamBooks
from ..stream.frames import decode_frame
from ..stream.stream import BOOK, Gap, Message, chunks

_BOOKS, _TRADES = 1, 2  # our own subscription numbers
_FEW = 10  # up to so many markets, trades are asked for market by market
_REMEMBERED = 100_000  # trade ids, to tell new trades from known ones
_OVERLAP_NS = 5_000_000_000


class Poller:
    """A source over REST. A snapshot is given when a book changed; what came and went between two reads is not seen."""

    def __init__(self, client: Client, tickers: Iterable[str] = (), *, every: float = 5.0) -> None:
        self._client, self._every = client, every
        self.books = StreamBooks(use_yes_price=False)
        self._wanted: set[str] = set()
        self._last: dict[str, BookSides] = {}
        self._known: OrderedDict[str, None] = OrderedDict()
        self._since: int | None = None
        self._read_at = time.time_ns()
        self._seq = {_BOOKS: 0, _TRADES: 0}
        self._next = 0.0
        self.want(tickers)

    @property
    def ready(self) -> bool:
        """Whether every wanted market's book was read."""
        return not self.books.stale()

    def want(self, tickers: Iterable[str]) -> None:
        """Follow these markets too."""
        added = set(tickers)
        self._wanted |= added
        self.books.watch(sorted(added))

    def drop(self, tickers: Iterable[str]) -> None:
        """Stop following these markets."""
        gone = set(tickers)
        self._wanted -= gone
        self.books.forget(gone)
        for ticker in gone:
            self._last.pop(ticker, None)

    def close(self) -> None:
        """Nothing is held open."""

    def poll(self, timeout: float) -> list[Message | Gap]:
        """Read once if it is time to, else wait up to ``timeout`` seconds."""
        wait = self._next - time.monotonic()
        if wait > 0:
            time.sleep(min(wait, timeout))
            return []
        self._next = time.monotonic() + self._every
        items: list[Message | Gap] = []
        try:
            for chunk in chunks(sorted(self._wanted), BATCH):
                items += self._read_books(chunk)
            items += self._read_trades()
        except AuthError:
            raise
        except (ApiError, NetworkError) as error:
            items += self._lost(str(error))
        return items

    def _read_books(self, tickers: tuple[str, ...]) -> Iterator[Message]:
        for each in self._client.market_data.orderbooks(tickers):
            if each.book is None or each.ticker not in self._wanted or self._last.get(each.ticker) == each.book:
                continue
            self._last[each.ticker] = each.book
            sides = {"yes_dollars_fp": each.book.yes, "no_dollars_fp": each.book.no}
            body = {"market_ticker": each.ticker, "ts_ms": self._client.now() // 1_000_000}
            body |= {name: part for name, part in sides.items() if part}
            yield self._message("orderbook_snapshot", _BOOKS, body)
        self._read_at = time.time_ns()

    def _read_trades(self) -> list[Message]:
        begun = self._client.now()
        since = (self._since or begun) - _OVERLAP_NS
        tickers: list[str | None] = sorted(self._wanted) if len(self._wanted) <= _FEW else [None]  # pyright: ignore[reportAssignmentType] - a list of strings is one
        found: list[TradeRecord] = []
        for ticker in tickers:
            for page in self._client.market_data.trades(ticker, start=since):
                fresh = [trade for trade in page if trade.trade_id not in self._known]
                found += [trade for trade in fresh if trade.ticker in self._wanted]
                for trade in fresh:
                    self._known[trade.trade_id] = None
                if not fresh:
                    break
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        self._since = begun
        found.sort(key=lambda trade: trade.created_time)
        return [self._message("trade", _TRADES, _as_streamed(trade)) for trade in found]

    def _message(self, kind: str, sid: int, body: dict[str, Any]) -> Message:
        self._seq[sid] += 1
        raw = msgspec.json.encode({"type": kind, "sid": sid, "seq": self._seq[sid], "msg": body})
        frame = decode_frame(raw)
        self.books.apply(frame)
        return Message(time.time_ns(), raw, frame)

    def _lost(self, reason: str) -> Iterator[Gap]:
        """The next read gives every book anew; trades are read on from where they ended."""
        missed = tuple(sorted(ticker for ticker in self._wanted if ticker in self._last))
        self._last.clear()
        self.books.reset(reason)
        self._seq[_BOOKS] = 0
        if missed:
            yield Gap(BOOK, missed, self._read_at, reason)


def _as_streamed(trade: TradeRecord) -> dict[str, Any]:
    body = {
        "trade_id": trade.trade_id,
        "market_ticker": trade.ticker,
        "yes_price_dollars": write_price(trade.price),
        "count_fp": write_count(trade.count),
        "taker_outcome_side": trade.taker_outcome_side,
        "taker_book_side": trade.taker_book_side,
        "taker_side": trade.taker_side,
        "is_block_trade": trade.is_block_trade,
        "ts": trade.created_time // 1_000_000_000,
        "ts_ms": trade.created_time // 1_000_000,
    }
    return {name: value for name, value in body.items() if value is not None}
