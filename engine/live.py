"""The kernel on a stream: events go in as they come, the quote that stands comes out, decided as in a replay."""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..io.errors import InputError
from ..strategies.quoting import QuotingModel
from ..strategies.registry import quoting_model
from . import state as rows
from .block import Block
from .fees import fee_table, market_schedule
from .params import load_params
from .replay import Ground, new_block, parameter_values
from .state import F64, Columns, Points
from .tape import Coverage, Market, Tape
from .venue import Assumptions, no_fees
from .volatility_points import Decay, points_of

YEAR_NS = 366 * 86_400_000_000_000


@dataclass(frozen=True)
class Quote:
    """What rests: levels in ticks of the YES price and lots; None where nothing does."""

    ts: int
    bid: int | None
    bid_size: int
    ask: int | None
    ask_size: int


class Live:
    """One market under way. Fills are those of the venue's assumptions, as in a replay.

    Events are a tape's: with their flags, and the last one of each time marked. Nothing is decided before that.
    """

    def __init__(
        self, market: Market, model: type[QuotingModel], given: Mapping[str, Any] | None = None,
        assumptions: Assumptions | None = None, *, is_open: bool = True,
    ) -> None:  # fmt: skip
        self.market, self.model, self.is_open = market, model, is_open
        self.given, self.assumptions = dict(given or {}), assumptions or Assumptions()
        self.block: Block | None = None
        self.count = self.observed = self.priced = 0
        self._decay = Decay(self.assumptions.window_s)
        self._last_mid: Columns | None = None
        if market.close_ts is None and self.assumptions.horizon != "fixed":
            raise InputError(f"{market.ticker} has no close time: pass a market that has one, or the fixed horizon")
        if self.assumptions.is_poisson or any(str(d).endswith((".csv", ".parquet")) for d in self.assumptions.delays):
            raise InputError("fills by chance and recorded delays need the whole tape; a stream takes another venue")

    @classmethod
    def from_params(cls, path: str | Path, market: Market, *, is_open: bool = True) -> Live:
        """Start from a parameter file that ``engine export`` wrote."""
        params = load_params(path)
        assumed = Assumptions().with_options({**params.venue, **params.limits})
        model = quoting_model(params.strategy)
        return cls(market, model, params.for_market(market.ticker, market.series), assumed, is_open=is_open)

    def feed(self, events: Columns, values: F64 | None = None) -> Quote:
        """Take events in, ``values`` being the prices of the underlying among them. Returns what rests after them."""
        if not len(events.ts):
            return self.quote
        if self.block is None:
            self._start(events)
        block = self.block
        assert block is not None
        last = int(block.columns.ts[self.count - 1]) if self.count else int(events.ts[0])
        if int(events.ts[0]) < last or (np.diff(events.ts) < 0).any():
            raise InputError("events of a stream come in the order of their time; sort them first")
        if values is not None and len(values):
            block.values = _with(block.values, self.priced, values)
            self.priced += len(values)
        self._observe(events)
        block.columns = Columns(*(_with(c, self.count, e) for c, e in zip(block.columns, events, strict=True)))
        self.count += len(events.ts)
        if len(block.later) < len(block.columns.ts):
            block.later = np.zeros(len(block.columns.ts), np.int32)
        block.run(self.count)
        return self.quote

    @property
    def quote(self) -> Quote:
        """What rests now."""
        block = self.block
        if block is None or not self.count:
            return Quote(0, None, 0, None, 0)
        ticks, top = block.grid.ticks, int(block.grid.top)
        levels = [int(block.ints(rows.PX + s)[0]) for s in range(2)]
        sizes = [int(block.ints(rows.LEFT + s)[0]) for s in range(2)]
        bid = int(ticks[levels[0]]) if levels[0] else None
        ask = int(ticks[top - levels[1]]) if levels[1] else None
        return Quote(int(block.columns.ts[self.count - 1]), bid, sizes[0], ask, sizes[1])

    @property
    def position(self) -> int:
        """Lots held, NO counts negative."""
        return 0 if self.block is None else int(self.block.ints(rows.POSITION)[0])

    def _start(self, events: Columns) -> None:
        """Make the block: what a replay knows of the whole tape is not known yet, and nothing here needs it."""
        first = int(events.ts[0])
        tape = Tape(self.market, events, np.full(1, np.nan), Coverage(*(0,) * 12), "live")
        fees = no_fees()
        if self.assumptions.fees == "exchange":
            schedule = market_schedule(self.market.series, self.market.fee_rows(), self.assumptions.membership)
            fees = fee_table(schedule, first, max(first + YEAR_NS, self.market.close_ts or 0))
        points = Points(np.zeros((4, 1), np.int64), np.zeros(0))
        shared = Ground(fees, np.zeros(1, np.int32), points, np.zeros(0, np.int64))
        values = parameter_values(self.model, tape, self.given)
        block = new_block(tape, self.model, [values], [self.assumptions], record=True, shared=shared)
        block.state.scalars[rows.OPEN] = int(self.is_open)
        block.columns = Columns(*(np.zeros(1024, column.dtype) for column in events))
        block.later, block.values = np.zeros(1024, np.int32), np.zeros(64)
        self.block = block

    def _observe(self, events: Columns) -> None:
        """Add what the events say about volatility to the observations."""
        block = self.block
        assert block is not None
        known, grid = self._last_mid, block.grid
        joined = (
            events if known is None else Columns(*(np.concatenate(pair) for pair in zip(known, events, strict=True)))
        )
        offset = self.count - (0 if known is None else 1)
        volatility = self.assumptions.volatility
        new = points_of(
            Tape(self.market, joined, np.zeros(0), Coverage(*(0,) * 12), "live"),
            "increments" if volatility == "decaying" else volatility, self.assumptions.window_s,
        )  # fmt: skip
        n, k = len(new.value), self.observed
        if n:
            event = new.rows[rows.POINT_EVENT, :n]
            value = new.value
            if volatility == "decaying":
                doubled = grid.ticks[joined.best_bid[event]] + grid.ticks[joined.best_ask[event]]
                pairs = zip(joined.ts[event], doubled, strict=True)
                value = np.array([self._decay.add(int(ts), float(two) / 200.0) for ts, two in pairs])
            room = block.points.rows.shape[1]
            table = block.points.rows if k + n < room else np.concatenate(
                [block.points.rows, np.zeros((4, room + n), np.int64)], axis=1
            )  # fmt: skip
            table[rows.POINT_TS, k : k + n] = new.rows[rows.POINT_TS, :n]
            table[rows.POINT_EVENT, k : k + n] = event + offset
            for row in (rows.POINT_SUM, rows.POINT_SQUARES):
                table[row, k + 1 : k + n + 1] = table[row, k] + new.rows[row, 1 : n + 1]
            kept = _with(_base(block.points.value), k, value)
            self.observed = k + n
            block.points = Points(table, kept[: self.observed])
        two_sided = np.flatnonzero((events.best_bid > 0) & (events.best_ask < grid.top))
        if len(two_sided):
            at = int(two_sided[-1])
            self._last_mid = Columns(*(column[at : at + 1].copy() for column in events))
            self._last_mid.kind[0] = 0


def _base(view: np.ndarray) -> np.ndarray:
    """The whole array of which ``view`` is the filled part."""
    return view if view.base is None else view.base


def _with(column: np.ndarray, count: int, more: np.ndarray) -> np.ndarray:
    """The column with ``more`` after its first ``count`` entries; twice as long whenever it is full."""
    if count + len(more) > len(column):
        longer = np.zeros(2 * (count + len(more)), column.dtype)
        longer[:count] = column[:count]
        column = longer
    column[count : count + len(more)] = more
    return column
