"""Token buckets: how fast this account may ask, shared by every thread of a client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

DEFAULT_COST = 10
CHEAP_COST = 2  #: one cancel, or reading one order


class Bucket:
    """Refills continuously at ``rate`` tokens a second up to ``capacity``; threads wait in it for their turn."""

    def __init__(
        self,
        rate: float,
        capacity: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lock = threading.Lock()
        self._clock, self._sleep = clock, sleep
        self._at = clock()
        self.rate, self.capacity = rate, capacity
        self._tokens = float(capacity)

    def configure(self, rate: float, capacity: float) -> None:
        """Take the account's own figures; what is in the bucket stays, up to the new capacity."""
        with self._lock:
            self._refill()
            self.rate, self.capacity = rate, capacity
            self._tokens = min(self._tokens, capacity)

    def pay(self, cost: float) -> None:
        """Take ``cost`` tokens, waiting until they are there; debts are served in order of arrival."""
        with self._lock:
            self._refill()
            # A batch dearer than the bucket goes when the bucket is full: the exchange has the last word.
            need = min(cost, self.capacity)
            wait = max(0.0, (need - self._tokens) / self.rate)
            self._tokens -= cost
        if wait:
            self._sleep(wait)

    def drain(self) -> None:
        """Empty the bucket: the exchange said that it is."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, 0.0)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self.capacity, self._tokens + (now - self._at) * self.rate)
        self._at = now


class Budget:
    """The two buckets of an account; before its limits are known, those of the lowest tier."""

    def __init__(self, requests_per_second: float | None = None) -> None:
        rate = 200.0 if requests_per_second is None else requests_per_second * DEFAULT_COST
        self.ceiling = None if requests_per_second is None else rate
        self.read = Bucket(rate, rate if requests_per_second is None else max(rate / 5, DEFAULT_COST))
        self.write = Bucket(100.0, 100.0)

    def of(self, method: str) -> Bucket:
        """The bucket a request draws from."""
        return self.read if method == "GET" else self.write
