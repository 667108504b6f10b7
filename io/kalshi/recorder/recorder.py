"""The recorder: everything a source gives goes into the journal first; markets come and go; gaps are told."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ...ground.errors import InputError
from ..rest.errors import KalshiError, StreamError
from ..rest.wire import write_time
from ..source import BookSource
from ..stream.frames import Delta, Lifecycle, TradeFrame
from ..stream.price_mode import check_price_mode
from ..stream.stream import BOOK, LIFECYCLE, TRADES, Gap, Message
from .journal import Journal
from .watcher import Watcher

_POLL_SECONDS = 0.25
_COMPARED_BOOKS = 20
_GONE_AFTER = 2  # look-ups in a row that must agree before a market is dropped
_OVER = {"deactivated", "determined", "settled"}
_STATUS_SECONDS = 60.0
_CLOCKS_DIFFER_MS = 3600 * 1000  # by more than this, and the exchange is a replay
_NS = 1_000_000_000


@dataclass
class RecorderTotals:
    """What was recorded, and what was not."""

    messages: int = 0
    changes: int = 0
    trades: int = 0
    markets: int = 0
    gaps: int = 0
    missed_seconds: float = 0.0
    bytes: int = 0


class Recorder:
    """Writes a source into a journal until told to stop."""

    def __init__(
        self,
        source: BookSource,
        journal: Journal,
        watcher: Watcher,
        *,
        series: Iterable[str] = (),
        tell: Callable[[str], None] = lambda line: None,
        closed: Callable[[Path], None] = lambda segment: None,
    ) -> None:
        self.source, self.journal, self.watcher = source, journal, watcher
        self._prefixes = tuple(f"{name}-" for name in series)
        self._tell, self._closed = tell, closed
        self.totals = RecorderTotals()
        self._following: set[str] = set()
        self._absent: dict[str, int] = {}
        self._gap_since: int | None = None
        self._checked = False
        self._exchange_ms = 0
        self._lists = 0
        self._next_status = time.monotonic() + _STATUS_SECONDS
        self._told_messages = 0

    def run(self, stop: threading.Event, seconds: float | None = None) -> RecorderTotals:
        """Record until ``stop`` is set, ``seconds`` are over or every market is closed; then the journal is whole."""
        end = None if seconds is None else time.monotonic() + seconds
        self.watcher.start()
        try:
            self._first_list(stop)
            while not stop.is_set() and (end is None or time.monotonic() < end) and not self._finished():
                self._take(self.source.poll(_POLL_SECONDS))
                self._hear_watcher()
                self.journal.commit()
                self._look_whole()
                self._say_status()
                if self.journal.full:
                    self._closed(self.journal.rotate(self.source.books.keyframes(self._next_moment())))
            self._note_end()
        finally:
            self.watcher.stop()
            self.source.close()
            self.journal.close()
        return self.totals

    def _say_status(self) -> None:
        """Show from time to time that it is alive, and at what rate."""
        now = time.monotonic()
        if now < self._next_status:
            return
        totals, fresh = self.totals, self.totals.messages - self._told_messages
        self._next_status, self._told_messages = now + _STATUS_SECONDS, totals.messages
        self._tell(
            f"{totals.messages:,} messages ({fresh / _STATUS_SECONDS:,.0f}/s), {len(self._following)} markets, "
            f"{totals.gaps} gaps, {totals.bytes / 1e6:,.1f} MB"
        )

    def _next_moment(self) -> int:
        """A time on the exchange's clock (ms) after everything recorded so far: the books of a new segment have it."""
        now = time.time_ns() // 1_000_000
        same_clock = abs(now - self._exchange_ms) < _CLOCKS_DIFFER_MS or not self._exchange_ms
        self._exchange_ms = max(self._exchange_ms, now if same_clock else 0) + 1
        return self._exchange_ms

    def _first_list(self, stop: threading.Event) -> None:
        """Know what to follow before the source begins, so that everything begins together."""
        while not stop.is_set() and self.watcher.found.empty():
            time.sleep(0.02)
        self._hear_watcher()
        if not self._following and self._lists:
            if not self._prefixes:
                raise InputError("none of these markets is open")
            self._tell("no market of the series is open now; waiting for new ones")

    def _finished(self) -> bool:
        """Whether named markets are all over; a series may always bring a new one."""
        return self._lists > _GONE_AFTER and not self._following and not self._prefixes

    def _take(self, items: list[Message | Gap]) -> None:
        totals, append = self.totals, self.journal.append
        for item in items:
            if isinstance(item, Gap):
                self._miss(item)
                continue
            frame = item.frame
            if isinstance(frame, Delta):
                totals.changes += 1
                self._exchange_ms = max(self._exchange_ms, frame.msg.ts_ms)
            elif isinstance(frame, TradeFrame):
                totals.trades += 1
            elif isinstance(frame, Lifecycle) and not self._concerns(frame):
                continue
            append(item.recv_ts, item.raw)
            totals.messages += 1
        totals.bytes = self.journal.bytes

    def _concerns(self, frame: Lifecycle) -> bool:
        """Whether a step in a market's life is ours; a new market of a series is looked up at once."""
        ticker = frame.msg.market_ticker
        if ticker.startswith(self._prefixes):
            if ticker not in self._following or frame.msg.event_type in _OVER:
                self.watcher.ask()  # the look-up decides: names only hint at a series
            return True
        if ticker in self._following and frame.msg.event_type in _OVER:
            self.watcher.ask()
        return ticker in self._following

    def _miss(self, gap: Gap) -> None:
        self.totals.gaps += 1
        many = f" of {len(gap.tickers)} markets" if len(gap.tickers) != 1 else f" of {gap.tickers[0]}"
        named = {BOOK: f"order books{many}", LIFECYCLE: "market news", TRADES: f"trades{many}"}
        what = named.get(gap.channel, "reference values")
        self._tell(f"missed {what} from {write_time(gap.start)}: {gap.reason}")
        if gap.channel == LIFECYCLE:
            self.watcher.ask()
        if gap.channel == BOOK:
            self._gap_since = self._gap_since or gap.start
        if not gap.numbered:
            body = {"market_tickers": list(gap.tickers), "start_ts": gap.start, "reason": gap.reason}
            self.journal.note("gap" if gap.channel == BOOK else "missed", {"channel": gap.channel, **body})

    def _look_whole(self) -> None:
        if self._gap_since is not None and self.source.ready:
            missed = (time.time_ns() - self._gap_since) / _NS
            self.totals.missed_seconds += missed
            self._gap_since = None
            self._tell(f"every book is whole again after {missed:.1f} s")
        if not self._checked and self._following and self.source.ready:
            self._checked = True
            books = self.source.books
            self.watcher.ask(sorted(ticker for ticker in self._following if books[ticker].asks)[:_COMPARED_BOOKS])

    def _hear_watcher(self) -> None:
        try:
            found = self.watcher.found.get_nowait()
        except queue.Empty:
            return
        if isinstance(found, KalshiError):
            self._tell(f"the list of markets could not be read: {found}")
            return
        self._lists += 1
        if found.books and check_price_mode(self.source.books, found.books) is False:
            other = not self.source.books.use_yes_price
            raise StreamError(
                "the NO side does not come in the prices that were asked for: "
                f"what is in {self.journal.path} would be misread; import it with use_yes_price={other}"
            )
        added = set(found.tickers) - self._following
        gone = {ticker for ticker in self._following - found.tickers if self._is_gone(ticker)}
        for ticker in found.tickers:
            self._absent.pop(ticker, None)
        if added:
            self._following |= added
            self.totals.markets += len(added)
            self.source.want(added)
            self._tell(f"following {len(added)} more markets, {len(self._following)} in all")
        if gone:
            self._following -= gone
            self.source.drop(gone)
            self.journal.note("gap", {"market_tickers": sorted(gone), "start_ts": time.time_ns(), "reason": "over"})
            self._tell(f"{len(gone)} markets are over, {len(self._following)} are left")

    def _is_gone(self, ticker: str) -> bool:
        self._absent[ticker] = self._absent.get(ticker, 0) + 1
        if self._absent[ticker] < _GONE_AFTER:
            return False
        del self._absent[ticker]
        return True

    def _note_end(self) -> None:
        """From here on nothing is known of any book."""
        if self._gap_since is not None:
            self.totals.missed_seconds += (time.time_ns() - self._gap_since) / _NS
        self.journal.note("gap", {"market_tickers": [], "start_ts": time.time_ns(), "reason": "the recording ended"})
