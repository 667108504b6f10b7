"""Order books kept from the stream: exact while every message arrived, stale from a gap until the next snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from ...book.stream import LOST, BookLevels
from ...ground.units import TICKS_PER_DOLLAR
from ..rest.wire import read_count, read_price, write_count, write_price
from .frames import Delta, Frame, Snapshot

_LARGEST_CACHE = 200_000


class _Numbers(dict[str, int]):
    """Remembers what a number's text means; texts repeat, so most reads are one look-up."""

    def __init__(self, price: bool) -> None:
        self._read = read_price if price else read_count

    def __missing__(self, text: str) -> int:
        if len(self) >= _LARGEST_CACHE:
            self.clear()
        number = self[text] = self._read(text)
        return number


_PRICES, _COUNTS = _Numbers(price=True), _Numbers(price=False)


class StreamBook(BookLevels):
    """One market in YES prices: ``bids`` and ``asks`` are ticks -> lots. Do not use it while ``stale``."""

    __slots__ = ("sid", "ticker")

    def __init__(self, ticker: str, sid: int | None = None) -> None:
        super().__init__()
        self.ticker, self.sid = ticker, sid


@dataclass(frozen=True)
class BookGap:
    """Books that can no longer be trusted, and why."""

    tickers: tuple[str, ...]
    reason: str


@dataclass
class _Track:
    last: int = 0
    tickers: set[str] = field(default_factory=set)


class StreamBooks:
    """All books of one connection, with the sequence of every subscription.

    ``use_yes_price`` says in which prices the NO side comes: as subscribed.
    """

    def __init__(self, use_yes_price: bool) -> None:
        self.use_yes_price = use_yes_price
        self.books: dict[str, StreamBook] = {}
        self.duplicates = 0
        self._tracks: dict[int, _Track] = {}

    def __getitem__(self, ticker: str) -> StreamBook:
        return self.books[ticker]

    def stale(self) -> list[str]:
        """Tickers whose book is not to be used now."""
        return [ticker for ticker, book in self.books.items() if book.stale]

    def watch(self, tickers: Iterable[str]) -> None:
        """Expect these markets: each is stale until its snapshot."""
        for ticker in tickers:
            self.books.setdefault(ticker, StreamBook(ticker))

    def forget(self, tickers: Iterable[str]) -> None:
        """Drop markets that are over."""
        for ticker in tickers:
            book = self.books.pop(ticker, None)
            if book and book.sid in self._tracks:
                self._tracks[book.sid].tickers.discard(ticker)

    def reset(self, reason: str) -> BookGap:
        """The connection is gone: every sequence starts anew, every book waits for a snapshot."""
        self._tracks.clear()
        return self._spoil(self.books, reason)

    def end(self, sid: int, reason: str) -> BookGap:
        """A subscription is over: its books wait for the snapshots of the next one."""
        track = self._tracks.pop(sid, None)
        return self._spoil(track.tickers if track else (), reason)

    def keyframes(self, ts_ms: int) -> Iterator[bytes]:
        """Write every trusted book as the snapshot message that would give it, in sequence up to where we are.

        A part of a recording that begins with them can be read without the parts before it.
        """
        for sid, track in self._tracks.items():
            whole = sorted(t for t in track.tickers if t in self.books and not self.books[t].stale)
            for seq, ticker in enumerate(whole, track.last - len(whole) + 1):
                body = {"market_ticker": ticker, "ts_ms": ts_ms, **self._as_sent(self.books[ticker])}
                frame = {"type": "orderbook_snapshot", "sid": sid, "seq": seq, "keyframe": True, "msg": body}
                yield msgspec.json.encode(frame)

    def _as_sent(self, book: StreamBook) -> dict[str, list[tuple[str, str]]]:
        asks = book.asks if self.use_yes_price else {TICKS_PER_DOLLAR - p: size for p, size in book.asks.items()}
        sides = {"yes_dollars_fp": book.bids, "no_dollars_fp": asks}
        return {
            name: [(write_price(price), write_count(size)) for price, size in sorted(levels.items())]
            for name, levels in sides.items()
            if levels
        }

    def apply(self, frame: Frame) -> BookGap | None:
        """Take a message in; returns what became stale by it. Messages seen before change nothing."""
        stale = None
        if frame.seq is not None and frame.sid is not None:
            track = self._tracks.get(frame.sid)
            if track is None:
                track = self._tracks[frame.sid] = _Track()
            if frame.seq == track.last + 1:
                track.last = frame.seq
            elif frame.seq <= track.last:
                self.duplicates += 1
                return None
            else:
                reason = f"sequence {track.last + 1} to {frame.seq - 1} of subscription {frame.sid} missing"
                track.last = frame.seq
                stale = self._spoil(track.tickers, reason)
        if type(frame) is Delta:
            return self._change(frame) or stale
        if type(frame) is Snapshot:
            self._replace(frame)
        return stale

    def _change(self, frame: Delta) -> BookGap | None:
        message = frame.msg
        book = self.books.get(message.market_ticker)
        if book is None or book.stale:
            return None
        price = _PRICES[message.price]
        if message.side == "yes":
            side = 1
        elif message.side == "no":
            side, price = -1, price if self.use_yes_price else TICKS_PER_DOLLAR - price
        else:
            return self._spoil((message.market_ticker,), f"a change on unknown side {message.side!r}")
        if book.change(side, price, _COUNTS[message.delta]) == LOST:
            return BookGap((message.market_ticker,), "a level went below zero")
        return None

    def _replace(self, frame: Snapshot) -> None:
        message = frame.msg
        book = self.books.get(message.market_ticker)
        if book is None:
            book = self.books[message.market_ticker] = StreamBook(message.market_ticker)
        asks = _levels(message.no)
        if not self.use_yes_price:
            asks = {TICKS_PER_DOLLAR - price: size for price, size in asks.items()}
        book.replace(_levels(message.yes), asks)
        if frame.sid is not None:
            book.sid = frame.sid
            self._tracks.setdefault(frame.sid, _Track()).tickers.add(message.market_ticker)

    def _spoil(self, tickers: Iterable[str], reason: str) -> BookGap:
        spoiled = []
        for ticker in tickers:
            book = self.books.get(ticker)
            if book is not None and not book.stale:
                book.lose()
                spoiled.append(ticker)
        return BookGap(tuple(sorted(spoiled)), reason)


def _levels(rows: Sequence[tuple[str, str]]) -> dict[int, int]:
    return {_PRICES[price]: _COUNTS[count] for price, count in rows}
