"""The session's own account in whole numbers: orders by their client id, fills by trade id, positions and cash.

It changes by the journal's lines alone, live as after a crash. Prices are YES ticks, sizes lots, money micros.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...io.ground.units import TICKS_PER_DOLLAR
from ...io.store.schema import Side

#: Trades and ended orders that are remembered: what is told late or twice is within so many.
REMEMBERED = 5_000
#: Positions of the last while, against lists that lag.
_HISTORY_NS = 120_000_000_000
#: What the payouts of direct members are rounded down to, micros.
PAYOUT_GRID = 100
#: Names skipped at a start: a power failure may have taken the last second of the journal.
_NAMES_SKIPPED = 1000

#: How a market that was chosen stands: it has a place, is wound down, or has left. A named one has none of these.
CHOSEN, ENDING, LEFT = "chosen", "ending", "left"


class OwnOrder(msgspec.Struct):
    """An order of ours from its sending to its end; ``lots`` counts what filled, ``sent`` until its answer is known."""

    client_id: str
    ticker: str
    side: int
    price: int
    lots: int
    expires: int
    created: int
    order_id: str | None = None
    filled: int = 0
    sent: bool = True

    @property
    def left(self) -> int:
        """Lots that rest."""
        return self.lots - self.filled


class Holding(msgspec.Struct):
    """What was done in one market."""

    position: int = 0
    cash: int = 0  #: micros that fills brought, after fees
    fees: int = 0
    fills: int = 0
    volume: int = 0
    group: str | None = None  #: the order group of its orders
    halted: str | None = None
    day_cash: int = 0  #: cash plus position at its mark when the UTC day began
    standing: str = ""  #: CHOSEN, ENDING or LEFT


class LedgerState(msgspec.Struct):
    """A ledger as a segment of the journal begins with it."""

    prefix: str
    counter: int = 0
    orders: list[OwnOrder] = []
    holdings: dict[str, Holding] = {}
    trades: list[str] = []
    ended: list[OwnOrder] = []
    killed: str | None = None
    run: int = 0
    day: int = -1


@dataclass
class TradeLedger:
    """The account under way."""

    prefix: str
    counter: int = 0
    orders: dict[str, OwnOrder] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    killed: str | None = None
    run: int = 0  #: how often the session was started
    day: int = -1  #: the UTC day that ``day_cash`` is of
    _trades: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _ended: OrderedDict[str, OwnOrder] = field(default_factory=OrderedDict)
    _by_id: dict[str, OwnOrder] = field(default_factory=dict)
    _past: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)

    @classmethod
    def of(cls, state: LedgerState) -> TradeLedger:
        """Take a ledger up where its state was written."""
        made = cls(state.prefix, state.counter, killed=state.killed, run=state.run, day=state.day)
        made.holdings = dict(state.holdings)
        made._trades = OrderedDict.fromkeys(state.trades)
        made._ended = OrderedDict((order.client_id, order) for order in state.ended)
        made.orders = {order.client_id: order for order in state.orders}
        for order in (*state.ended, *state.orders):
            if order.order_id:
                made._by_id[order.order_id] = order
        return made

    def state(self) -> LedgerState:
        """The ledger as it stands."""
        return LedgerState(
            self.prefix, self.counter, list(self.orders.values()), self.holdings, list(self._trades),
            list(self._ended.values()), self.killed, self.run, self.day,
        )  # fmt: skip

    def holding(self, ticker: str) -> Holding:
        """What was done in a market; made at its first use."""
        found = self.holdings.get(ticker)
        if found is None:
            found = self.holdings[ticker] = Holding()
        return found

    def join(self, ticker: str, held: int, group: str) -> None:
        """A chosen market begins; ``held`` is what the account holds there, where nothing was known of it."""
        if ticker not in self.holdings:
            self.holding(ticker).position = held
        one = self.holding(ticker)
        one.standing, one.group = CHOSEN, group or one.group

    def chosen(self) -> list[str]:
        """The markets that have a place, or are being wound down."""
        return [ticker for ticker, one in self.holdings.items() if one.standing in (CHOSEN, ENDING)]

    def begin_day(self, day: int, worth: dict[str, int]) -> dict[str, int]:
        """A UTC day begins with what each market is worth, those that have left included."""
        self.day = day
        whole = {ticker: one.cash for ticker, one in self.holdings.items() if one.standing == LEFT} | worth
        for ticker, amount in whole.items():
            self.holding(ticker).day_cash = amount
        return whole

    def left(self) -> tuple[int, int]:
        """The cash of all markets that have left, and what of it the UTC day began with."""
        gone = [one for one in self.holdings.values() if one.standing == LEFT]
        return sum(one.cash for one in gone), sum(one.day_cash for one in gone)

    def name(self) -> str:
        """A client id that was never used before."""
        self.counter += 1
        return f"{self.prefix}{self.counter}"

    def skip_names(self) -> None:
        """Leave out names that a lost line may have used."""
        self.counter += _NAMES_SKIPPED

    def owns(self, client_id: str | None) -> bool:
        """Whether a client id begins as ours do."""
        return bool(client_id) and str(client_id).startswith(self.prefix)

    def by_order_id(self, order_id: str) -> OwnOrder | None:
        """An order by the exchange's id, ended or not."""
        return self._by_id.get(order_id)

    def known(self, client_id: str) -> OwnOrder | None:
        """An order by its client id, ended or not."""
        return self.orders.get(client_id) or self._ended.get(client_id)

    def is_booked(self, trade_id: str) -> bool:
        """Whether a fill was booked."""
        return trade_id in self._trades

    def book(self, ticker: str, fill: dict[str, Any], ts: int) -> None:
        """Book a fill: ``side`` 1 buys YES, -1 sells it."""
        held = self.holding(ticker)
        self._remember(ticker, held.position, ts)
        side, price, lots, fee = (int(fill[name]) for name in ("side", "price", "lots", "fee"))
        held.position += side * lots
        held.cash -= side * price * lots + fee
        held.fees += fee
        held.fills += 1
        held.volume += lots
        if (trade := fill.get("trade")) is not None:
            self._trades[trade] = None
            if len(self._trades) > REMEMBERED:
                self._trades.popitem(last=False)
        order = self._by_id.get(fill.get("order") or "") or self.known(fill.get("client_id") or "")
        if order is not None:
            if order.order_id is None and fill.get("order"):  # its fill was told before its answer
                self.confirmed(order.client_id, fill["order"])
            order.filled += lots
            if order.left <= 0:
                self.end(order.client_id)

    def settle(self, ticker: str, value: int, ts: int) -> None:
        """A market was paid: ``value`` is what one YES was worth, in ticks. A payout is rounded down to its grid."""
        held = self.holding(ticker)
        self._remember(ticker, held.position, ts)
        paid = held.position * value if held.position > 0 else -held.position * (TICKS_PER_DOLLAR - value)
        held.cash += paid - paid % PAYOUT_GRID + min(held.position, 0) * TICKS_PER_DOLLAR
        held.position = 0

    def positions_since(self, ticker: str, ts: int) -> set[int]:
        """Every position that was held at some moment from ``ts`` until now."""
        now = self.holdings[ticker].position if ticker in self.holdings else 0
        return {now, *(position for until, position in self._past.get(ticker, ()) if until >= ts)}

    def placed(self, order: OwnOrder) -> None:
        """An order is about to be sent."""
        self.orders[order.client_id] = order

    def confirmed(self, client_id: str, order_id: str) -> None:
        """The exchange has an order."""
        order = self.known(client_id)
        if order is not None:
            order.order_id, order.sent = order_id, False
            self._by_id[order_id] = order

    def end(self, client_id: str) -> None:
        """An order does not rest any more; late fills of it are still known."""
        order = self.orders.pop(client_id, None)
        if order is None:
            return
        self._ended[client_id] = order
        if len(self._ended) > REMEMBERED:
            _, gone = self._ended.popitem(last=False)
            self._by_id.pop(gone.order_id or "", None)

    def of_market(self, ticker: str) -> list[OwnOrder]:
        """Orders of a market that may rest."""
        return [order for order in self.orders.values() if order.ticker == ticker]

    def _remember(self, ticker: str, position: int, ts: int) -> None:
        past = self._past.setdefault(ticker, deque())
        past.append((ts, position))
        while past and past[0][0] < ts - _HISTORY_NS:
            past.popleft()


def side_of(value: int) -> Side:
    """A side by its sign."""
    return Side.BID if value > 0 else Side.ASK
