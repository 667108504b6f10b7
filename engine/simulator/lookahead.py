"""The look-ahead prover: cut the tape at a random time, and nothing that happened before may change.

A cut tape ends at the cut; its market's result is not known yet, nor a close that was told from then on. What is known
in advance stays: when the market opens and is to close, its fees and its price grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...io.ground.times import iso
from ...strategies.quoting.model import QuotingModel
from .assumptions.venue import Assumptions
from .block import Block
from .kernel.rows import I, L, S
from .prepare import Ground, ground, new_block, parameter_values, run_block
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
    """A cell that knew something of what came after a cut."""

    market: str
    cut: int  #: ns
    cell: int  #: its place among the cells that were tried
    what: str
    whole: int  #: with what came after the cut
    cut_off: int  #: without it

    def __str__(self) -> str:
        rest = f"{self.whole} with the rest of the tape and {self.cut_off} without it"
        return f"{self.market}, cut at {iso(self.cut, 9)}: the {self.what} of cell {self.cell} is {rest}"


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
    found: list[Leak] = []
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
        found += _differences(whole, part, tape.market.ticker, int(cut))
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


def _differences(whole: Block, part: Block, market: str, cut: int) -> list[Leak]:
    """The first difference of each cell."""
    found: dict[int, Leak] = {}
    pairs = [(name, whole.ints(row), part.ints(row)) for name, row in INTS.items()]
    pairs += [(name, whole.longs(row), part.longs(row)) for name, row in LONGS.items()]
    seen = int(whole.state.scalars[S.sample])
    pairs += [("equity", whole.samples.equity[at], part.samples.equity[at]) for at in range(seen)]
    for name, before, after in pairs:
        for cell in np.flatnonzero(before != after):
            found.setdefault(int(cell), Leak(market, cut, int(cell), name, int(before[cell]), int(after[cell])))
    return list(found.values())
