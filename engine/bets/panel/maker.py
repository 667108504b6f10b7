"""What an order that joins the touch at the end of a bar would have got, from the venue that replays quotes.

One order a bar and side stands at the best price known at the bar's end, behind everything that stands there. It is
withdrawn some bars later; the first bar in which it is filled says how many lots. An order never moves the market, so
the first lots of a large order fill as a small one's would: what is kept here serves every size up to ``ORDER_LOTS``.
"""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....io.ground.errors import InputError
from ....io.store.store import Store
from ....strategies.models.join_touch import JoinTouch
from ...simulator.assumptions.venue import Assumptions
from ...simulator.block import Block
from ...simulator.kernel.rows import I, S
from ...simulator.prepare import new_block, run_block
from ...simulator.state import I64, Columns
from ...simulator.tape.events import CLOCK, KIND, MOMENT, STATUS
from ...simulator.tape.source import compile_tape
from ...simulator.tape.tape import Tape, open_at_start
from ..types import NO_ORDER, ORDER_LOTS
from .build import booked
from .panel import Panel
from .resting import Resting

#: Orders between two wipes of the position, of which the venue allows ten million contracts.
ORDERS_A_SLICE = 50


def with_orders(store: Store, panel: Panel, queue: str, bars: int) -> Panel:
    """The panel with what orders at the touch get under a queue model, up to ``bars`` bars after their own."""
    return replace(panel, resting=orders(store, panel, [queue], bars)[0])


def orders(store: Store, panel: Panel, queues: Sequence[str], bars: int) -> list[Resting]:
    """The same under several queue models, each market's tape read once."""
    made = [_no_orders(panel, queue, bars) for queue in queues]
    tickers, end = panel.markets["ticker"].to_list(), int(panel.times[-1]) + 1
    place = {ticker: m for m, ticker in enumerate(tickers)}
    for ticker in booked(store, panel.markets, end)["ticker"]:
        block, tape = slice(place[ticker], place[ticker] + 1), compile_tape(store, ticker, None, end)
        first, count = int(panel.lives.first[block.start]), int(panel.lives.counts[block.start])
        times = panel.times[first : first + count + bars]  # an order of the last bar may be filled after it
        for one in made:
            found = rested(tape, times, one.queue, bars)
            for side in range(2):
                panel.lives.put(one.after[side], block, found[0][side, :count])
                panel.lives.put(one.lots[side], block, found[1][side, :count])
    if not any((after != NO_ORDER).any() for one in made for after in one.after):
        raise InputError("entry = maker needs recorded order books, and no market here has one; use entry = taker")
    return made


def _no_orders(panel: Panel, queue: str, bars: int) -> Resting:
    """Room for the orders of every market, none of which can stand so far."""

    def pair(name: str, kind: Any, value: int) -> tuple[Any, Any]:
        bid, ask = (panel.column(f"{side}-{name}", kind) for side in ("bid", "ask"))
        bid[:], ask[:] = value, value
        return bid, ask

    return Resting(queue, bars, pair("after", np.int16, NO_ORDER), pair("got", np.int32, 0))


def rested(
    tape: Tape, times: I64, queue: str, bars: int, size_lots: int = ORDER_LOTS
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """``after`` and ``lots`` of one market's orders, each sides x bars. An order rests for ``bars`` bars."""
    after = np.full((2, len(times)), NO_ORDER, np.int16)
    lots = np.zeros((2, len(times)), np.int32)
    known = np.flatnonzero(times >= tape.columns.ts[0])
    for first in range(min(bars, len(known))):
        _placed(tape, times, known[first::bars], queue, size_lots, after, lots)
    return after, lots


def first_fill(tape: Tape, times: I64, queue: str) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """``after`` and ``lots`` of an order a side that joins at the first time and rests until the last one."""
    after = np.full((2, len(times)), NO_ORDER, np.int16)
    lots = np.zeros((2, len(times)), np.int32)
    _placed(tape, times, np.zeros(1, np.int64), queue, ORDER_LOTS, after, lots)
    return after[:, 0], lots[:, 0]


def _placed(tape: Tape, times: I64, placed: I64, queue: str, size_lots: int, after: Any, lots: Any) -> None:
    """Let orders join at some of the times, each until the next one does, and write down what they got."""
    assumed = Assumptions(queue=queue, requote_ms=0, volatility="constant", fees="none", position_limit=10_000_000)
    clocked, events = with_clock(tape, times[placed])
    block = new_block(clocked, JoinTouch, [{"size": size_lots / 100}], [assumed], record=True)
    for stop in (*events[ORDERS_A_SLICE::ORDERS_A_SLICE].tolist(), len(clocked)):
        run_block(block, JoinTouch, stop)
        block.ints(I.position)[:] = 0
    _read(block, clocked, events, placed, times, after, lots)


def with_clock(tape: Tape, times: I64) -> tuple[Tape, I64]:
    """The tape with two rows at each time that alone are decided on, and where the second ones are.

    They come after everything that happened up to their time. The first says again whether the market trades, and
    orders are withdrawn; the second is the clock, and orders join.
    """
    old, top = tape.columns, tape.grid.top
    at = np.repeat(np.searchsorted(old.ts, times, side="right"), 2)
    before = np.maximum(at - 1, 0)
    told = np.flatnonzero((old.kind & KIND) == STATUS)
    trades = np.where(np.append(open_at_start(tape), old.side[told] > 0), 1, -1)[np.searchsorted(told, at, side="left")]
    new: dict[str, Any] = dict.fromkeys(Columns._fields, 0)
    new |= {"ts": np.repeat(times, 2), "kind": np.tile([STATUS | MOMENT, CLOCK | MOMENT], len(times))}
    new["side"] = np.where(np.arange(len(at)) % 2 == 0, trades, 0)
    new["best_bid"] = np.where(at > 0, old.best_bid[before], 0)
    new["best_ask"] = np.where(at > 0, old.best_ask[before], top)
    old = old._replace(kind=old.kind & ~np.uint8(MOMENT))
    columns = Columns(*(np.insert(column, at, new[name]) for name, column in old._asdict().items()))
    events = at[1::2] + 2 * np.arange(len(times)) + 1
    return replace(tape, columns=columns), events


def _read(block: Block, tape: Tape, events: I64, placed: I64, times: I64, after: Any, lots: Any) -> None:
    """Take from a block's log which orders stood, and when and how far each was first filled."""
    grid, columns, log = tape.grid, tape.columns, block.log
    quotes = log.quotes[: int(block.state.scalars[S.quotes])].astype(np.int64)
    fills = log.fills[: int(block.state.scalars[S.fills])]
    filled_ts = log.fill_ts[: len(fills)]
    order_of = np.searchsorted(events, fills[:, 0], side="right") - 1
    for side in range(2):
        best = columns.best_bid if side == 0 else grid.top - columns.best_ask
        level, size = quotes[:, 1 + 2 * side], quotes[:, 2 + 2 * side]
        joined = (level == best[quotes[:, 0]]) & (size > 0) & np.isin(quotes[:, 0], events)
        stood = np.zeros(len(events), np.bool_)
        stood[np.searchsorted(events, quotes[joined, 0])] = True
        own = (fills[:, 1] == side) & stood[order_of]
        order, size = order_of[own], fills[own, 3]
        waited = np.searchsorted(times, filled_ts[own], side="left") - placed[order]
        first = np.full(len(events), len(times) + 1, np.int64)
        np.minimum.at(first, order, waited)
        got = np.zeros(len(events), np.int64)
        np.add.at(got, order, np.where(waited == first[order], size, 0))
        after[side, placed] = np.where(~stood, NO_ORDER, np.where(got > 0, first, 0))
        lots[side, placed] = got
