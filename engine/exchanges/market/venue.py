"""The exchange's state and the passing of its time: recorded rows, timers, and the life of each market.

One thread owns it. Nothing here knows of sockets: what the world should hear goes to a ``Feed``.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ....io.ground.units import NS_PER_SECOND
from ....io.store.schema import BookKind, Side
from ...simulator.assumptions.queue import queue_model
from .. import wire
from .account import Account, Position
from .charges import Charges
from .history import TRADE, History, Row, VenueListing
from .hours import next_pause
from .indices import IndexValue
from .matching import Change, Hit, VenueBook
from .order import CANCELED, EXECUTED, VenueFill, VenueOrder
from .portfolio import ShownPortfolio
from .waiting import Waiting

NEVER = 1 << 62
#: Orders of a closed market go this long after the close.
CLOSE_CANCEL_NS = NS_PER_SECOND
#: The bits of an id that say which kind of UUID it is.
_VERSION_4 = 4 << 76 | 0b10 << 62
_NO_VERSION = (1 << 128) - 1 & ~(0xF << 76 | 0b11 << 62)
_CLOSED = ("closed", "determined", "finalized")
_MINUTE, _DAY_MINUTES = 60 * NS_PER_SECOND, 24 * 60


class VenueTrade(NamedTuple):
    """A public trade."""

    id: str
    ticker: str
    price: int
    lots: int
    taker: Side
    block: bool
    ts: int


@dataclass(slots=True, eq=False)
class VenueMarket:
    """One market as it stands now."""

    listing: VenueListing
    book: VenueBook
    charges: Charges
    number: int
    close_ts: int
    listed_close: int  #: the close that the exchange tells: where it was moved, the one that was known by now
    status: str = "initialized"
    paused: bool = False
    seen: bool = False  #: something is known of its book
    last: int | None = None
    last_lots: int = 0
    volume: int = 0
    dollar_volume: int = 0  #: micros, count x price
    updated: int = 0
    settled_ts: int | None = None
    own_trades: list[VenueTrade] = field(default_factory=list)

    @property
    def ticker(self) -> str:
        """Its ticker."""
        return self.listing.ticker


class VenueFeed(Protocol):
    """Who hears what happens."""

    def changed(self, market: VenueMarket, changes: list[Change]) -> None:
        """Levels moved."""

    def snapshot(self, market: VenueMarket) -> None:
        """A whole book is known."""

    def trade(self, market: VenueMarket, trade: VenueTrade) -> None:
        """A public trade."""

    def ticker(self, market: VenueMarket) -> None:
        """The top of a market may have moved."""

    def filled(self, market: VenueMarket, fill: VenueFill) -> None:
        """An order of the client traded."""

    def ordered(self, order: VenueOrder) -> None:
        """An order of the client changed."""

    def positioned(self, market: VenueMarket, held: Position) -> None:
        """The client's position changed."""

    def lifecycle(self, message: dict[str, Any]) -> None:
        """A market entered another part of its life."""

    def grouped(self, message: dict[str, Any]) -> None:
        """An order group changed."""

    def valued(self, value: IndexValue) -> None:
        """An index has a new value."""


class TradingVenue:
    """All markets, the one account, and the clock of the replay."""

    def __init__(
        self,
        history: History,
        feed: VenueFeed,
        portfolio: ShownPortfolio,
        *,
        cash: int,
        seed: int = 0,
        hours: bool = True,
        queue: str = "pessimistic",
    ) -> None:
        self.history = history
        self.feed = feed
        self.portfolio = portfolio
        self.account = Account(cash)
        self.now = history.start
        self.trading = True
        self.exchange_active = True
        self.rows_done = 0
        self.on_fill: Callable[[VenueFill], None] = lambda fill: None
        self._random = random.Random(f"venue{seed}")
        self._ids = itertools.count()
        self._timers: list[tuple[int, int, Callable[[], None], bool]] = []
        self._moments: list[int] = []  #: of timers whose doing can be seen
        self._rows = history.rows()
        self._next: Row | None = next(self._rows, None)
        waiting = Waiting(queue_model(queue))
        self.listed = [
            VenueMarket(m, VenueBook(waiting), Charges(m.fees), number, m.close_ts, m.close_ts)
            for number, m in enumerate(history.listings)
        ]
        self.markets = {market.ticker: market for market in self.listed}
        self.horizon = history.end
        for market in self.listed:
            self._plan(market)
        self._values = history.indices.values(self.now, self.horizon)
        self._await_value()
        if hours:
            start, end = next_pause(self.now)
            self.at(start, lambda: self._weekly(end))

    def new_id(self) -> str:
        """A fresh id; the same seed gives the same ids."""
        bits = self._random.getrandbits(128) & _NO_VERSION | _VERSION_4
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def at(self, ts: int, action: Callable[[], None], *, is_seen: bool = True) -> None:
        """Do something when the clock reaches ``ts``; what nobody outside can see makes no moment of its own."""
        heapq.heappush(self._timers, (ts, next(self._ids), action, is_seen))
        if is_seen:
            heapq.heappush(self._moments, ts)

    # Time

    def advance(self, until: int, budget: int = NEVER) -> bool:
        """Let time pass up to ``until``, or as far as ``budget`` rows and timers go; say whether it got there."""
        while budget > 0:
            row_ts = self._next.ts if self._next else NEVER
            timer_ts = self._timers[0][0] if self._timers else NEVER
            ts = min(row_ts, timer_ts)
            if ts > until or ts == NEVER:
                self.now = max(self.now, until if until != NEVER else self.now)
                return True
            self.now = max(self.now, ts)
            if timer_ts <= row_ts:
                _, _, action, is_seen = heapq.heappop(self._timers)
                if is_seen:
                    heapq.heappop(self._moments)
                action()
            else:
                self._apply()
            budget -= 1
        return False

    @property
    def next_ts(self) -> int:
        """When the next row is due, or the next timer of what can be seen."""
        row_ts = self._next.ts if self._next else NEVER
        return min(row_ts, self._moments[0] if self._moments else NEVER)

    @property
    def finished(self) -> bool:
        """Whether every recorded row has been replayed and every market has had its planned end."""
        return self._next is None and (not self._timers or self._timers[0][0] > self.horizon)

    def _pop(self) -> Row:
        row = self._next
        assert row is not None
        self._next = next(self._rows, None)
        self.rows_done += 1
        return row

    def _apply(self) -> None:
        row = self._pop()
        market = self.listed[row.market]
        book = market.book
        if row.kind == TRADE:
            self._trade(market, row)
            return
        if market.status in _CLOSED:
            return  # the book of a closed market is empty, whatever was recorded after
        if not market.seen and row.kind == BookKind.DELTA:
            self.feed.snapshot(market)
            book.known = True
        side = Side(row.side)
        if row.kind == BookKind.DELTA:
            self.booked(market, book.delta(side, row.price, row.size, row.extra))
        elif row.kind == BookKind.LEVEL:
            self.booked(market, book.delta(side, row.price, row.size - book.recorded.side(side).get(row.price, 0)))
        elif row.kind == BookKind.GAP:
            book.known = False
            return
        else:
            levels = []
            while (follow := self._next) and follow.kind == BookKind.LEVEL and follow.market == row.market:
                levels.append((Side(follow.side), follow.price, follow.size))
                self._pop()
            hits = book.snapshot(levels)
            self.feed.snapshot(market)
            self.booked(market, hits)
        market.seen = True
        self.flush(market)

    def _trade(self, market: VenueMarket, row: Row) -> None:
        known_as, block = self.history.trade_id(row.extra), self.history.is_block(row.extra)
        trade = VenueTrade(known_as, market.ticker, row.price, row.size, Side(row.side), block, row.ts)
        self.printed(market, trade)
        if not trade.block and self.matching(market):
            self.booked(market, market.book.trade(trade.taker, trade.price, trade.lots))
            self.flush(market)

    def printed(self, market: VenueMarket, trade: VenueTrade) -> None:
        """Publish a trade and count it."""
        market.volume += trade.lots
        market.dollar_volume += trade.lots * trade.price
        market.last, market.last_lots, market.updated = trade.price, trade.lots, self.now
        self.feed.trade(market, trade)
        self.feed.ticker(market)

    def _await_value(self) -> None:
        value = next(self._values, None)
        if value is not None:
            self.at(value.ts, lambda: self._tell_value(value))

    def _tell_value(self, value: IndexValue) -> None:
        self.feed.valued(value)
        self._await_value()

    def volume_24h(self, market: VenueMarket) -> int:
        """Lots of the last 24 hours, by the minute."""
        since = (self.now // _MINUTE - _DAY_MINUTES + 1) * _MINUTE
        own = sum(trade.lots for trade in market.own_trades if trade.ts >= since)
        return self.history.volume(market.number, since, self.now) + own

    def flush(self, market: VenueMarket) -> None:
        """Publish what changed in a book."""
        changes = market.book.changes
        if changes:
            market.updated = self.now
            self.feed.changed(market, changes)
            changes.clear()
            self.feed.ticker(market)

    def matching(self, market: VenueMarket) -> bool:
        """Whether orders in this market may trade now."""
        return market.status == "active" and self.trading and self.exchange_active

    # Orders of the client

    def booked(self, market: VenueMarket, hits: Iterable[Hit]) -> list[VenueFill]:
        """Book executions into the account and tell the owner."""
        fills = []
        for hit in hits:
            order = hit.order
            fee = self.account.fill(order, hit.price, hit.lots, hit.taker, market.charges, self.now)
            held = self.account.position(market.ticker).lots
            fill = VenueFill(self.new_id(), order, hit.price, hit.lots, hit.taker, fee, self.now, held)
            order.updated = self.now
            if order.open:
                order.reason = "Trade"
                order.status = order.status if order.remaining else EXECUTED
            fills.append(fill)
        if fills:
            self.rehold(market, *(fill.order for fill in fills))
            for fill in fills:
                self.portfolio.put_fill(fill)
                self.feed.filled(market, fill)
                if not fill.taker:  # of one that trades at once its owner hears when it is done
                    self.tell(fill.order)
                self.on_fill(fill)
            self._tell_position(market)
        return fills

    def rehold(self, market: VenueMarket, *changed: VenueOrder) -> None:
        """Set what the open orders of a market hold back, after some of them have changed."""
        self.account.hold(market.ticker, changed, market.charges, self.now)

    def cancel(self, market: VenueMarket, order: VenueOrder, reason: str = "") -> int:
        """End an open order and return the lots it still had."""
        left = order.remaining
        market.book.remove(order)
        order.remaining = 0
        order.status, order.reason, order.updated = CANCELED, reason, self.now
        self.rehold(market, order)
        self.flush(market)
        self.tell(order)
        return left

    def tell(self, order: VenueOrder) -> None:
        """Let the owner know how an order stands."""
        self.portfolio.put_order(order)
        self.feed.ordered(order)

    def _tell_position(self, market: VenueMarket) -> None:
        held = self.account.positions.get(market.ticker)
        if held is not None:
            self.portfolio.put_position(market.ticker, held)
            self.feed.positioned(market, held)

    def cancel_market(self, market: VenueMarket, reason: str) -> None:
        """Cancel every order of the client in one market."""
        for order in list(market.book.own()):
            self.cancel(market, order, reason)

    # The life of a market

    def _plan(self, market: VenueMarket) -> None:
        listing = market.listing
        if market.number not in self.history.has_book:
            market.seen = market.book.known = True
        if listing.created_ts is not None and listing.created_ts > self.now:
            self.at(listing.created_ts, lambda: self._announce(market))
        known = [close for since, close in listing.closes if since <= self.now]
        market.listed_close = next(iter(known[-1:] or [close for _, close in listing.closes]), market.close_ts)
        for since, close in listing.closes:
            if self.now < since < market.close_ts:
                self.at(since, lambda close=close: self._tell_close(market, close))
        if listing.open_ts <= self.now:
            standing = [status for ts, status in listing.phases if ts <= self.now]
            market.status = standing[-1] if standing else "active"
        else:
            self.at(listing.open_ts, lambda: self._open(market))
        self.at(market.close_ts, lambda: self.close(market))
        for ts, status in listing.phases:
            if ts > self.now:
                self.at(ts, lambda on=status == "active": self.activate(market) if on else self.deactivate(market))
        if listing.determined_ts is not None and listing.settled_ts is not None:
            self.at(listing.determined_ts, lambda: self._determine(market))
            self.at(listing.settled_ts, lambda: self._settle(market))
            self.horizon = max(self.horizon, listing.settled_ts)
        self.horizon = max(self.horizon, market.close_ts + CLOSE_CANCEL_NS)

    def _announce(self, market: VenueMarket) -> None:
        listing = market.listing
        about = {
            "title": listing.title, "name": listing.title, "event_ticker": listing.event,
            "expected_expiration_ts": listing.expiration_ts // NS_PER_SECOND, "can_close_early": True,
            "strike_type": listing.strike_type, "floor_strike": listing.floor, "cap_strike": listing.cap,
        }  # fmt: skip
        message = {"market_ticker": listing.ticker, "event_type": "created"}
        times = {"open_ts": listing.open_ts // NS_PER_SECOND, "close_ts": market.listed_close // NS_PER_SECOND}
        known = {name: value for name, value in about.items() if value is not None}
        self.feed.lifecycle({**message, **times, "additional_metadata": known})

    def _open(self, market: VenueMarket) -> None:
        if market.status == "initialized":
            market.status = "active"

    def deactivate(self, market: VenueMarket) -> None:
        """Pause one market; its orders stay until it comes back."""
        if market.status == "active":
            market.status = "inactive"
            self.feed.lifecycle({"market_ticker": market.ticker, "event_type": "deactivated", "is_deactivated": True})

    def activate(self, market: VenueMarket) -> None:
        """End the pause of one market, which cancels all its orders."""
        if market.status == "inactive":
            self.cancel_market(market, "HaltCancel")
            market.status = "active"
            self.feed.lifecycle({"market_ticker": market.ticker, "event_type": "activated", "is_deactivated": False})

    def close(self, market: VenueMarket, early: bool = False) -> None:
        """Stop trading; orders go shortly after. A close that is not the listed one is announced."""
        if market.status in _CLOSED or (not early and self.now < market.close_ts):
            return
        market.status = "closed"
        if early:
            market.close_ts = self.now
        self._tell_close(market, market.close_ts)
        self.at(self.now + CLOSE_CANCEL_NS, lambda: self._empty(market))

    def _tell_close(self, market: VenueMarket, close: int) -> None:
        if market.listed_close != close:
            market.listed_close = close
            message = {"market_ticker": market.ticker, "event_type": "close_date_updated"}
            self.feed.lifecycle({**message, "close_ts": close // NS_PER_SECOND})

    def _empty(self, market: VenueMarket) -> None:
        self.cancel_market(market, "CloseCancel")
        market.book.clear()
        self.flush(market)

    def _determine(self, market: VenueMarket) -> None:
        self.close(market)
        market.status = "determined"
        listing = market.listing
        message: dict[str, Any] = {"market_ticker": market.ticker, "event_type": "determined", "result": listing.result}
        message["settlement_value"] = wire.price(listing.settlement or 0)
        self.feed.lifecycle({**message, "determination_ts": self.now // NS_PER_SECOND})

    def _settle(self, market: VenueMarket) -> None:
        self._empty(market)
        market.status, market.settled_ts = "finalized", self.now
        listing = market.listing
        grid = market.charges.grid(self.now)
        self.account.settle(
            market.ticker, listing.event, listing.result or "scalar", listing.settlement or 0, grid, self.now
        )
        self._tell_position(market)
        message = {"market_ticker": market.ticker, "event_type": "settled"}
        self.feed.lifecycle({**message, "settled_ts": self.now // NS_PER_SECOND})

    # Pauses of the whole exchange

    def pause(self, exchange: bool = False) -> None:
        """Stop trading everywhere; ``exchange`` also stops cancels. Orders that asked for it are cancelled."""
        self.trading = False
        self.exchange_active = not exchange
        for market in self.listed:
            for order in [order for order in market.book.own() if order.cancel_on_pause]:
                self.cancel(market, order)

    def resume(self) -> None:
        """Go on after a pause."""
        self.trading = self.exchange_active = True

    def _weekly(self, end: int) -> None:
        self.pause()
        self.at(end, self.resume)
        start, following = next_pause(end)
        self.at(start, lambda: self._weekly(following))
