"""One local page: its server, the thread that it lives in, and what it answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ...io.ground.errors import InputError, TouchlineError
from ..exchanges.network.background import BackgroundServer
from ..exchanges.network.http import HttpServer, MalformedError, Request, Response
from ..exchanges.network.websocket import ServerSocket
from ..results.result_files import plain
from .columns import Question
from .opening import OpenResults
from .security import HEADERS, Door
from .views import bets, data, replay, results, session, sweep

View = Callable[[OpenResults, Question], dict[str, Any]]
#: Path below /api/ -> what answers it.
VIEWS: dict[str, View] = {
    "results": results.listed,
    "result": results.in_short,
    "compare": results.compared,
    "replay": replay.overview,
    "window": replay.window,
    "moment": replay.moment,
    "jump": replay.jump,
    "why": replay.why,
    "sweep": sweep.overview,
    "multiples": sweep.multiples,
    "luck": sweep.luck,
    "cell": sweep.cell,
    "bets": bets.overview,
    "trades": bets.trades,
    "prices": bets.prices,
    "data": data.overview,
    "markets": data.markets,
    "programs": data.programs,
    "quality": data.quality,
    "session": session.overview,
    "twin": session.twin,
}
STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_log = logging.getLogger(__name__)


class Page(BackgroundServer):
    """The page over some folders; a context manager that serves it in a thread of its own."""

    thread_name = "page"

    def __init__(self, opened: OpenResults, port: int = 0) -> None:
        super().__init__()
        self.opened, self.door = opened, Door()
        self._asked_port = port
        self._files = {f"/{path.name}": path for path in sorted(STATIC.iterdir()) if path.suffix in TYPES}

    @property
    def address(self) -> str:
        """Where the page is, without the token."""
        return f"http://127.0.0.1:{self.door.port}/"

    @property
    def url(self) -> str:
        """The address to open: it has the token of this session, once."""
        return f"{self.address}?token={self.door.token}"

    def __repr__(self) -> str:
        return f"<Page: {self.address if self.door.port else 'not running'}>"

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop``; ``ready`` is called when the address is known."""
        self._begin()
        server = HttpServer(self._answer, None, _no_stream, _never)
        try:
            self.door.port = await server.start("127.0.0.1", self._asked_port)
        except OSError as error:
            raise InputError(f"cannot listen on port {self._asked_port}: {error.strerror or error}") from None
        ready()
        try:
            await self._stop.wait()
        finally:
            await server.stop()

    async def _answer(self, request: Request) -> Response:
        try:
            answer = await self._checked(request)
        except MalformedError:
            raise
        except TouchlineError as error:
            answer = _error(400, str(error))
        except Exception:
            _log.exception("a view failed")
            answer = _error(500, "this view failed; what went wrong stands where engine ui was started")
        return answer._replace(headers=(*HEADERS, *answer.headers))

    async def _checked(self, request: Request) -> Response:
        door = self.door
        if not door.is_here(request):
            return _error(403, "this page answers to its own address alone")
        if request.method != "GET":
            return await self._changed(request)
        if request.path == "/" and door.knows(dict(request.query).get("token")):
            return Response(303, headers=(("Location", "/"), door.set_cookie))
        if request.path in ("/", *self._files):
            return self._file(request.path if request.path != "/" else "/index.html")
        if not request.path.startswith("/api/"):
            return _error(404, "there is no such page")
        if not door.may_read(request) or not door.is_own(request):
            return _error(403, "open the address that engine ui printed: it has the token of this session")
        name, asked = request.path.removeprefix("/api/"), Question(request.query)
        if name == "hello":
            return Response(200, {"token": door.token})
        if name == "follow":
            return Response(
                200, media="text/event-stream", follow=lambda send: session.follow(self.opened, asked, send)
            )
        view = VIEWS.get(name)
        if view is None:
            return _error(404, "there is no such view")
        return Response(200, content=await asyncio.to_thread(lambda: _written(view(self.opened, asked))))

    async def _changed(self, request: Request) -> Response:
        """Whatever changes something comes from this page and brings the token itself."""
        if not self.door.may_change(request):
            return _error(403, "what changes something must come from this page, with its token")
        if (request.method, request.path) != ("POST", "/api/order"):
            return _error(404, "nothing here is changed by that")
        body = await request.read()
        return Response(200, await asyncio.to_thread(session.give, self.opened, body))

    def _file(self, name: str) -> Response:
        path = self._files[name]
        return Response(200, content=path.read_bytes(), media=TYPES[path.suffix])


def _written(document: dict[str, Any]) -> bytes:
    return msgspec.json.encode(document, enc_hook=plain)


def _error(status: int, text: str) -> Response:
    return Response(status, {"error": text})


def _no_stream(request: Request) -> Response:
    return _error(404, f"there is no stream at {urlsplit(request.path).path}")


async def _never(socket: ServerSocket) -> None:
    socket.close()
