"""Rate limits: one read and one write bucket of tokens, refilled continuously."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PREFIX = "/trade-api/v2"
DEFAULT_COST = 10
_ORDERS, _OLD = "/portfolio/events/orders", "/portfolio/orders"
#: (method, path) -> tokens, where they differ from the default; as the exchange lists them.
COSTS = {
    ("POST", "/account/api_usage_level/upgrade"): 30,
    ("POST", "/communications/quotes"): 2,
    ("DELETE", "/communications/quotes/{quote_id}"): 2,
    ("PUT", "/multivariate_event_collections/{collection_ticker}/lookup"): 2,
    ("DELETE", _ORDERS): 2,
    ("DELETE", f"{_ORDERS}/{{order_id}}"): 2,
    ("DELETE", f"{_ORDERS}/batched"): 2,
    ("POST", _OLD): 20,
    ("DELETE", f"{_OLD}/{{order_id}}"): 4,
    ("GET", f"{_OLD}/{{order_id}}"): 2,
    ("POST", f"{_OLD}/{{order_id}}/amend"): 20,
    ("POST", f"{_OLD}/{{order_id}}/decrease"): 20,
    ("DELETE", f"{_OLD}/batched"): 4,
    ("POST", f"{_OLD}/batched"): 20,
}


@dataclass(frozen=True)
class Tier:
    """What one usage tier may spend: tokens a second and the most that can be saved up."""

    name: str
    read: int
    write: int
    read_seconds: int = 1
    write_seconds: int = 2


TIERS = {
    tier.name: tier
    for tier in (
        Tier("basic", 200, 100, read_seconds=2, write_seconds=1),
        Tier("advanced", 300, 300, read_seconds=2),
        Tier("expert", 600, 600),
        Tier("premier", 1_200, 1_200),
        Tier("paragon", 2_400, 2_400),
        Tier("prime", 4_800, 4_800),
        Tier("prestige", 12_000, 9_600),
        Tier("unlimited", 1_000_000_000, 1_000_000_000),
    )
}


#: What the largest bucket of all holds: no batch may cost more, not even where no rate limits hold.
LARGEST = TIERS["prestige"].write * TIERS["prestige"].write_seconds


class TokenBucket:
    """Tokens that come back at a steady rate up to a capacity."""

    def __init__(self, rate: int, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.capacity = capacity
        self._clock = clock
        self._tokens = float(capacity)
        self._at = clock()

    def take(self, tokens: int) -> bool:
        """Spend tokens if all of them are there; otherwise spend none."""
        now = self._clock()
        self._tokens = min(self.capacity, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if tokens > self._tokens:
            return False
        self._tokens -= tokens
        return True

    def describe(self) -> dict[str, int]:
        """The bucket as ``/account/limits`` shows it."""
        return {"refill_rate": self.rate, "bucket_capacity": self.capacity}


class RateLimits:
    """The buckets of the one account."""

    def __init__(self, tier: Tier, clock: Callable[[], float] = time.monotonic) -> None:
        self.tier = tier
        self.read = TokenBucket(tier.read, tier.read * tier.read_seconds, clock)
        self.write = TokenBucket(tier.write, tier.write * tier.write_seconds, clock)

    def admit(self, method: str, path: str, items: int = 1) -> bool:
        """Bill one call (a batch: each item) and say whether it may go on."""
        return (self.read if method == "GET" else self.write).take(cost_of(method, path, items))

    def describe(self) -> dict[str, Any]:
        """The answer of ``/account/limits``."""
        return {
            "usage_tier": self.tier.name,
            "read": self.read.describe(),
            "write": self.write.describe(),
            "grants": [],
        }


def cost_of(method: str, path: str, items: int = 1) -> int:
    """Tokens that a call costs, a batch by its items.

    >>> cost_of("DELETE", "/portfolio/events/orders/batched", 3)
    6
    """
    return COSTS.get((method, path), DEFAULT_COST) * max(items, 1)


def costs() -> dict[str, Any]:
    """The answer of ``/account/endpoint_costs``."""
    listed = [
        {"cost": cost, "method": method, "path": f"{PREFIX}{path.replace('{', ':').replace('}', '')}"}
        for (method, path), cost in sorted(COSTS.items(), key=lambda entry: entry[0][1])
    ]
    return {"default_cost": DEFAULT_COST, "endpoint_costs": listed}
