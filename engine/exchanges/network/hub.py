"""Carries what happens on the venue to the subscriptions that asked for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ....io.ground.units import NS_PER_SECOND, TICKS_PER_DOLLAR
from ....io.store.schema import Side
from .. import wire
from ..answers import views
from ..answers.legacy import with_legacy
from ..faults import Dice
from ..market.account import Position
from ..market.indices import IndexValue
from ..market.matching import Change
from ..market.order import VenueFill, VenueOrder
from ..market.venue import TradingVenue, VenueMarket, VenueTrade
from .stream import CHANNELS, FAST_INDEX, INDEX, PYTH, VALUES, Session, Subscription, numbered

#: Frames that may wait for a client before the replay waits (speed max) or the subscription ends with code 25.
BACKLOG = 20_000
_log = logging.getLogger(__name__)
_encode = msgspec.json.encode


class Hub:
    """Who listens to what, and what they hear; the venue's feed."""

    def __init__(self, dice: Dice, *, patient: bool, legacy: bool = False) -> None:
        self._shaped: Callable[[Any], Any] = with_legacy if legacy else lambda message: message
        self.dice = dice
        self.patient = patient  #: the replay waits for slow clients instead of cutting them off
        self.venue: TradingVenue
        self.sessions: set[Session] = set()
        self.catch_up: Callable[[], None] = lambda: None
        self.ready = asyncio.Event()
        self._tickers: dict[str, str] = {}
        self._pyth: dict[str, float] = {}
        self._by_ticker: dict[tuple[str, str], list[Subscription]] = {}
        self._everything: dict[str, list[Subscription]] = {channel: [] for channel in CHANNELS}

    # Who listens

    def by_id(self, market_id: str) -> str | None:
        """The ticker of a market by its id."""
        if not self._tickers:
            self._tickers = {views.market_id(ticker): ticker for ticker in self.venue.markets}
        return self._tickers.get(market_id)

    def indices(self) -> list[str]:
        """The indices whose values are told."""
        return self.venue.history.indices.names

    def join(self, sub: Subscription, tickers: Iterable[str], initial: bool = False) -> None:
        """Add markets (or everything) to a subscription and send the books they start from."""
        tickers = list(tickers)
        if not tickers and not sub.everything:
            self.part(sub, list(sub.tickers))
            sub.everything = True
            self._everything[sub.channel].append(sub)
        self.follow(sub, () if sub.everything else tickers)
        if sub.channel == "orderbook_delta":
            self.snapshots(sub, tickers, None)
        if sub.channel == "ticker" and initial:
            for ticker in tickers:
                if ticker in self.venue.markets:
                    sub.session.push(sub, "ticker", _encode(views.ticker(self.venue.markets[ticker], self.venue.now)))

    def follow(self, sub: Subscription, names: Iterable[str]) -> None:
        """Add markets, or indices, to a subscription."""
        for name in names:
            if name not in sub.tickers:
                sub.tickers[name] = None
                self._by_ticker.setdefault((sub.channel, name), []).append(sub)
        self.ready.set()

    def part(self, sub: Subscription, tickers: Iterable[str]) -> None:
        """Take markets, or indices, out of a subscription."""
        for ticker in tickers:
            if ticker in sub.tickers:
                del sub.tickers[ticker]
                sub.waiting.discard(ticker)
                self._by_ticker[sub.channel, ticker].remove(sub)

    def drop(self, sub: Subscription) -> None:
        """End a subscription."""
        self.part(sub, list(sub.tickers))
        if sub.everything:
            self._everything[sub.channel].remove(sub)
        sub.session.subscriptions.pop(sub.sid, None)

    def leave(self, session: Session) -> None:
        """Forget a connection."""
        for sub in list(session.subscriptions.values()):
            self.drop(sub)
        self.sessions.discard(session)
        session.outbox.clear()
        self.ready.set()

    @property
    def listening(self) -> bool:
        """Whether anybody subscribed to books, trades or reference values."""
        subscribed = {sub.channel for session in self.sessions for sub in session.subscriptions.values()}
        return not subscribed.isdisjoint(("orderbook_delta", "trade", *VALUES))

    @property
    def full(self) -> bool:
        """Whether some client has too much waiting."""
        return any(len(session.outbox) > BACKLOG for session in self.sessions)

    def drained(self) -> None:
        """A client has received all that waited."""
        self.ready.set()

    def cut_all(self) -> None:
        """Cut every connection."""
        for session in list(self.sessions):
            session.abort()

    def _send(self, channel: str, ticker: str, kind: str, message: Callable[[], Any]) -> None:
        subs = [*self._by_ticker.get((channel, ticker), ()), *self._everything[channel]]
        if not subs:
            return
        try:
            body = _encode(self._shaped(message()))
        except Exception:
            _log.exception("a message of %s failed", channel)
            return
        for sub in subs:
            self._push(sub, kind, body)

    def _push(self, sub: Subscription, kind: str, body: bytes) -> None:
        if not self.patient and len(sub.session.outbox) > BACKLOG:
            sub.session.fail(sub, 25, "subscription buffer overflow")
        else:
            sub.session.push(sub, kind, body)

    # What happens (the venue's feed)

    def changed(self, market: VenueMarket, changes: list[Change]) -> None:
        """Levels moved."""
        subs = self._by_ticker.get(("orderbook_delta", market.ticker))
        if not subs:
            return
        stamped = {"ts": wire.stamp(self.venue.now), "ts_ms": self.venue.now // wire.NS_PER_MS}
        head = {"market_ticker": market.ticker, "market_id": views.market_id(market.ticker)}
        for change in changes:
            owner = {"client_order_id": change.order.client_id, "subaccount": 0} if change.order else {}
            bodies: dict[bool, bytes] = {}
            for sub in list(subs):
                if market.ticker in sub.waiting:
                    continue
                if sub.yes_price not in bodies:
                    level = {
                        "price_dollars": _level_price(change.side, change.price, sub.yes_price),
                        "delta_fp": wire.count(change.lots),
                        "side": "yes" if change.side is Side.BID else "no",
                    }
                    bodies[sub.yes_price] = _encode(self._shaped({**head, **level, **owner, **stamped}))
                self._push(sub, "orderbook_delta", bodies[sub.yes_price])

    def snapshot(self, market: VenueMarket) -> None:
        """A whole book is known again."""
        for sub in list(self._by_ticker.get(("orderbook_delta", market.ticker), ())):
            sub.waiting.discard(market.ticker)
            self._push(sub, "orderbook_snapshot", self._book(market, sub.yes_price))

    def snapshots(self, sub: Subscription, tickers: Iterable[str], number: int | None) -> None:
        """Send the books of some markets; of an open one that is not known yet, as soon as it is."""
        for ticker in tickers:
            market = self.venue.markets.get(ticker)
            if market is None:
                message = {"code": 16, "msg": "market not found", "market_ticker": ticker}
                error = {"type": "error", **numbered(number), "sid": sub.sid, "seq": sub.next_seq(), "msg": message}
                sub.session.put(_encode(error))
                self.part(sub, [ticker])
            elif number is None and not market.seen and market.status in ("active", "inactive"):
                sub.waiting.add(ticker)
            elif number is None:
                sub.session.push(sub, "orderbook_snapshot", self._book(market, sub.yes_price))
            else:
                sub.waiting.discard(ticker)
                head = b'{"type":"orderbook_snapshot","id":%d,"sid":%d,"seq":%d,"msg":'
                sub.session.put(head % (number, sub.sid, sub.next_seq()) + self._book(market, sub.yes_price) + b"}")

    def _book(self, market: VenueMarket, yes_price: bool) -> bytes:
        message: dict[str, Any] = {"market_ticker": market.ticker, "market_id": views.market_id(market.ticker)}
        message["ts_ms"] = self.venue.now // wire.NS_PER_MS  # of the replay, which no clock of the client's knows
        for side, name in ((Side.BID, "yes_dollars_fp"), (Side.ASK, "no_dollars_fp")):
            levels = [[_level_price(side, p, yes_price), wire.count(n)] for p, n in market.book.shown(side).items()]
            if levels or not self.dice.stream(self.dice.faults.missing_side, "missing-side", "orderbook_delta"):
                message[name] = sorted(levels)
        return _encode(self._shaped(message))

    def trade(self, market: VenueMarket, trade: VenueTrade) -> None:
        """A public trade."""

        def message() -> dict[str, Any]:
            shown = {"trade_id": trade.id, "market_ticker": trade.ticker, **views.pair(trade.price)}
            times = {"ts": trade.ts // NS_PER_SECOND, "ts_ms": trade.ts // wire.NS_PER_MS}
            size = {"count_fp": wire.count(trade.lots), "is_block_trade": trade.block}
            return {**shown, **size, **views.taker(trade.taker), **times}

        self._send("trade", market.ticker, "trade", message)

    def ticker(self, market: VenueMarket) -> None:
        """The top of a market may have moved."""
        self._send("ticker", market.ticker, "ticker", lambda: views.ticker(market, self.venue.now))

    def filled(self, market: VenueMarket, fill: VenueFill) -> None:
        """One of the client's orders traded."""
        self._send("fill", market.ticker, "fill", lambda: views.fill_message(fill))

    def ordered(self, order: VenueOrder) -> None:
        """One of the client's orders changed."""
        self._send("user_orders", order.ticker, "user_order", lambda: views.user_order(order))

    def positioned(self, market: VenueMarket, held: Position) -> None:
        """The client's position changed."""
        message = views.position_message
        self._send("market_positions", market.ticker, "market_position", lambda: message(market.ticker, held))

    def lifecycle(self, message: dict[str, Any]) -> None:
        """A market entered another part of its life."""
        stamped = {"ts_ms": self.venue.now // wire.NS_PER_MS}  # as snapshots have it
        self._send("market_lifecycle_v2", "", "market_lifecycle_v2", lambda: {**message, **stamped})

    def grouped(self, message: dict[str, Any]) -> None:
        """An order group changed."""
        self._send("order_group_updates", "", "order_group_updates", lambda: message)

    def valued(self, value: IndexValue) -> None:
        """An index has a new value."""
        if value.is_first:
            self._send(INDEX, value.name, INDEX, lambda: views.index_value(value))
        self._send(FAST_INDEX, value.name, FAST_INDEX, lambda: views.fast_index_value(value))
        if self._pyth.get(value.name) != value.value:  # the same again is left out
            self._pyth[value.name] = value.value
            self._send(PYTH, value.name, PYTH, lambda: views.pyth_value(value))


def _level_price(side: Side, ticks: int, yes_price: bool) -> str:
    return wire.price(ticks if side is Side.BID or yes_price else TICKS_PER_DOLLAR - ticks)
