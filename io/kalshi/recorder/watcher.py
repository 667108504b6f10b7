"""Which markets there are to follow: asked for in a thread of its own, so that recording never waits for it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from ..client import Client
from ..rest.errors import KalshiError, NotFoundError
from ..rest.models import OrderBook

log = logging.getLogger(__name__)

_QUIET_SECONDS = 5.0  # between two look-ups, however many things happen
_EARLY_NS = 600_000_000_000  # a market is followed this long before it opens: its opening is not announced
_OVER = {"closed", "determined", "disputed", "amended", "finalized"}


@dataclass(frozen=True)
class WatchedList:
    """The markets to follow now, or the books that were asked for."""

    tickers: frozenset[str] = frozenset()
    books: tuple[OrderBook, ...] = ()


class Watcher(threading.Thread):
    """Puts a `Listing` into ``found`` at the start, every ``every`` seconds, and soon after `ask`."""

    def __init__(self, client: Client, series: Iterable[str], tickers: Iterable[str], every: float = 60.0) -> None:
        super().__init__(daemon=True, name="kalshi-watcher")
        self._client, self._series, self._tickers, self._every = client, tuple(series), tuple(tickers), every
        self.found: queue.SimpleQueue[WatchedList | KalshiError] = queue.SimpleQueue()
        self._wake, self._over = threading.Event(), threading.Event()
        self._books: tuple[str, ...] = ()

    def ask(self, books: Iterable[str] = ()) -> None:
        """Look soon; with tickers, also read these order books."""
        self._books = tuple(books) or self._books
        self._wake.set()

    def stop(self) -> None:
        """End the thread; it is not waited for longer than its present request."""
        self._over.set()
        self._wake.set()

    def run(self) -> None:
        """Look, wait, look again."""
        while not self._over.is_set():
            try:
                self.found.put(WatchedList(frozenset(self.look()), self._read_books()))
            except KalshiError as error:
                self.found.put(error)
            self._wake.wait(self._every)
            self._over.wait(_QUIET_SECONDS if self._wake.is_set() else 0.0)
            self._wake.clear()

    def look(self) -> set[str]:
        """Ask which of the chosen markets are open or soon will be; one that was named stays until its close."""
        tickers: set[str] = set()
        soon = time.time_ns() + _EARLY_NS
        for series in self._series:
            for page in self._client.market_data.markets(series_ticker=series, status="open"):
                tickers |= {market.ticker for market in page}
            for page in self._client.market_data.markets(series_ticker=series, status="unopened"):
                tickers |= {market.ticker for market in page if (market.open_time or 0) <= soon}
        for ticker in self._tickers:
            try:
                if self._client.market_data.market(ticker).status not in _OVER:
                    tickers.add(ticker)
            except NotFoundError:
                log.warning("there is no market %s", ticker)
        return tickers

    def _read_books(self) -> tuple[OrderBook, ...]:
        wanted, self._books = self._books, ()
        return tuple(self._client.market_data.orderbooks(wanted)) if wanted else ()
