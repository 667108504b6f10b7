"""A tape to travel along: what it looks like at any scale, the book and the own queue at any of its events.

A replay is walked once, by the kernel that made it, and its state is kept every so many events. The state after any
event is the one kept before it, walked on: so what is shown is what the replay knew, to the lot.
"""

from __future__ import annotations

# pyright: reportArgumentType=false
# A tuple of columns of several types is read as one type of their mixture.
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...strategies.quoting.model import QuotingModel
from ..simulator.assumptions.venue import Assumptions
from ..simulator.block import Block, new_log
from ..simulator.kernel.rows import SLOTS, I, L, S
from ..simulator.prepare import new_block, run_block
from ..simulator.state import I16, I32, I64, Flight, State
from ..simulator.tape.events import BOOK, GAP, KIND, TRADE
from ..simulator.tape.tape import Tape
from .strip import Strip

#: Events between two kept states: walking so many takes a few milliseconds.
STEP = 32_768


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
        self._kept: list[tuple[State, Flight | None]] = []
        for stop in range(STEP, len(tape) + STEP, STEP):
            self._kept.append(_copied(self._block))
            run_block(self._block, model, min(stop, len(tape)))
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
        block = self._after(event)
        mid = int(block.mids[0, event])
        position = int(block.ints(I.position)[0])
        cash, flow = int(block.longs(L.cash)[0]), int(block.longs(L.flow)[0])
        fees, rebates = int(block.longs(L.fees_paid)[0]), int(block.longs(L.rebates)[0])
        return Standing(
            (self._orders(block, 0), self._orders(block, 1)), position, int(block.ints(I.fills)[0]),
            cash - fees + rebates + position * mid, flow + cash, position * mid - flow, rebates, fees,
        )  # fmt: skip

    def book(self, event: int) -> I32:
        """Return level sizes after an event as the replay's own walk has them."""
        return self._after(event).state.book[:2]

    def _after(self, event: int) -> Block:
        """A block of its own that stands after an event."""
        state, flight = self._kept[min((event + 1) // STEP, len(self._kept) - 1)]
        rings = (np.zeros_like(one) for one in self._block.flight) if flight is None else (one.copy() for one in flight)
        block = replace(self._block, state=_fresh(state), flight=Flight(*rings))
        block.log = new_log(4096, self.levels)
        block.state.scalars[[S.fills, S.quotes]] = 0
        run_block(block, self.model, event + 1)
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


def _copied(block: Block) -> tuple[State, Flight | None]:
    """A block's state, and its messages where some are under way."""
    at = block.state.scalars
    quiet = at[S.order_head] == at[S.order_tail] and at[S.notice_head] == at[S.notice_tail]
    return _fresh(block.state), None if quiet else Flight(*(one.copy() for one in block.flight))
