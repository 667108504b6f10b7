"""What the lines of a journal say that come in: how a run began, and what a session is ordered to do."""

from __future__ import annotations

from typing import Any

import msgspec

from ..simulator.tape.tape import TapeMarket
from .market import Listed

#: Kinds of lines that come in; all others go out.
INCOMING = frozenset(("state", "run", "<", "gap", "turn", "ans", "cmd", "tick"))


class RunHeader(msgspec.Struct):
    """How a run of a session began: everything that its decisions depend on beside what it hears."""

    version: int
    settings: dict[str, Any]
    params: str  #: file in the session's folder
    markets: list[Listed]
    now: int
    write_rate: float = 100.0
    write_capacity: float = 100.0
    engine: str = ""
    read: list[TapeMarket] = []  #: markets that are not traded, and read by the models of those that are
    cash: int | None = None  #: what the account had to spend when nothing of ours rested, micros


class Tick(msgspec.Struct):
    """A price of an underlying from a source of one's own: when it counts, ns UTC, and what it is."""

    symbol: str
    time: int
    value: float


class Command(msgspec.Struct, omit_defaults=True):
    """What a person, or the machine's keeper, orders a session to do."""

    verb: str
    reason: str = ""
    tickers: list[str] = []
    disk_free: int | None = None
