"""What the recorder keeps up with, and what memory it takes: 2,000 markets over the stream of this machine.

Workload: a server sends level changes of 2,000 markets as fast as they are taken, TOUCHLINE_BENCH_SECONDS long (60).
At the exchange's busy 1,500 messages a second a minute of it is more than half an hour of the real stream. The
journal goes to a temporary folder; afterwards its last number must be the last one sent and none may be missing.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

MARKETS = 2_000
SECONDS = float(os.environ.get("TOUCHLINE_BENCH_SECONDS", "60"))
TICKERS = [f"KXT-26SEP14H1600-B{7000 + number}" for number in range(MARKETS)]
COMMAND = [sys.executable, "-c", "from touchline.engine.cli import main; main()", "data", "record", "--series", "KXT"]


class Rest(BaseHTTPRequestHandler):
    """Lists the markets."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer any read."""
        listed = [{"ticker": ticker, "status": "active"} for ticker in TICKERS] if "series_ticker" in self.path else []
        body = json.dumps({"markets": listed, "orderbooks": [], "cursor": ""}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def framed(text: bytes) -> bytes:
    return Frame(Opcode.TEXT, text).serialize(mask=False)


def stream(listener: socket.socket) -> None:
    """Acknowledge subscriptions; send every book, and then changes for as long as somebody listens."""
    connection, _ = listener.accept()
    protocol = ServerProtocol()
    while not (events := protocol.events_received()):
        protocol.receive_data(connection.recv(65536))
    protocol.send_response(protocol.accept(events[0]))  # type: ignore[arg-type]  # the first is the request
    connection.sendall(b"".join(protocol.data_to_send()))
    books: list[str] = []
    sids: dict[str, int] = {}
    seq: dict[int, int] = {}
    while len(books) < MARKETS or len(sids) < 3:
        protocol.receive_data(connection.recv(1 << 20))
        for event in protocol.events_received():
            command = json.loads(event.data)  # type: ignore[union-attr]  # all others are frames
            params = command["params"]
            for channel in params.get("channels", ()):
                sids[channel] = len(sids) + 1
                answer = {"type": "subscribed", "id": command["id"], "msg": {"channel": channel, "sid": sids[channel]}}
                connection.sendall(framed(json.dumps(answer).encode()))
            if "sids" in params:
                sid = params["sids"][0]
                seq[sid] = seq.get(sid, 0) + 1
                answer = {"type": "ok", "id": command["id"], "sid": sid, "seq": seq[sid], "msg": {}}
                connection.sendall(framed(json.dumps(answer).encode()))
            if "orderbook_delta" in params.get("channels", ()) or params.get("sids") == [sids.get("orderbook_delta")]:
                for ticker in params["market_tickers"]:
                    seq[1] = seq.get(1, 0) + 1
                    body = {"market_ticker": ticker, "yes_dollars_fp": [["0.4000", "500.00"]]}
                    answer = {"type": "orderbook_snapshot", "sid": 1, "seq": seq[1], "msg": body}
                    connection.sendall(framed(json.dumps(answer).encode()))
                    books.append(ticker)
    pump(connection, seq[1])


def pump(connection: socket.socket, seq: int) -> None:
    chance = random.Random(1)
    head = b'{"type":"orderbook_delta","sid":1,"seq":%d,"msg":{"market_ticker":"%s","market_id":"' + b"1" * 36
    tail = (
        b'","price_dollars":"0.%02d00","delta_fp":"%d.00","side":"yes","ts":"2026-06-11T06:31:29.957081Z","ts_ms":%d}}'
    )
    names = [ticker.encode() for ticker in TICKERS]
    try:
        while True:
            parts = []
            for _ in range(500):
                seq += 1
                price, size = chance.randrange(1, 40), chance.randrange(1, 100)
                # every level is added and taken away again, so that the books stay as they are
                text = (head + tail) % (seq, names[seq // 2 % MARKETS], price, size, 1781159489957 + seq)
                undo = (head + tail) % (seq + 1, names[seq // 2 % MARKETS], price, -size, 1781159489957 + seq)
                seq += 1
                parts += [
                    b"\x81\x7e%c%c" % divmod(len(text), 256),
                    text,
                    b"\x81\x7e%c%c" % divmod(len(undo), 256),
                    undo,
                ]
            connection.sendall(b"".join(parts))
    except OSError:
        return


@pytest.mark.bench
def test_record_two_thousand_markets(benchmark: Any, tmp_path: Path) -> None:
    rest = ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    key = tmp_path / "private.pem"
    key.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    key.chmod(0o600)
    journal = tmp_path / "journal"
    curve: list[tuple[float, float]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = multiprocessing.get_context("fork").Process(target=stream, args=(listener,), daemon=True)
        server.start()
        env = {
            **os.environ,
            "KALSHI_KEY_ID": "id",
            "KALSHI_PRIVATE_KEY_PATH": str(key),
            "KALSHI_REST_URL": f"http://127.0.0.1:{rest.server_port}/trade-api/v2",
            "KALSHI_WS_URL": f"ws://127.0.0.1:{listener.getsockname()[1]}/trade-api/ws/v2",
        }
        command = [*COMMAND, "--journal", str(journal), "--no-import", "--json", "--for", f"{SECONDS:.0f}s"]
        child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def watch() -> None:
            process, began = psutil.Process(child.pid), time.monotonic()
            while child.poll() is None:
                curve.append((time.monotonic() - began, process.memory_info().rss / 1e6))
                time.sleep(SECONDS / 60)

        benchmark.pedantic(watch, rounds=1)
        out, err = child.communicate()
        assert child.returncode == 0, err
        server.terminate()
        server.join()
        server.close()
    rest.shutdown()
    rest.server_close()
    totals = json.loads(out)
    lines = last = 0
    for path in sorted(journal.glob("*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                if b'"orderbook_delta","sid"' in line:
                    seq = int(line[line.index(b'"seq":') + 6 : line.index(b',"msg"')])
                    assert last in (0, seq - 1), "a message is missing from the journal"
                    last, lines = seq, lines + 1
    assert lines == totals["book_changes"] and totals["gaps"] == 0 and totals["markets"] == MARKETS
    settled = [rss for at, rss in curve if SECONDS * 0.15 < at < SECONDS]
    early, late = max(settled[: len(settled) // 4]), max(settled[-len(settled) // 4 :])
    shown = ", ".join(f"{at:.0f} s {rss:.0f} MB" for at, rss in curve[:: max(1, len(curve) // 8)])
    rate = totals["messages"] / SECONDS
    benchmark.extra_info |= {"messages_per_second": round(rate), "rss_mb": [round(rss) for _, rss in curve if rss]}
    print(f"\n{totals['messages']:,} messages, {rate:,.0f}/s into the journal; RSS {shown}")
    assert late < early + 8
