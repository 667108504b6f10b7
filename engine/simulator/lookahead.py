"""The look-ahead prover: cut the tape at a random time, and nothing that happened before may change.

A cut tape ends at the cut; its market's result is not known yet, nor a close that was told from then on. What is known
in advance stays: when the market opens and is to close, its fees and its price grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...features.signals.signal import Signal, column_names
from ...io.ground.times import iso
from ...strategies.quoting.model import QuotingModel
from .assumptions.venue import Assumptions
from .block import Block
from .kernel.rows import I, L, S
from .prepare import Ground, ground, new_block, parameter_values, run_block
from .signals.matrix import signal_matrix
from .state import I64
from .tape.events import KIND, UNDERLYING
from .tape.life import closes_within
from .tape.tape import Tape, open_at_start

#: What a cell has done and decided, by its row in the state; later marks of fills are measures, not decisions.
INTS = {
    "position": I.position, "fills": I.fills, "re-quotes": I.requotes, "bid": I.px,
    "bid size": I.left, "ask": I.px + 1, "ask size": I.left + 1, "refused orders": I.refused,
    "rejected orders": I.rejected,
}  # fmt: skip
LONGS = {"cash": L.cash, "fees": L.fees_paid, "rebates": L.rebates, "volume": L.volume}


@dataclass(frozen=True)
class Leak:
    """A cell or signal that knew something of what came after a cut."""

    market: str
    cut: int  #: ns
    cell: int | None  #: its place among the cells that were tried; None for a signal, which all of them share
    what: str
    whole: float  #: with what came after the cut
    cut_off: float  #: without it

    def __str__(self) -> str:
        rest = f"{self.whole} with the rest of the tape and {self.cut_off} without it"
        whose = "" if self.cell is None else f" of cell {self.cell}"
        return f"{self.market}, cut at {iso(self.cut, 9)}: the {self.what}{whose} is {rest}"


def cut_times(tape: Tape, count: int, seed: int) -> I64:
    """Random times inside a tape, the same for the same tape and seed."""
    first, last = int(tape.columns.ts[0]), int(tape.columns.ts[-1])
    random = np.random.default_rng([seed, int(tape.digest, 16) & 0xFFFFFFFF])
    return np.unique(random.integers(first + 1, last + 1, count)) if last > first else np.zeros(0, np.int64)


def cut_off(tape: Tape, ts: int) -> Tape:
    """The tape as it was before a moment: the market's result and later closes and underlying prices are gone."""
    closes = closes_within(tape.closes, int(tape.columns.ts[0]), ts - 1)
    known = {"close_ts": closes[-1][1], "closes": closes}
    market = replace(tape.market, result=None, settlement=None, settled_ts=None, **known)
    short = tape.cut(ts)
    known = np.count_nonzero((short.columns.kind & KIND) == UNDERLYING)
    return replace(short, market=market, values=tape.values[:known])


def prove(
    tape: Tape, model: type[QuotingModel], given: Sequence[Mapping[str, float]], limits: Sequence[Assumptions],
    cuts: int = 5, seed: int = 0, float_queue: bool = False,
) -> list[Leak]:  # fmt: skip
    """Run cells on the whole tape and on cut ones; returns every difference before a cut, one a cell and cut.

    ``given`` are the parameters that were asked for; those that a market's row gives are read from the cut market.
    """
    found = signal_leaks(tape, model.signals, cuts, seed)
    shared = ground(tape, limits[0])
    whole = _block(tape, tape, model, given, limits, shared, float_queue)
    for cut in cut_times(tape, cuts, seed):
        short = cut_off(tape, int(cut))
        if not len(short):
            continue
        own = replace(ground(short, limits[0]), samples=shared.samples)
        part = _block(short, tape, model, given, limits, own, float_queue)
        run_block(whole, model, len(short))
        run_block(part, model)
        found += _differences(whole, part, model, tape.market.ticker, int(cut))
    return found


def _block(
    tape: Tape, whole: Tape, model: type[QuotingModel], given: Sequence[Mapping[str, float]],
    limits: Sequence[Assumptions], shared: Ground, float_queue: bool,
) -> Block:  # fmt: skip
    """A block on a tape that opens when the whole one does; one cell is doubled, as a block of one has other code."""
    values = [parameter_values(model, tape, one) for one in given]
    pair = 2 if len(values) == 1 else 1
    block = new_block(
        tape, model, values * pair, [*limits] * pair, record=False, shared=shared, float_queue=float_queue
    )
    block.state.scalars[S.open] = int(open_at_start(whole))
    return block


def _differences(whole: Block, part: Block, model: type[QuotingModel], market: str, cut: int) -> list[Leak]:
    """The first difference of each cell."""
    found: dict[int, Leak] = {}
    pairs: list[tuple[str, np.ndarray, np.ndarray]] = [
        (name, whole.ints(row), part.ints(row)) for name, row in INTS.items()
    ]
    for which in range(2, 2 * model.levels):
        word = f"{('bid', 'ask')[which & 1]} of order {which // 2 + 1}"
        pairs += [(word, whole.ints(I.px + which), part.ints(I.px + which))]
        pairs += [(f"{word}, size", whole.ints(I.left + which), part.ints(I.left + which))]
    pairs += [(name, whole.longs(row), part.longs(row)) for name, row in LONGS.items()]
    first = len(model.columns())
    for at, name in enumerate(model.state, first):
        pairs.append((f"state {name}", whole.state.params[at, : whole.cells], part.state.params[at, : part.cells]))
    seen = int(whole.state.scalars[S.sample])
    pairs += [("equity", whole.samples.equity[at], part.samples.equity[at]) for at in range(seen)]
    for name, before, after in pairs:
        for cell in np.flatnonzero((before != after) & ~(np.isnan(before) & np.isnan(after))):
            found.setdefault(int(cell), Leak(market, cut, int(cell), name, before[cell].item(), after[cell].item()))
    return list(found.values())


def signal_leaks(tape: Tape, signals: Mapping[str, Signal], cuts: int = 5, seed: int = 0) -> list[Leak]:
    """Compute signals on a whole tape and on cut ones, tables and other markets cut as well; one leak a signal and cut.

    A value before a cut that is not the same to the bit knew something of what came after it.
    """
    found: list[Leak] = []
    whole = signal_matrix(tape, signals) if signals else np.zeros((len(tape), 0))
    for cut in cut_times(tape, cuts if signals else 0, seed):
        short = cut_off(tape, int(cut))
        part = signal_matrix(short, signals) if len(short) else whole[:0]
        differs = whole[: len(part)].view(np.int64) != part.view(np.int64)
        for column, name in enumerate(column_names(signals)):
            if differs[:, column].any():
                at = int(np.argmax(differs[:, column]))
                values = float(whole[at, column]), float(part[at, column])
                found.append(Leak(tape.market.ticker, int(cut), None, f"signal {name}", *values))
    return found
