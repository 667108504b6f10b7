"""One piece of a sweep: some cells on one tape, run as a block, with the P&L of every period."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...strategies.quoting.model import QuotingModel
from ..results.results import WORST_PNL
from ..simulator.assumptions.venue import Assumptions
from ..simulator.prepare import Ground, ground, new_block, own_period, run_block
from ..simulator.replay import totals_columns
from ..simulator.state import F64, I64
from ..simulator.tape.tape import Tape
from .plan import PER_CELL

#: Cells a block.
BLOCK = 512
#: A block looks up after so many cell-events: to tell how far it is, and whether it should stop.
SLICE = 1 << 27
#: One block is made at a time, so that two threads never make the same kernel twice.
_MAKING = threading.Lock()


class StoppedError(Exception):
    """The sweep is to end before this block does."""


@dataclass(frozen=True)
class BlockPart:
    """What came of some cells on one tape."""

    keys: F64  #: a row a cell: all that the cell alone decides
    columns: dict[str, np.ndarray[Any, Any]]  #: as ``totals_columns`` gives them, and the P&L under the worst queue
    starts: I64  #: of the periods, ns
    pnl: I64  #: a row a period, a column a cell


def keys_of(values: Sequence[Mapping[str, float]], limits: Sequence[Assumptions]) -> F64:
    """Everything in which cells of a block can differ, a row of numbers each; nan stands for none."""
    risk = [tuple(getattr(one, name) for name in PER_CELL) for one in limits]
    rows = [
        [*cell.values(), *(np.nan if one is None else one for one in more)]
        for cell, more in zip(values, risk, strict=True)
    ]
    return np.array(rows, dtype=np.float64) + 0.0  # -0.0 becomes 0.0


def worst_queue(tape: Tape) -> str:
    """The least favourable queue model that a tape's data can carry."""
    return "pessimistic@1" if tape.depth else "through@1"


def run_part(
    tape: Tape, model: type[QuotingModel], values: Sequence[Mapping[str, float]], limits: Sequence[Assumptions],
    float_queue: bool, seen: Callable[[int], None] = lambda done: None, shared: Ground | None = None,
) -> BlockPart:  # fmt: skip
    """Run cells on a tape under their queue model and under the least favourable one.

    ``seen`` is told the cell-events done; what it raises ends the run.
    """
    base = shared or ground(tape, limits[0])
    count = len(values)
    pair = 2 if count == 1 else 1  # one cell has a kernel of its own, which would have to be compiled

    def run(assumed: Sequence[Assumptions]) -> tuple[dict[str, np.ndarray[Any, Any]], I64]:
        with _MAKING:
            block = new_block(
                tape, model, [*values] * pair, [*assumed] * pair, record=False, shared=base, float_queue=float_queue
            )
        events = max(SLICE // len(limits), 1)
        for stop in [*range(events, len(tape), events), len(tape)]:
            before = int(block.state.scalars[0])
            run_block(block, model, stop)
            seen((stop - before) * count)
        columns, equity = totals_columns(block, tape), block.samples.equity
        if block.counted is not None:
            from ..simulator.programs import paid_until

            equity = equity + paid_until(*block.counted, block.samples.ts, block.cells)
        return {name: column[:count] for name, column in columns.items()}, equity[:, :count]

    columns, equity = run(limits)
    worst = worst_queue(tape)
    if limits[0].queue == worst:
        seen(len(tape) * count)
        columns[WORST_PNL] = columns["pnl"]
    else:
        changed = {id(one): one.with_options({"queue": worst}) for one in limits}
        columns[WORST_PNL] = run([changed[id(one)] for one in limits])[0]["pnl"]
    starts, pnl = _periods(tape, base.samples, equity, columns["pnl"])
    return BlockPart(keys_of(values, limits), columns, starts, pnl)


def _periods(tape: Tape, samples: I64, equity: I64, pnl: I64) -> tuple[I64, I64]:
    """P&L by period: differences of the equity at the periods' bounds; the last one ends with the final P&L."""
    length = own_period(tape)
    bounds = np.flatnonzero(samples % length == 0)
    first = int(tape.columns.ts[0]) // length * length
    at = np.vstack([np.zeros((1, len(pnl)), np.int64), equity[bounds], pnl[None, :]])
    return np.concatenate([[first], samples[bounds]]).astype(np.int64), np.diff(at, axis=0)


def coarser(starts: I64, pnl: I64, length: int) -> tuple[I64, I64]:
    """Join periods to longer ones."""
    wide, first = np.unique(starts // length * length, return_index=True)
    return wide, np.add.reduceat(pnl, first, axis=0)
