"""Incentive programs while a recorder runs: looked at in a thread of their own, and stored when they change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import polars as pl

from ...ground.errors import TouchlineError
from ...store.store import Store
from ..client import Client
from ..programs import CURRENT, fetch_programs, store_programs
from ..rest.errors import NotFoundError


class ProgramKeeper(threading.Thread):
    """Stores what is told of active and upcoming programs at the start and every ``every`` seconds, until `stop`."""

    def __init__(
        self, client: Client, store: Store, series: Iterable[str], tickers: Iterable[str], *, every: float = 60.0,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        super().__init__(daemon=True, name="kalshi-programs")
        self._client, self._store, self._every, self._tell = client, store, every, tell
        self._series, self._tickers = tuple(series), frozenset(tickers)
        self._over = threading.Event()
        self.rows = 0

    def run(self) -> None:
        """Look, wait, look again."""
        while True:
            try:
                self.rows += store_programs(self._store, self.look())
            except NotFoundError:
                return  # an exchange without incentive programs
            except TouchlineError as error:
                self._tell(f"the incentive programs could not be kept: {error}")
            if self._over.wait(self._every):
                return

    def look(self) -> pl.DataFrame:
        """Fetch what is active or upcoming for the markets that are recorded."""
        told = fetch_programs(self._client, CURRENT)
        is_ours = pl.col("ticker").is_in(sorted(self._tickers))
        for name in self._series:
            is_ours |= pl.col("ticker").str.starts_with(f"{name}-")
        return told.filter(is_ours)

    def stop(self) -> None:
        """End the thread, and wait for what it stores just now."""
        self._over.set()
        self.join(timeout=30)
