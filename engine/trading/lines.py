"""What the lines of a journal say that come in: how a run began, and what a session is ordered to do."""

from __future__ import annotations

from typing import Any

import msgspec

from ..simulator.tape.tape import TapeMarket
from .market import Listed

#: Kinds of lines that come in; all others go out.
INCOMING = frozenset(("state", "run", "<", "gap", "turn", "ans", "cmd", "tick", "scan"))


class ScoredMarket(msgspec.Struct, frozen=True):
    """An open market and its score, the higher the better; without a score of its own it is 0."""

    ticker: str
    score: float = 0.0


class Scan(msgspec.Struct):
    """What a look at the series found: open markets with their scores, and whether others are to open."""

    candidates: list[ScoredMarket]
    ahead: bool = False


class Choosing(msgspec.Struct):
    """What a session chooses among: the open markets of these series, and how many of them at most."""

    series: list[str]
    top: int | None = None


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
    choosing: Choosing | None = None  #: among what markets are chosen while the run goes on


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
