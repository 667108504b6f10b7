"""A small HTTP/1.1 server on asyncio: keep-alive, bodies with a length, one handler for everything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from ....io.kalshi.transport import SIMULATED_TIME

MAX_BODY = 8 << 20
_MAX_HEAD = 64 << 10


@dataclass(frozen=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """A status and a JSON document; no document, no body."""

    status: int
    document: Any = None


class HangupError(Exception):
    """Close the connection without an answer."""


Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Listens and answers every request with the handler's response."""

    def __init__(self, handler: Handler, clock: Callable[[], int]) -> None:
        self._handler = handler
        self._clock = clock  #: simulated time, which every answer tells: clients ask for "the last hour"
        self._open: set[asyncio.StreamWriter] = set()
        self._idle = asyncio.Event()
        self._server: asyncio.Server

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._talk, host, port, limit=_MAX_HEAD)
        return self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut what is still connected."""
        self._server.close()
        while self._open:
            for writer in self._open:
                writer.transport.abort()
            self._idle.clear()
            await self._idle.wait()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (request := await _read(reader, writer)) is not None:
                response = await self._handler(request)
                keep = request.headers.get("connection", "").lower() != "close"
                writer.write(_written(response, keep, self._clock()))
                await writer.drain()
                if not keep:
                    break
        except _BadRequestError as bad:
            writer.write(_written(Response(400, {"msg": str(bad)}), False, self._clock()))
        except (HangupError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            self._open.discard(writer)
            self._idle.set()


class _BadRequestError(Exception):
    """Not HTTP as this server speaks it."""


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head[:-4].split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        raise _BadRequestError("malformed request line")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY or "transfer-encoding" in headers:
        raise _BadRequestError(f"a body needs a Content-Length of at most {MAX_BODY} bytes")
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await reader.readexactly(int(length)) if length != "0" else b""
    path, _, query = words[1].partition("?")
    return Request(words[0], unquote(path), parse_qsl(query, keep_blank_values=True), headers, body)


def _written(response: Response, keep: bool, now: int) -> bytes:
    body = b"" if response.document is None else msgspec.json.encode(response.document)
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = ""
    head = (
        f"HTTP/1.1 {response.status} {phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"{SIMULATED_TIME}: {now}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    )
    return head.encode("latin-1") + body
