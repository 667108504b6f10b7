"""A minimal exchange on this machine: answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from touchline.io.kalshi.settings import Settings
from touchline.io.kalshi.signing import Signer

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
