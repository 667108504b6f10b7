"""How fast the local exchange replays into a client's books and takes orders, over sockets of this machine.

Replay: 500 markets, 100,000 changes of levels and 5,000 trades at full speed, one client that keeps every book. Before
the time counts the client's books are compared with the exchange's. Yardstick: `json.loads` of as many such messages.
Fan-out: the same replay to one client and to ten that take everything; yardstick: the time a message to one.
Orders: resting bids over one connection; yardsticks: bare questions over the same, and orders when none is open.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

import numpy as np
import polars as pl
import pytest
from touchline.engine.exchanges import Exchange
from touchline.engine.exchanges.market.history import History, from_frames
from touchline.engine.exchanges.market.venue import VenueMarket
from touchline.engine.exchanges.network.server import Speed
from touchline.io.ground.units import NS_PER_SECOND
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.signing import Signer
from touchline.io.kalshi.stream.stream import Stream
from touchline.io.store.schema import Side

MARKETS, CHANGES, TRADES = 500, 100_000, 5_000
SIDES = (Side.BID, Side.ASK)
CLIENTS, OPEN = 10, 10_000
WS, ORDERS = "/trade-api/ws/v2", "/trade-api/v2/portfolio/events/orders"
START = 1_790_000_000 * NS_PER_SECOND


def recording() -> History:
    """Eight levels a side that come and go in turn; every twentieth change has a trade beside it."""
    number = np.arange(CHANGES)
    names = np.array([f"KXBENCH-26SEP21-B{market}" for market in range(MARKETS)])
    turn = number // MARKETS
    side = np.where(turn % 2 == 0, 1, -1)
    changes = pl.DataFrame(
        {
            "ts": START + (1 + number) * 1_000_000,
            "ticker": names[number % MARKETS],
            "kind": np.zeros(CHANGES, np.int64),
            "side": side,
            "price": np.where(side == 1, 4000, 5000) + 100 * (turn // 2 % 8),
            "size": np.where(turn // 16 % 2 == 0, 100, -100),
        }
    )
    clear = pl.DataFrame({"ts": START, "ticker": names, "kind": 2, "side": 0, "price": 0, "size": 0}, strict=False)
    every = changes.gather_every(CHANGES // TRADES)
    trades = every.select("ts", "ticker", price=pl.lit(4300), size=pl.lit(50), taker_side=pl.lit(-1))
    close = START + 2 * CHANGES * 1_000_000
    markets = pl.DataFrame({"ticker": names}).with_columns(
        valid_from=pl.lit(0), open_ts=pl.lit(START - 1), close_ts=close
    )
    return from_frames(markets, pl.concat([clear.cast(changes.schema), changes]), trades)


def shown(market: VenueMarket) -> list[dict[int, int]]:
    return [market.book.shown(side) for side in SIDES]


def serve(pipe: Connection, speed: Speed) -> None:
    with Exchange(recording(), speed=speed, tier="unlimited") as exchange:
        exchange.venue.horizon = exchange.venue.history.end  # books stay as the recording leaves them
        pipe.send((dict(exchange.environment), exchange.keys.path.read_bytes()))
        while (asked := pipe.recv()) != "stop":
            if asked == "books":
                pipe.send(exchange.call(lambda: {m.ticker: shown(m) for m in exchange.venue.listed}))
            else:
                pipe.send(time.process_time())


@contextmanager
def serving(speed: Speed) -> Iterator[tuple[Connection, dict[str, str]]]:
    """An exchange in a process of its own: what asks it, and where it is."""
    mine, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, speed), daemon=True)
    server.start()
    where, key = mine.recv()
    try:
        yield mine, {**where, "KEY": key.decode()}
    finally:
        mine.send("stop")
        server.join()


def ask(pipe: Connection, what: str) -> Any:
    pipe.send(what)
    return pipe.recv()


@pytest.mark.bench
def test_replay_into_a_clients_books(benchmark: Any, tell: Callable[..., None]) -> None:
    tickers = [f"KXBENCH-26SEP21-B{market}" for market in range(MARKETS)]

    def replay() -> float:
        with serving("max") as (pipe, where):
            stream = Stream(Settings.from_env(where, dotenv=None), tickers)
            taken = len(stream.poll(10))
            began, wanted = time.perf_counter(), MARKETS + CHANGES + TRADES
            while taken < wanted:
                taken += len(stream.poll(10))
            seconds = time.perf_counter() - began
            for ticker, (bids, asks) in ask(pipe, "books").items():
                assert (stream.books[ticker].bids, stream.books[ticker].asks) == (bids, asks)
            stream.close()
            return seconds

    rates = []
    benchmark.pedantic(lambda: rates.append((MARKETS + CHANGES + TRADES) / replay()), rounds=2)
    body = {"market_ticker": tickers[0], "price_dollars": "0.4700", "delta_fp": "-3.00", "side": "yes", "ts_ms": 1}
    message = json.dumps({"type": "orderbook_delta", "sid": 1, "seq": 2, "msg": body})
    began = time.perf_counter()
    for _ in range(CHANGES):
        json.loads(message)
    yardstick = CHANGES / (time.perf_counter() - began)
    rate = max(rates)
    assert rate >= 3_000  # twice what the exchange sends at busy times
    figures = {"messages_per_second": round(rate), "json_loads_per_second": round(yardstick)}
    tell("from replay to books", {"exchange_replay": rate / yardstick}, **figures)


class Listener(Thread):
    """A client that takes everything and counts the changes."""

    def __init__(self, where: Mapping[str, str]) -> None:
        super().__init__()
        signed = Signer(where["KALSHI_KEY_ID"], where["KEY"].encode()).headers("GET", WS)
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", **signed}
        lines = "".join(f"{name}: {value}\r\n" for name, value in upgrade.items())
        self._plug = dial(where)
        self._plug.sendall(f"GET {WS} HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: {'A' * 22}==\r\n{lines}\r\n".encode())
        assert b" 101 " in self._plug.recv(4096)
        self.changes = 0

    def run(self) -> None:
        """Ask for every book, in a masked frame, and read up to the last change."""
        tickers = [f"KXBENCH-26SEP21-B{market}" for market in range(MARKETS)]
        params = {"channels": ["orderbook_delta"], "market_tickers": tickers}
        text = json.dumps({"id": 1, "cmd": "subscribe", "params": params}).encode()
        self._plug.sendall(b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text)

        answered = time.monotonic()
        left, mark, last = b"", b'{"type":"orderbook_delta"', b'"ts_ms":%d}' % (START // 1_000_000 + CHANGES)
        while last not in left and (data := self._plug.recv(1 << 18)):
            data = left + data
            cut = data.rfind(mark) + len(mark) if mark in data else 0
            self.changes += data.count(mark)
            left = data[max(cut, len(data) - 400) :]
            if time.monotonic() - answered > 2:
                self._plug.sendall(b"\x8a\x80" + bytes(4))  # a pong
                answered = time.monotonic()
        self._plug.close()


def dial(where: Mapping[str, str]) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(where["KALSHI_REST_URL"].split(":")[2].split("/")[0])), 60)


@pytest.mark.bench
def test_fan_out(benchmark: Any, tell: Callable[..., None]) -> None:
    def spent(clients: int) -> float:
        with serving("max") as (pipe, where):
            listeners = [Listener(where) for _ in range(clients)]
            before = ask(pipe, "time")
            for listener in listeners:
                listener.start()
            for listener in listeners:
                listener.join()
            heard = [listener.changes for listener in listeners]
            assert max(heard) == CHANGES and min(heard) > CHANGES / 2  # all but the first begin a little later
            return (ask(pipe, "time") - before) / sum(heard)

    each: dict[int, list[float]] = {1: [], CLIENTS: []}
    benchmark.pedantic(lambda: [each[clients].append(spent(clients)) for clients in each], rounds=2)
    one, many = min(each[1]), min(each[CLIENTS])
    tell(
        "stream fan-out",
        {"exchange_fan_out": many / one},
        us_a_message_to_one=one * 1e6,
        us_a_message_to_ten=many * 1e6,
    )


class Caller:
    """One connection of REST that signs every few seconds."""

    def __init__(self, where: Mapping[str, str]) -> None:
        self._signer = Signer(where["KALSHI_KEY_ID"], where["KEY"].encode())
        self._plug = dial(where)
        self._plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._plug.makefile("rb")
        self._signed: dict[str, tuple[float, str]] = {}

    def call(self, method: str, path: str, body: bytes = b"", key: bool = True) -> int:
        """Ask, read the whole answer and give its status."""
        head = self._head(method, path) if key else ""
        self._plug.sendall(f"{method} {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status, length = int(self._file.readline().split()[1]), 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name == b"Content-Length" else length
        self._file.read(length)
        return status

    def _head(self, method: str, path: str) -> str:
        made, head = self._signed.get(method, (0.0, ""))
        if time.monotonic() - made > 5:
            head = "".join(f"{name}: {value}\r\n" for name, value in self._signer.headers(method, path).items())
            self._signed[method] = time.monotonic(), head
        return head

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._plug.close()


@pytest.mark.bench
def test_orders(benchmark: Any, tell: Callable[..., None]) -> None:
    numbers = count()
    order = {
        "ticker": "KXBENCH-26SEP21-B0", "side": "bid", "count": "1.00", "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }  # fmt: skip
    with serving(0) as (pipe, where):
        caller = Caller(where)

        def spent(action: Callable[[], int], status: int, times: int) -> tuple[float, float]:
            """Seconds of one call: of waiting, and of the server."""
            before, began = ask(pipe, "time"), time.perf_counter()
            assert all(action() == status for _ in range(times))
            return (time.perf_counter() - began) / times, (ask(pipe, "time") - before) / times

        def create() -> int:
            price = f"0.{1 + next(numbers) % 39:02d}00"
            return caller.call("POST", ORDERS, json.dumps({**order, "price": price}).encode())

        def bare() -> int:
            return caller.call("GET", "/trade-api/v2/exchange/status", key=False)

        found: dict[str, list[float]] = {"bare": [], "first": [], "last": [], "wall": [], "cancel_all": []}

        def work() -> None:
            found["bare"].append(spent(bare, 200, 2_000)[1])
            found["first"].append(spent(create, 201, 2_000)[1])
            found["wall"].append(spent(create, 201, OPEN - 4_000)[0])
            found["last"].append(spent(create, 201, 2_000)[1])
            found["cancel_all"].append(spent(lambda: caller.call("DELETE", ORDERS), 204, 1)[0])

        benchmark.pedantic(work, rounds=2)
        caller.close()
    bare_s, first, last, wall, cancel_all = (min(values) for values in found.values())
    ratios = {
        "exchange_create": first / bare_s,
        "exchange_create_flat": last / first,
        "exchange_cancel_all_s": cancel_all,
    }
    tell("orders", ratios, creates_per_second=round(1 / wall), us_a_create=first * 1e6, us_a_bare_answer=bare_s * 1e6)
