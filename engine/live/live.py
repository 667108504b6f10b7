"""The kernel on a stream: events go in as they come, the quote that stands comes out, decided as in a replay.

Fills are those of the venue's assumptions, as in a replay, or those that the exchange reports.
"""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ...features.signals.outside import OtherSignal, TableSignal
from ...io.ground.errors import InputError
from ...io.store.schema import Side
from ...strategies.models.registry import quoting_model
from ...strategies.own_file import Trust, trusting
from ...strategies.quoting.fingerprint import is_another
from ...strategies.quoting.model import QuotingModel
from ..results.params import Params, load_params
from ..rewards.programs import Program
from ..simulator.assumptions.fees import fee_table, market_schedule
from ..simulator.assumptions.venue import Assumptions, close_steps, no_fees
from ..simulator.block import Block
from ..simulator.kernel.rows import MID, I, L, S
from ..simulator.prepare import Ground, new_block, parameter_values, run_block
from ..simulator.signals.asof import AsOf
from ..simulator.signals.course import Course
from ..simulator.signals.elsewhere import table_rows
from ..simulator.state import F64, Columns, Points
from ..simulator.tape.events import CLOCK, FILLED, KIND, LATER, MOMENT, STATUS, UNDERLYING
from ..simulator.tape.tape import Coverage, Tape, TapeMarket, kernel_grid
from . import memory
from .memory import KEPT
from .observed import Observer
from .programs import StreamPrograms
from .served import ServedSignals

#: A bit of the kernel's "open" that none of its events sets.
_HELD = 4
YEAR_NS = 366 * 86_400_000_000_000
Fills = Literal["assumed", "reported"]


class Rung(NamedTuple):
    """One level of what rests beyond the best one, as in ``Quote``."""

    bid: int | None
    bid_size: int
    ask: int | None
    ask_size: int


@dataclass(frozen=True)
class Quote:
    """What rests: levels in ticks of the YES price and lots; None where nothing does."""

    ts: int
    bid: int | None
    bid_size: int
    ask: int | None
    ask_size: int
    deeper: tuple[Rung, ...] = ()  #: the levels beyond, of a model that has several


class Reported(NamedTuple):
    """A fill that the exchange reported: YES price in ticks, lots, fee in micros, lots held after it."""

    ts: int
    side: Side
    price: int
    lots: int
    fee: int
    position: int


class Taking(NamedTuple):
    """What a model takes at once beside its quotes: up to a YES price in ticks, so many lots."""

    side: Side
    price: int
    lots: int


class Told(NamedTuple):
    """What happened since somebody last asked: changes of what rests, and fills, each in order."""

    quotes: list[Quote]
    fills: list[Reported]


class Live:
    """One market under way: ``fills`` are assumed as in a replay, or reported by the exchange with :meth:`filled`.

    Events are a tape's: with their flags, and the last one of each time marked. Nothing is decided before that.
    ``position`` is what is held at the start, in lots, ``programs`` the incentive programs of the market where they
    are counted as recorded: own orders are scored in the book that others' orders and they make together.

    Example:
        >>> from touchline.engine.simulator.tape.tape import TapeMarket
        >>> from touchline.strategies.models.registry import quoting_model
        >>> market = TapeMarket("KXA-1", close_ts=1_790_000_000_000_000_000)
        >>> live = Live(market, quoting_model("fixed-spread"), {"half_spread": 2}, position=500)
        >>> live.position, live.quote.bid  # nothing was fed yet, so nothing is quoted
        (500, None)
    """

    def __init__(
        self, market: TapeMarket, model: type[QuotingModel], given: Mapping[str, Any] | None = None,
        assumptions: Assumptions | None = None, *, is_open: bool = True, fills: Fills = "assumed",
        position: int = 0, programs: Sequence[Program] = (),
    ) -> None:  # fmt: skip
        self.market, self.model, self.is_open = market, model, is_open
        self.given = dict(given or {})
        self.assumptions = assumptions or Assumptions()
        self.programs = StreamPrograms(market, programs, self.assumptions)
        self.reported: list[Reported] | None = None
        #: where fills are reported: what the last decision took; whoever sends it clears it
        self.taking: Taking | None = None
        self._held = position
        self.block: Block | None = None
        self.count = self.priced = 0
        self.observer = Observer(self.assumptions, market.open_ts or 0)
        self._told_quotes = self._told_fills = 0
        self._is_held = self._only_reduces = False
        self._gone_prices = 0  #: prices of the underlying that were forgotten: events count all of them
        self.course = self._signals() if model.signals else None
        self.served: ServedSignals | None = None  #: it sees what trained signals are served
        if market.close_ts is None and self.assumptions.horizon != "fixed":
            raise InputError(f"{market.ticker} has no close time: pass a market that has one, or the fixed horizon")
        if self.assumptions.is_poisson or any(str(d).endswith((".csv", ".parquet")) for d in self.assumptions.delays):
            raise InputError("fills by chance and recorded delays need the whole tape; a stream takes another venue")
        if fills == "reported":  # delays, queues and fees are then the exchange's own
            self.reported = []
            self.assumptions = replace(self.assumptions, feed_ms=0.0, entry_ms=0.0, response_ms=0.0, fees="none")

    @classmethod
    def from_params(
        cls, path: str | Path, market: TapeMarket, *, is_open: bool = True, fills: Fills = "assumed",
        position: int = 0, trust: Trust = (), programs: Sequence[Program] = (),
    ) -> Live:  # fmt: skip
        """Start from a parameter file that ``engine export`` wrote.

        The file of a model of one's own is imported only if ``trust`` names it, too.
        """
        return cls.of(
            load_params(path), model_of(path, trust), market, is_open=is_open, fills=fills, position=position,
            programs=programs,
        )  # fmt: skip

    @classmethod
    def of(cls, params: Params, model: type[QuotingModel], market: TapeMarket, **given: Any) -> Live:
        """Start from parameters and a model that were loaded, as one of many markets."""
        own = params.for_market(market.ticker, market.series)
        return cls(market, model, own, params.assumptions, **given)

    def warm(self, ts: int) -> None:
        """Compile before the stream begins: it would be lost while a first decision compiles. Decides nothing here."""
        fills: Fills = "assumed" if self.reported is None else "reported"
        spare = Live(self.market, self.model, self.given, self.assumptions, is_open=self.is_open, fills=fills)
        clock = Columns(*(np.zeros(1, kind) for kind in ("i8", "u1", "i1", "i2", "i4", "i4", "i2", "i2")))
        clock.ts[0], clock.kind[0], clock.best_ask[0] = ts, CLOCK, kernel_grid(self.market.grid).top
        spare.feed(clock)

    def feed(self, events: Columns, values: F64 | None = None) -> Quote:
        """Take events in, ``values`` being the prices of the underlying among them. Returns what rests after them."""
        self.take(events, values)
        return self.quote

    def take(self, events: Columns, values: F64 | None = None) -> None:
        """Take events in as :meth:`feed` does, for those who ask for what rests when they need it."""
        fresh = len(events.ts)
        if not fresh:
            return
        if self.block is None:
            self._start(events)
        block = self.block
        assert block is not None
        if self._gone_prices and ((events.kind & KIND) == UNDERLYING).any():
            events = events._replace(aux=events.aux - self._gone_prices * ((events.kind & KIND) == UNDERLYING))
        last = int(block.columns.ts[self.count - 1]) if self.count else int(events.ts[0])
        if int(events.ts[0]) < last or (fresh > 1 and (events.ts[1:] < events.ts[:-1]).any()):
            raise InputError("events of a stream come in the order of their time; sort them first")
        if values is not None and len(values):
            block.values = memory.joined(block.values, self.priced, values)
            self.priced += len(values)
        self.observer.see(block, events, self.count)
        self._mark(block, events)
        before, self.count = self.count, self.count + fresh
        if self.count > len(block.columns.ts):
            block.columns = Columns(*(memory.joined(c, before, e) for c, e in zip(block.columns, events, strict=True)))
        else:
            for column, more in zip(block.columns, events, strict=True):
                column[before : self.count] = more
        if self.course is not None:
            block.signals = memory.with_room(block.signals, len(block.columns.ts))
            rows = block.signals[before : self.count]
            self.course.take(block.columns, block.values, rows, before, self.count)
            if self.served is not None:
                self.served.see(self.market.ticker, events, rows)
        self.programs.reach(block, int(events.ts[-1]))
        decided = int(block.state.ints[I.requotes, 0])
        for until in self._stops(events, before):
            self._keep_still()
            run_block(block, self.model, until)
        if self.reported is not None and self.model.takes and block.state.ints[I.requotes, 0] != decided:
            self.taking = self._taking()
        if self.count >= 2 * KEPT:
            self._forget()

    def heard(self, signal: str, ts: int, *values: float) -> None:
        """Take in what another market said at ``ts``, for the signal of that name; events after it know of it."""
        known = {} if self.course is None else self.course.known
        if signal not in known or isinstance(self.model.signals[signal], TableSignal):
            raise InputError(f"{self.model.name} has no signal of another market that is called {signal!r}")
        if len(values) != self.model.signals[signal].columns:
            raise InputError(f"{signal} has {self.model.signals[signal].columns} values, not {len(values)}")
        if self.block is not None and self.count:
            known[signal].forget(int(self.block.columns.ts[self.count - 1]))
        known[signal].add(ts, values)

    def reread(self) -> None:
        """Read the tables of the model's signals again: events from now on know their new rows."""
        if self.course is not None:
            self.course.known |= self._tables()

    @property
    def follows(self) -> tuple[str, ...]:
        """Names of the signals whose values come in by :meth:`heard`."""
        return tuple(name for name, signal in self.model.signals.items() if isinstance(signal, OtherSignal))

    def filled(self, ts: int, side: Side, price: int, lots: int, fee: int = 0, *, taker: bool = False) -> None:
        """Book a fill that the exchange reported; the next events, or :meth:`wake`, decide on it.

        ``taker`` says that it is of an order that took at once, and no quote's.
        """
        block = self.block
        if self.reported is None or block is None or not self.count:
            raise InputError("fills can be reported to a stream that was made with fills='reported' and has begun")
        level = int(np.searchsorted(block.grid.ticks, price))
        # after what came before, whatever its own time: later events may be older
        report = self._again(0, FILLED | (LATER if taker else 0))
        report.side[0], report.level[0] = (0, level) if side is Side.BID else (1, block.grid.top - level)
        report.size[0], report.aux[0] = lots, fee
        self.take(report)
        self.reported.append(Reported(ts, side, price, lots, fee, self.position))

    def close_moved(self, ts: int, close_ts: int) -> None:
        """The exchange told at ``ts`` that the market is to close at another time: decisions from then on know."""
        closes = (*(self.market.closes or ((0, self.market.close_ts or close_ts),)), (ts, close_ts))
        self.market = replace(self.market, close_ts=close_ts, closes=closes)
        if self.block is not None:
            venue, begins = self.block.venue, self.block.venue.session_start
            self.block.venue = venue._replace(closes=close_steps([(at, max(c, begins + 1)) for at, c in closes]))

    def hold(self, held: bool = True) -> None:
        """Quote nothing at any moment from now on, and let nothing that is under way arrive; or go on as before."""
        self._is_held = held
        self._keep_still()

    def only_reduce(self, reduces: bool = True) -> None:
        """Quote nothing but what makes the position smaller, from the next decision on; or all again."""
        self._only_reduces = reduces
        if self.block is not None:
            reduces |= self.assumptions.reduce_only
            self.block.state.ints[I.limit, 0] = 0 if reduces else round(self.assumptions.position_limit * 100)

    def _keep_still(self) -> None:
        """A held market is never open as the kernel has it, whatever opens it."""
        if self.block is not None:
            scalars = self.block.state.scalars
            scalars[S.open] = scalars[S.open] | _HELD if self._is_held else scalars[S.open] & ~_HELD

    def _stops(self, events: Columns, before: int) -> list[int]:
        """Where the walk of new events is to stop: where a held market may open."""
        opens = np.flatnonzero((events.kind & KIND) == STATUS) if self._is_held else ()
        return [*(before + int(at) + 1 for at in opens), self.count]

    def gone(self, side: Side, price: int | None = None) -> None:
        """The exchange refused or cancelled orders of a side: nothing rests there until the next decision.

        Of several levels, ``price`` names the one in ticks; without it all of them are gone.
        """
        if self.block is not None:
            s, grid = 0 if side is Side.BID else 1, self.block.grid
            level = None if price is None else int(np.searchsorted(grid.ticks, price))
            at = level if level is None or s == 0 else int(grid.top) - level
            for which in self._orders(s):
                if at is None or self.block.state.ints[I.px + which, 0] == at:
                    self.block.state.ints[[I.px + which, I.left + which], 0] = 0

    def told(self) -> Told:
        """Every change of what rests and every assumed fill since the last call; fees are after rebates."""
        block = self.block
        if block is None:
            return Told([], [])
        ticks, top, log = block.grid.ticks, int(block.grid.top), block.log
        quotes, fills = int(block.state.scalars[S.quotes]), int(block.state.scalars[S.fills])
        if quotes == self._told_quotes and fills == self._told_fills:
            return Told([], [])
        shown: list[Quote] = []
        for at in range(self._told_quotes, quotes):
            row = log.quotes[at].tolist()
            levels = [self._rung(*row[first : first + 4]) for first in range(1, len(row), 4)]
            shown.append(Quote(int(log.quote_ts[at]), *levels[0], tuple(levels[1:])))
        filled: list[Reported] = []
        for at in range(self._told_fills, fills if self.reported is None else 0):
            _, side, level, lots, position, _, fee, rebate = log.fills[at].tolist()
            where, price = (Side.ASK, int(ticks[top - level])) if side else (Side.BID, int(ticks[level]))
            filled.append(Reported(int(log.fill_ts[at]), where, price, lots, fee - rebate, position))
        self._told_quotes, self._told_fills = quotes, fills
        return Told(shown, filled)

    @property
    def pending(self) -> bool:
        """Whether a fill waits for a decision."""
        return self.block is not None and bool(self.block.state.scalars[S.pending])

    def wake(self, ts: int) -> Quote:
        """Decide on fills although nothing happened in the market since."""
        if self.block is None or not self.count:
            return self.quote
        return self.feed(self._again(ts, CLOCK | MOMENT))

    def wait(self, ts: int) -> None:
        """Let time pass to ``ts`` without a decision: programs score what rested until then."""
        if self.count:
            self.take(self._again(ts, CLOCK))

    def _again(self, ts: int, kind: int) -> Columns:
        """One event that leaves the book as it is, at ``ts`` or as soon as the stream may go on."""
        assert self.block is not None
        one = Columns(*(column[self.count - 1 : self.count].copy() for column in self.block.columns))
        one.ts[0], one.kind[0] = max(ts, int(one.ts[0])), kind
        return one

    @property
    def quote(self) -> Quote:
        """What rests now."""
        block = self.block
        if block is None or not self.count:
            return Quote(0, None, 0, None, 0)
        ints = block.state.ints[:, 0].tolist()
        sides = [
            sorted([(ints[I.px + one], ints[I.left + one]) for one in self._orders(side)], reverse=True)
            for side in range(2)
        ]
        first, *deeper = [self._rung(*bid, *ask) for bid, ask in zip(*sides, strict=True)]
        return Quote(int(block.columns.ts[self.count - 1]), *first, tuple(deeper))

    def _rung(self, bid: int, bids: int, ask: int, asks: int) -> Rung:
        """One level of a quote, from levels of each side's own scale."""
        assert self.block is not None
        ticks, top = self.block.grid.ticks, int(self.block.grid.top)
        return Rung(int(ticks[bid]) if bid else None, bids, int(ticks[top - ask]) if ask else None, asks)

    def _taking(self) -> Taking | None:
        """What the last decision takes, as far as it reaches the other side and no own order."""
        block = self.block
        assert block is not None
        ints, top, at = block.state.ints, int(block.grid.top), self.count - 1
        best = int(block.columns.best_bid[at]), top - int(block.columns.best_ask[at])
        for side in range(2):
            which, other = 2 * self.model.levels + side, 1 - side
            own = max(int(ints[I.px + one, 0]) for one in self._orders(other))
            level = min(int(ints[I.want + which, 0]), top - own - 1 if own else top)
            lots = int(ints[I.size + which, 0])
            if lots > 0 and best[other] > 0 and level + best[other] >= top:
                price = int(block.grid.ticks[level if side == 0 else top - level])
                return Taking(Side.BID if side == 0 else Side.ASK, price, lots)
        return None

    def _orders(self, side: int) -> range:
        """Which orders are of a side."""
        return range(side, 2 * self.model.levels, 2)

    @property
    def position(self) -> int:
        """Lots held, NO counts negative."""
        return self._held if self.block is None else int(self.block.ints(I.position)[0])

    @property
    def cash(self) -> int:
        """Micros that fills brought, after fees."""
        if self.block is None:
            return 0
        cash, fees, rebates = (int(self.block.longs(row)[0]) for row in (L.cash, L.fees_paid, L.rebates))
        return cash - fees + rebates

    @property
    def mid(self) -> int:
        """The mid of others' orders in ticks, the last one there was while a side is empty; 0 before the first."""
        return int(self.block.mids[MID.now, self.count - 1]) if self.block is not None and self.count else 0

    def _start(self, events: Columns) -> None:
        """Make the block: what a replay knows of the whole tape is not known yet, and nothing here needs it."""
        first = int(events.ts[0])
        tape = Tape(self.market, events, np.full(1, np.nan), Coverage(), "live")
        fees = no_fees()
        if self.assumptions.fees == "exchange":
            schedule = market_schedule(self.market.series, self.market.fee_rows(), self.assumptions.membership)
            fees = fee_table(schedule, first, max(first + YEAR_NS, self.market.close_ts or 0))
        points = Points(np.zeros((4, 1), np.int64), np.zeros(0))
        shared = Ground(fees, np.zeros(1, np.int32), points, np.zeros(0, np.int64), self.programs.begin(tape))
        values = parameter_values(self.model, tape, self.given)
        rows = np.zeros((1024, self.course.width)) if self.course is not None else None
        block = new_block(
            tape, self.model, [values], [self.assumptions], record=True, shared=shared,
            reported=self.reported is not None, signals=rows,
        )  # fmt: skip
        block.state.scalars[S.open] = int(self.is_open)
        block.columns = Columns(*(np.zeros(1024, column.dtype) for column in events))
        block.mids, block.values = np.zeros((2, 1024), np.int32), np.zeros(64)
        block.state.ints[I.position, 0] = self._held
        self.block = block
        self.only_reduce(self._only_reduces)

    def _tables(self) -> dict[str, AsOf]:
        own = {name: one for name, one in self.model.signals.items() if isinstance(one, TableSignal)}
        return {name: table_rows(signal, self.market) for name, signal in own.items()}

    def _signals(self) -> Course:
        """The model's signals before the first event."""
        known = {name: AsOf(self.model.signals[name].columns) for name in self.follows}
        return Course(self.model.signals, kernel_grid(self.market.grid), known | self._tables())

    def _forget(self) -> None:
        """Let go of what nothing reads any more."""
        block = self.block
        assert block is not None
        self.observer.count -= memory.forget_points(block, self.count, self.observer.count)
        self.count -= memory.forget_events(block, self.count)
        gone = memory.forget_prices(block, self.count, self.priced)
        self.priced, self._gone_prices = self.priced - gone, self._gone_prices + gone
        fills, quotes = memory.forget_log(block.log, block.state.scalars)
        self._told_fills, self._told_quotes = max(self._told_fills - fills, 0), max(self._told_quotes - quotes, 0)

    def _mark(self, block: Block, events: Columns) -> None:
        """Add the mid after each event; the one ten seconds later is not known yet, and decides nothing."""
        count, room = self.count, max(len(block.columns.ts), self.count + len(events.ts))
        if block.mids.shape[1] < room:
            block.mids = np.pad(block.mids, ((0, 0), (0, 2 * room - block.mids.shape[1])))
        mids, ticks, top = block.mids[MID.now], block.grid.ticks, int(block.grid.top)
        mid, known = int(mids[count - 1]) if count else 0, None
        for at, touch in enumerate(zip(events.best_bid.tolist(), events.best_ask.tolist(), strict=True), count):
            if touch != known and touch[0] > 0 and touch[1] < top:
                mid, known = (int(ticks[touch[0]]) + int(ticks[touch[1]])) >> 1, touch
            mids[at] = mid


def model_of(path: str | Path, trust: Trust = ()) -> type[QuotingModel]:
    """Return the model that a parameter file names; a file of one's own is imported only if ``trust`` names it, too."""
    params = load_params(path)
    with trusting(trust, path):
        model = quoting_model(params.strategy)
    if is_another(model, params.strategy_hash):
        raise InputError(f"{params.strategy} has changed since {path} was made: sweep with it and export anew")
    return model
