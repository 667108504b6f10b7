"""How fast messages of the stream become books: from a captured stream, and over a socket of this machine.

Workload: 2,000 markets, one snapshot each, then 200,000 level changes with the field lengths and the mixture of
prices of the exchange's own messages. The first is measured in seconds of one core. Before anything is timed the
books are compared with plain ones kept by `json` and `Decimal`. Yardstick in the same run: `json.loads` of the same
messages, which does no book at all.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import socket
import time
from decimal import Decimal
from typing import Any

import pytest
from touchline.io.kalshi.stream.books import StreamBooks
from touchline.io.kalshi.stream.frames import decode_frame
from touchline.io.kalshi.stream.socket import StreamSocket
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

MARKETS, CHANGES = 2_000, 200_000
MARKET_ID = "1b0d3b4c-7f5e-4a2e-9c5a-0a3e1b2c3d4e"


def capture() -> list[bytes]:
    chance = random.Random(7)
    tickers = [f"KXINX-26SEP14H1600-B{7000 + number}" for number in range(MARKETS)]
    books: list[dict[str, dict[int, int]]] = []
    frames = []
    for number, ticker in enumerate(tickers):
        low = chance.randrange(5, 60)
        book = {"yes": {low - n: chance.randrange(1, 500) for n in range(4)}, "no": {}}
        book["no"] = {100 - low - 2 - n: chance.randrange(1, 500) for n in range(4)}
        books.append(book)
        body = {
            "market_ticker": ticker,
            "market_id": MARKET_ID,
            **{f"{side}_dollars_fp": [[f"0.{p:02d}00", f"{c}.00"] for p, c in book[side].items()] for side in book},
        }
        frames.append(json.dumps({"type": "orderbook_snapshot", "sid": 1, "seq": number + 1, "msg": body}))
    for number in range(CHANGES):
        market = chance.randrange(MARKETS)
        side = chance.choice(("yes", "no"))
        levels = books[market][side]
        price = chance.choice(list(levels))
        delta = chance.randrange(1, 300) if levels[price] < 300 or chance.random() < 0.5 else -chance.randrange(1, 300)
        levels[price] += delta
        body = {
            "market_ticker": tickers[market], "market_id": MARKET_ID, "price_dollars": f"0.{price:02d}00",
            "delta_fp": f"{delta}.00", "side": side,
            "ts": "2026-06-11T06:31:29.957081Z", "ts_ms": 1781159489957 + number,
        }  # fmt: skip
        frames.append(json.dumps({"type": "orderbook_delta", "sid": 1, "seq": MARKETS + number + 1, "msg": body}))
    return [frame.replace(", ", ",").replace(": ", ":").encode() for frame in frames]


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    return capture()


def keep(frames: list[bytes]) -> StreamBooks:
    books = StreamBooks(use_yes_price=False)
    apply = books.apply
    for raw in frames:
        apply(decode_frame(raw))
    return books


def plainly(frames: list[bytes]) -> dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]]:
    books: dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]] = {}
    for raw in frames:
        frame = json.loads(raw)
        body = frame["msg"]
        if frame["type"] == "orderbook_snapshot":
            sides = [{Decimal(p): Decimal(c) for p, c in body.get(f"{side}_dollars_fp", ())} for side in ("yes", "no")]
            books[body["market_ticker"]] = (sides[0], sides[1])
        else:
            levels = books[body["market_ticker"]][body["side"] == "no"]
            levels[Decimal(body["price_dollars"])] += Decimal(body["delta_fp"])
    return books


def check(books: StreamBooks, frames: list[bytes]) -> None:
    expected = plainly(frames)
    assert len(expected) == MARKETS and not books.stale() and not books.duplicates
    for ticker, (bids, asks) in expected.items():
        assert books[ticker].bids == {int(p * 10_000): int(c * 100) for p, c in bids.items() if c}
        assert books[ticker].asks == {10_000 - int(p * 10_000): int(c * 100) for p, c in asks.items() if c}


@pytest.mark.bench
def test_decode_and_keep_books(benchmark: Any, frames: list[bytes]) -> None:
    check(keep(frames), frames)
    spent: list[float] = []  # of one core, whoever else is at work

    def timed() -> None:
        began = time.process_time()
        keep(frames)
        spent.append(time.process_time() - began)

    benchmark.pedantic(timed, rounds=5, warmup_rounds=1)
    began = time.process_time()
    for raw in frames:
        json.loads(raw)
    yardstick = len(frames) / (time.process_time() - began)
    rate, wall = len(frames) / min(spent), len(frames) / benchmark.stats.stats.min
    benchmark.extra_info |= {"messages_per_second": round(rate), "json_loads_per_second": round(yardstick)}
    print(
        f"\n{rate:,.0f} messages a second of one core into books, {wall:,.0f} by the clock; json.loads {yardstick:,.0f}"
    )
    assert rate >= 150_000


def serve(listener: socket.socket, wire: bytes) -> None:
    """Answer the handshake of every connection and send it everything, as fast as it takes it."""
    while True:
        connection, _ = listener.accept()
        protocol = ServerProtocol()
        while not (events := protocol.events_received()):
            protocol.receive_data(connection.recv(65536))
        protocol.send_response(protocol.accept(events[0]))  # type: ignore[arg-type]  # the first is the request
        connection.sendall(b"".join(protocol.data_to_send()))
        connection.sendall(wire)
        connection.recv(65536)
        connection.close()


def receive(port: int, count: int) -> StreamBooks:
    connection = StreamSocket(f"ws://127.0.0.1:{port}/trade-api/ws/v2", {})
    books = StreamBooks(use_yes_price=False)
    apply, taken = books.apply, 0
    while taken < count:
        raws = connection.receive(10)
        for raw in raws:
            apply(decode_frame(raw))
        taken += len(raws)
    connection.close()
    return books


@pytest.mark.bench
def test_receive_over_a_socket(benchmark: Any, frames: list[bytes]) -> None:
    wire = b"".join(Frame(Opcode.TEXT, frame).serialize(mask=False) for frame in frames)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = multiprocessing.get_context("fork").Process(target=serve, args=(listener, wire), daemon=True)
        server.start()
        port = listener.getsockname()[1]
        check(receive(port, len(frames)), frames)
        benchmark.pedantic(receive, args=(port, len(frames)), rounds=3)
        server.terminate()
        server.join()
        server.close()
    rate = len(frames) / benchmark.stats.stats.min
    benchmark.extra_info |= {"messages_per_second": round(rate)}
    print(f"\n{rate:,.0f} messages/s over a loopback socket into books")
    assert rate >= 30_000
