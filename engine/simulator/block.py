"""Allocate a block of cells and walk it along a tape: the only caller of the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .kernel.rows import FINISHED, GROUP, INTS, LONGS, MORE_LOG, NOTICE, ORDER, PLACE, SLOTS, TIMES, I, L, S
from .state import F64, I32, I64, Columns, Flight, Grid, Log, Points, RewardArrays, Samples, State, VenueNumbers

if TYPE_CHECKING:
    from .programs import RewardPlan

LINE = 64  #: bytes of a line of the processor's cache
_ORDER_TIMES = [TIMES.order, TIMES.version, *range(TIMES.groups, TIMES.groups + 2 * SLOTS)]
_NOTICE_TIMES = [TIMES.notice, TIMES.which]


@dataclass
class Block:
    """A block under way: what a kernel needs, between one slice of the tape and the next."""

    kernel: ModuleType
    columns: Columns
    mids: I32  #: as ``mids_of`` gives them, a column an event
    values: F64  #: prices of the underlying
    grid: Grid
    points: Points
    venue: VenueNumbers
    fees: I64
    state: State
    flight: Flight
    log: Log
    samples: Samples
    signals: F64 | tuple[()] = ()  #: the model's, a row an event; nothing where it declares none
    rewards: RewardArrays | tuple[()] = ()  #: incentive programs; nothing where none are counted
    plan: RewardPlan | None = None  #: which those are

    @property
    def counted(self) -> tuple[RewardPlan, RewardArrays] | None:
        """The incentive programs and what was scored of them; None where none are counted."""
        return (self.plan, self.rewards) if self.plan is not None and isinstance(self.rewards, RewardArrays) else None

    @property
    def cells(self) -> int:
        """How many cells the block has."""
        return int(self.state.scalars[S.cells])

    def run(self, stop: int | None = None) -> None:
        """Walk to event ``stop``, making the log and the rings longer whenever they are full."""
        end = len(self.columns.ts) if stop is None else stop
        while (status := self._call(end)) != FINISHED:
            if status == MORE_LOG:
                self.log = Log(*(_longer(column) for column in self.log))
            else:
                self.flight = _longer_flight(self.flight, self.state.scalars)

    def _call(self, end: int) -> int:
        return self.kernel.run_nb(
            self.columns, self.mids, self.values, self.signals, self.grid, self.points, self.venue, self.fees,
            self.state, self.flight, self.log, self.samples, self.rewards, end,
        )  # fmt: skip

    def ints(self, row: int) -> I32:
        """One of the rows named in kernel/rows.py, a value a cell."""
        return self.state.ints[row, : self.cells]

    def ahead(self, which: int) -> np.ndarray[Any, Any]:
        """Lots ahead of an order of each cell, where it rests."""
        ahead = self.state.ahead[which, : self.cells]
        return np.where(ahead < 0, self.state.book[which & 1, self.ints(I.px + which)], ahead)

    def longs(self, row: int) -> I64:
        """One of the rows named in kernel/rows.py, a value a cell."""
        return self.state.longs[row, : self.cells]


def _longer(column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    out = np.zeros((4 * len(column), *column.shape[1:]), column.dtype)
    out[: len(column)] = column
    return out


def _longer_flight(flight: Flight, scalars: I64) -> Flight:
    """Rings with more room; what is under way stands where the counters of the state look for it."""
    rows_ = len(flight.times)
    out = new_flight(int(scalars[S.cells]), 4 * rows_, flight.orders.shape[1] // 2, 4 * len(flight.places))
    orders = np.arange(scalars[S.order_head], scalars[S.order_tail])
    notices = np.arange(scalars[S.notice_head], scalars[S.notice_tail])
    out.orders[orders % len(out.times)] = flight.orders[orders % rows_]
    out.notices[notices % len(out.times)] = flight.notices[notices % rows_]
    for under_way, columns in ((orders, _ORDER_TIMES), (notices, _NOTICE_TIMES)):
        out.times[np.ix_(under_way % len(out.times), columns)] = flight.times[np.ix_(under_way % rows_, columns)]
    noted = np.arange(scalars[S.place_head], scalars[S.place_tail])
    out.places[noted % len(out.places)] = flight.places[noted % len(flight.places)]
    return out


def _table(count: int, n: int, dtype: type[np.generic]) -> np.ndarray[Any, Any]:
    """Rows of ``n`` numbers, with room for whole groups of cells, laid out so that vector code is fast.

    A row starts with a line of the cache, and no two of a page of rows start at the same place of a page: a vector
    across two lines is two loads, and a load waits for what is being written to its place in another page.
    """
    used = -(-n // GROUP) * GROUP * np.dtype(dtype).itemsize
    width = (-(-used // LINE) | 1) * LINE
    raw = np.zeros(count * width + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return raw[first : first + count * width].view(dtype).reshape(count, -1)


def new_state(params: F64, top: int, float_queue: bool, *, placed: bool = False) -> State:
    """State of a block before the first event: nothing rests, nothing is held. ``params`` has a column a cell.

    With ``placed`` it has room for what owners have seen of their orders' places.
    """
    n = params.shape[1]
    state = State(
        ints=_table(INTS, n, np.int32),
        longs=_table(LONGS, n, np.int64),
        ahead=_table(6 * SLOTS if placed else 2 * SLOTS, n, np.float64 if float_queue else np.int32),
        params=_table(len(params), n, np.float64),
        book=np.zeros((4, top + 1), np.int32),
        scalars=np.zeros(len(S), np.int64),
    )
    state.params[:] = np.pad(params, ((0, 0), (0, state.params.shape[1] - n)), "edge")  # a model must know what to do
    state.scalars[S.cells] = n
    state.scalars[[S.seen, S.value, S.seen_value]] = -1
    state.longs[L.day] = -1
    return state


def start(state: State, first_ts: int, requote_ns: int, is_open: bool) -> None:
    """Set the clock at the first event: the first re-quote falls due one interval later."""
    state.longs[L.due] = first_ts + requote_ns
    state.scalars[S.next_due] = first_ts + requote_ns
    state.scalars[S.open] = int(is_open)


def new_flight(n: int, messages: int = 16, slots: int = 1, places: int = 16) -> Flight:
    """Rings with room for ``messages`` each way; a block makes them longer as needed. ``slots``: orders a side.

    ``places`` is how many changes of orders' places may wait for their owners.
    """
    return Flight(
        _table(messages * 2 * slots * len(ORDER), n, np.int32).reshape(messages, 2 * slots, len(ORDER), -1),
        _table(messages * len(NOTICE), n, np.int32).reshape(messages, len(NOTICE), -1),
        np.zeros((messages, len(TIMES) - 1 + 2 * SLOTS), np.int64),
        np.zeros((places, len(PLACE))),
    )


def new_log(length: int, levels: int = 1) -> Log:
    """Room for ``length`` fills and quotes; a block makes it longer as needed."""
    return Log(
        np.zeros(length, np.int64),
        np.zeros((length, 8), np.int64),
        np.zeros(length, np.int64),
        np.zeros((length, 1 + 4 * levels), np.int32),
        np.zeros((length, 2 * levels)),
    )
