"""One WebSocket on the server's side: the upgrade, messages in, frames out; the protocol itself is websockets' own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

_MAX_MESSAGE = 1 << 20
_READ = 64 << 10


class ServerSocket:
    """A connection of the stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = ServerProtocol(max_size=_MAX_MESSAGE)
        self.answered = True  #: the last ping has been answered

    @property
    def open(self) -> bool:
        """Whether messages may still be sent."""
        return self._protocol.state is State.OPEN

    def accept(self, head: bytes) -> bool:
        """Answer the head of an upgrade and say whether the stream is open."""
        self._protocol.receive_data(head)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
        self._flush()
        return self.open

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield what the client says, until one of the two closes."""
        parts: list[bytes] = []
        while self.open and (data := await self._reader.read(_READ)):
            self._protocol.receive_data(data)
            self._flush()
            for frame in self._protocol.events_received():
                if not isinstance(frame, Frame):
                    continue
                self.answered |= frame.opcode is Opcode.PONG
                if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                    parts.append(bytes(frame.data))
                    if frame.fin:
                        yield b"".join(parts)
                        parts.clear()

    async def send(self, texts: Iterable[bytes]) -> None:
        """Send whole text messages in one write: a system call costs more than a message."""
        self._writer.write(b"".join(map(_text_frame, texts)))
        await self._writer.drain()

    async def ping(self, body: bytes) -> None:
        """Send a ping."""
        self.answered = False
        self._protocol.send_ping(body)
        self._flush()
        await self._writer.drain()

    def close(self) -> None:
        """Say that the server goes away."""
        if self.open:
            self._protocol.send_close(1001)
            self._flush()

    def abort(self) -> None:
        """Cut the connection; what waits is lost."""
        self._writer.transport.abort()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)


def _text_frame(body: bytes) -> bytes:
    """A whole text message as a server sends it: no mask, length in one, two or eight bytes."""
    size = len(body)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + body
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + body
    return b"\x81\x7f" + size.to_bytes(8, "big") + body
