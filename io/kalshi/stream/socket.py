"""A WebSocket in one thread: the protocol of `websockets` without its I/O layers, on a plain (TLS) socket.

Driving the protocol here costs a fraction of the threaded or asyncio client per message, and one thread is
all that the recorder and the live runner need.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

from certifi import where
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from ..rest.errors import AuthError, NetworkError, ServerError, api_error

_READ_BYTES = 1 << 18
_LARGEST_MESSAGE = 1 << 26  # a snapshot of a deep book is far smaller; this only bounds memory
_DATA = (Opcode.TEXT, Opcode.BINARY)

# The protocol logs handshake headers, which carry the signature, on the level DEBUG: it gets a logger that has none.
_SILENT = logging.Logger("touchline.silent", logging.CRITICAL)


class StreamSocket:
    """One connection. `receive` answers pings by itself; everything that ends it raises `NetworkError`."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float = 10.0) -> None:
        parts = urlsplit(url)
        self._protocol = ClientProtocol(parse_uri(url), max_size=_LARGEST_MESSAGE, logger=_SILENT)
        self._parts: list[bytes] = []
        self._ready: deque[bytes] = deque()
        try:
            self._socket = _open(parts.hostname or "", parts.port, parts.scheme == "wss", timeout)
        except ssl.SSLError:
            raise NetworkError("the stream's certificate is not trusted") from None
        except OSError as error:
            raise NetworkError(f"cannot reach the stream: {error.strerror or 'timed out'}") from None
        self.heard_at = time.monotonic()
        try:
            self._shake_hands(headers, timeout)
        except BaseException:
            self._socket.close()
            raise

    def _shake_hands(self, headers: Mapping[str, str], timeout: float) -> None:
        request = self._protocol.connect()
        for name, value in headers.items():
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()
        deadline = time.monotonic() + timeout
        while self._protocol.state is State.CONNECTING:
            if not self._wait(deadline - time.monotonic()):
                raise NetworkError("the stream did not answer the handshake")
            self._read()
            self._protocol_events()
            if self._protocol.handshake_exc is not None:
                raise _refusal(self._protocol.handshake_exc)

    def send(self, text: bytes) -> None:
        """Send one text message."""
        if self._protocol.state is not State.OPEN:
            raise NetworkError("the stream closed")
        self._protocol.send_text(text)
        self._flush()

    def ping(self) -> None:
        """Ask for a sign of life; the answer counts as something heard."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"touchline")
            self._flush()

    def receive(self, timeout: float) -> list[bytes]:
        """All messages that are there, waiting up to ``timeout`` seconds for the first."""
        if not self._ready and self._wait(timeout):
            self._read()
            self._protocol_events()
        if self._ready:
            messages = list(self._ready)
            self._ready.clear()
            return messages
        if self._protocol.state is not State.OPEN:
            close = self._protocol.close_rcvd
            raise NetworkError(f"the stream closed: {close.code} {close.reason}" if close else "the stream broke off")
        return []

    def close(self) -> None:
        """Say goodbye and close; never waits, never fails."""
        try:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                self._flush()
        except (NetworkError, WebSocketException):
            pass
        self._socket.close()

    def _wait(self, timeout: float) -> bool:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        return bool(select.select([self._socket], [], [], max(0.0, timeout))[0])

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except ssl.SSLWantReadError:  # pragma: no cover - half a TLS record
            return
        except OSError as error:
            raise NetworkError(f"the stream broke off: {error.strerror or 'timed out'}") from None
        self.heard_at = time.monotonic()
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()

    def _protocol_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                continue
            assert isinstance(event, Frame)
            if event.opcode in _DATA and event.fin:
                self._ready.append(bytes(event.data))
            elif event.opcode in _DATA or event.opcode is Opcode.CONT:
                self._parts.append(bytes(event.data))
                if event.fin:
                    self._ready.append(b"".join(self._parts))
                    self._parts.clear()
        self._flush()

    def _flush(self) -> None:
        try:
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)
        except OSError as error:
            raise NetworkError(f"the stream broke off: {error.strerror or 'timed out'}") from None


def _open(host: str, port: int | None, encrypted: bool, timeout: float) -> socket.socket:
    plain = socket.create_connection((host, port or (443 if encrypted else 80)), timeout)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not encrypted:
        return plain
    try:
        return ssl.create_default_context(cafile=where()).wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _refusal(error: Exception) -> Exception:
    if isinstance(error, InvalidStatus):
        refusal = api_error(error.response.status_code, bytes(error.response.body or b""))
        if isinstance(refusal, AuthError):
            return refusal
        if isinstance(refusal, ServerError):
            return NetworkError(f"the stream is not there now: {refusal}")
        return refusal
    if isinstance(error, InvalidHandshake):
        return NetworkError("the stream's handshake failed")
    return NetworkError(f"the stream's handshake broke off ({type(error).__name__})")
