"""Incentive programs beside a plain sweep: W2 with none, and with two that overlap, by turns in one run.

Workload: W2, 1,024 cells on 200,000 events of about 2.8 hours, the queue rule. Two programs (a quarter of an hour, a
day) are scored for every cell at every second: some 10,000 snapshots of two sides and two programs a cell. Their
targets are what stands on a side: what a snapshot costs depends on how deep it looks. Fills are the same with and
without. ``rewards_sweep`` is the speed with two programs, of the plain one.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from touchline.engine.simulator.kernel.rows import I
from touchline.engine.simulator.prepare import ground

from . import work
from .tapes import SHORT, common_rows, synthetic_rows, tape

pytestmark = pytest.mark.bench

CELLS = 256 if SHORT else 1024


@pytest.fixture(scope="module")
def market():
    return tape(common_rows("tape_200k") or synthetic_rows(50_000 if SHORT else 200_000))


def programs(contracts: tuple[float, float]) -> str:
    """Two programs with these target sizes."""
    near, far = contracts
    return f"pool=20,per=15m,target={near},discount=0.5;pool=100,per=1d,target={far},discount=0.5"


@pytest.mark.parametrize("contracts", [(1.0, 3.0)] if SHORT else [(1.0, 3.0), (5.0, 20.0)], ids=str)
def test_two_programs(benchmark, tell, market, contracts):
    grid = work.cells(CELLS)
    counted = replace(work.QUEUE, rewards=programs(contracts))
    bases = {assumed: ground(market, assumed) for assumed in (work.QUEUE, counted)}

    def cpu(assumed) -> tuple[float, list]:
        took = work.fastest(
            lambda: work.blocks(market, grid, assumed, bases[assumed]), lambda made: work.run_blocks(made, 1), turns=1
        )
        return took.cpu, took.answer

    turns = [(cpu(work.QUEUE), cpu(counted)) for _ in range(3)]
    benchmark.pedantic(cpu, args=(counted,), rounds=1)
    plain, scored = (min(turn[which][0] for turn in turns) for which in range(2))
    made = [turns[0][which][1] for which in range(2)]
    fills = [sum(int(block.ints(I.fills).sum()) for block in blocks) for blocks in made]
    assert fills[0] == fills[1]
    shares = sum(int(block.rewards.earned.sum()) for block in made[1])
    assert shares > 0
    snapshots = len(made[1][0].rewards.ts) - 1
    ns = (scored - plain) / (snapshots * CELLS * 4) * 1e9
    tell(
        "rewards", {"rewards_sweep": plain / scored}, plain_s=plain, scored_s=scored, snapshots=snapshots, ns_a_side=ns
    )
