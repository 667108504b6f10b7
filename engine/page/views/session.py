"""A live session: how it stands, what it wrote down last, and the orders that a person gives it."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import fields
from typing import Any

import msgspec

from ....io.ground.errors import InputError
from ...exchanges.network.http import Send
from ...figures.words import usd
from ...results.result_files import plain
from ...trading.folder import SessionFolder
from ...trading.session import TradingSession
from ...trading.settings import TradeSettings
from ..columns import Question
from ..opening import OpenResults
from ..tail import JournalTail

#: Seconds between two looks at a session; lines of its journal that are sent at once.
LOOK, LAST = 0.1, 200
VERBS = ("halt", "resume", "kill", "flatten")


class GivenOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What a person orders a session to do; ``typed`` is the session's name, typed to confirm it."""

    id: str
    verb: str
    typed: str
    reason: str = ""
    tickers: list[str] = []


def overview(opened: OpenResults, question: Question) -> dict[str, Any]:
    """Return what a session was told, and how it stands."""
    folder = _folder(opened, question.text("id"))
    settings = folder.document().get("settings", {})
    place = str(folder.path)
    units = {one.name: one.metadata.get("unit", "") for one in fields(TradeSettings)}
    return {
        "name": folder.path.name,
        "folder": place,
        "settings": [_setting(name, value, units.get(name, "")) for name, value in settings.items()],
        "status": folder.status(),
        "of_bets": folder.is_of_bets,
        "bar": folder.bar(),
        "copy": {
            "command": shlex.join(["engine", "status", place]),
            "python": f"engine.status({place!r})",
        },
    }


def twin(opened: OpenResults, question: Question) -> dict[str, Any]:
    """Return a session beside its twin on paper: the figures of both, and where the difference comes from."""
    from ...trading.knowing.twin import twin_of

    folder = _folder(opened, question.text("id"))
    found = twin_of(folder.path, trust=opened.trust)
    facts, places = found.facts, found.places
    counted = {"queue model", "fills", "fills of the twin"}
    return {
        "facts": [
            [name, str(value) if name in counted else usd(value)]
            for name, value in facts.items() if name != "by queue place"
        ],
        "places": [
            [name, one.orders, one.expected, one.had, one.missed, one.unexpected] for name, one in places.items()
        ],
        "copy": {"command": shlex.join(["engine", "trade", "audit", str(folder.path)]),
                 "python": f"engine.twin({str(folder.path)!r})"},
    }  # fmt: skip


async def follow(opened: OpenResults, question: Question, send: Send) -> None:
    """Send how a session stands and what it writes down, for as long as somebody reads."""
    folder = _folder(opened, question.text("id"))
    tail, before, of_bets, bar_before = JournalTail(folder.journal), b"", folder.is_of_bets, None
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        status, (lines, alerts) = await asyncio.to_thread(lambda: (folder.status(), tail.more()))
        bar = await asyncio.to_thread(folder.bar) if of_bets else None
        now = msgspec.json.encode(status, enc_hook=plain)
        if now != before or lines or bar != bar_before:
            document = {"status": status, "lines": lines[-LAST:], "alerts": alerts}
            if bar != bar_before:
                document["bar"] = bar_before = bar
            await send(b"data: " + msgspec.json.encode(document, enc_hook=plain) + b"\n\n")
            before = now
        else:
            await send(b":\n\n")  # a comment: finds out whether anybody is still there
        due = max(due + LOOK, loop.time())  # a look that took long is not made up for
        await asyncio.sleep(due - loop.time())


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


def _setting(name: str, value: object, unit: str) -> list[str]:
    """A setting in words, with its unit behind the number."""
    words = name.removesuffix("_s").removesuffix("_ms").removesuffix("_mb").replace("_", " ")
    if not isinstance(value, int | float):
        return [words, "no limit" if value == "none" else str(value) or "none"]
    return [words, usd(round(value * 1e6)) if unit == "dollars" else f"{value:,g} {unit}".strip()]
