"""A tape: one market's events in one total order, checked, as columns that a kernel reads directly."""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....io.ground.errors import InputError
from ....io.ground.grids import grid_levels
from ....io.ground.times import Moment
from ....io.ground.units import NS_PER_SECOND, cents
from ..state import F64, I8, I32, I64, U8, Columns, Grid
from . import rebuild as kernel
from .events import BOOK, GAP, KIND, MOMENT, STATUS

if TYPE_CHECKING:
    from ...rewards.programs import Program

#: A trade and the change of the book it caused lie at most this far apart in time.
MATCH_WINDOW_NS = NS_PER_SECOND


@dataclass(frozen=True)
class TapeMarket:
    """What is known of the market apart from its events. Times are ns UTC; ``settlement`` is what one YES paid."""

    ticker: str
    series: str = ""
    event: str = ""
    title: str = ""
    category: str = ""
    open_ts: int | None = None
    close_ts: int | None = None
    settled_ts: int | None = None
    result: str | None = None
    settlement: int | None = None
    floor: float | None = None
    cap: float | None = None
    underlying: str | None = None
    grid: str = "linear_cent"
    fee_history: tuple[tuple[int, str | None, float | None], ...] = ()  #: from when, fee type, multiplier
    closes: tuple[tuple[int, int], ...] = ()  #: from when, the close known then; empty: ``close_ts`` all along

    def fee_rows(self) -> list[dict[str, Any]]:
        """The market's own fees through time, as rows of table ``markets``."""
        return [{"valid_from": at, "fee_type": kind, "fee_multiplier": by} for at, kind, by in self.fee_history]


@dataclass(frozen=True)
class Coverage:
    """How much of the time asked for can be trusted, and what was left out on the way; zeros where nothing is told."""

    events: int = 0
    known_ns: int = 0  #: time with a known book
    span_ns: int = 0
    snapshots: int = 0
    gaps: int = 0
    negative_levels: int = 0
    unusable_rows: int = 0  #: changes while the book was unknown
    crossed_events: int = 0
    guessed_sides: int = 0  #: trades whose taker the source does not name
    block_trades: int = 0
    traded_lots: int = 0
    matched_lots: int = 0  #: traded lots whose change of the book was found
    outside_life: int = 0  #: rows of the time asked for that were left out, for the market was not open or had closed

    @property
    def share(self) -> float | None:
        """Share of the time with a known book; None for an empty span."""
        return self.known_ns / self.span_ns if self.span_ns else None


@dataclass(frozen=True)
class TapeRows:
    """Merged rows of one market in their total order. ``price`` is in YES ticks, ``side`` as in io.schema.Side."""

    ts: I64
    what: U8
    side: I8
    price: I32
    size: I64


@dataclass(frozen=True)
class TapeOrigin:
    """The store that a tape was compiled from, and the time that was asked for."""

    store: str
    start: Moment | None
    end: Moment | None


@dataclass(frozen=True)
class Tape:
    """One market, ready for a kernel."""

    market: TapeMarket
    columns: Columns
    values: F64  #: prices of the underlying, in order
    coverage: Coverage
    digest: str
    depth: bool = True  #: level sizes are known
    book: bool = True  #: there is a book at all
    notes: tuple[str, ...] = field(default_factory=tuple)
    begun: int | None = None  #: the first own event, where the tape's first is a later one and no open is known
    origin: TapeOrigin | None = None  #: where other markets of the same time are found
    until: int | None = None  #: nothing from then on is known: the tape was cut off there
    programs: tuple[Program, ...] = ()  #: recorded incentive programs of the market

    def __len__(self) -> int:
        return len(self.columns.ts)

    @property
    def grid(self) -> Grid:
        """The market's price grid as a kernel needs it."""
        return kernel_grid(self.market.grid)

    @property
    def life(self) -> tuple[int, int]:
        """When the market's session begins and ends: its open and close, else its first and last own event."""
        first, last = int(self.columns.ts[0]), int(self.columns.ts[-1])
        opens, closes = self.market.open_ts, self.market.close_ts
        begins = next(ts for ts in (opens, self.begun, first) if ts is not None)
        return begins, max(last if closes is None else closes, begins + 1)

    @property
    def closes(self) -> tuple[tuple[int, int], ...]:
        """From when on which end of the session was known; what was known first stands for all the time before."""
        begins, ends = self.life
        return tuple((since, max(close, begins + 1)) for since, close in self.market.closes or ((0, ends),))

    def cut(self, ts: int) -> Tape:
        """The tape as it was before ``ts``: nothing of the events from then on."""
        stop = int(np.searchsorted(self.columns.ts, ts))
        columns = Columns(*(column[:stop] for column in self.columns))
        return replace(self, columns=columns, digest=f"{self.digest}<{ts}", notes=(), until=ts)


@cache
def kernel_grid(name: str) -> Grid:
    """Return a named grid as a kernel needs it; one for all who ask, so nobody writes into it."""
    ticks = np.ascontiguousarray(grid_levels(name), dtype=np.int32).copy()
    steps = np.diff(ticks)
    step = int(steps[0]) if (steps == steps[0]).all() else 0
    below = (np.searchsorted(ticks, np.arange(10_001), side="right") - 1).astype(np.int32)
    return Grid(np.int32(len(ticks) - 1), ticks, below, 100.0 / step if step else 0.0, np.int32(step))


def build(
    market: TapeMarket, rows: TapeRows, values: F64, *,
    empty_start: bool = False, block_trades: int = 0, depth: bool = True,
    book: bool = True, window_ns: int = MATCH_WINDOW_NS, notes: tuple[str, ...] = (), begun: int | None = None,
    outside_life: int = 0, named: bool = True,
) -> Tape:  # fmt: skip
    """Rebuild the book along merged rows and write the columns of a tape.

    ``empty_start`` says that the book is known to be empty before the first row; otherwise it is unknown until a
    snapshot. ``named``: its digest is computed, by which results name it.
    """
    grid = kernel_grid(market.grid)
    level = _levels(market, rows, grid)
    room = 2 * len(rows.ts) + 16
    dtypes = (np.int64, np.uint8, np.int8, np.int16, np.int32, np.int32, np.int16, np.int16)
    out = tuple(np.zeros(room, dtype) for dtype in dtypes)
    counts = np.zeros(kernel.COUNTS, np.int64)
    top, books, best = int(grid.top), np.zeros((3, 2, int(grid.top) + 1), np.int64), np.zeros(2, np.int64)
    n = kernel.build_nb(rows.ts, rows.what, rows.side, level, rows.size, top, empty_start, books, best, out, counts)
    if counts[kernel.OUT_OF_RANGE]:
        limit = int(kernel.MAX_LOTS) // 100
        raise InputError(f"{market.ticker}: {counts[kernel.OUT_OF_RANGE]} sizes are above {limit:,} contracts a level")
    columns = Columns(*(column[:n] for column in out))  # the rest of their room was never touched, and takes none
    _match(columns, books, window_ns, counts)
    coverage = replace(_coverage(columns, counts, block_trades, empty_start), outside_life=outside_life)
    digest = digest_of(market, columns, values, begun) if named else ""
    return Tape(market, columns, values, coverage, digest, depth, book, notes, begun)


def _match(columns: Columns, marks: I64, window_ns: int, counts: I64) -> None:
    """Match trades to the changes they caused; mark the last event of each time."""
    ts, kind = columns.ts, columns.kind
    rest = np.zeros(len(ts), np.int64)
    kernel.falls_nb(kind, columns.side, columns.level, columns.size, marks[0], rest)
    _matched(columns, rest, marks, window_ns, counts)
    kind[:-1] |= (ts[1:] != ts[:-1]) * np.uint8(MOMENT)
    kind[-1:] |= MOMENT


def match_falls(columns: Columns, rest: I64, top: int, window_ns: int = MATCH_WINDOW_NS) -> None:
    """Match trades to the changes they caused, ``rest`` being the lots of each trade and those each level fell by."""
    _matched(columns, rest, np.zeros((3, 2, top + 1), np.int64), window_ns, np.zeros(kernel.COUNTS, np.int64))


def _matched(columns: Columns, rest: I64, marks: I64, window_ns: int, counts: I64) -> None:
    link = np.zeros(len(rest), np.int64)
    kernel.match_nb(
        columns.ts, columns.kind, columns.side, columns.level, columns.aux, window_ns, rest, link, marks, counts
    )


def _levels(market: TapeMarket, rows: TapeRows, grid: Grid) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Grid level of every row's price; rows without a price have 0."""
    table = np.full(10_001, -1, np.int16)
    table[grid.ticks[1:-1]] = np.arange(1, len(grid.ticks) - 1, dtype=np.int16)
    priced = (rows.what == kernel.DELTA) | (rows.what == kernel.LEVEL) | (rows.what == kernel.PRINT)
    level = table[np.minimum(rows.price.view(np.uint32), 10_000)]  # a price below zero is a large one without a sign
    wrong = np.flatnonzero(priced & (level < 0))
    if len(wrong):
        price = int(rows.price[wrong[0]])
        raise InputError(
            f"{market.ticker}: {len(wrong)} prices are not on the grid {market.grid}, the first one {cents(price)} "
            f"cents; name the market's own grid with price_grid=, or import it with its price_level_structure"
        )
    return np.where(priced, level, np.int16(0))


def _coverage(columns: Columns, counts: I64, block_trades: int, empty_start: bool) -> Coverage:
    kinds = columns.kind & KIND
    turns = np.flatnonzero((kinds == BOOK) | (kinds == GAP))
    span = int(columns.ts[-1] - columns.ts[0]) if len(columns.ts) else 0
    known = 0
    if len(turns):
        is_known = kinds[turns] == BOOK
        edges = np.append(columns.ts[turns], columns.ts[-1])
        known = int(np.diff(edges)[is_known].sum())
        known += int(columns.ts[turns[0]] - columns.ts[0]) if empty_start else 0
    return Coverage(
        len(columns.ts), known, span, int(counts[kernel.SNAPSHOTS]), int((kinds == GAP).sum()),
        int(counts[kernel.NEGATIVE]), int(counts[kernel.UNKNOWN_ROWS]), int(counts[kernel.CROSSED]),
        int(counts[kernel.GUESSED_SIDES]), block_trades, int(counts[kernel.TRADED_LOTS]),
        int(counts[kernel.MATCHED_LOTS]),
    )  # fmt: skip


def digest_of(market: TapeMarket, columns: Columns, values: F64, begun: int | None) -> str:
    """Return the hash of what a tape says, by which results name it."""
    known = asdict(market) | ({} if begun is None else {"begun": begun})
    if not market.closes:  # what was never moved says nothing
        del known["closes"]
    made = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for column in (*columns, values):
        made.update(np.ascontiguousarray(column).view(np.uint8).data)
    return made.hexdigest()[:16]


def mids_of(columns: Columns, grid: Grid, delay_ns: int = 10 * NS_PER_SECOND) -> I32:
    """Mids in whole ticks: a row after each event, a row ``delay_ns`` later; the last one while a side is empty."""
    mids = np.empty((2, len(columns.ts)), np.int32)
    now, later = mids
    kernel.mids_nb(columns.ts, columns.best_bid, columns.best_ask, grid.ticks, int(grid.top), delay_ns, now, later)
    return mids


def open_at_start(tape: Tape) -> bool:
    """Whether the market trades at the tape's first event: an opening still to come says that it does not."""
    status = np.flatnonzero((tape.columns.kind & KIND) == STATUS)
    return not len(status) or int(tape.columns.side[status[0]]) <= 0
