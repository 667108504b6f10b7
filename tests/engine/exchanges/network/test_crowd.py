"""A crowd at the door of a real server process: half-open connections beyond its files, bodies without a key."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from touchline.engine.exchanges.network import http
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

from ..conftest import book_rows, market_row
from .test_http import ORDERS, STATUS, answer, dial_to

FILES, CROWD = 1024, 1100
#: Becomes a program that may open so many files.
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))
os.execv(sys.argv[1], sys.argv[1:])
"""
#: Opens connections that each ask half a question, says so, and holds them until its input ends.
CLIENTS = """
import resource, socket, sys
address, count = ("127.0.0.1", int(sys.argv[1])), int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
plugs = []
for number in range(count):
    plugs.append(socket.create_connection(address, timeout=10))
    plugs[-1].sendall(b"GET /trade-api/v2/exchange/status HTTP/1.1\\r\\nX: y")
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def served(folder: Path, files: int) -> Iterator[tuple[psutil.Process, int]]:
    """The command in a process of its own that may open so many files: its process and port. It logs nothing odd."""
    book = book_rows([(0, BookKind.CLEAR, 0, 0, 0), (0, BookKind.LEVEL, 1, 4600, 100)])
    Store(str(folder / "data")).ingest("made up", "1", [Chunk({"markets": market_row(), "book": book})])
    engine = str(Path(sys.executable).with_name("engine"))
    options = ["--store", "data", "--keys", "keys", "--tier", "unlimited"]
    command = [sys.executable, "-c", LIMITED.format(files=files), engine, "exchange", *options]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        try:
            assert server.stdout
            yield (
                psutil.Process(server.pid),
                int(json.loads(server.stdout.readline())["rest"].split(":")[2].split("/")[0]),
            )
        finally:
            server.terminate()
    told = (folder / "log").read_text().splitlines()
    assert [line for line in told if not line.startswith("KALSHI_")] == ["exchange stopped"]


@pytest.mark.slow
def test_1100_half_open_connections_under_1024_files_do_not_stop_service(tmp_path):
    with served(tmp_path, FILES) as (server, port):
        known = dial_to(port)
        known.sendall(STATUS)
        assert answer(known)[0] == 200
        crowd = subprocess.Popen(
            [sys.executable, "-c", CLIENTS, str(port), str(CROWD)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert crowd.stdout and crowd.stdout.readline() == "open\n"
            known.sendall(STATUS)
            assert answer(known)[0] == 200, "one that has asked goes after those that never did"
            for _ in range(20):
                with dial_to(port) as fresh:
                    fresh.sendall(STATUS)
                    assert answer(fresh)[0] == 200
            assert server.num_fds() < FILES
        finally:
            crowd.communicate(timeout=30)
        known.sendall(STATUS)
        assert answer(known)[0] == 200
        known.close()


@pytest.mark.slow
@pytest.mark.parametrize("keyless", [True, False])
@pytest.mark.parametrize("size", [7_900_000, http.MAX_BODY])
def test_60_large_bodies_without_a_key_are_not_kept_in_memory(tmp_path, size, keyless):
    body = b"x" * size
    bad = "KALSHI-ACCESS-KEY: k\r\nKALSHI-ACCESS-SIGNATURE: s\r\nKALSHI-ACCESS-TIMESTAMP: 1\r\n"
    head = f"POST {ORDERS} HTTP/1.1\r\n{'' if keyless else bad}Content-Length: {size}\r\n\r\n".encode()
    with served(tmp_path, 4096) as (server, port):
        before, peak, statuses = server.memory_info().rss, 0, []

        def send() -> None:
            with dial_to(port) as plug:
                with suppress(ConnectionError):
                    plug.sendall(head + body)
                with suppress(ConnectionError):
                    statuses.append(answer(plug)[0])

        clients = [threading.Thread(target=send) for _ in range(60)]
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            peak = max(peak, server.memory_info().rss)
            time.sleep(0.005)
        assert set(statuses) <= {401, 413}
        assert peak - before < 40 << 20, f"{(peak - before) / 1e6:.0f} MB more while {60 * size / 1e6:.0f} MB came in"
