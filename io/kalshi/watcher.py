"""Which markets there are to follow: asked for in a thread of its own, so that recording never waits for it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from .client import Client
from .errors import KalshiError, NotFoundError
from .models import OrderBook

log = logging.getLogger(__name__)

_QUIET_SECONDS = 5.0  # between two look-ups, however many things happen
_OVER = {"closed", "determined", "disputed", "amended", "finalized"}


@dataclass(frozen=True)
class Listing:
    """The markets to follow now, or the books that were asked for."""

    tickers: frozenset[str] = frozenset()
    books: tuple[OrderBook, ...] = ()


class Watcher(threading.Thread):
    """Puts a `Listing` into ``found`` at the start, every ``every`` seconds, and soon after `ask`."""

    def __init__(self, client: Client, series: Iterable[str], tickers: Iterable[str], every: float = 60.0) -> None:
        super().__init__(daemon=True, name="kalshi-watcher")
        self._client, self._series, self._tickers, self._every = client, tuple(series), tuple(tickers), every
        self.found: queue.SimpleQueue[Listing | KalshiError] = queue.SimpleQueue()
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
                self.found.put(Listing(frozenset(self.look()), self._read_books()))
            except KalshiError as error:
                self.found.put(error)
            self._wake.wait(self._every)
            self._over.wait(_QUIET_SECONDS if self._wake.is_set() else 0.0)
            self._wake.clear()

    def look(self) -> set[str]:
        """Ask which of the chosen markets are not over; a market that was named stays until its close."""
        tickers: set[str] = set()
        for series in self._series:
            for page in self._client.market_data.markets(series_ticker=series, status="open"):
                tickers |= {market.ticker for market in page}
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
