"""What a session's journal says once it is replayed: the events of each market, and how long each order rested where.

The lines that came in go through the kernel again, as in an audit. Events of a whole session are known at once, so
trades are matched to the changes that they caused, as on a tape.
"""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ....io.ground.errors import InputError
from ....io.kalshi.rest.wire import read_count
from ....io.kalshi.stream.frames import Delta, Frame, decode_frame
from ....strategies.own_file import Trust
from ...simulator.state import F64, I64, Columns, Grid
from ...simulator.tape import rebuild
from ...simulator.tape.events import BOOK, GAP, KIND, LATER, TRADE
from ...simulator.tape.tape import MATCH_WINDOW_NS, kernel_grid
from ..audit import Replayer
from ..folder import SessionFolder
from ..journal import JournalLine, read, segments
from ..lines import RunHeader
from ..market import Onlooker, TradedMarket
from ..orders.jobs import Answer, Job

_DTYPES = (np.int64, np.uint8, np.int8, np.int16, np.int32, np.int32, np.int16, np.int16)
#: Kinds of lines that are kept as they are, for whoever tells of the session.
KEPT = frozenset(("quote", "fill", "end", "halt", "kill", "lift", "wait", "go", "settle", "open", "start", "bet"))


@dataclass
class Stint:
    """An order at one price, from its arrival until it went, was filled or was moved. Ticks, lots, ns UTC."""

    ticker: str
    client_id: str
    side: int  #: 1 buys YES, -1 sells it
    price: int
    lots: int
    decided: int
    begins: int | None = None  #: at the exchange; None: it never rested
    ends: int | None = None
    withdrawn: int | None = None  #: when it was decided to take it away
    fills: list[tuple[int, int]] = field(default_factory=list)
    readings: list[tuple[int, int]] = field(default_factory=list)  #: when, and how much the exchange said stood before

    @property
    def had(self) -> int:
        """Lots that filled."""
        return sum(lots for _, lots in self.fills)


@dataclass
class MarketCourse:
    """One market of a session from its journal."""

    ticker: str
    grid: Grid
    columns: Columns
    stints: list[Stint] = field(default_factory=list)
    settled: int | None = None  #: what a YES was paid, ticks

    @property
    def mark(self) -> int:
        """What a YES is worth at the end, ticks: what it was paid, or the last mid; 0 where nothing is known."""
        if self.settled is not None:
            return self.settled
        whole = (self.columns.best_bid > 0) & (self.columns.best_ask < self.grid.top)
        at = np.flatnonzero(whole)
        if not len(at):
            return 0
        bid, ask = (int(self.grid.ticks[column[at[-1]]]) for column in (self.columns.best_bid, self.columns.best_ask))
        return (bid + ask) // 2


@dataclass
class SessionCourse:
    """A session from its journal: its markets, its lines of the kinds in ``KEPT``, and delays that were measured."""

    folder: Path
    mode: str = "paper"
    markets: dict[str, MarketCourse] = field(default_factory=dict)
    told: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    feed: list[tuple[int, int]] = field(default_factory=list)  #: when, and ns that a message of the book took
    entry: list[tuple[int, int]] = field(default_factory=list)  #: ns from an order's sending to its arrival
    response: list[tuple[int, int]] = field(default_factory=list)  #: ns from a fill to our knowing it
    runs: list[tuple[int, int]] = field(default_factory=list)

    def of(self, *kinds: str) -> list[tuple[int, dict[str, Any]]]:
        """The lines of some kinds: their times and what they say."""
        return [(ts, document) for kind, ts, document in self.told if kind in kinds]


class Collector:
    """Collects the events of every market."""

    def __init__(self) -> None:
        self.batches: dict[str, list[Columns]] = {}

    def see(self, market: TradedMarket, events: Columns, values: F64) -> None:
        """Keep a batch."""
        if len(events.ts):
            self.batches.setdefault(market.ticker, []).append(events)

    def columns(self, ticker: str, grid: Grid) -> Columns:
        """All events of a market, with trades matched to the changes that they caused."""
        batches = self.batches.get(ticker, [])
        if not batches:
            return no_columns()[1]
        columns = Columns(*(np.concatenate(column) for column in zip(*batches, strict=True)))
        kinds = columns.kind & KIND
        columns.aux[kinds == BOOK] = 0
        rest, link = np.zeros(len(kinds), np.int64), np.zeros(len(kinds), np.int64)
        room, counts = np.zeros((3, 2, int(grid.top) + 1), np.int64), np.zeros(rebuild.COUNTS, np.int64)
        rebuild.falls_nb(kinds, columns.side, columns.level, columns.size, room[0], rest)
        rebuild.match_nb(
            columns.ts, kinds, columns.side, columns.level, columns.aux, MATCH_WINDOW_NS, rest, link, room,
            counts,
        )  # fmt: skip
        columns.kind[:] = (columns.kind & np.uint8(255 - LATER)) | (kinds & LATER)
        return columns


def course_of(
    session: str | Path, *, trust: Trust = (), beside: Callable[[RunHeader, TradedMarket], Onlooker] | None = None
) -> SessionCourse:
    """Replay a session's journal; ``beside`` makes one who looks on for each market of each run."""
    folder = SessionFolder.existing(session)
    if folder.is_of_bets:
        raise InputError(
            f"{session} holds bets, whose orders cross or rest for a bar: there is no twin and no queue to fit; "
            f"engine trade audit {session} and engine report {session} hold bets against their results"
        )
    course, collector = SessionCourse(folder.path, folder.settings().mode), Collector()
    replayer, orders = Replayer(folder.path, trust), OrderStints(course)
    begun = last = 0
    header: RunHeader | None = None
    for line in read(segments(folder.journal)):
        if line.kind == "run":
            orders.over(last)
            course.runs += [(begun, last)] if begun else []
            begun = line.ts
        replayer.take(line)
        if line.kind == "run":
            header = msgspec.json.decode(line.payload, type=RunHeader)
        if line.kind in ("run", "join") and replayer.machine is not None and header is not None:
            for ticker, market in replayer.machine.markets.items():
                if collector in market.beside:
                    continue
                market.beside.append(collector)
                if beside is not None:
                    market.beside.append(beside(header, market))
                course.markets.setdefault(
                    ticker,
                    MarketCourse(ticker, kernel_grid(market.listed.market.grid), no_columns()[1]),
                )
        last = max(last, line.ts)
        orders.take(line)
    course.runs += [(begun, last)] if begun else []
    orders.over(last)
    for ticker, market in course.markets.items():
        market.columns = collector.columns(ticker, market.grid)
    return course


def no_columns() -> tuple[Grid, Columns]:
    """The events of a market of which none were heard, and a grid for them."""
    return kernel_grid("linear_cent"), Columns(*(np.zeros(0, kind) for kind in _DTYPES))


class OrderStints:
    """Follows the orders of a session along its lines."""

    def __init__(self, course: SessionCourse) -> None:
        self._course = course
        self._jobs: dict[int, tuple[int, Job]] = {}
        self._open: dict[str, Stint] = {}
        self._by_id: dict[str, str] = {}  # client id by order id
        self._rested: dict[str, int] = {}  # when the newest order of a name was seen in the book

    def take(self, line: JournalLine) -> None:
        """Take a line."""
        if line.kind == "<":
            if (
                b'"client_order_id"' in line.payload
                or b'"fill"' in line.payload[:40]
                or not self._course.feed
                or line.ts - self._course.feed[-1][0] >= 1_000_000_000
            ):
                self._frame(line.ts, decode_frame(line.payload))
        elif line.kind == "ask":
            job = msgspec.json.decode(line.payload, type=Job)
            self._jobs[job.n] = line.ts, job
            self._course.asked[job.do] += 1
            self._asked(line.ts, job)
        elif line.kind == "ans":
            self._answered(line.ts, msgspec.json.decode(line.payload, type=Answer))
        elif line.kind in KEPT:
            document = msgspec.json.decode(line.payload)
            self._course.told.append((line.kind, line.ts, document))
            self._told(line.kind, line.ts, document)

    def over(self, ts: int) -> None:
        """A run has ended: nothing is known of what rested then."""
        for client_id in list(self._open):
            self._end(client_id, ts)
        self._jobs.clear()

    def _frame(self, ts: int, frame: Frame) -> None:
        body: Any = getattr(frame, "msg", None)
        stamp = (getattr(body, "ts_ms", 0) or 0) * 1_000_000
        if not stamp:
            return
        name = getattr(body, "client_order_id", None)
        if isinstance(frame, Delta):
            self._course.feed.append((ts, ts - stamp))
            if name is not None and read_count(body.delta) > 0:
                self._arrived(name, stamp)
        elif type(frame).__name__ == "FillFrame":
            self._course.response.append((ts, ts - stamp))

    def _arrived(self, client_id: str, ts: int) -> None:
        self._rested[client_id] = ts
        stint = self._open.get(client_id)
        if stint is not None and stint.begins is None:
            stint.begins = ts
            self._course.entry.append((stint.decided, ts - stint.decided))

    def _asked(self, ts: int, job: Job) -> None:
        if job.do == "create" and not job.now:
            self._rested.pop(job.client_id, None)
            self._open[job.client_id] = Stint(job.ticker, job.client_id, job.side, job.price, job.lots, ts)
            return
        stint = self._open.get(job.client_id)
        if stint is not None and (job.do == "cancel" or (job.do == "amend" and not self._keeps(stint, job))):
            stint.withdrawn = ts
            self._rested.pop(job.client_id, None)

    def _keeps(self, stint: Stint, job: Job) -> bool:
        """Whether an amended order keeps its place."""
        return job.price == stint.price and job.lots <= stint.lots

    def _answered(self, ts: int, answer: Answer) -> None:
        for order_id, lots in answer.queues.items():
            stint = self._open.get(self._by_id.get(order_id, ""))
            if stint is not None and stint.begins is not None and stint.begins < answer.queued:
                stint.readings.append((answer.queued, lots))
        sent, job = self._jobs.pop(answer.n, (0, None))
        if job is None:
            return
        if answer.is_ == "refused":
            self._course.refused[_short(answer.text)] += 1
        stint = self._open.get(job.client_id)
        if stint is None or answer.is_ != "done":
            return
        if job.do == "create":
            self._by_id[answer.order_id] = job.client_id
            if stint.begins is None:
                stint.begins = self._rested.get(job.client_id, ts)
                self._course.entry.append((sent, stint.begins - sent))
        elif job.do == "amend":
            if self._keeps(stint, job):
                stint.lots = job.lots
                return
            began = self._rested.get(job.client_id, ts)
            self._end(job.client_id, began)
            self._open[job.client_id] = Stint(
                job.ticker, job.client_id, job.side, job.price, job.lots - stint.had, sent, began
            )

    def _told(self, kind: str, ts: int, document: dict[str, Any]) -> None:
        client_id = document.get("client_id", "")
        if kind == "fill" and client_id in self._open:
            stint = self._open[client_id]
            stint.fills.append((ts, int(document["lots"])))
            stint.begins = min(ts, stint.decided) if stint.begins is None else stint.begins
            if stint.had >= stint.lots:
                self._end(client_id, ts)
        elif kind == "end":
            self._end(client_id, ts)
        elif kind == "settle" and document["market"] in self._course.markets:
            self._course.markets[document["market"]].settled = int(document["value"])

    def _end(self, client_id: str, ts: int) -> None:
        stint = self._open.pop(client_id, None)
        if stint is not None and stint.ticker in self._course.markets:
            stint.ends = ts
            self._course.markets[stint.ticker].stints.append(stint)


def _short(text: str) -> str:
    """A refusal without what differs from one to the next."""
    return text.split(":", maxsplit=1)[0][:80] if text else "no reason given"


#: The other side's best reached an order's level.
CROSS = 64


@dataclass
class LevelPast:
    """What happened to an order's level while it rested there."""

    ahead: int  #: lots at the level when it came
    kind: I64  #: BOOK: the level shrank other than by trades; TRADE: a trade reached it; CROSS: the other side did
    ts: I64
    lots: I64  #: cancelled, or traded
    before: I64  #: at the level before a cancellation
    bound: I64  #: at most so many can stand before the order after it
    through: I64  #: whether a trade went to worse prices


class LevelPasts:
    """The past of the levels of one market."""

    def __init__(self, market: MarketCourse) -> None:
        self._market, columns = market, market.columns
        kinds = columns.kind & KIND
        self._before = np.zeros(len(kinds), np.int64)
        self._gaps = columns.ts[kinds == GAP]
        standing: dict[tuple[int, int], int] = {}
        own: dict[tuple[int, int], list[int]] = {}
        sides, levels, sizes = columns.side.tolist(), columns.level.tolist(), columns.size.tolist()
        for k, kind in enumerate(kinds.tolist()):
            if kind == BOOK:
                key = sides[k], levels[k]
                self._before[k] = standing.get(key, 0)
                standing[key] = sizes[k]
                own.setdefault(key, []).append(k)
            elif kind == GAP:
                standing.clear()
        self._trades = {side: np.flatnonzero((kinds == TRADE) & (columns.side == side)) for side in (0, 1)}
        self._changes = {key: np.array(at) for key, at in own.items()}
        self._others = {side: np.flatnonzero((kinds == BOOK) & (columns.side == side)) for side in (0, 1)}

    def of(self, stint: Stint, begins: int, ends: int) -> LevelPast | None:
        """What happened from after ``begins`` up to ``ends``; None where the book was not known."""
        columns, grid = self._market.columns, self._market.grid
        side = 0 if stint.side > 0 else 1
        yes = int(np.searchsorted(grid.ticks, stint.price))
        level = yes if side == 0 else int(grid.top) - yes
        if ((self._gaps >= begins) & (self._gaps <= ends)).any() or not len(columns.ts):
            return None
        low, high = np.searchsorted(columns.ts, [begins, ends], side="right")
        own = self._changes.get((side, level), np.zeros(0, np.int64))
        came = int(np.searchsorted(own, low))
        lost = self._gaps[self._gaps < begins]
        known = came and (not len(lost) or columns.ts[own[came - 1]] > lost[-1])
        ahead = int(columns.size[own[came - 1]]) if known else 0
        changes = own[came : int(np.searchsorted(own, high))]
        trades = self._trades[side]
        trades = trades[(trades >= low) & (trades < high)]
        trades = trades[columns.level[trades] <= level]
        others = self._others[1 - side]
        others = others[(others >= low) & (others < high)]
        others = others[(columns.level[others] >= grid.top - level) & (columns.size[others] > 0)]
        at = np.sort(np.concatenate([changes, trades, others]))
        is_trade = (columns.kind[at] & KIND) == TRADE
        crosses = ~is_trade & (columns.side[at] != side)
        traded = np.where(is_trade, 0, columns.aux[at]).astype(np.int64)
        size = columns.size[at].astype(np.int64)
        before = self._before[at] - traded
        gone = before - size
        later = (columns.kind[at] & LATER) > 0
        kind = np.where(crosses, CROSS, np.where(is_trade, TRADE, BOOK))
        return LevelPast(
            ahead, kind, columns.ts[at], np.where(is_trade, size, gone), before,
            np.where(later, size + traded, size), np.where(is_trade & (columns.level[at] < level), 1, 0),
        )  # fmt: skip
