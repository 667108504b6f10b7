"""A live session: how it stands, what it wrote down last, and the orders that a person gives it."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections import deque
from pathlib import Path
from typing import Any

import msgspec

from ....io.ground.errors import InputError
from ....io.ground.units import cents, contracts
from ...exchanges.network.http import Send
from ...figures.words import usd
from ...results.result_files import plain
from ...trading.folder import SessionFolder
from ...trading.journal import decoded, segments
from ...trading.session import TradingSession
from ..columns import Question
from ..opening import OpenResults

#: Seconds between two looks at a session; lines of its journal that are shown, and the most that are sent at once.
LOOK, LAST, MOST = 0.25, 200, 400
#: Kinds of lines that a person reads; the messages of the exchange and the turns are too many.
TOLD = ("quote", "fill", "ask", "end", "halt", "lift", "kill", "note", "cmd", "gap", "join", "part")
VERBS = ("halt", "resume", "kill", "flatten")


class GivenOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What a person orders a session to do; ``typed`` is the session's name, typed to confirm it."""

    id: str
    verb: str
    typed: str
    reason: str = ""
    tickers: list[str] = []


class JournalTail:
    """What was written to a session's journal since it was looked at last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._at = 0

    def more(self) -> list[dict[str, Any]]:
        """Return the new lines that a person reads, oldest first, the last so many."""
        found: deque[dict[str, Any]] = deque(maxlen=MOST)
        open_ones = [path for path in segments(self._folder) if path.suffix == ".log"]
        if not open_ones:
            return []
        newest = open_ones[-1]
        if newest != self._path:
            self._path, self._at = newest, 0
        with newest.open("rb") as file:
            file.seek(self._at)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break  # still being written
                self._at += len(raw)
                line = decoded(raw)
                if line is not None and line.kind in TOLD:
                    found.append({"kind": line.kind, "ts": str(line.ts), "told": _told(line.kind, line.payload)})
        return list(found)


def overview(opened: OpenResults, question: Question) -> dict[str, Any]:
    """Return what a session was told, and how it stands."""
    folder = _folder(opened, question.text("id"))
    settings = folder.document().get("settings", {})
    place = str(folder.path)
    return {
        "name": folder.path.name,
        "folder": place,
        "settings": [[name.replace("_", " "), _text(value)] for name, value in settings.items()],
        "status": folder.status(),
        "copy": {
            "command": shlex.join(["engine", "status", place]),
            "python": f"engine.status({place!r})",
        },
    }


async def follow(opened: OpenResults, question: Question, send: Send) -> None:
    """Send how a session stands and what it writes down, for as long as somebody reads."""
    folder = _folder(opened, question.text("id"))
    tail, before = JournalTail(folder.journal), b""
    while True:
        status, lines = await asyncio.to_thread(lambda: (folder.status(), tail.more()))
        now = msgspec.json.encode(status, enc_hook=plain)
        if now != before or lines:
            document = {"status": status, "lines": lines[-LAST:]}
            await send(b"data: " + msgspec.json.encode(document, enc_hook=plain) + b"\n\n")
            before = now
        else:
            await send(b":\n\n")  # a comment: finds out whether anybody is still there
        await asyncio.sleep(LOOK)


def give(opened: OpenResults, body: bytes) -> dict[str, Any]:
    """Leave an order in a session's folder, once its name was typed."""
    try:
        order = msgspec.json.decode(body, type=GivenOrder)
    except msgspec.DecodeError as error:
        raise InputError(f"this is no order to a session: {error}") from None
    folder = _folder(opened, order.id)
    if order.verb not in VERBS:
        raise InputError(f"a session is ordered to {', '.join(VERBS)}, not to {order.verb[:20]!r}")
    if order.typed != folder.path.name:
        raise InputError(f"to {order.verb} it, type the session's name: {folder.path.name}")
    session = TradingSession(folder)
    if order.verb == "kill":
        session.kill(order.reason)
    else:
        getattr(session, order.verb)(order.reason, order.tickers)
    return {"left": order.verb, "waiting": folder.status()["commands_waiting"]}


def _folder(opened: OpenResults, name: str) -> SessionFolder:
    found = opened.folders.get(name)
    if found.kind != "session":
        raise InputError(f"{found.folder} is no session")
    return SessionFolder.existing(found.folder)


def _told(kind: str, payload: bytes) -> str:
    """A line's payload in short: in cents, contracts and dollars where its kind is known, else names and values."""
    try:
        told = json.loads(payload)
    except ValueError:
        return payload[:200].decode("utf-8", "replace")
    if not isinstance(told, dict):
        return str(told)[:200]
    try:
        if kind == "quote":
            sides = (_order(told[name], told[f"{name}_size"]) for name in ("bid", "ask"))
            return f"{told['market']}: {' / '.join(sides)}"
        if kind == "fill":
            verb, fee = "bought" if told["side"] > 0 else "sold", usd(told["fee"])
            held = contracts(told["position"])
            return f"{told['market']}: {verb} {_order(told['price'], told['lots'])}, fee {fee}, position {held}"
    except (KeyError, TypeError):
        pass  # a line of another version is told as it stands
    return "  ".join(f"{name} {value}" for name, value in told.items() if value not in (None, "", []))[:300]


def _order(price: int | None, lots: int) -> str:
    return "none" if price is None else f"{contracts(lots)} at {cents(price)}"


def _text(value: object) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
