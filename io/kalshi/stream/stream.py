"""A stream that keeps itself going: subscribes, notices what it missed, resynchronises, reconnects, and says so."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from ..rest.errors import AuthError, NetworkError, StreamError
from ..rest.settings import Settings
from .books import BookGap, StreamBooks
from .frames import FAST, PYTH, ErrorFrame, Frame, Ok, Snapshot, Subscribed, Unsubscribed, decode_frame
from .socket import StreamSocket

log = logging.getLogger(__name__)

BOOK, TRADES, LIFECYCLE = "orderbook_delta", "trade", "market_lifecycle_v2"
FILLS, ORDERS = "fill", "user_orders"  #: of this account
GROUPS = "order_group_updates"  #: of this account, too; like the life of markets it tells everything
#: Reference values, which are of no market: of indices, of five of them up to five times a second, and of all else.
INDEX, FAST_INDEX, PYTH_VALUES = "cfbenchmarks_value", "cfbenchmarks_value_5hz", "pyth_value"

_CHUNK = 1000  # tickers in one command
_COMMAND_SECONDS = 10.0  # a command without an answer is sent again
_SNAPSHOT_SECONDS = 5.0  # a snapshot that did not come is asked for again
_SNAPSHOT_TRIES = 4  # then the connection is given up
_SILENCE_SECONDS = 15.0  # the server pings every 10: then we ping, and after twice this time we reconnect
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_SUBSCRIPTION_ENDED = {10, 25}
_HOPELESS = {2, 3, 8, 9, 11, 13, 26}
_INDICES = ("index_ids", "subscribe_indices", "unsubscribe_indices")
#: Channel of reference values -> what names them, and what adds and takes away some; markets have the last.
_NAMING = {
    INDEX: _INDICES, FAST_INDEX: _INDICES,
    PYTH_VALUES: ("underlying_tickers", "subscribe_underlyings", "unsubscribe_underlyings"),
}  # fmt: skip
_MARKETS = ("market_tickers", "add_markets", "delete_markets")
_COMMANDS = {"subscribe": "subscribe", "unsubscribe": "unsubscribe", "list": "list_subscriptions"}


class Message(NamedTuple):
    """One message as it came: receive time (ns UTC), text, and what it says."""

    recv_ts: int
    raw: bytes
    frame: Frame


@dataclass(frozen=True)
class Gap:
    """Something was missed on a channel from ``start`` (ns UTC) on; books are whole again from their next snapshot.

    ``numbered``: the sequence numbers of the messages themselves show it.
    """

    channel: str
    tickers: tuple[str, ...]
    start: int
    reason: str
    numbered: bool = False


@dataclass(eq=False)
class _Subscription:
    channel: str
    wanted: set[str] = field(default_factory=set)
    sid: int | None = None
    confirmed: set[str] = field(default_factory=set)

    @property
    def everything(self) -> bool:
        return self.channel in (LIFECYCLE, GROUPS)

    @property
    def of_indices(self) -> bool:
        return self.channel in _NAMING

    @property
    def naming(self) -> tuple[str, str, str]:
        return _NAMING.get(self.channel, _MARKETS)


@dataclass
class _Command:
    subscriptions: list[_Subscription]  # whose answers are awaited
    action: str
    tickers: tuple[str, ...]
    due: float


class Stream:
    """Books and trades of chosen markets over one connection; call :meth:`poll` again and again.

    ``indices`` are symbols of reference values: those of indices as they are, from the fast channel with ``@5hz`` and
    those of other underlyings with ``@pyth`` behind them; ``"all"``, ``"all@5hz"`` are all that a channel has.
    """

    def __init__(
        self,
        settings: Settings,
        tickers: Iterable[str] = (),
        *,
        channels: Iterable[str] = (BOOK, TRADES),
        use_yes_price: bool = True,
        indices: Iterable[str] = (),
    ) -> None:
        self._signer = settings.require_signer("the stream")
        self._settings = settings
        self.books = StreamBooks(use_yes_price)
        self._subscriptions = {channel: _Subscription(channel) for channel in channels}
        for symbol in indices:
            channel, name = channel_of(symbol)
            self._subscriptions.setdefault(channel, _Subscription(channel)).wanted.add(name)
        self._socket: StreamSocket | None = None
        self._heard_ns = time.time_ns()
        self.connections = 0
        self._failures = 0
        self._next_attempt = 0.0
        self._next_look = 0.0
        self._ids = count(1)
        self._commands: dict[int, _Command] = {}
        self._asked: dict[str, float] = {}
        self._fruitless = 0
        self.want(tickers)

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._socket is not None

    @property
    def ready(self) -> bool:
        """Whether every wanted market is subscribed and has a book to trust."""
        return self.connected and not self._commands and not self.books.stale() and self._settled()

    def want(self, tickers: Iterable[str]) -> None:
        """Follow these markets too."""
        added = set(tickers)
        for subscription in self._subscriptions.values():
            if not (subscription.everything or subscription.of_indices):
                subscription.wanted |= added
        if BOOK in self._subscriptions:
            self.books.watch(sorted(added))
        self._next_look = 0.0

    def drop(self, tickers: Iterable[str]) -> None:
        """Stop following these markets and forget their books."""
        gone = set(tickers)
        for subscription in self._subscriptions.values():
            if not subscription.of_indices:
                subscription.wanted -= gone
        self.books.forget(gone)
        for ticker in gone:
            self._asked.pop(ticker, None)
        self._next_look = 0.0

    def poll(self, timeout: float = 1.0) -> list[Message | Gap]:
        """Everything that came, in order, waiting up to ``timeout`` seconds; gaps stand where they were noticed."""
        try:
            if self._socket is None and not self._connect(timeout):
                return []
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + 0.5
                self._keep(now)
            return self._receive(timeout)
        except NetworkError as error:
            return list(self._lost(str(error)))

    def resync(self, tickers: Iterable[str]) -> None:
        """Ask for new snapshots of these books."""
        sid = self._subscriptions[BOOK].sid
        now = time.monotonic()
        for chunk in chunks(tickers):
            self._send([self._subscriptions[BOOK]], "get_snapshot", chunk, sid)
            for ticker in chunk:
                self._asked[ticker] = now

    def ask_list(self) -> int | None:
        """Ask what is subscribed; the number of the ``Ok`` that :meth:`poll` will give, after all that was sent before.

        None without a connection.
        """
        if self._socket is None:
            return None
        try:
            return self._send([], "list", (), None)
        except NetworkError:
            return None  # the next poll says so

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self, timeout: float) -> bool:
        wait = self._next_attempt - time.monotonic()
        if wait > 0:
            time.sleep(min(wait, timeout))
            return False
        url = self._settings.ws_url
        try:
            self._socket = StreamSocket(url, self._signer.headers("GET", urlsplit(url).path))
        except AuthError:
            if not self.connections:
                raise
            # A key that worked a moment ago: the exchange is probably in maintenance.
            raise NetworkError("the stream refused the key") from None
        self.connections += 1
        self._failures = 0
        self._fruitless = 0
        self._heard_ns = time.time_ns()
        self._next_look = 0.0
        return True

    def _lost(self, reason: str) -> Iterator[Gap]:
        """Forget the connection and yield the gaps its end opened."""
        was_connected = self._socket is not None
        self.close()
        pause = random.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._failures)
        self._failures += 1
        self._next_attempt = time.monotonic() + pause
        self._commands.clear()
        self._asked.clear()
        log.warning("%s; connecting again in %.1f s", reason, pause)
        self.books.reset(reason)
        for subscription in self._subscriptions.values():
            subscription.sid = None
            missed = subscription.confirmed
            subscription.confirmed = set()
            if was_connected and (missed or subscription.everything):
                yield Gap(subscription.channel, tuple(sorted(missed)), self._heard_ns, reason)

    def _receive(self, timeout: float) -> list[Message | Gap]:
        assert self._socket is not None
        raws = self._socket.receive(timeout)
        if not raws:
            self._watch_silence()
            return []
        recv_ts = time.time_ns()
        taken: list[Message | Gap] = []
        apply = self.books.apply
        for raw in raws:
            try:
                frame = decode_frame(raw)
            except msgspec.MsgspecError as error:
                taken += self._lost(f"a message cannot be read: {error}")
                break
            stale = apply(frame)
            if stale is not None:
                taken += self._gaps(frame, stale)
            taken.append(Message(recv_ts, raw, frame))
            if type(frame) in _ANSWERS:
                taken += self._answered(frame)
        self._heard_ns = recv_ts
        return taken

    def _watch_silence(self) -> None:
        assert self._socket is not None
        silence = time.monotonic() - self._socket.heard_at
        if silence > 2 * _SILENCE_SECONDS:
            raise NetworkError(f"nothing heard for {silence:.0f} s")
        if silence > _SILENCE_SECONDS:
            self._socket.ping()

    def _gaps(self, frame: Frame, stale: BookGap) -> Iterator[Gap]:
        self._next_look = 0.0
        channel = next((s.channel for s in self._subscriptions.values() if s.sid == frame.sid), BOOK)
        tickers = stale.tickers
        if channel != BOOK:
            tickers = tuple(sorted(self._subscriptions[channel].confirmed))
        if tickers or channel in (LIFECYCLE, GROUPS):  # books that were stale already are in a gap that was reported
            yield Gap(channel, tickers, self._heard_ns, stale.reason, numbered=True)

    def _answered(self, frame: Frame) -> Iterator[Gap]:
        command = self._commands.get(frame.id or 0)
        if command is not None and not (isinstance(frame, Subscribed) and len(command.subscriptions) > 1):
            del self._commands[frame.id or 0]
        if isinstance(frame, Snapshot):
            self._fruitless = 0
            self._asked.pop(frame.msg.market_ticker, None)
        elif isinstance(frame, Subscribed):
            subscription = self._subscriptions.get(frame.msg.channel)
            if subscription is not None:
                subscription.sid = frame.msg.sid
                if command is not None and subscription in command.subscriptions:
                    self._confirm(command, subscription)
                    command.subscriptions.remove(subscription)
        elif isinstance(frame, Ok | Unsubscribed) and command is not None and command.subscriptions:
            self._confirm(command, command.subscriptions[0])
        elif isinstance(frame, ErrorFrame):
            yield from self._refused(frame, command)

    def _confirm(self, command: _Command, subscription: _Subscription) -> None:
        _, add, delete = subscription.naming
        if command.action == delete:
            subscription.confirmed -= set(command.tickers)
        elif command.action == "unsubscribe":
            subscription.sid, subscription.confirmed = None, set()
        elif command.action in {"subscribe", add}:
            subscription.confirmed |= set(command.tickers)
            if subscription.channel == BOOK:  # whose snapshots are under way
                now = time.monotonic()
                for ticker in command.tickers:
                    if ticker in self.books.books and self.books[ticker].stale:
                        self._asked.setdefault(ticker, now)

    def _refused(self, frame: ErrorFrame, command: _Command | None) -> Iterator[Gap]:
        code, text = frame.msg.code, frame.msg.msg
        if code in _SUBSCRIPTION_ENDED:
            for subscription in self._subscriptions.values():
                if subscription.sid == frame.sid and frame.sid is not None:
                    missed = tuple(sorted(subscription.confirmed))
                    subscription.sid, subscription.confirmed = None, set()
                    self.books.end(frame.sid, text)
                    self._next_look = 0.0
                    yield Gap(
                        subscription.channel, missed, self._heard_ns, f"the exchange ended the subscription: {text}"
                    )
        elif code in _HOPELESS:
            raise StreamError(f"the stream refused {command.action if command else 'a command'}: {text}", code)
        else:
            log.warning("the stream refused %s: %s (%d)", command.action if command else "a command", text, code)
            if command is not None and command.action != "get_snapshot":
                self._commands[next(self._ids)] = command  # it expires there, and is then sent again

    def _settled(self) -> bool:
        return all(
            s.sid is not None and (s.everything or s.confirmed == s.wanted)
            for s in self._subscriptions.values()
            if s.everything or s.wanted
        )

    def _keep(self, now: float) -> None:
        """Send whatever is needed to get from what is subscribed to what is wanted."""
        for number in [number for number, command in self._commands.items() if now > command.due]:
            del self._commands[number]
        fresh: list[_Subscription] = []
        for subscription in self._subscriptions.values():
            pending = [c for c in self._commands.values() if subscription in c.subscriptions]
            asked = {ticker for c in pending if c.action != "get_snapshot" for ticker in c.tickers}
            if subscription.sid is None:
                subscribing = any(c.action == "subscribe" for c in pending)
                if not subscribing and (subscription.everything or subscription.wanted):
                    fresh.append(subscription)
                continue
            _, add, delete = subscription.naming
            for chunk in chunks(sorted(subscription.wanted - subscription.confirmed - asked)):
                self._send([subscription], add, chunk, subscription.sid)
            if not subscription.everything and not subscription.wanted:  # without markets some channels tell everything
                if not any(c.action == "unsubscribe" for c in pending):
                    self._send([subscription], "unsubscribe", (), subscription.sid)
                continue
            for chunk in chunks(sorted(subscription.confirmed - subscription.wanted - asked)):
                self._send([subscription], delete, chunk, subscription.sid)
        self._subscribe(fresh)
        self._heal(now)

    def _heal(self, now: float) -> None:
        subscription = self._subscriptions.get(BOOK)
        if subscription is None or subscription.sid is None:
            return
        late = [
            ticker
            for ticker in self.books.stale()
            if ticker in subscription.confirmed and now - self._asked.get(ticker, 0.0) > _SNAPSHOT_SECONDS
        ]
        if not late:
            return
        if any(ticker in self._asked for ticker in late):
            self._fruitless += 1
        if self._fruitless > _SNAPSHOT_TRIES:
            raise NetworkError(f"no snapshot of {len(late)} markets after {_SNAPSHOT_TRIES} requests")
        self.resync(late)

    def _subscribe(self, fresh: list[_Subscription]) -> None:
        """Subscribe to channels of the same markets in one command, so that they begin at the same moment."""
        kinds = ((False, ""), (True, ""), *((False, channel) for channel in _NAMING))
        for everything, channel in kinds:
            same = [
                each for each in fresh
                if each.everything == everything and (each.channel if each.of_indices else "") == channel
            ]  # fmt: skip
            if same:
                self._send(same, "subscribe", tuple(sorted(same[0].wanted))[:_CHUNK], None)

    def _send(self, subscriptions: list[_Subscription], action: str, tickers: tuple[str, ...], sid: int | None) -> int:
        assert self._socket is not None
        number = next(self._ids)
        channels = [subscription.channel for subscription in subscriptions]
        named = subscriptions[0].naming[0] if subscriptions else _MARKETS[0]
        params: dict[str, Any] = {named: list(tickers)} if tickers else {}
        if action == "subscribe":
            params["channels"] = channels
        elif action != "list":
            params["sids"] = [sid]
        if BOOK in channels and action != "unsubscribe":
            params["use_yes_price"] = self.books.use_yes_price
        command = _COMMANDS.get(action, "update_subscription")
        if command == "update_subscription":
            params["action"] = action
        self._commands[number] = _Command(list(subscriptions), action, tickers, time.monotonic() + _COMMAND_SECONDS)
        self._socket.send(msgspec.json.encode({"id": number, "cmd": command, "params": params}))
        return number


def channel_of(symbol: str) -> tuple[str, str]:
    """The channel that tells the values of a symbol, and its name there.

    >>> channel_of("BRTI@5hz"), channel_of("EURUSD@pyth"), channel_of("BRTI")
    (('cfbenchmarks_value_5hz', 'BRTI'), ('pyth_value', 'EURUSD'), ('cfbenchmarks_value', 'BRTI'))
    """
    for ending, channel in ((FAST, FAST_INDEX), (PYTH, PYTH_VALUES)):
        if symbol.endswith(ending):
            return channel, symbol.removesuffix(ending)
    return INDEX, symbol


def chunks(tickers: Iterable[str], size: int = _CHUNK) -> Iterator[tuple[str, ...]]:
    """Cut a list of tickers into pieces that fit one command."""
    listed = tuple(tickers)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


_ANSWERS = {Snapshot, Subscribed, Ok, ErrorFrame, Unsubscribed}
