"""The stream: subscriptions, sequence numbers and messages over WebSocket, with the faults asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from ...io.schema import Side
from ...io.units import NS_PER_SECOND, TICKS_PER_DOLLAR
from . import views, wire
from .account import Position
from .faults import Dice
from .matching import Change
from .order import Fill, Order
from .venue import Market, Trade, Venue

#: Channel -> (needs markets, numbers its messages).
CHANNELS = {
    "orderbook_delta": (True, True),
    "trade": (False, True),
    "ticker": (False, False),
    "fill": (False, False),
    "user_orders": (False, False),
    "market_positions": (False, False),
    "market_lifecycle_v2": (False, True),
    "order_group_updates": (False, True),
}
#: Frames that may wait for a client before the replay waits (speed max) or the subscription ends with code 25.
BACKLOG = 20_000
PING_SECONDS = 10
_encode = msgspec.json.encode


class Subscription:
    """One channel on one connection; an empty ``tickers`` of a channel that needs none means all markets."""

    __slots__ = ("channel", "numbered", "seq", "session", "sid", "tickers", "waiting", "yes_price")

    def __init__(self, session: Session, sid: int, channel: str, yes_price: bool) -> None:
        self.session = session
        self.sid = sid
        self.channel = channel
        self.yes_price = yes_price
        self.numbered = CHANNELS[channel][1]
        self.seq = 0
        self.tickers: dict[str, None] = {}
        self.waiting: set[str] = set()  #: markets whose snapshot could not be given yet

    def next_seq(self) -> int:
        """Use up a sequence number."""
        self.seq += 1
        return self.seq


class Session:
    """One connection: what it subscribed to and the frames that wait to be sent."""

    def __init__(self, hub: Hub, connection: ServerConnection) -> None:
        self.hub = hub
        self.connection = connection
        self.subscriptions: dict[int, Subscription] = {}
        self.outbox: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._sids = 0
        self.cut = False

    def put(self, frame: bytes) -> None:
        """Queue a frame."""
        self.outbox.append(frame)
        self._wake.set()

    def push(self, sub: Subscription, kind: str, body: bytes) -> None:
        """Queue a message of a subscription, unless a fault gets in its way."""
        if self.cut:
            return
        dice = self.hub.dice
        times = 1
        if dice.any_stream:
            faults = dice.faults
            if faults.disconnect < 1 and dice.stream(faults.disconnect, "disconnect", sub.channel):
                self.abort()
                return
            if dice.stream(faults.overflow, "overflow", sub.channel):
                self.fail(sub, 25, "subscription buffer overflow")
                return
            if sub.numbered and dice.stream(faults.gap, "gap", sub.channel):
                sub.next_seq()
            dropped = dice.stream(faults.drop, "drop", sub.channel)
            times = 0 if dropped else 2 if dice.stream(faults.dup, "dup", sub.channel) else 1
        if sub.numbered:
            head = b'{"type":"%s","sid":%d,"seq":%d,"msg":' % (kind.encode(), sub.sid, sub.next_seq())
        else:
            head = b'{"type":"%s","sid":%d,"msg":' % (kind.encode(), sub.sid)
        for _ in range(times):
            self.put(head + body + b"}")

    def fail(self, sub: Subscription, code: int, message: str) -> None:
        """End a subscription with an error frame."""
        self.put(
            _encode({"type": "error", "sid": sub.sid, "seq": sub.next_seq(), "msg": {"code": code, "msg": message}})
        )
        self.hub.drop(sub)

    def abort(self) -> None:
        """Cut the connection; what waits is lost."""
        self.cut = True
        self.outbox.clear()
        self._wake.set()
        self.hub.leave(self)
        self.connection.transport.abort()

    async def run(self) -> None:
        """Send what waits and answer commands until the client goes."""
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._ping())]
        try:
            async for raw in self.connection:
                self.hub.catch_up()
                self._command(raw)
        except ConnectionClosed:
            pass
        finally:
            self.hub.leave(self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while not self.cut:
                while self.outbox:
                    await self.connection.send(self.outbox.popleft(), text=True)
                self.hub.drained()
                self._wake.clear()
                await self._wake.wait()

    async def _ping(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(PING_SECONDS)
                pong = await self.connection.ping(b"heartbeat")
                try:
                    await asyncio.wait_for(pong, 2 * PING_SECONDS)
                except TimeoutError:
                    self.abort()
                    return

    # Commands

    def _command(self, raw: str | bytes) -> None:
        try:
            document = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            return self._error(None, 1, "cannot process message")
        if not isinstance(document, dict):
            return self._error(None, 1, "cannot process message")
        number = document.get("id") or None
        command, params = document.get("cmd"), document.get("params")
        if command == "list_subscriptions":
            listed = [{"channel": sub.channel, "sid": sub.sid} for sub in self.subscriptions.values()]
            return self.put(_encode({"type": "ok", **_numbered(number), "msg": listed}))
        if command not in ("subscribe", "unsubscribe", "update_subscription"):
            return self._error(number, 5, "unknown command")
        if not isinstance(params, dict):
            return self._error(number, 2, "params required")
        return getattr(self, f"_{command}")(number, params)

    def _subscribe(self, number: int | None, params: dict[str, Any]) -> None:
        channels = params.get("channels")
        if not isinstance(channels, list) or not channels:
            return self._error(number, 3, "channels required")
        tickers = _tickers(params)
        for channel in channels:
            if channel not in CHANNELS:
                self._error(number, 8, "unknown channel")
            elif CHANNELS[channel][0] and not tickers:
                self._error(number, 14, "market ticker required")
            else:
                self._join(number, channel, tickers, params)
        return None

    def _join(self, number: int | None, channel: str, tickers: list[str], params: dict[str, Any]) -> None:
        yes_price = bool(params.get("use_yes_price"))
        sub = next((s for s in self.subscriptions.values() if (s.channel, s.yes_price) == (channel, yes_price)), None)
        if sub is None:
            self._sids += 1
            sub = Subscription(self, self._sids, channel, yes_price)
            self.subscriptions[sub.sid] = sub
        message = {"type": "subscribed", **_numbered(number), "msg": {"channel": channel, "sid": sub.sid}}
        self.put(_encode(message))
        self.hub.join(sub, tickers, initial=bool(params.get("send_initial_snapshot")))

    def _unsubscribe(self, number: int | None, params: dict[str, Any]) -> None:
        sids = _sids(params)
        if not sids:
            return self._error(number, 4, "sids required")
        for sid in sids:
            sub = self.subscriptions.get(sid)
            if sub is None:
                self._error(number, 7, "unknown sid")
                continue
            self.put(_encode({"type": "unsubscribed", **_numbered(number), "sid": sid, "seq": sub.next_seq()}))
            self.hub.drop(sub)
        return None

    def _update_subscription(self, number: int | None, params: dict[str, Any]) -> None:
        sids, action = _sids(params), params.get("action")
        if len(sids) != 1:
            return self._error(number, 12, "exactly one sid needed")
        sub = self.subscriptions.get(sids[0])
        if sub is None:
            return self._error(number, 7, "unknown sid")
        if not action:
            return self._error(number, 15, "action required")
        tickers = _tickers(params)
        if action == "get_snapshot":
            if sub.channel != "orderbook_delta":
                return self._error(number, 13, "unsupported action")
            return self.hub.snapshots(sub, tickers or list(sub.tickers), number)
        if action not in ("add_markets", "delete_markets"):
            return self._error(number, 13, "unsupported action")
        if not tickers:
            return self._error(number, 14, "market ticker required")
        full = [*sub.tickers, *tickers] if action == "add_markets" else [t for t in sub.tickers if t not in tickers]
        message = {"market_tickers": list(dict.fromkeys(full))}
        self.put(_encode({"type": "ok", **_numbered(number), "sid": sub.sid, "seq": sub.next_seq(), "msg": message}))
        if action == "add_markets":
            return self.hub.join(sub, [ticker for ticker in tickers if ticker not in sub.tickers])
        return self.hub.part(sub, tickers)

    def _error(self, number: int | None, code: int, message: str) -> None:
        self.put(_encode({"type": "error", **_numbered(number), "msg": {"code": code, "msg": message}}))


class Hub:
    """Carries what happens on the venue to the subscriptions that asked for it."""

    def __init__(self, dice: Dice, *, patient: bool) -> None:
        self.dice = dice
        self.patient = patient  #: the replay waits for slow clients instead of cutting them off
        self.venue: Venue
        self.sessions: set[Session] = set()
        self.catch_up: Callable[[], None] = lambda: None
        self.ready = asyncio.Event()
        self._by_ticker: dict[tuple[str, str], list[Subscription]] = {}
        self._everything: dict[str, list[Subscription]] = {channel: [] for channel in CHANNELS}

    # Who listens

    def join(self, sub: Subscription, tickers: Iterable[str], initial: bool = False) -> None:
        """Add markets (or everything) to a subscription and send the books they start from."""
        tickers = list(tickers)
        for ticker in tickers:
            if ticker not in sub.tickers:
                sub.tickers[ticker] = None
                self._by_ticker.setdefault((sub.channel, ticker), []).append(sub)
        everything = self._everything[sub.channel]
        if not sub.tickers and sub not in everything:
            everything.append(sub)
        if sub.channel == "orderbook_delta":
            self.snapshots(sub, tickers, None)
        if sub.channel == "ticker" and initial:
            for ticker in tickers:
                if ticker in self.venue.markets:
                    sub.session.push(sub, "ticker", _encode(views.ticker(self.venue.markets[ticker], self.venue.now)))
        self.ready.set()

    def part(self, sub: Subscription, tickers: Iterable[str]) -> None:
        """Take markets out of a subscription."""
        for ticker in tickers:
            if ticker in sub.tickers:
                del sub.tickers[ticker]
                sub.waiting.discard(ticker)
                self._by_ticker[sub.channel, ticker].remove(sub)

    def drop(self, sub: Subscription) -> None:
        """End a subscription."""
        self.part(sub, list(sub.tickers))
        if sub in self._everything[sub.channel]:
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
        """Whether anybody subscribed to books or trades."""
        subscribed = {sub.channel for session in self.sessions for sub in session.subscriptions.values()}
        return not subscribed.isdisjoint(("orderbook_delta", "trade"))

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
        if subs:
            body = _encode(message())
            for sub in subs:
                self._push(sub, kind, body)

    def _push(self, sub: Subscription, kind: str, body: bytes) -> None:
        if not self.patient and len(sub.session.outbox) > BACKLOG:
            sub.session.fail(sub, 25, "subscription buffer overflow")
        else:
            sub.session.push(sub, kind, body)

    # What happens (the venue's feed)

    def changed(self, market: Market, changes: list[Change]) -> None:
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
                    bodies[sub.yes_price] = _encode({**head, **level, **owner, **stamped})
                self._push(sub, "orderbook_delta", bodies[sub.yes_price])

    def snapshot(self, market: Market) -> None:
        """A whole book is known again."""
        for sub in list(self._by_ticker.get(("orderbook_delta", market.ticker), ())):
            sub.waiting.discard(market.ticker)
            self._push(sub, "orderbook_snapshot", self._book(market, sub.yes_price))

    def snapshots(self, sub: Subscription, tickers: Iterable[str], number: int | None) -> None:
        """Send the books of some markets; one not known yet follows when it is."""
        for ticker in tickers:
            market = self.venue.markets.get(ticker)
            if market is None:
                message = {"code": 16, "msg": "market not found", "market_ticker": ticker}
                error = {"type": "error", **_numbered(number), "sid": sub.sid, "seq": sub.next_seq(), "msg": message}
                sub.session.put(_encode(error))
                self.part(sub, [ticker])
            elif number is None and not market.seen:
                sub.waiting.add(ticker)
            elif number is None:
                sub.session.push(sub, "orderbook_snapshot", self._book(market, sub.yes_price))
            else:
                sub.waiting.discard(ticker)
                head = b'{"type":"orderbook_snapshot","id":%d,"sid":%d,"seq":%d,"msg":'
                sub.session.put(head % (number, sub.sid, sub.next_seq()) + self._book(market, sub.yes_price) + b"}")

    def _book(self, market: Market, yes_price: bool) -> bytes:
        message: dict[str, Any] = {"market_ticker": market.ticker, "market_id": views.market_id(market.ticker)}
        for side, name in ((Side.BID, "yes_dollars_fp"), (Side.ASK, "no_dollars_fp")):
            levels = [[_level_price(side, p, yes_price), wire.count(n)] for p, n in market.book.shown(side).items()]
            if levels or not self.dice.stream(self.dice.faults.missing_side, "missing-side", "orderbook_delta"):
                message[name] = sorted(levels)
        return _encode(message)

    def trade(self, market: Market, trade: Trade) -> None:
        """A public trade."""

        def message() -> dict[str, Any]:
            shown = {"trade_id": trade.id, "market_ticker": trade.ticker, **views.pair(trade.price)}
            times = {"ts": trade.ts // NS_PER_SECOND, "ts_ms": trade.ts // wire.NS_PER_MS}
            size = {"count_fp": wire.count(trade.lots), "is_block_trade": trade.block}
            return {**shown, **size, **views.taker(trade.taker), **times}

        self._send("trade", market.ticker, "trade", message)

    def ticker(self, market: Market) -> None:
        """The top of a market may have moved."""
        self._send("ticker", market.ticker, "ticker", lambda: views.ticker(market, self.venue.now))

    def filled(self, market: Market, fill: Fill) -> None:
        """One of the client's orders traded."""
        self._send("fill", market.ticker, "fill", lambda: views.fill_message(fill))

    def ordered(self, order: Order) -> None:
        """One of the client's orders changed."""
        self._send("user_orders", order.ticker, "user_order", lambda: views.user_order(order))

    def positioned(self, market: Market, held: Position) -> None:
        """The client's position changed."""
        message = views.position_message
        self._send("market_positions", market.ticker, "market_position", lambda: message(market.ticker, held))

    def lifecycle(self, message: dict[str, Any]) -> None:
        """A market entered another part of its life."""
        self._send("market_lifecycle_v2", "", "market_lifecycle_v2", lambda: message)

    def grouped(self, message: dict[str, Any]) -> None:
        """An order group changed."""
        self._send("order_group_updates", "", "order_group_updates", lambda: message)


def _level_price(side: Side, ticks: int, yes_price: bool) -> str:
    return wire.price(ticks if side is Side.BID or yes_price else TICKS_PER_DOLLAR - ticks)


def _numbered(number: int | None) -> dict[str, int]:
    return {} if number is None else {"id": number}


def _tickers(params: dict[str, Any]) -> list[str]:
    one, many = params.get("market_ticker"), params.get("market_tickers")
    listed = [*(many if isinstance(many, list) else []), *([one] if one else [])]
    return list(dict.fromkeys(ticker for ticker in listed if isinstance(ticker, str)))


def _sids(params: dict[str, Any]) -> list[int]:
    one, many = params.get("sid"), params.get("sids")
    return [sid for sid in [*(many if isinstance(many, list) else []), one] if isinstance(sid, int)]
