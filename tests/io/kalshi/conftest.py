"""A minimal exchange on this machine: answers what a test tells it to."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.signing import Signer
from touchline.io.kalshi.rest.wire import write_count, write_price
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

KEY_ID = "5f1c0ffe-0000-4000-8000-00000000feed"


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # without /trade-api/v2
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


Answer = tuple[int, Any]


@dataclass
class Rest:
    """A REST server; ``answer`` decides what each request gets. Status 0 closes the connection without an answer."""

    answer: Callable[[Request], Answer] = lambda request: (
        404,
        {"error": {"code": "not_found", "message": "not found"}},
    )
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/trade-api/v2"

    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rest: Rest

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        request = Request(
            self.command,
            parts.path.removeprefix("/trade-api/v2"),
            parse_qs(parts.query),
            dict(self.headers.items()),
            json.loads(raw) if raw else None,
        )
        self.rest.requests.append(request)
        status, body = self.rest.answer(request)
        if status == 0:
            self.close_connection = True
            return
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = do_PUT = handle_any  # noqa: N815 - names that http.server asks for

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def rest() -> Iterator[Rest]:
    served = Rest()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"rest": served}))
    server.daemon_threads = True
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def settings(rest: Rest, pem: bytes) -> Settings:
    ws = f"ws://127.0.0.1:{rest.port}/trade-api/ws/v2"
    return Settings("demo", rest.url, ws, Signer(KEY_ID, pem))


@dataclass
class Venue:
    """A WebSocket exchange: true books, one connection at a time, faults drawn from ``chance``."""

    tickers: list[str]
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    drop: float = 0.0
    dup: float = 0.0
    mute: bool = False  # takes commands and answers nothing
    port: int = 0
    books: dict[str, dict[str, dict[int, int]]] = field(default_factory=dict)
    commands: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._connection: ServerConnection | None = None
        self._sids: dict[str, int] = {}
        self._seq: dict[int, int] = {}
        self._listed: dict[int, set[str]] = {}
        self._gone: list[int] = []  # numbers of subscriptions that ended
        for ticker in self.tickers:
            self.books[ticker] = {"yes": {4000: 500}, "no": {5000: 700}}

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/trade-api/ws/v2"

    def serve(self, connection: ServerConnection) -> None:
        with self._lock:
            self.connections += 1
            self._connection = connection
            self._sids, self._seq, self._listed, self._gone = {}, {}, {}, []
            self._yes_price = False
        try:
            for raw in connection:
                with self._lock:
                    if self._connection is not connection:
                        return
                    command = json.loads(raw)
                    self.commands.append(command)
                    if not self.mute:
                        self._obey(command)
        except ConnectionClosed:
            pass

    def _obey(self, command: dict[str, Any]) -> None:
        params, number = command.get("params", {}), command["id"]
        tickers = params.get("market_tickers", [])
        if command["cmd"] == "subscribe":
            self._yes_price = params.get("use_yes_price", self._yes_price)
            for channel in params["channels"]:
                sid = self._sids.setdefault(channel, max([*self._sids.values(), *self._gone], default=0) + 1)
                self._put({"type": "subscribed", "id": number, "msg": {"channel": channel, "sid": sid}})
                self._list(channel, sid, tickers)
            return
        if command["cmd"] == "list_subscriptions":
            listing = [{"channel": channel, "sid": sid} for channel, sid in self._sids.items()]
            self._put({"type": "ok", "id": number, "msg": listing})
            return
        sid = params["sids"][0]
        channel = next(name for name, each in self._sids.items() if each == sid)
        if command["cmd"] == "unsubscribe":
            self._numbered(sid, {"type": "unsubscribed", "id": number, "sid": sid})
            self._gone.append(sid)
            del self._sids[channel], self._listed[sid], self._seq[sid]
            return
        if params["action"] == "get_snapshot":
            for ticker in tickers:
                self._snapshot(sid, ticker, number)
            return
        if params["action"] == "delete_markets":
            self._listed[sid] -= set(tickers)
        listed = sorted(self._listed[sid] | set(tickers))
        self._numbered(sid, {"type": "ok", "id": number, "sid": sid, "msg": {"market_tickers": listed}})
        if params["action"] == "add_markets":
            self._list(channel, sid, tickers)

    def _list(self, channel: str, sid: int, tickers: list[str]) -> None:
        self._listed.setdefault(sid, set()).update(tickers)
        if channel == "orderbook_delta":
            for ticker in tickers:
                self._snapshot(sid, ticker, None)

    def _snapshot(self, sid: int, ticker: str, number: int | None) -> None:
        book = self.books[ticker]
        body: dict[str, Any] = {"market_ticker": ticker, "market_id": "m"}
        if book["yes"]:
            body["yes_dollars_fp"] = [[write_price(p), write_count(c)] for p, c in sorted(book["yes"].items())]
        if book["no"]:
            flip = self._yes_price
            levels = [[write_price(10_000 - p if flip else p), write_count(c)] for p, c in sorted(book["no"].items())]
            body["no_dollars_fp"] = levels
        frame = {"type": "orderbook_snapshot", "sid": sid, "msg": body}
        self._numbered(sid, frame if number is None else {**frame, "id": number})

    def _numbered(self, sid: int, frame: dict[str, Any]) -> None:
        self._seq[sid] = self._seq.get(sid, 0) + 1
        self._put({**frame, "seq": self._seq[sid]})

    def _put(self, frame: dict[str, Any], *, faults: bool = True) -> None:
        if faults and self.chance.random() < self.drop:
            return
        for _ in range(2 if faults and self.chance.random() < self.dup else 1):
            self.sent.append(frame)
            try:
                assert self._connection is not None
                self._connection.send(json.dumps(frame))
            except ConnectionClosed:
                return

    def change(self, ticker: str, side: str, price: int, delta: int) -> None:
        """Change a level (``price`` in the side's own prices) and tell the client, if it listens."""
        with self._lock:
            levels = self.books[ticker][side]
            size = levels.get(price, 0) + delta
            assert size >= 0
            levels[price] = size
            if not size:
                del levels[price]
            sid = self._sids.get("orderbook_delta")
            if sid is None or self._connection is None or ticker not in self._listed.get(sid, ()):
                return
            shown = 10_000 - price if side == "no" and self._yes_price else price
            body = {
                "market_ticker": ticker, "price_dollars": write_price(shown), "delta_fp": write_count(delta),
                "side": side, "ts_ms": 1_781_159_489_957,
            }  # fmt: skip
            self._numbered(sid, {"type": "orderbook_delta", "sid": sid, "msg": body})

    def trade(self, ticker: str, number: int) -> None:
        with self._lock:
            sid = self._sids["trade"]
            body = {
                "trade_id": f"t{number}", "market_ticker": ticker, "yes_price_dollars": "0.4000", "count_fp": "1.00",
                "taker_outcome_side": "yes", "taker_book_side": "bid", "is_block_trade": False,
                "ts": 1_781_159_489, "ts_ms": 1_781_159_489_957,
            }  # fmt: skip
            self._numbered(sid, {"type": "trade", "sid": sid, "msg": body})

    def say(self, frame: dict[str, Any]) -> None:
        with self._lock:
            self._put(frame, faults=False)

    def cut(self) -> None:
        """Break the connection without a goodbye."""
        with self._lock:
            if self._connection is not None:
                with suppress(OSError):
                    self._connection.socket.shutdown(2)
                self._connection = None

    def true_book(self, ticker: str) -> tuple[dict[int, int], dict[int, int]]:
        book = self.books[ticker]
        return dict(book["yes"]), {10_000 - price: size for price, size in book["no"].items()}


@pytest.fixture
def venue() -> Iterator[Venue]:
    yield from run_venue(Venue(["A", "B", "C"]))


def run_venue(made: Venue) -> Iterator[Venue]:
    with serve(made.serve, "127.0.0.1", 0, compression=None, close_timeout=0.1) as server:
        made.port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield made
        made.cut()
        server.shutdown()
        thread.join()


@pytest.fixture
def make_venue() -> Iterator[Callable[..., Venue]]:
    running: list[Iterator[Venue]] = []

    def make(*args: Any, **options: Any) -> Venue:
        run = run_venue(Venue(*args, **options))
        running.append(run)
        return next(run)

    yield make
    for run in running:
        next(run, None)


class Beside:
    """REST beside the stream: which markets are open, and the books of the venue."""

    def __init__(self, rest: Rest, venue: Venue) -> None:
        self.venue, self.open = venue, list(venue.tickers)
        self.unopened: dict[str, str] = {}  # ticker -> when it opens
        self.mirrored = False
        self.down = self.refuse = False
        self.trades: list[dict[str, Any]] = []
        rest.answer = self.answer

    def answer(self, request: Request) -> Answer:
        if self.down:
            return 503, {}
        if self.refuse:
            return 401, {"error": {"code": "authentication_error", "message": "m", "details": "NOT_FOUND"}}
        if request.path == "/markets":
            listed = [{"ticker": ticker, "status": "active"} for ticker in self.open]
            if request.query.get("status") == ["unopened"]:
                listed = [
                    {"ticker": name, "status": "initialized", "open_time": at} for name, at in self.unopened.items()
                ]
            return 200, {"markets": listed, "cursor": ""}
        if request.path == "/account/limits":
            bucket = {"refill_rate": 200, "bucket_capacity": 400}
            return 200, {"usage_tier": "basic", "read": bucket, "write": bucket, "grants": []}
        if request.path == "/markets/orderbooks":
            return 200, {"orderbooks": [self.book(ticker) for ticker in request.query["tickers"]]}
        if request.path == "/markets/trades":
            return 200, {"trades": self.trades[::-1], "cursor": ""}
        if request.path == "/markets/candlesticks":
            return 200, {"markets": []}
        if request.path.startswith("/series/"):
            return 200, {"series": {"ticker": "KXS", "fee_type": "quadratic", "fee_multiplier": 1}}
        if request.path.startswith("/markets/"):
            ticker = request.path.removeprefix("/markets/")
            return 200, {"market": {"ticker": ticker, "status": "active" if ticker in self.open else "finalized"}}
        return 404, {"error": {"code": "not_found"}}

    def book(self, ticker: str) -> dict[str, Any]:
        book = self.venue.books[ticker]
        no = {10_000 - price: size for price, size in book["no"].items()} if self.mirrored else book["no"]
        sides = {
            f"{side}_dollars": [[f"{p / 10_000:.4f}", f"{c / 100:.2f}"] for p, c in sorted(levels.items())]
            for side, levels in (("yes", book["yes"]), ("no", no))
        }
        return {"ticker": ticker, "orderbook_fp": sides}


@pytest.fixture
def make_exchange(rest: Rest, venue: Venue) -> Callable[[], Beside]:
    return lambda: Beside(rest, venue)


@pytest.fixture
def environment(settings: Settings, pem: bytes, tmp_path: Path) -> dict[str, str]:
    """What a command needs to talk to the server of the test."""
    key_file = tmp_path / "private.pem"
    key_file.write_bytes(pem)
    key_file.chmod(0o600)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KALSHI_")}
    return {
        **kept,
        "KALSHI_KEY_ID": KEY_ID,
        "KALSHI_PRIVATE_KEY_PATH": str(key_file),
        "KALSHI_REST_URL": settings.rest_url,
        "KALSHI_WS_URL": settings.ws_url,
    }
