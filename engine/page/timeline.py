"""A tape to travel along: what it looks like at any scale, the book and the own queue at any of its events.

A replay is walked once, by the kernel that made it, and its state is kept every so many events. The state after any
event is the one kept before it, walked on: so what is shown is what the replay knew, to the lot.
"""

from __future__ import annotations

# pyright: reportArgumentType=false
# A tuple of columns of several types is read as one type of their mixture.
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...features.signals.signal import column_names
from ...strategies.quoting.model import QuotingModel
from ..simulator.assumptions.venue import Assumptions
from ..simulator.block import Block, new_log
from ..simulator.kernel.rows import SLOTS, I, L, S
from ..simulator.prepare import new_block, run_block
from ..simulator.programs import RewardPlan
from ..simulator.state import F64, I16, I32, I64, Flight, RewardArrays, State
from ..simulator.tape.events import BOOK, GAP, KIND, TRADE
from ..simulator.tape.tape import Tape
from .carried import Looker, Marks, RewardStanding, fresh_rewards, marks_of, paid_by
from .strip import Strip, spread

#: Events between two kept states: walking so many takes a few milliseconds.
STEP = 32_768
#: Marks along a tape, and along a window that is walked again; the most events of such a window.
MARKS, CLOSE_MARKS, CLOSE = 4_096, 400, 4 * STEP
Kept = tuple[State, Flight | None, RewardArrays | tuple[()]]


@dataclass(frozen=True)
class QueuedOrder:
    """An order that rests: YES price in ticks, lots left, lots ahead of it and behind it at its level."""

    price: int
    lots: int
    ahead: float
    behind: float


@dataclass(frozen=True)
class Standing:
    """What a replay stood at after an event. Money in micros, sizes in lots."""

    orders: tuple[list[QueuedOrder], list[QueuedOrder]]  #: bids and asks, the best first
    position: int
    fills: int
    pnl: int  #: positions at the mid
    spread_capture: int
    drift: int
    rebates: int
    fees: int
    rewards: RewardStanding | None  #: where incentive programs are counted
    state: dict[str, float]  #: the model's own
    signals: dict[str, float | None]  #: the model's, as the market has them


class Market:
    """One market's tape: prices at any scale, its book at any event, its trades and gaps."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        kinds = tape.columns.kind & KIND
        self.trades: I32 = np.flatnonzero(kinds == TRADE).astype(np.int32)
        self.gaps: I32 = np.flatnonzero(kinds == GAP).astype(np.int32)
        self.bids, self.asks = Strip(tape.columns.best_bid, 0), Strip(tape.columns.best_ask, int(tape.grid.top))
        self._books: list[I32] = []

    @property
    def first(self) -> int:
        """The time of the first event, ns UTC."""
        return int(self.tape.columns.ts[0])

    @property
    def last(self) -> int:
        """The time of the last event, ns UTC."""
        return int(self.tape.columns.ts[-1])

    def edges(self, low: int, high: int, count: int) -> tuple[I64, I64]:
        """Return the moments that part a window into so many stretches, and the events from which each begins."""
        moments = low + (np.arange(count + 1) * ((high - low) / count)).astype(np.int64)
        return moments, np.searchsorted(self.tape.columns.ts, moments).astype(np.int64)

    def event_at(self, ts: int) -> int:
        """Return the last event up to a moment; the first one before it."""
        return max(int(np.searchsorted(self.tape.columns.ts, ts, side="right")) - 1, 0)

    def prices(self, levels: I16) -> I32:
        """Return YES ticks of levels; -1 stays what it is."""
        return np.where(levels < 0, -1, self.tape.grid.ticks[np.maximum(levels, 0)])

    def book(self, event: int) -> I32:
        """Return level sizes after an event, YES bids and NO bids, each on its own scale."""
        while len(self._books) <= event // STEP:
            at = len(self._books)
            last = self._books[-1] if at else np.zeros((2, int(self.tape.grid.top) + 1), np.int32)
            self._books.append(self._walked(last, (at - 1) * STEP, at * STEP) if at else last)
        kept = self._books[event // STEP]
        return self._walked(kept, event // STEP * STEP, event + 1)

    def _walked(self, book: I32, start: int, stop: int) -> I32:
        """A book some events later: of each level what was said last, nothing from before a gap."""
        tape = self.tape.columns
        kinds = tape.kind[start:stop] & KIND
        lost = np.flatnonzero(kinds == GAP)
        out = np.zeros_like(book) if len(lost) else book.copy()
        since = int(lost[-1]) if len(lost) else 0
        rows = start + since + np.flatnonzero(kinds[since:] == BOOK)
        out[tape.side[rows], tape.level[rows]] = tape.size[rows]
        return out

    def gap_spans(self, low: int, high: int, most: int = 500) -> list[tuple[int, int]]:
        """Return from when to when the book was unknown, in a window."""
        ts, found = self.tape.columns.ts, list[tuple[int, int]]()
        begin, end = np.searchsorted(self.gaps, np.searchsorted(ts, [low, high]))
        for gap in self.gaps[max(int(begin) - 1, 0) : int(end)][:most]:
            after = np.flatnonzero((self.tape.columns.kind[gap + 1 : gap + 1 + STEP] & KIND) == BOOK)
            until = int(ts[gap + 1 + after[0]]) if len(after) else self.last
            if until >= low:
                found.append((int(ts[gap]), until))
        return found


class Timeline(Market):
    """A replay of one cell on one market, with its state at any event."""

    def __init__(
        self, tape: Tape, model: type[QuotingModel], values: Mapping[str, float], assumptions: Assumptions
    ) -> None:
        super().__init__(tape)
        self.model, self.values, self.assumptions = model, dict(values), assumptions
        self._block = new_block(tape, model, [self.values], [assumptions], record=True)
        self._kept: list[Kept] = []
        self._look = Looker(self._block, model)
        self._seen: tuple[int, I32] = (-1, np.zeros((2, 0), np.int32))  #: the event looked at last, and its book
        self._marks = self._walked_once()
        scalars, log = self._block.state.scalars, self._block.log
        fills, quotes = int(scalars[S.fills]), int(scalars[S.quotes])
        self.fill_events: I64 = log.fills[:fills, 0].copy()
        self.fill_rows: I64 = log.fills[:fills].copy()
        self.fill_ts: I64 = log.fill_ts[:fills].copy()
        self.quote_ts: I64 = log.quote_ts[:quotes].copy()
        self.quote_events: I64 = log.quotes[:quotes, 0].astype(np.int64)
        top, rows = int(tape.grid.top), log.quotes[:quotes, 1:]
        self.levels = log.ahead.shape[1] // 2  #: orders a side, at most
        self.own_bids = [Strip(_rested(rows[:, k : k + 2], 0, 1), 0) for k in range(0, 4 * self.levels, 4)]
        self.own_asks = [Strip(_rested(rows[:, k + 2 : k + 4], top, -1), top) for k in range(0, 4 * self.levels, 4)]
        self._block.log = new_log(1, self.levels)  # what it held is kept above, without the room for more
        sign, level = 1 - 2 * self.fill_rows[:, 1], self.fill_rows[:, 2]
        price = tape.grid.ticks.astype(np.int64)[np.where(sign > 0, level, top - level)]
        moved = -sign * self.fill_rows[:, 3] * price - self.fill_rows[:, 6] + self.fill_rows[:, 7]
        self._cash: I64 = np.append(0, np.cumsum(moved))
        self._position: I64 = np.append(0, self.fill_rows[:, 4])

    def _walked_once(self) -> Marks | None:
        """Walk to the end, keep the state every so often, and look at what is carried more often."""
        length, looked, look = len(self.tape), self._look.is_needed, self._look
        stops = {*range(STEP, length, STEP), length} | ({*range(0, length, max(length // MARKS, 1))} if looked else {0})
        rows = []
        for stop in (at := np.array(sorted(stops), np.int64)).tolist():
            run_block(self._block, self.model, stop)
            if stop % STEP == 0 and stop < length:
                self._kept.append(_copied(self._block))
            if looked:
                rows.append(look.row(self._block, int(self.tape.columns.ts[max(stop - 1, 0)])))
        return marks_of(rows, at) if looked else None

    @cached_property
    def reward_events(self) -> I64:
        """The events after which a snapshot of incentive programs is known."""
        if not isinstance(self._block.rewards, RewardArrays):
            return np.zeros(0, np.int64)
        at = np.searchsorted(self.tape.columns.ts, self._block.rewards.ts[:-1]).astype(np.int64)
        return np.unique(at[at < len(self.tape)])

    @property
    def plan(self) -> RewardPlan | None:
        """The incentive programs that are counted."""
        return self._look.plan

    @property
    def signal_names(self) -> list[str]:
        """The columns of the model's signals."""
        return column_names(self.model.signals)

    def carried(self, edges: I64) -> tuple[F64, F64, F64] | None:
        """Return accrued rewards after each stretch between edges, the own share over it, and the model's state."""
        if self._marks is None:
            return None
        if edges[-1] - edges[0] > CLOSE or len(self._marks.stops) > len(self.tape):
            return self._marks.course(edges)
        stops = np.unique(np.append(edges[:: max(len(edges) // CLOSE_MARKS, 1)], edges[-1]))
        block, rows = self._before(max(int(stops[0]) - 1, 0)), []
        for stop in stops.tolist():
            run_block(block, self.model, stop)
            rows.append(self._look.row(block, int(self.tape.columns.ts[max(stop - 1, 0)])))
        return marks_of(rows, stops).course(edges)

    def signals(self, edges: I64) -> list[tuple[F64, F64, F64]]:
        """Return of each signal its lowest, highest and last value over each stretch between edges."""
        rows = self._block.signals
        return [] if isinstance(rows, tuple) else [spread(rows[:, at], edges) for at in range(rows.shape[1])]

    def paid(self, moments: I64) -> I64:
        """Return what incentive programs had paid by some moments, micros."""
        return paid_by(self._block, moments)

    @cached_property
    def decisions(self) -> int:
        """How many decisions were made in all."""
        return int(self._block.ints(I.requotes)[0])

    def position_after(self, fills: I64) -> I64:
        """Return the position in lots after so many fills."""
        return self._position[fills]

    def cash_after(self, fills: I64) -> I64:
        """Return cash in micros, fees and rebates in it, after so many fills."""
        return self._cash[fills]

    def mids(self, events: I64) -> I64:
        """Return the mid after events, whole ticks."""
        return self._block.mids[0, events].astype(np.int64)

    def standing(self, event: int) -> Standing:
        """Return what the replay stood at after an event."""
        block, ts = self._before(event), int(self.tape.columns.ts[event])
        taken, before = self._snapshot(ts), None
        if taken is not None:  # up to the event before it is seen: what the snapshot adds is its share
            at = int(np.searchsorted(self.tape.columns.ts, taken))
            earlier = self._before(max(at - 1, 0)) if at < int(block.state.scalars[S.at]) else block
            run_block(earlier, self.model, at)
            before = earlier.rewards.earned[:, 0].copy() if isinstance(earlier.rewards, RewardArrays) else None
        run_block(block, self.model, event + 1)
        mid, position = int(block.mids[0, event]), int(block.ints(I.position)[0])
        cash, flow = int(block.longs(L.cash)[0]), int(block.longs(L.flow)[0])
        fees, rebates = int(block.longs(L.fees_paid)[0]), int(block.longs(L.rebates)[0])
        rewards = self._look.standing(before, block, taken, ts)
        self._seen = event, block.state.book[:2].copy()
        return Standing(
            (self._orders(block, 0), self._orders(block, 1)), position, int(block.ints(I.fills)[0]),
            cash - fees + rebates + position * mid + (rewards.paid if rewards else 0), flow + cash,
            position * mid - flow, rebates, fees, rewards,
            dict(zip(self.model.state, self._look.state(block), strict=True)), self._signals_at(event),
        )  # fmt: skip

    def book(self, event: int) -> I32:
        """Return level sizes after an event as the replay's own walk has them."""
        at, seen = self._seen
        if at == event:  # whoever looks at a moment wants both
            return seen
        block = self._before(event)
        run_block(block, self.model, event + 1)
        return block.state.book[:2]

    def _snapshot(self, ts: int) -> int | None:
        """When the last snapshot of incentive programs up to a moment was."""
        if not isinstance(self._block.rewards, RewardArrays):
            return None
        at = int(np.searchsorted(self._block.rewards.ts[:-1], ts, side="right"))
        return int(self._block.rewards.ts[at - 1]) if at else None

    def _signals_at(self, event: int) -> dict[str, float | None]:
        rows = self._block.signals
        values = [] if isinstance(rows, tuple) else rows[event].tolist()
        return {
            name: value if math.isfinite(value) else None for name, value in zip(self.signal_names, values, strict=True)
        }

    def _before(self, event: int) -> Block:
        """A block of its own that stands at the state kept before an event has happened."""
        state, flight, rewards = self._kept[min((event + 1) // STEP, len(self._kept) - 1)]
        rings = (np.zeros_like(one) for one in self._block.flight) if flight is None else (one.copy() for one in flight)
        own = fresh_rewards(rewards)
        block = replace(self._block, state=_fresh(state), flight=Flight(*rings), rewards=own)
        block.log = new_log(4096, self.levels)
        block.state.scalars[[S.fills, S.quotes]] = 0
        return block

    def _orders(self, block: Block, side: int) -> list[QueuedOrder]:
        """What rests on a side, the best level first."""
        grid, found = self.tape.grid, list[tuple[int, QueuedOrder]]()
        for which in range(side, 2 * SLOTS, 2):
            level, lots = int(block.ints(I.px + which)[0]), int(block.ints(I.left + which)[0])
            if level:
                ahead = float(block.ahead(which)[0])
                behind = max(float(block.state.book[side, level]) - ahead, 0.0)
                price = int(grid.ticks[level if side == 0 else grid.top - level])
                found.append((level, QueuedOrder(price, lots, ahead, behind)))
        return [order for _, order in sorted(found, key=lambda one: -one[0])]


def _rested(rows: I32, none: int, sign: int) -> I16:
    """YES levels of orders that a log holds beside their lots; ``none`` where nothing rested."""
    return np.where(rows[:, 1] > 0, rows[:, 0] if sign > 0 else none - rows[:, 0], none).astype(np.int16)


def _fresh(state: State) -> State:
    return State(*(one.copy() for one in state))


def _copied(block: Block) -> Kept:
    """A block's state, its messages where some are under way, and its scores of incentive programs."""
    at = block.state.scalars
    quiet = at[S.order_head] == at[S.order_tail] and at[S.notice_head] == at[S.notice_tail]
    flight = None if quiet else Flight(*(one.copy() for one in block.flight))
    return _fresh(block.state), flight, fresh_rewards(block.rewards)
