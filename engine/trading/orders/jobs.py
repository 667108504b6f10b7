"""What the machine asks of the exchange, what it hears back, and the rate budget that decides what goes first."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ....io.ground.units import NS_PER_SECOND
from ..market import Listed

Do = Literal["create", "amend", "cancel", "settle", "group", "trigger", "fills", "read", "join"]
#: Tokens of the write bucket that a job costs; reads have a bucket of their own.
COSTS: dict[str, int] = {"create": 10, "amend": 10, "cancel": 2, "group": 10, "trigger": 10, "join": 10}
#: Of the bucket, what creates leave for cancels.
_SPARED = 0.2
#: Requests may come so much later than they were sent, and then several at once: so many seconds' tokens are not used.
_LATE_S = 0.2


class Job(msgspec.Struct, omit_defaults=True):
    """A request, or several that belong together, as the journal has it before it goes out."""

    n: int
    do: Do
    ticker: str = ""
    client_id: str = ""
    order_id: str = ""
    side: int = 0  #: 1 buys YES, -1 sells it
    price: int = 0
    lots: int = 0  #: of an order in all, what filled included
    expires: int = 0
    group: str = ""
    post_only: bool = False
    reduce_only: bool = False
    now: bool = False  #: immediate or cancel
    since: int = 0  #: s, of fills that are read
    orders: list[tuple[str, str, int]] = []  #: client id, order id and side of what is to be settled


class FoundOrder(msgspec.Struct):
    """An order of the account as the exchange has it."""

    client_id: str
    order_id: str
    status: str
    filled: int


class FoundFill(msgspec.Struct):
    """A fill of the account as the exchange has it; the fee is None where it was not told."""

    order: str
    trade: str
    price: int
    lots: int
    fee: int
    ts: int


class Answer(msgspec.Struct, omit_defaults=True):
    """What came of a job: done, refused (finally), missing (404), or unknown, with what the exchange said of it."""

    n: int
    is_: Literal["done", "refused", "missing", "unknown"] = msgspec.field(name="is")
    order_id: str = ""
    left: int | None = None  #: lots that a cancel took
    filled: int | None = None  #: lots that a new order took at once
    status: str = ""
    text: str = ""
    orders: list[FoundOrder] = []
    fills: list[FoundFill] = []
    positions: dict[str, int] | None = None
    cash: int | None = None  #: what may be spent, micros
    queues: dict[str, int] = {}  #: order id -> lots that stood before it
    queued: int = 0  #: when those were asked for, ns of the exchange's time
    asked: int = 0  #: when a reading was asked for, ns of the exchange's time
    listed: Listed | None = None  #: a market that joins, as the exchange lists it
    order_group: str = ""  #: the order group that was made for it
    rows: list[dict[str, Any]] = []  #: of the table of markets, where a session bets


class TokenBudget:
    """A bucket of tokens on a clock that is told: what the exchange's own gives to requests that come late."""

    def __init__(self, rate: float, capacity: float) -> None:
        self.rate, self.capacity = rate, max(capacity - _LATE_S * rate, capacity / 2)
        self._tokens, self._at = self.capacity, 0

    def has(self, cost: int, wall: int, *, spares: bool = False) -> bool:
        """Whether a job may go now; one that spares leaves some tokens for cancels."""
        if self._at:
            self._tokens = min(self.capacity, self._tokens + (wall - self._at) * self.rate / NS_PER_SECOND)
        self._at = wall
        return self._tokens >= min(cost + spares * _SPARED * self.capacity, self.capacity)

    def told(self, wall: int) -> dict[str, float]:
        """Return the tokens that are left, the most there can be, and how many come a second."""
        since = max(wall - self._at, 0) if self._at else 0
        left = min(self.capacity, self._tokens + since * self.rate / NS_PER_SECOND)
        return {"left": left, "most": self.capacity, "a_second": self.rate}

    def pay(self, cost: int) -> None:
        """Spend what a job costs."""
        self._tokens -= cost


def cost_of(job: Job) -> int:
    """Tokens of the write bucket that a job takes.

    >>> cost_of(Job(1, "create")), cost_of(Job(2, "settle", orders=[("a", "id", 1), ("b", "", -1)]))
    (10, 14)
    """
    if job.do == "settle":  # an order without an id may have its name used up before it is cancelled
        named = [COSTS["cancel"] + (0 if order_id else COSTS["create"]) for _, order_id, _ in job.orders]
        return max(sum(named), COSTS["cancel"])
    return COSTS.get(job.do, 0)


def encode(document: Any) -> bytes:
    """Write a document as one line of JSON; the exchange's own numbers are whole ones."""
    return msgspec.json.encode(document, enc_hook=int)
