"""One local exchange: its server, the clock that drives the replay, and the thread they live in."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from ....io.ground.errors import InputError
from ....io.ground.units import NS_PER_SECOND
from ...simulator.assumptions.queue import POISSON, queue_model
from .. import wire
from ..answers.private import Private
from ..answers.public import Public
from ..faults import Dice, Faults
from ..incentives import Incentives
from ..limits import PREFIX, TIERS, RateLimits
from ..market.desk import OrderDesk
from ..market.history import History, from_store, shifted
from ..market.portfolio import ShownPortfolio
from ..market.venue import TradingVenue
from ..wire import RefusalError
from .auth import Gate, TrustedKeys
from .background import BackgroundServer
from .http import HttpServer, Request, Response
from .hub import Hub
from .routes import Routes
from .stream import Session
from .websocket import ServerSocket

WS_PATH = "/trade-api/ws/v2"
#: Rows replayed between two looks at the sockets; also what a cut connection loses at most.
_SLICE = 200
#: Rows that a request may have to wait for, so that it sees what is true now.
_CATCH_UP = 20_000
_LONGEST_NAP = 0.25
_log = logging.getLogger(__name__)
T = TypeVar("T")
Speed = float | Literal["max"]


class Exchange(BackgroundServer):
    """A local exchange that replays a store; a context manager that runs it in a thread of its own.

    ``shift`` moves the recording in time, so that its start, or ``start``, is then: ``"now"`` or a time in ns.
    ``speed`` is simulated seconds a second; ``"max"`` lets time pass as fast as subscribers read and stands still
    while nobody subscribes; 0 stands still until ``advance``.
    """

    thread_name = "exchange"

    def __init__(
        self,
        store: str | Path | History,
        tickers: Sequence[str] = (),
        *,
        speed: Speed = 1.0,
        keys: str | Path | None = None,
        faults: Faults | None = None,
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        cash_dollars: int = 10_000,
        tier: str = "basic",
        live_days: float = 90,
        start: int | Literal["end"] | None = None,
        shift: int | Literal["now"] | None = None,
        legacy: bool = False,
        hours: bool = True,
        queue: str = "pessimistic",
    ) -> None:
        if tier not in TIERS:
            raise InputError(f"usage tier {tier!r} is not known; known are {', '.join(TIERS)}")
        if speed != "max" and not 0 <= speed <= 1e6:
            raise InputError(f"speed must be 'max' or a number from 0 to 1000000, not {speed}")
        if not 0 <= port <= 65_535:
            raise InputError(f"port must be from 0 to 65535, not {port}")
        if cash_dollars < 0 or not live_days > 0:
            raise InputError(
                f"cash must not be below 0 and live days must be above 0, not {cash_dollars} and {live_days}"
            )
        if queue_model(queue).rule == POISSON:
            raise InputError(f"an exchange fills by its book and its trades; queue model {queue} knows neither")
        super().__init__()
        self.speed = speed
        self._folder = tempfile.TemporaryDirectory(prefix="exchange-keys-") if keys is None else None
        self.keys = TrustedKeys(Path(self._folder.name if self._folder else str(keys)))
        self._gate = Gate(self.keys)
        self._address = (host, port)
        self.dice = Dice(faults or Faults(), seed)
        history = store if isinstance(store, History) else from_store(str(store), tickers)
        self._on_time = shift == "now"
        if shift is not None:
            if start == "end":
                raise InputError("a replay that begins at the end cannot be shifted: name another time to begin at")
            begins = time.time_ns() if shift == "now" else shift
            history = shifted(history, begins - (history.start if start is None else start))
            start = begins
        self._hub = Hub(self.dice, patient=speed == "max", legacy=legacy)
        portfolio = ShownPortfolio(self.dice.faults.lag / 1000)
        self.venue = TradingVenue(
            history, self._hub, portfolio, cash=cash_dollars * 1_000_000, seed=seed, hours=hours, queue=queue
        )
        self._hub.venue = self.venue
        self._hub.catch_up = self._catch_up
        self.incentives = Incentives(self.venue, history.programs)
        self.desk = OrderDesk(self.venue, self.dice)
        limits = RateLimits(TIERS[tier])
        self._routes = Routes(
            Public(self.venue, live_days, self.incentives), Private(self.desk, limits), self._gate, limits, self.dice,
            legacy=legacy, catch_up=self._catch_up,
        )  # fmt: skip
        self._cuts = self.dice.cuts(len(history))
        if start is not None:
            self.venue.advance(self.venue.horizon if start == "end" else start)
        self._origin = (0.0, self.venue.now)
        self.rest = ""
        self.ws = ""

    # Running

    async def run(self, ready: Callable[[], None] = lambda: None, ended: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop``; ``ready`` is called when the address is known, ``ended`` at the recording's end."""
        self._begin()
        host, port = self._address
        http = HttpServer(self._routes, lambda: self.venue.now, self._admit, self._talk)
        try:
            bound = await http.start(host, port)
        except OSError as error:
            raise InputError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
        shown = f"[{host}]" if ":" in host else host
        self.rest = f"http://{shown}:{bound}{PREFIX}"
        self.ws = f"ws://{shown}:{bound}{WS_PATH}"
        self._origin = (time.monotonic(), time.time_ns() if self._on_time else self.venue.now)
        pump = asyncio.create_task(self._pump(ended))
        stopped = asyncio.create_task(self._stop.wait())
        ready()
        try:
            done, _ = await asyncio.wait({pump, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if pump in done:
                pump.result()
                await stopped
        finally:
            for task in (pump, stopped):
                task.cancel()
            for session in self._hub.sessions:
                session.socket.close()
            await http.stop()

    def __exit__(self, *given: object) -> None:
        super().__exit__(*given)
        if self._folder:
            self._folder.cleanup()

    def call(self, action: Callable[[], T]) -> T:
        """Do something to the exchange between two of its steps and return the result."""

        async def step() -> T:
            return action()

        assert self._loop is not None, "the exchange is not running"
        return asyncio.run_coroutine_threadsafe(step(), self._loop).result(60)

    def advance(self, seconds: float) -> int:
        """Let simulated time pass at once, at speed 0, and return the time reached."""

        def step() -> int:
            self.venue.advance(self.venue.now + int(seconds * NS_PER_SECOND))
            return self.venue.now

        return self.call(step)

    def step(self) -> int:
        """Let the next moment happen, all of it, at speed 0, and return its time."""

        def step() -> int:
            self.venue.advance(self.venue.next_ts)
            return self.venue.now

        return self.call(step)

    def now(self) -> int:
        """The simulated time, ns UTC."""
        return self.venue.now

    def finished(self) -> bool:
        """Whether the whole recording has been replayed and sent."""
        return self.call(lambda: self.venue.finished and not any(s.outbox for s in self._hub.sessions))

    @property
    def url(self) -> str:
        """The address of REST, without an end; that of the stream is ``ws``."""
        return self.rest

    def __repr__(self) -> str:
        where = self.rest or "not running"
        return f"<Exchange of {len(self.venue.listed)} markets at {wire.stamp(self.venue.now)}: {where}>"

    @property
    def environment(self) -> dict[str, str]:
        """The settings a client needs, under the names that clients read."""
        return {
            **dict.fromkeys(("KALSHI_API_BASE_URL", "KALSHI_BASE_URL"), self.rest),
            "KALSHI_WS_BASE_URL": self.ws,
            **dict.fromkeys(("KALSHI_API_KEY_ID", "KALSHI_ACCESS_KEY"), self.keys.key_id),
            "KALSHI_PRIVATE_KEY_FILE": str(self.keys.path),
            "KALSHI_REST_URL": self.rest,
            "KALSHI_WS_URL": self.ws,
            "KALSHI_KEY_ID": self.keys.key_id,
            "KALSHI_PRIVATE_KEY_PATH": str(self.keys.path),
        }

    # Time

    def _catch_up(self) -> None:
        if self.speed not in ("max", 0):
            self._step(self._due(), _CATCH_UP)

    def _step(self, until: int, budget: int) -> bool:
        """Let time pass; what goes wrong on the way is said, and time goes on."""
        try:
            return self.venue.advance(until, budget)
        except Exception:
            _log.exception("a step of the replay failed")
            return False

    def _due(self) -> int:
        wall, simulated = self._origin
        return simulated + int((time.monotonic() - wall) * float(self.speed) * NS_PER_SECOND)

    async def _pump(self, ended: Callable[[], None]) -> None:
        hub, venue = self._hub, self.venue
        running = not venue.finished
        while True:
            if running and venue.finished:
                running = False
                ended()
            if self.speed == "max":
                while not venue.finished and (not hub.listening or hub.full):
                    hub.ready.clear()
                    await hub.ready.wait()
                if venue.finished:
                    await self._stop.wait()
                self._step(venue.horizon, self._slice())
                self._cut()
                await asyncio.sleep(0)
            else:
                there = self._step(self._due(), self._slice())
                self._cut()
                await asyncio.sleep(self._nap() if there else 0)

    def _cut(self) -> None:
        if self._cuts and self.venue.rows_done >= self._cuts[0]:
            self._cuts.pop(0)
            self._hub.cut_all()

    def _slice(self) -> int:
        return min(max(self._cuts[0] - self.venue.rows_done, 1), _SLICE) if self._cuts else _SLICE

    def _nap(self) -> float:
        if not self.speed:
            return _LONGEST_NAP
        wait = (self.venue.next_ts - self._due()) / NS_PER_SECOND / float(self.speed)
        return min(max(wait, 0.001), _LONGEST_NAP)

    # The stream's door

    def _admit(self, request: Request) -> Response | None:
        if request.path != WS_PATH:
            return Response(404, {"error": {"code": "not_found", "message": "not found"}})
        try:
            self._gate.check(request.headers, "GET", request.path)
        except RefusalError as refusal:
            error = {**refusal.body["error"], "message": "token_authentication_failure"}
            return Response(refusal.status, {"error": error})
        return None

    async def _talk(self, socket: ServerSocket) -> None:
        session = Session(self._hub, socket)
        self._hub.sessions.add(session)
        await session.run()
