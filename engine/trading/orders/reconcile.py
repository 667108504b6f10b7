"""The exchange's own lists against our account, as late as they may be: a difference counts when it shows twice."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec

from ....io.ground.units import NS_PER_SECOND, TICKS_PER_DOLLAR
from ..journal import JournalLine
from ..ledger import TradeLedger
from ..settings import TradeSettings
from .jobs import Answer

#: A lot's fee at most, which the exchange holds back with the order's cost, micros.
_FEE = 200
#: A fill that is older than this when it is read was not told by the stream.
FILL_LAG_NS = 2 * NS_PER_SECOND
_HOUR_NS = 3_600 * NS_PER_SECOND


class Losing(Protocol):
    """What a comparison asks of the side that sends."""

    def lose(self, ticker: str) -> None:
        """Ask what became of the orders of a market: cancel, read back, book."""
        ...


class CashMoment(NamedTuple):
    """Our cash until a moment, and what resting orders may have held back of it."""

    until: int
    cash: int
    held_back: int


@dataclass
class Comparison:
    """What the readings so far have shown.

    A list lags by some seconds: a position agrees if we held it at any moment since ``list_lag_s`` before the reading
    was asked for, and so do cash and resting orders. Nothing is concluded where an outcome is unknown; that has a
    limit of its own. ``say`` writes down what is different.
    """

    settings: TradeSettings
    stranger: str | None = None  #: an order of our name that we do not know
    cash_apart: int = 0  #: what the account gained or lost that is none of ours, micros
    _base: int | None = None  #: the exchange's cash less ours
    _past: deque[CashMoment] = field(default_factory=deque)
    _apart: dict[str, int] = field(default_factory=dict)
    _told: dict[str, int] = field(default_factory=dict)  #: market -> the exchange's position that was written down
    _suspects: set[str] = field(default_factory=set)
    _missing: set[str] = field(default_factory=set)
    ghosts: dict[str, str] = field(default_factory=dict)  #: market -> an order of ours that rests and was over here
    _over: dict[str, int] = field(default_factory=dict)  #: an order that is listed and over here, and since when
    _times: dict[str, deque[int]] = field(default_factory=dict)  #: when a market's lists had to be put right
    _cash_off: bool = False

    def note(self, now: int, ledger: TradeLedger) -> None:
        """Remember how our cash stands, for readings that are older than they look."""
        cash = sum(one.cash + min(one.position, 0) * TICKS_PER_DOLLAR for one in ledger.holdings.values())
        held_back = sum(
            one.left * ((one.price if one.side > 0 else TICKS_PER_DOLLAR - one.price) + _FEE)
            for one in ledger.orders.values()
        )
        past = self._past
        if past and past[-1][1:] == (cash, held_back):
            past[-1] = CashMoment(now, cash, held_back)
        else:
            past.append(CashMoment(now, cash, held_back))
        lag = self._lag
        while len(past) > 1 and past[0].until < now - 2 * lag - NS_PER_SECOND:
            past.popleft()

    def read(self, answer: Answer, ledger: TradeLedger, host: Losing) -> list[dict[str, Any]]:
        """Take a reading in; returns what is different, to be written down."""
        since = answer.asked - self._lag
        return [
            *self._positions(answer, ledger, since),
            *self._orders(answer, ledger, host, since),
            *self._cash(answer, since),
        ]

    @property
    def _lag(self) -> int:
        return round(self.settings.list_lag_s * NS_PER_SECOND)

    def _positions(self, answer: Answer, ledger: TradeLedger, since: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        positions = answer.positions or {}
        for ticker, held in ledger.holdings.items():
            there = positions.get(ticker, 0)
            if there in ledger.positions_since(ticker, since):
                self.forget(ticker)
                continue
            self._apart[ticker] = self._apart.get(ticker, 0) + 1
            if self._apart[ticker] >= 2 and self._told.get(ticker) != there:
                self._told[ticker] = there
                found.append({"what": "position", "market": ticker, "ours": held.position, "theirs": there})
        return found

    def _orders(self, answer: Answer, ledger: TradeLedger, host: Losing, since: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        listed = {order.client_id for order in answer.orders}
        suspects = {one for one in listed if ledger.owns(one) and ledger.known(one) is None}
        if (twice := sorted(suspects & self._suspects)) and self.stranger is None:
            self.stranger = twice[0]
            found.append({"what": "order", "client_id": twice[0], "ours": "unknown", "theirs": "resting"})
        missing = {
            order.client_id for order in ledger.orders.values()
            if order.order_id and order.created < since and order.client_id not in listed
        }  # fmt: skip
        for client_id in sorted(missing & self._missing):
            ticker = ledger.orders[client_id].ticker
            found.append({"what": "order", "market": ticker, "client_id": client_id, "ours": "resting", "theirs": "no"})
            host.lose(ticker)
        self._suspects, self._missing = suspects, missing - self._missing
        return found + self._ghosts(answer, ledger)

    def _ghosts(self, answer: Answer, ledger: TradeLedger) -> list[dict[str, Any]]:
        """Orders that the list shows longer than it may lag, although they are over here."""
        over = {order.client_id for order in answer.orders if order.client_id not in ledger.orders}
        self._over = {one: self._over.get(one, answer.asked) for one in sorted(over) if ledger.known(one) is not None}
        found: list[dict[str, Any]] = []
        for client_id, since in self._over.items():
            order = ledger.known(client_id)
            if order is None or answer.asked - since <= self._lag or order.ticker in self.ghosts:
                continue
            self.ghosts[order.ticker] = client_id
            told = {"what": "order", "market": order.ticker, "client_id": client_id}
            found.append({**told, "ours": "over", "theirs": "resting"})
        return found

    def count(self, told: dict[str, Any], now: int) -> None:
        """Remember a difference that was put right, of the market that it is of."""
        if told["what"] in ("fill", "order") and "market" in told:
            self._times.setdefault(told["market"], deque()).append(now)

    def differences(self, ticker: str, now: int) -> int:
        """How often a market's lists had to be put right within the last hour."""
        times = self._times.get(ticker)
        while times and times[0] < now - _HOUR_NS:
            times.popleft()
        return len(times or ())

    def _cash(self, answer: Answer, since: int) -> list[dict[str, Any]]:
        if answer.cash is None or not self._past:
            return []
        window = [one for one in self._past if one.until >= since] or [self._past[-1]]
        least = min(one.cash - one.held_back for one in window)
        most = max(one.cash for one in window)
        if self._base is None:
            self._base = answer.cash - self._past[-1].cash
            return []
        there = answer.cash - self._base
        if least <= there <= most or any(self._apart.values()):  # a position that differs explains its money
            self._cash_off = False
            return []
        if not self._cash_off:
            self._cash_off = True
            return []
        apart = there - (most if there > most else least)
        self._base, self._cash_off = self._base + apart, False
        self.cash_apart += apart
        return [{"what": "cash", "apart": apart, "in_all": self.cash_apart}]

    def begin(self, cash: int | None, ledger: TradeLedger, now: int) -> None:
        """What the account had when nothing of ours rested."""
        self.note(now, ledger)
        if cash is not None:
            self._base = cash - self._past[-1].cash

    def disagreed(self, ticker: str) -> int:
        """Readings in a row that showed a position that was none of ours."""
        return self._apart.get(ticker, 0)

    def forget(self, ticker: str) -> None:
        """Begin to count positions anew: they agree."""
        self._apart.pop(ticker, None)
        self._told.pop(ticker, None)

    def resume(self, ticker: str) -> None:
        """Begin to count everything of a market anew."""
        self.forget(ticker)
        self.ghosts.pop(ticker, None)
        self._times.pop(ticker, None)

    def forget_account(self) -> None:
        """Begin to count anew what is nobody's market."""
        self.stranger, self.cash_apart = None, 0


def fills_told(lines: Iterable[JournalLine]) -> Counter[str]:
    """How many fills of each market are among some lines."""
    return Counter(msgspec.json.decode(line.payload)["market"] for line in lines if line.kind == "fill")
