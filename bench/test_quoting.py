"""What models that do more cost: three levels a side, a state, three signals beside it, and all that a model may do.

Workload: W2's tape and grid (``bench/test_sweep.py``), two blocks of 512 cells on two threads. Each model is run by
turns with the plain one of the same quote, and its speed is told as a share of the plain one's, core for core.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
from touchline.engine.simulator.kernel.rows import I
from touchline.engine.simulator.prepare import ground, new_block, run_block
from touchline.engine.simulator.replay import replay
from touchline.features.signals.flow import order_flow_imbalance, signed_flow
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov

from . import work
from .tapes import SHORT, common_rows, repeated, synthetic_rows, tape

pytestmark = pytest.mark.bench

CELLS = 256 if SHORT else 1024


class Levels(AvellanedaStoikov):
    """The same quote with two more orders a side, a cent apart."""

    name = "levels"
    levels: ClassVar[int] = 3

    @staticmethod
    def quote(known, p):
        """Three a side."""
        risk = p.gamma * known.variance * known.tau
        center = known.mid - known.position * p.inverse_size * risk
        half = risk * 0.5 + p.half
        bid, ask, sizes = center - half, center + half, (p.size, p.size, p.size)
        return (bid, bid - 1.0, bid - 2.0), (ask, ask + 1.0, ask + 2.0), sizes, sizes


class Stateful(AvellanedaStoikov):
    """The same quote, which keeps a slow mean of the mid and a count of its quotes."""

    name = "stateful"
    state: ClassVar = {"mean": 50.0, "count": 0.0}

    @staticmethod
    def quote(known, p, state):
        """Around the mid, a little drawn to the mean."""
        risk = p.gamma * known.variance * known.tau
        mean = 0.9 * state.mean + 0.1 * known.mid
        center = known.mid + 0.01 * (mean - known.mid) - known.position * p.inverse_size * risk
        half = risk * 0.5 + p.half
        return center - half, center + half, p.size, p.size, (mean, state.count + 1.0)


class Signalled(Stateful):
    """The same with three signals that it leans on."""

    name = "signalled"
    signals: ClassVar = {
        "flow": signed_flow(10.0), "slow_flow": signed_flow(60.0), "imbalance": order_flow_imbalance(10.0),
    }  # fmt: skip

    @staticmethod
    def quote(known, p, state):
        """Around the mid, drawn to the mean and to where the flow goes."""
        risk = p.gamma * known.variance * known.tau
        seen = known.signals
        lean = 0.001 * (seen.flow + seen.slow_flow + seen.imbalance)
        lean = lean if (lean > -1.0) & (lean < 1.0) else 0.0
        mean = 0.9 * state.mean + 0.1 * known.mid
        center = known.mid + lean + 0.01 * (mean - known.mid) - known.position * p.inverse_size * risk
        half = risk * 0.5 + p.half
        return center - half, center + half, p.size, p.size, (mean, state.count + 1.0)


class Whole(AvellanedaStoikov):
    """Two orders a side, a state, what the book and the own history say, and now and then taking."""

    name = "whole"
    levels: ClassVar[int] = 2
    takes: ClassVar[bool] = True
    state: ClassVar = {"mean": 50.0, "count": 0.0}

    @staticmethod
    def quote(known, p, state):
        """Leans with the book, and takes a contract every hundredth time."""
        risk = p.gamma * known.variance * known.tau
        mean = 0.9 * state.mean + 0.1 * known.mid
        lean = 0.1 if known.bid_sizes[1] > known.ask_sizes[1] else -0.1
        center = known.mid + lean + 0.01 * (mean - known.mid) - known.position * p.inverse_size * risk
        center = center - 0.01 * known.fills / (1.0 + known.fills)
        half = risk * 0.5 + p.half
        bid, ask, sizes = center - half, center + half, (p.size, p.size)
        due = state.count >= 99.0
        count = 0.0 if due else state.count + 1.0
        return (bid, bid - 1.0), (ask, ask + 1.0), sizes, sizes, (known.ask, 1.0 if due else 0.0), (mean, count)


def took(market, model, assumed, turns=1):
    """Seconds of all cores, and the blocks."""
    grid, shared = work.cells(CELLS), ground(market, assumed)
    parts = [grid[at : at + work.BLOCK] for at in range(0, len(grid), work.BLOCK)]

    def made():
        return [new_block(market, model, part, [assumed] * len(part), record=False, shared=shared) for part in parts]

    def run(blocks):
        for block in blocks:
            run_block(block, model)

    return work.fastest(made, run, turns=turns)


def held(block):
    """Bytes of the arrays that a block has for itself."""
    own = (block.state, block.flight, block.log, block.samples)
    return sum(array.nbytes for arrays in own for array in arrays)


def is_its_replay(market, model, assumed, blocks):
    grid = work.cells(CELLS)
    total = replay(market, model, grid[3], assumed).totals
    found = (int(blocks[0].ints(row)[3]) for row in (I.fills, I.requotes, I.position))
    assert tuple(found) == (total.fills, total.requotes, total.position)


@pytest.mark.parametrize("model", [Levels, Stateful, Signalled])
def test_a_share_of_the_plain_speed(benchmark, tell, model):
    market = tape(common_rows("tape_200k") or synthetic_rows(50_000 if SHORT else 200_000))
    assumed = work.QUEUE
    pairs = [(took(market, AvellanedaStoikov, assumed), took(market, model, assumed)) for _ in range(1 if SHORT else 3)]
    plain, more = (min(one.cpu for one in side) for side in zip(*pairs, strict=True))
    signals = pairs[-1][1].answer[0].signals
    above_mb = sum(held(block) for block in pairs[-1][1].answer) / 1e6 + (signals.nbytes / 1e6 if len(signals) else 0.0)
    assert above_mb <= 500
    is_its_replay(market, model, assumed, pairs[-1][1].answer)
    benchmark.pedantic(lambda: None, rounds=1)
    tell(
        f"quoting, {model.name}",
        {f"quoting_{model.name}": plain / more},
        plain_cpu_s=plain,
        cpu_s=more,
        above_mb=above_mb,
    )


def test_everything_that_a_model_may_do(benchmark, tell):
    market = tape(repeated(common_rows("tape_200k") or synthetic_rows(50_000), 1))
    assumed = replace(
        work.WHOLE, tolerance=1, min_life_ms=200.0, requote_on="time+trade", stop_quoting_s=1.0, capital=1e6
    )
    once = took(market, Whole, assumed)
    is_its_replay(market, Whole, assumed, once.answer)
    benchmark.pedantic(lambda: None, rounds=1)
    rate = len(market) * CELLS / once.cpu / 1e6
    tell("quoting, all on", {"quoting_whole": 2.0 * rate}, Mcell_events_s_core=rate)
