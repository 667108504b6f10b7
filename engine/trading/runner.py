"""One process, many markets: threads feed one queue; a loop writes down, decides, writes that down, and sends."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple

from ...io.ground.errors import InputError
from ...io.ground.times import nanoseconds
from ...io.kalshi.client import Client
from ...io.kalshi.rest.errors import StreamError
from ...io.kalshi.stream.frames import (
    FastIndexFrame,
    FillFrame,
    Frame,
    GroupFrame,
    IndexFrame,
    Ok,
    OrderFrame,
    PythFrame,
)
from ...io.kalshi.stream.price_mode import check_price_mode
from ...io.kalshi.stream.stream import BOOK, FILLS, GROUPS, LIFECYCLE, ORDERS, TRADES, Gap, Message, Stream
from ...strategies.own_file import Trust
from ..live.live import model_of
from ..results.params import load_params
from ..version import __version__
from .around.pauses import without_pauses
from .around.sources import LineSource, SourcePrice, counts_at, source_of
from .around.standing import status_of
from .choosing.lookout import Lookout
from .folder import SessionFolder, recovered
from .journal import JournalLine, SegmentLimits, SessionJournal
from .ledger import TradeLedger
from .lines import Choosing, Command, RunHeader, Scan, Tick
from .listing import listed_markets, with_others
from .machine import Machine
from .orders.jobs import Answer, Job, encode
from .orders.sending import Sender
from .settings import TradeSettings
from .startup import Startup

_QUEUED, _SENDERS, _TURN_S, _STATUS_S, _DISK_S, _COMPARED = 256, 6, 0.25, 1.0, 10.0, 20
_PATIENCE_S = 10.0


class Follows(NamedTuple):
    """What is followed beside markets: the symbol of a series' or a market's underlying, and sources of one's own."""

    underlying: Mapping[str, str] = {}
    sources: Mapping[str, str] = {}


class Read(NamedTuple):
    """A price that a source of one's own told."""

    symbol: str
    price: SourcePrice
    delay_ns: int


_Came = list[Message | Gap] | Answer | Read | Scan


class SessionRunner:
    """A session under way. ``clock`` tells the exchange's time, ns UTC: a replay's messages do, else this machine.

    ``inline`` does everything in the caller's thread, for a clock that waits for us (:meth:`catch_up`).
    """

    def __init__(
        self, folder: SessionFolder, client: Client, tickers: Iterable[str], *, clock: Callable[[], int] | None = None,
        inline: bool = False, trust: Trust = (), tell: Callable[[str], None] = lambda line: None,
        limits: SegmentLimits | None = None, follows: Follows | None = None, choosing: Choosing | None = None,
    ) -> None:  # fmt: skip
        self._follows = follows or Follows()
        self.folder, self._client, self._inline, self._tell = folder, client, inline, tell
        self.settings: TradeSettings = folder.settings()
        rates = _limits(client, needed=self.settings.mode != "paper")
        self._check()
        self._clock = clock
        self._stream_now = client.now() if client.transport.is_replay else 0
        self.journal = SessionJournal(folder.journal, limits)
        try:
            ledger = recovered(folder)
            self.sender = Sender(client, ledger.prefix, self.settings.subaccount)
            self._lookout = self._look_out(choosing, trust)
            named = self._lookout.begins_with(ledger, list(dict.fromkeys(tickers)))
            held, cash = self._started(ledger, named)
            self.machine = self._machine(ledger, named, held, cash, rates, trust)
        except BaseException:
            self.journal.close()
            raise
        account = () if self.settings.mode == "paper" else (FILLS, ORDERS, GROUPS)
        channels = (BOOK, TRADES, *account, LIFECYCLE)
        symbols = self._lookout.symbols(self.machine.symbols)
        told = [one for one in symbols if one not in self._follows.sources]
        self.stream = Stream(client.settings, [*named, *self.machine.read], channels=channels, indices=told)
        self._queue: queue.Queue[_Came] = queue.Queue(_QUEUED)
        self._pool: ThreadPoolExecutor | None = None
        self._stopping = threading.Event()
        self._failed: BaseException | None = None
        self._jobs: list[Job] = []  # decided, and not sent yet
        self._held: list[Message] = []  # of a moment that may not be over
        self._settle_ns = round(self.settings.settle_ms * 1e6) if self.settings.mode == "paper" and not inline else 0
        self._checked = False
        self._next_turn = self._next_status = self._next_disk = 0.0
        self.messages = 0
        self.behind_s = 0.0
        if not inline:
            self._pool = ThreadPoolExecutor(_SENDERS, "trade-send")
            self._reader = threading.Thread(target=self._listen, name="trade-stream", daemon=True)
            self._reader.start()
        self._sources = [
            LineSource(symbol, source_of(spec), self._priced, tell).start()
            for symbol, spec in self._follows.sources.items() if symbol in symbols
        ]  # fmt: skip

    def _check(self) -> None:
        """Refuse parameters that have ended."""
        until = load_params(self.folder.params).validity.valid_until
        if self._client.now() >= nanoseconds(until, "valid_until"):
            raise InputError(f"{self.folder.params} was valid until {until}: sweep newer data and export anew")

    def _look_out(self, choosing: Choosing | None, trust: Trust) -> Lookout:
        params, model = load_params(self.folder.params), model_of(self.folder.params, trust)
        return Lookout(self._client, self.settings, choosing, model, params=params, underlying=self._follows.underlying)

    def _started(self, ledger: TradeLedger, tickers: list[str]) -> tuple[dict[str, int], int | None]:
        """Take the steps of a start; returns what is held in each market, and the account's cash where that counts."""
        own = {ticker: one.position for ticker, one in ledger.holdings.items()}
        if self.settings.mode == "production":
            startup = Startup(self._client, self.sender, ledger, self.settings, self._say)
            startup.run(tickers)
            return {**startup.held, **{ticker: one.position for ticker, one in ledger.holdings.items()}}, startup.cash
        if self.settings.mode == "shadow":
            return {**dict.fromkeys(tickers, 0), **self.sender.positions()}, None
        return own, None

    def _machine(
        self, ledger: TradeLedger, tickers: list[str], held: dict[str, int], cash: int | None,
        rates: tuple[float, float], trust: Trust,
    ) -> Machine:  # fmt: skip
        counted = load_params(self.folder.params).assumptions.rewards == "recorded"
        listed = listed_markets(self._client, tickers, held, self._follows.underlying, programs=counted)
        listed, read = with_others(self._client, listed, model_of(self.folder.params, trust))
        now = self.now()
        header = RunHeader(
            1, self.settings.document(), self.folder.params.name, listed, now, *rates, engine=__version__,
            cash=cash, read=read, choosing=self._lookout.choosing,
        )  # fmt: skip
        self._lookout.begin(ledger, listed)
        machine = Machine(header, ledger, self.folder.path, trust=trust)
        for market in machine.markets.values():
            if market.live.model.needs_underlying and not market.listed.market.underlying:
                raise InputError(
                    f"{market.live.model.name} needs the underlying of {market.ticker}: name its symbol with "
                    f"underlying={market.listed.market.series}=SYMBOL"
                )
            if market.live.model.signals:
                from ..runs.trained_signals import check_live_signals  # with the panels of bets

                check_live_signals(market.live.model, now)
        for market in list(machine.markets.values())[:1]:  # one model under one set of assumptions: one kernel
            market.live.warm(now)
        self.journal.append(machine.state())
        self.journal.append(JournalLine("run", now, encode(header)))
        self.journal.commit()
        return machine

    def now(self) -> int:
        """The exchange's time, ns UTC."""
        return self._clock() if self._clock is not None else self._stream_now or self._client.now()

    # The loop

    def run(self, stop: threading.Event | None = None, seconds: float | None = None) -> None:
        """Trade until ``stop`` is set, ``seconds`` are over or every market is closed."""
        end = None if seconds is None else time.monotonic() + seconds
        with without_pauses():
            while not (stop is not None and stop.is_set()) and (end is None or time.monotonic() < end):
                self.step(_TURN_S)
                if self.machine.over:
                    return

    def step(self, timeout: float = _TURN_S) -> None:
        """Take in what came, waiting up to ``timeout`` seconds, decide, and send."""
        wait = min(timeout, self.settings.settle_ms / 1000) if self._held else timeout
        heard = self._take(self._collect(wait))
        self._look_around()
        due = time.monotonic() >= self._next_turn
        if self._housekeeping() or heard or due:
            self._turn()

    def catch_up(self) -> None:
        """Take in everything that the exchange sent before now, decide, and see all that was sent answered."""
        deadline = time.monotonic() + _PATIENCE_S
        self._lookout.widen(self.stream)
        items = self.stream.poll(0)
        asked = self.stream.ask_list()
        while asked is not None and time.monotonic() < deadline:
            came = self.stream.poll(0.1)
            items += came
            if any(isinstance(m, Message) and isinstance(m.frame, Ok) and m.frame.id == asked for m in came):
                break
        self._take([items, *self._drained()])
        self._look_around()
        self._housekeeping()
        self._turn()

    def _priced(self, symbol: str, price: SourcePrice, delay_ns: int) -> None:
        self._hand_over(Read(symbol, price, delay_ns))

    def _collect(self, timeout: float) -> list[_Came]:
        if self._inline:
            self._lookout.widen(self.stream)
            return [self.stream.poll(timeout), *self._drained()]
        found: list[_Came] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._queue.get(timeout=timeout))
            found += self._drained()
        if self._failed is not None:
            raise self._failed
        return found

    def _drained(self) -> list[_Came]:
        """What other threads have put into the queue."""
        found: list[_Came] = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._queue.get_nowait())
        return found

    def _take(self, came: list[_Came]) -> bool:
        """Write down and take in what came; returns whether there is something to decide on."""
        heard = False
        fresh = self._held
        self._held = []
        quiet = True
        for one in came:
            if isinstance(one, Read):
                now = self.now()
                tick = Tick(one.symbol, counts_at(one.price, one.delay_ns, now), one.price.value)
                self._incoming(JournalLine("tick", now, encode(tick)))
                self.machine.tick(now, tick)
                heard = True
                continue
            if isinstance(one, Scan):
                self._incoming(JournalLine("scan", self.now(), encode(one)))
                self.machine.scan(self.now(), one)
                heard = True
                continue
            if isinstance(one, Answer):
                self._incoming(JournalLine("ans", self.now(), encode(one)))
                self.machine.answer(self.now(), one)
                self._outgoing()
                heard = True
                continue
            for item in one:
                if isinstance(item, Gap):
                    self._hear(fresh)
                    fresh = []
                    self._incoming(JournalLine("gap", self.now(), encode(item)))
                    self.machine.miss(self.now(), item)
                    self._outgoing()
                    heard = True
                elif self._concerns(item.frame):
                    fresh.append(item)
                    quiet = False
        if self._settle_ns and not quiet:
            newest = max((_stamp(item.frame) for item in fresh), default=0)
            at = next((k for k, item in enumerate(fresh) if _stamp(item.frame) == newest and newest), len(fresh))
            fresh, self._held = fresh[:at], fresh[at:]
        return self._hear(fresh) or heard

    def _hear(self, messages: list[Message]) -> bool:
        machine, journal = self.machine, self.journal
        for message in messages:
            ts = self._ts(message)
            journal.append(JournalLine("<", ts, message.raw))
            machine.hear(ts, message.frame, message.raw)
            if machine.lines:
                self._outgoing()
        self.messages += len(messages)
        return bool(messages)

    def _ts(self, message: Message) -> int:
        """When a message counts as heard, in the exchange's time."""
        if self._clock is not None:
            return self._clock()
        if self._stream_now:
            self._stream_now = max(self._stream_now, _stamp(message.frame) * 1_000_000)
            return self._stream_now
        return message.recv_ts

    def _concerns(self, frame: Frame) -> bool:
        """Whether a message is of a market of ours, or of the account."""
        if isinstance(frame, FillFrame | OrderFrame | GroupFrame):
            return True
        if isinstance(frame, IndexFrame | FastIndexFrame | PythFrame):
            return True
        ticker = getattr(getattr(frame, "msg", None), "market_ticker", None)
        return ticker in self.machine.markets or ticker in self.machine.read

    def _turn(self) -> None:
        if self.settings.mode != "paper" and not self._checked:
            self._check_prices()
        self._next_turn = time.monotonic() + _TURN_S
        self._decide()
        self._send()
        if self.journal.full:
            self.journal.rotate(self.machine.state())

    def _decide(self) -> None:
        now, wall = self.now(), time.monotonic_ns()
        self._incoming(JournalLine("turn", now, encode({"wall": wall})))
        self.machine.turn(now, wall)
        self._outgoing()

    def _send(self) -> None:
        """Send what was decided, once it is written down. Inline: to the last answer's last consequence."""
        while True:
            self.journal.commit()
            jobs, self._jobs = self._jobs, []
            if self.settings.mode == "shadow":
                jobs = [job for job in jobs if job.do in ("read", "fills", "join")]
            if self._pool is not None:
                for job in jobs:
                    self._pool.submit(self._do, job)
                return
            if not jobs:
                return
            for answer in [self._carried_out(job) for job in jobs]:
                self._incoming(JournalLine("ans", self.now(), encode(answer)))
                self.machine.answer(self.now(), answer)
                self._outgoing()
            self._decide()

    def _do(self, job: Job) -> None:
        self._hand_over(self._carried_out(job))

    def _hand_over(self, came: _Came) -> None:
        """Put something into the queue; at the end nobody empties it any more, and nobody waits."""
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(came, timeout=0.2)
                return

    def _carried_out(self, job: Job) -> Answer:
        return self._lookout.join(job) if job.do == "join" else self.sender.do(job)

    def _look_around(self) -> None:
        """Look at the series where that is due: beside the loop, or at once where all is done in one thread."""
        if not self._lookout.is_due(self.now()):
            return
        if self._pool is not None:
            self._pool.submit(self._scan)
        elif found := self._lookout.scan():
            self._take([found])

    def _scan(self) -> None:
        if found := self._lookout.scan():
            self._hand_over(found)

    def _incoming(self, line: JournalLine) -> None:
        self.journal.append(line)

    def _outgoing(self) -> None:
        lines, jobs = self.machine.drain()
        self._jobs += jobs
        for line in lines:
            self.journal.append(line)
            self._lookout.told(line)
            if line.kind in ("halt", "kill", "lift", "wait", "go", "join", "part", "left"):
                self._tell(f"{line.kind}: {line.payload.decode()}")

    def _say(self, kind: str, document: dict[str, Any]) -> None:
        self.journal.append(JournalLine(kind, self.now(), encode(document)))
        self.journal.commit()

    def _listen(self) -> None:
        """The stream's thread: what comes goes into the queue, and where that is full the exchange waits."""
        try:
            while not self._stopping.is_set():
                self._lookout.widen(self.stream)
                if items := self.stream.poll(0.2):
                    self._hand_over(items)
        except BaseException as error:
            self._failed = error

    def _check_prices(self) -> None:
        """Compare first books with ones read over REST: quotes on a mirrored book would be given away."""
        books = self.stream.books
        whole = [ticker for ticker in self.machine.markets if ticker in books.books and not books[ticker].stale]
        if not whole:
            return
        self._checked = True
        found = [self._client.market_data.orderbook(ticker) for ticker in whole[:_COMPARED]]
        if check_price_mode(books, found) is False:
            raise StreamError("the NO side does not come in the prices that were asked for; nothing was ordered")

    # What else a process does

    def _housekeeping(self) -> bool:
        """Look for commands, at the disk, and say how it stands; returns whether a command came."""
        now, commanded = time.monotonic(), False
        if now >= self._next_status:
            self._next_status = now + _STATUS_S
            for path, command in self.folder.commands():
                self.order(command)
                path.unlink()
                commanded = True
            self.folder.write_status(self.status())
        if now >= self._next_disk:
            self._next_disk = now + _DISK_S
            room = os.statvfs(self.folder.path)
            self.order(Command("seen", disk_free=room.f_bavail * room.f_frsize))
        return commanded

    def order(self, command: Command) -> None:
        """Take a command in."""
        ts = self.now()
        self._incoming(JournalLine("cmd", ts, encode(command)))
        self.machine.command(ts, command)
        self._outgoing()

    def status(self) -> dict[str, Any]:
        """How the session stands: money in micros, sizes in lots, prices in ticks."""
        told = status_of(self.machine)
        return {**told, "messages": self.messages, "journal_bytes": self.journal.bytes}

    # The end

    def close(self) -> None:
        """Withdraw everything, book the last fills, and write down how it stands."""
        try:
            if self._failed is None and self.settings.mode == "production":
                self._withdraw()
        finally:
            self._stopping.set()
            for source in self._sources:
                source.stop()
            if self._pool is not None:
                self._reader.join()
                self._pool.shutdown(wait=True, cancel_futures=True)
            self.stream.close()
            self.folder.write_status({**self.status(), "ended": True})
            self.journal.close()

    def _withdraw(self) -> None:
        """Cancel what rests and hear what became of it."""
        self.order(Command("leave"))
        self._turn()
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and not all(map(self.machine.side.quiet, self.machine.markets)):
            self.step(0.05)

    def __enter__(self) -> SessionRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _limits(client: Client, *, needed: bool) -> tuple[float, float]:
    """The account's write bucket; without a key, where nothing is sent, that of the lowest tier."""
    if client.settings.signer is None and not needed:
        client.market_data.status()
        return 100.0, 100.0
    client.adopt_limits()
    bucket = client.transport.budget.write
    return bucket.rate, bucket.capacity


def _stamp(frame: Frame) -> int:
    return getattr(getattr(frame, "msg", None), "ts_ms", 0) or 0
