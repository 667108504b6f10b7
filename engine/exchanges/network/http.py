"""The door of the exchange: HTTP/1.1 and the stream's upgrades on one port, within bounds of time, size and number."""

from __future__ import annotations

import asyncio
import math
import re
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from ....io.kalshi.rest.transport import SIMULATED_TIME
from .websocket import ServerSocket

MAX_BODY = 2 << 20
_MAX_HEAD = 64 << 10
#: How long a new connection may take to ask, how long it may rest between two questions, and how long a body may take.
FIRST_SECONDS, IDLE_SECONDS, BODY_SECONDS = 10.0, 60.0, 30.0
#: How often those who take longer are looked for: a timer for each question would cost a tenth of an order.
_LOOK_SECONDS = 0.25
#: Connections accepted in one go, and files kept free for everything else.
_BACKLOG, _FILES_KEPT = 64, 256
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_LENGTH = re.compile(r"[0-9]{1,10}\Z")
_CHUNK = re.compile(rb"[0-9a-fA-F]{1,8}\Z")


class Request(NamedTuple):
    """One request; header names are in lower case, and the body is read when it is asked for."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    read: Callable[[], Awaitable[bytes]]


#: Sends a piece of an answer that has no end yet; a client that is gone is a ConnectionError.
Send = Callable[[bytes], Awaitable[None]]


class Response(NamedTuple):
    """A status and a JSON document, or bytes of another type; neither, no body. ``follow`` goes on while it is read."""

    status: int
    document: Any = None
    content: bytes | None = None
    media: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    follow: Callable[[Send], Awaitable[None]] | None = None


class HangupError(Exception):
    """Close the connection without an answer."""


class MalformedError(Exception):
    """Not HTTP as this server speaks it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.response = Response(status, {"msg": reason})


class _Patience:
    """Until when a connection may keep the server waiting."""

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = math.inf

    def wait(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def stop(self) -> None:
        self.until = math.inf


Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Answers every request with the handler's response, and hands upgrades that are admitted to the stream.

    When the files this process may open run short, the connection that has asked for nothing the longest goes.
    """

    def __init__(
        self,
        handler: Handler,
        clock: Callable[[], int] | None,
        admit: Callable[[Request], Response | None],
        talk: Callable[[ServerSocket], Awaitable[None]],
    ) -> None:
        self._handler = handler
        #: Simulated time, which every answer tells: clients ask for "the last hour". None for a server without one.
        self._clock = clock
        self._admit = admit
        self._talk = talk
        self._open: dict[asyncio.StreamWriter, _Patience] = {}
        self._new: dict[asyncio.StreamWriter, None] = {}  #: have never asked, oldest first
        self._resting: dict[asyncio.StreamWriter, None] = {}  #: have had their answer
        self._idle = asyncio.Event()
        self._server: asyncio.Server

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = 1 << 16 if soft == resource.RLIM_INFINITY else max(soft - _FILES_KEPT, soft // 2)
        self._server = await asyncio.start_server(self._serve, host, port, limit=_MAX_HEAD, backlog=_BACKLOG)
        self._looking = asyncio.create_task(self._look())
        return self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut what is still connected."""
        self._looking.cancel()
        self._server.close()
        while self._open:
            for writer in self._open:
                writer.transport.abort()
            self._idle.clear()
            await self._idle.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        patience = self._open[writer] = _Patience()
        if len(self._open) > self._most:
            self._let_go(self._new or self._resting or {writer: None})
        try:
            while await self._answer(reader, writer, patience, await self._head(reader, writer, patience)):
                pass
        except MalformedError as bad:
            writer.write(_written(bad.response, False, self._now()))
        except (HangupError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            del self._open[writer]
            self._resting.pop(writer, None)
            self._idle.set()

    def _now(self) -> int | None:
        return None if self._clock is None else self._clock()

    async def _look(self) -> None:
        """End the connections that keep the server waiting for too long."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            for writer, patience in self._open.items():
                if patience.until < now:
                    writer.transport.abort()

    @staticmethod
    def _let_go(candidates: dict[asyncio.StreamWriter, None]) -> None:
        """End the first of some connections; the next call ends another, though this one is not closed yet."""
        oldest = next(iter(candidates))
        del candidates[oldest]
        oldest.transport.abort()

    async def _head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: _Patience) -> bytes:
        new = writer not in self._resting
        if new:
            self._new[writer] = None
        try:
            patience.wait(FIRST_SECONDS if new else IDLE_SECONDS)
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise MalformedError(431, f"the head of a request must not exceed {_MAX_HEAD} bytes") from None
        finally:
            patience.stop()
            self._new.pop(writer, None)
            self._resting.pop(writer, None)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: _Patience, head: bytes
    ) -> bool:
        """Answer one request and say whether another may follow."""
        request, body = _parsed(head, reader, writer, patience)
        keep = request.headers.get("connection", "").lower() != "close"
        if request.headers.get("upgrade", "").lower() == "websocket":
            refused = self._admit(request)
            if refused is None:
                socket = ServerSocket(reader, writer)
                if socket.accept(head):
                    await self._talk(socket)
                return False
            response, keep = refused, False
        else:
            response = await self._handler(request)
        if response.follow is not None:
            await self._follow(response, writer)
            return False
        keep = keep and not body.withheld
        writer.write(_written(response, keep, self._now()))
        if writer.transport.get_write_buffer_size() or not body.done:
            patience.wait(BODY_SECONDS)
            await writer.drain()
            await body.skip()
        self._resting[writer] = None
        return keep

    async def _follow(self, response: Response, writer: asyncio.StreamWriter) -> None:
        """Send an answer piece by piece, until it ends or its reader is gone."""
        assert response.follow is not None

        async def send(piece: bytes) -> None:
            writer.write(piece)
            await writer.drain()

        await send(_head(response, None, self._now(), keep=False))
        await response.follow(send)


class _Body:
    """The body of a request, with a length or in chunks: read when asked for, thrown away when nobody asks."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: _Patience, headers: dict[str, str]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._patience = patience
        coding, length = headers.get("transfer-encoding"), headers.get("content-length", "0")
        if coding is not None and coding.lower() != "chunked":
            raise MalformedError(501, "the only transfer encoding known here is chunked")
        if coding is None and not _LENGTH.match(length):
            raise MalformedError(400, "Content-Length must be a whole number")
        self._length = None if coding else int(length)
        self._check(self._length or 0)
        self.withheld = headers.get("expect", "").lower() == "100-continue"  #: sent only when asked for
        self.done = self._length == 0

    async def read(self) -> bytes:
        """Read the whole body."""
        if self.withheld:
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.withheld = False
        self._patience.wait(BODY_SECONDS)
        if self._length is None:
            whole = b"".join([piece async for piece in self._pieces()])
        else:
            whole = await self._reader.readexactly(self._length)
        self._patience.stop()
        self.done = True
        return whole

    async def skip(self) -> None:
        """Throw away what was not read."""
        if not self.done and not self.withheld:
            async for _ in self._pieces():
                pass

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self._length is not None:
            async for piece in self._exactly(self._length):
                yield piece
            return
        total = 0
        while size := await self._chunk_size():
            total += size
            self._check(total)
            async for piece in self._exactly(size):
                yield piece
            if await self._line():
                raise MalformedError(400, "a chunk is longer than it says")
        while await self._line():  # trailers
            pass

    async def _exactly(self, left: int) -> AsyncIterator[bytes]:
        while left:
            piece = await self._reader.read(min(left, _MAX_HEAD))
            if not piece:
                raise HangupError
            left -= len(piece)
            yield piece

    async def _chunk_size(self) -> int:
        size = (await self._line()).partition(b";")[0].strip()
        if not _CHUNK.match(size):
            raise MalformedError(400, "a chunk must begin with its size")
        return int(size, 16)

    async def _line(self) -> bytes:
        try:
            return (await self._reader.readuntil(b"\r\n"))[:-2]
        except asyncio.LimitOverrunError:
            raise MalformedError(400, "a line of a chunked body is too long") from None

    @staticmethod
    def _check(size: int) -> None:
        if size > MAX_BODY:
            raise MalformedError(413, f"a body must not exceed {MAX_BODY} bytes")


def _parsed(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: _Patience
) -> tuple[Request, _Body]:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        raise MalformedError(400, "malformed request line")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = _Body(reader, writer, patience, headers)
    path, _, query = words[1].partition("?")
    return Request(words[0], unquote(path), parse_qsl(query, keep_blank_values=True), headers, body.read), body


def _written(response: Response, keep: bool, now: int | None) -> bytes:
    body = response.content
    if body is None:
        body = b"" if response.document is None else msgspec.json.encode(response.document)
    return _head(response, len(body), now, keep=keep) + body


def _head(response: Response, length: int | None, now: int | None, *, keep: bool) -> bytes:
    """The head of an answer; one without a length goes on until the connection closes."""
    more = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    more += "" if length is None else f"Content-Length: {length}\r\n"
    more += "" if now is None else f"{SIMULATED_TIME}: {now}\r\n"
    phrase = _PHRASES.get(response.status, "")
    first = f"HTTP/1.1 {response.status} {phrase}\r\nContent-Type: {response.media}\r\n"
    return f"{first}{more}Connection: {'keep-alive' if keep else 'close'}\r\n\r\n".encode("latin-1")
