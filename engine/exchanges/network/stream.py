"""One connection of the stream: its subscriptions, their sequence numbers, commands, and the faults asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from .. import wire
from ..faults import Dice
from .websocket import ServerSocket

#: The channels of reference values, which are of no market: slow, fast, and of other underlyings than indices.
INDEX, FAST_INDEX, PYTH = "cfbenchmarks_value", "cfbenchmarks_value_5hz", "pyth_value"
_BY_INDEX = ("index_ids", "indexlist", "subscribe_indices", "unsubscribe_indices", 24, "index ids required")
#: Channel of reference values -> what names them, the actions that list, add and take away, and the refusal of none.
VALUES = {
    INDEX: _BY_INDEX, FAST_INDEX: _BY_INDEX,
    PYTH: (
        "underlying_tickers", "underlying_list", "subscribe_underlyings", "unsubscribe_underlyings", 28,
        "underlying tickers required",
    ),
}  # fmt: skip
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
    INDEX: (False, True),
    FAST_INDEX: (False, True),
    PYTH: (False, True),
}
#: Channels that tell everything, whatever markets a subscription names.
UNFILTERED = ("market_lifecycle_v2", "order_group_updates")
PING_SECONDS = 10
#: Messages written to the socket at once.
_BATCH = 256
_encode = msgspec.json.encode


class Subscription:
    """One channel on one connection: of some markets, or of everything once it was asked for without any."""

    __slots__ = ("channel", "everything", "numbered", "seq", "session", "sid", "tickers", "waiting", "yes_price")

    def __init__(self, session: Session, sid: int, channel: str, yes_price: bool) -> None:
        self.session = session
        self.sid = sid
        self.channel = channel
        self.yes_price = yes_price
        self.numbered = CHANNELS[channel][1]
        self.seq = 0
        self.tickers: dict[str, None] = {}  #: the markets, or the indices, in the order they came
        self.everything = False
        self.waiting: set[str] = set()  #: markets whose snapshot could not be given yet

    def next_seq(self) -> int:
        """Use up a sequence number."""
        self.seq += 1
        return self.seq


class Switchboard(Protocol):
    """What a session asks of the hub."""

    dice: Dice
    catch_up: Callable[[], None]

    def by_id(self, market_id: str) -> str | None:
        """The ticker of a market by its id."""

    def indices(self) -> list[str]:
        """The indices whose values are told."""
        ...

    def join(self, sub: Subscription, tickers: Iterable[str], initial: bool = False) -> None:
        """Add markets, or everything, and send the books they start from."""

    def follow(self, sub: Subscription, names: Iterable[str]) -> None:
        """Add indices."""

    def part(self, sub: Subscription, tickers: Iterable[str]) -> None:
        """Take markets or indices out."""

    def snapshots(self, sub: Subscription, tickers: Iterable[str], number: int | None) -> None:
        """Send books."""

    def drop(self, sub: Subscription) -> None:
        """End a subscription."""

    def leave(self, session: Session) -> None:
        """Forget a connection."""

    def drained(self) -> None:
        """A client has received all that waited."""


class Session:
    """One connection: what it subscribed to and the frames that wait to be sent."""

    def __init__(self, hub: Switchboard, socket: ServerSocket) -> None:
        self.hub = hub
        self.socket = socket
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
        self.socket.abort()

    async def run(self) -> None:
        """Send what waits and answer commands until the client goes."""
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._ping())]
        try:
            async for raw in self.socket.messages():
                self.hub.catch_up()
                self._command(raw)
        except ConnectionError:
            pass
        finally:
            self.hub.leave(self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self) -> None:
        with contextlib.suppress(ConnectionError):
            while not self.cut:
                while self.outbox and self.socket.open:
                    await self.socket.send([self.outbox.popleft() for _ in range(min(len(self.outbox), _BATCH))])
                self.hub.drained()
                self._wake.clear()
                await self._wake.wait()

    async def _ping(self) -> None:
        with contextlib.suppress(ConnectionError):
            while self.socket.open:
                await self.socket.ping(b"heartbeat")
                await asyncio.sleep(PING_SECONDS)
                if not self.socket.answered:
                    self.abort()

    # Commands

    def _command(self, raw: bytes) -> None:
        try:
            document = wire.parse(raw)
        except ValueError:
            return self._error(None, 1, "cannot process message")
        if not isinstance(document, dict):
            return self._error(None, 1, "cannot process message")
        number = document.get("id") if isinstance(document.get("id"), int) and document["id"] else None
        command, params = document.get("cmd"), document.get("params")
        if command == "list_subscriptions":
            listed = [{"channel": sub.channel, "sid": sub.sid} for sub in self.subscriptions.values()]
            return self.put(_encode({"type": "ok", **numbered(number), "msg": listed}))
        if command not in ("subscribe", "unsubscribe", "update_subscription"):
            return self._error(number, 5, "unknown command")
        if not isinstance(params, dict):
            return self._error(number, 2, "params required")
        return getattr(self, f"_{command}")(number, params)

    def _subscribe(self, number: int | None, params: dict[str, Any]) -> None:
        channels = params.get("channels")
        if not isinstance(channels, list) or not channels:
            return self._error(number, 3, "channels required")
        tickers = self._tickers(number, params)
        if tickers is None:
            return None
        for channel in channels:
            if not isinstance(channel, str) or channel not in CHANNELS:
                self._error(number, 8, "unknown channel")
            elif channel in VALUES:
                if (named := self._values(number, channel, params)) is not None:
                    self.hub.follow(self._open(number, channel, False), named)
            elif CHANNELS[channel][0] and not tickers:
                self._error(number, 14, "market ticker required")
            else:
                self._join(number, channel, tickers, params)
        return None

    def _join(self, number: int | None, channel: str, tickers: list[str], params: dict[str, Any]) -> None:
        sub = self._open(number, channel, bool(params.get("use_yes_price")))
        markets = [] if channel in UNFILTERED else tickers
        self.hub.join(sub, markets, initial=bool(params.get("send_initial_snapshot")))

    def _open(self, number: int | None, channel: str, yes_price: bool) -> Subscription:
        """The subscription of a channel, made at first use, and the word of it."""
        sub = next((s for s in self.subscriptions.values() if (s.channel, s.yes_price) == (channel, yes_price)), None)
        if sub is None:
            self._sids += 1
            sub = Subscription(self, self._sids, channel, yes_price)
            self.subscriptions[sub.sid] = sub
        message = {"type": "subscribed", **numbered(number), "msg": {"channel": channel, "sid": sub.sid}}
        self.put(_encode(message))
        return sub

    def _unsubscribe(self, number: int | None, params: dict[str, Any]) -> None:
        sids = _sids(params)
        if not sids:
            return self._error(number, 4, "sids required")
        for sid in sids:
            sub = self.subscriptions.get(sid)
            if sub is None:
                self._error(number, 7, "unknown sid")
                continue
            self.put(_encode({"type": "unsubscribed", **numbered(number), "sid": sid, "seq": sub.next_seq()}))
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
        if sub.channel in VALUES:
            return self._update_values(number, sub, action, params)
        tickers = self._tickers(number, params)
        if tickers is None:
            return None
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
        self._answer(number, sub, "ok", message)
        if action == "add_markets":
            return self.hub.join(sub, [ticker for ticker in tickers if ticker not in sub.tickers])
        return self.hub.part(sub, tickers)

    def _update_values(self, number: int | None, sub: Subscription, action: str, params: dict[str, Any]) -> None:
        key, lists, adds, takes, code, refusal = VALUES[sub.channel]
        if action == lists:
            return self._answer(number, sub, f"{sub.channel}_indexlist", {key: self.hub.indices()})
        if action not in (adds, takes):
            return self._error(number, 13, "unsupported action")
        named = self._values(number, sub.channel, params)
        if named is None:
            return None
        if not named:
            return self._error(number, code, refusal)
        (self.hub.follow if action == adds else self.hub.part)(sub, named)
        return self._answer(number, sub, "ok", {key: list(sub.tickers)})

    def _answer(self, number: int | None, sub: Subscription, kind: str, message: dict[str, Any]) -> None:
        """Answer a command on its subscription, which uses up a sequence number."""
        self.put(_encode({"type": kind, **numbered(number), "sid": sub.sid, "seq": sub.next_seq(), "msg": message}))

    def _values(self, number: int | None, channel: str, params: dict[str, Any]) -> list[str] | None:
        """Read what a command names, ``all`` being all there is; what is not there is an error."""
        known, named = self.hub.indices(), list(dict.fromkeys(_strings(params, VALUES[channel][0].removesuffix("s"))))
        unknown = [each for each in named if each not in (*known, "all")]
        if unknown:
            what, has = "index" if channel != PYTH else "underlying", ", ".join(known) or "none"
            return self._error(number, 11, f"invalid parameter: no {what} {unknown[0]} in this recording; it has {has}")
        return known if "all" in named else named

    def _tickers(self, number: int | None, params: dict[str, Any]) -> list[str] | None:
        """Read the markets that a command names, by ticker or by id; an id that nothing has is an error."""
        named = _strings(params, "market_ticker")
        for each in _strings(params, "market_id"):
            ticker = self.hub.by_id(each)
            if ticker is None:
                return self._error(number, 16, f"market not found: {each}")
            named.append(ticker)
        return list(dict.fromkeys(named))

    def _error(self, number: int | None, code: int, message: str) -> None:
        self.put(_encode({"type": "error", **numbered(number), "msg": {"code": code, "msg": message}}))


def numbered(number: int | None) -> dict[str, int]:
    """The id of an answer to a command, if it had one."""
    return {} if number is None else {"id": number}


def _sids(params: dict[str, Any]) -> list[int]:
    one, many = params.get("sid"), params.get("sids")
    return [sid for sid in [*(many if isinstance(many, list) else []), one] if isinstance(sid, int)]


def _strings(params: dict[str, Any], name: str) -> list[str]:
    one, many = params.get(name), params.get(f"{name}s")
    return [each for each in [*(many if isinstance(many, list) else []), one] if isinstance(each, str) and each]
