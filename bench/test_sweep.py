"""A sweep: 1,024 cells of Avellaneda and Stoikov as two blocks of 512 on two threads, along one tape.

Workload: W2, 200,000 events and gamma 0.05-1 by kappa 0.5-5, under the queue and the touch rule; the fills of all
cells equal the anchors of the common work. Without that tape, and in short runs, a synthetic one, where a few cells
must equal their replays. Then everything on (delays, power@3, partial fills, exact fees, risk limits) on 1,000,000
events, and what twice the cells, twice the events and ten million events cost. Yardsticks, in the same run:
hftbacktest on 32 of the cells (BENCH_PEER), and a bare loop of the arithmetic of a decision (a re-quote or a fill)
over as many cells. Rates of two cores are by the clock, ratios core for core.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from touchline.engine.simulator.kernel.rows import I
from touchline.engine.simulator.prepare import ground
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.kept import save

from . import floor, work
from .tapes import SHORT, common_rows, repeated, synthetic_rows, tape

pytestmark = pytest.mark.bench

CELLS = 256 if SHORT else 1024
FILLS = {"queue": (work.QUEUE, 16_976_148), "touch": (work.TOUCH, 22_233_525)}


@pytest.fixture(scope="module")
def rows():
    return common_rows("tape_200k") or synthetic_rows(50_000 if SHORT else 200_000)


@pytest.fixture(scope="module")
def market(rows):
    return tape(rows)


def decisions(blocks) -> tuple[int, int]:
    """Fills, and fills and re-quotes, of all cells."""
    fills = sum(int(block.ints(I.fills).sum()) for block in blocks)
    return fills, fills + sum(int(block.ints(I.requotes).sum()) for block in blocks)


def same_as_replay(market, blocks, grid, assumed) -> None:
    for at in (0, len(grid) // 2, len(grid) - 1):
        block, c = blocks[at // work.BLOCK], at % work.BLOCK
        total = replay(market, work.MODEL, grid[at], assumed).totals
        found = (int(block.ints(row)[c]) for row in (I.fills, I.requotes, I.position))
        assert tuple(found) == (total.fills, total.requotes, total.position)


@pytest.mark.parametrize("rule", FILLS)
def test_sweep(benchmark, tell, market, rule):
    assumed, anchor = FILLS[rule]
    grid, shared = work.cells(CELLS), ground(market, assumed)
    took = work.fastest(
        lambda: work.blocks(market, grid, assumed, shared), work.run_blocks, turns=4, benchmark=benchmark
    )
    fills, decided = decisions(took.answer)
    if common_rows("tape_200k"):
        assert fills == anchor
    else:
        same_as_replay(market, took.answer, grid, assumed)
    bare, ns = floor.ns_a_decision(), took.cpu / decided * 1e9
    work_done = len(market) * len(grid)
    facts = {"Mcell_events_s": work_done / took.wall / 1e6, "Mcell_events_s_core": work_done / took.cpu / 1e6}
    facts |= {"ns_decision": ns, "bare_ns_decision": bare, "times_bare": ns / bare, "decisions": decided}
    ratios = {"sweep_floor" if rule == "queue" else "sweep_touch_floor": bare / ns}
    if rule == "queue":
        peer = work.peer("sweep", 32)
        if isinstance(peer, str):
            facts["no_peer"] = peer
        else:
            mine = [int(took.answer[at // work.BLOCK].ints(I.fills)[at % work.BLOCK]) for at in peer["cells"]]
            assert [one["fills"] for one in peer["answers"]] == mine
            rate = peer["events"] * len(peer["cells"]) / peer["cpu"] / 1e6
            facts["hftbacktest_Mcell_events_s"] = rate
            ratios["sweep_peer"] = facts["Mcell_events_s_core"] / rate
    tell(f"sweep, {rule}", ratios, **facts)


def test_sweep_with_everything_on(benchmark, tell, rows):
    market = tape(repeated(rows, 1 if SHORT else 5))
    grid, shared = work.cells(CELLS), ground(market, work.WHOLE)
    took = work.fastest(
        lambda: work.blocks(market, grid, work.WHOLE, shared),
        work.run_blocks,
        turns=1 if SHORT else 2,
        benchmark=benchmark,
    )
    same_as_replay(market, took.answer, grid, work.WHOLE)
    fills, decided = decisions(took.answer)
    assert fills > 0
    bare, ns = floor.ns_a_decision(), took.cpu / decided * 1e9
    facts = {
        "wall_s": took.wall,
        "Mcell_events": len(market) * len(grid) / 1e6,
        "ns_decision": ns,
        "times_bare": ns / bare,
    }
    ratios = {"sweep_whole_floor": bare / ns}
    if not SHORT:
        ratios["sweep_whole_s"] = took.wall
    tell("sweep, all on", ratios, **facts)


@pytest.mark.skipif(SHORT, reason="small work tells nothing of growth")
def test_growth(benchmark, tell, rows):
    """Twice the cells and twice the events, from sizes where fixed costs are small; by turns, the fastest of each."""
    market, twice = tape(repeated(rows, 2)), tape(repeated(rows, 4))

    def cpu(market, count) -> float:
        shared = ground(market, work.QUEUE)
        return work.fastest(
            lambda: work.blocks(market, work.cells(count), work.QUEUE, shared), work.run_blocks, turns=1
        ).cpu

    sizes = ((market, 2048), (market, 4096), (twice, 2048))
    once, cells, events = map(min, zip(*([cpu(*size) for size in sizes] for _ in range(3)), strict=True))
    benchmark.pedantic(cpu, args=(market, 64), rounds=1)
    tell("growth", {"twice_the_cells": cells / once, "twice_the_events": events / once}, cpu_s=once)


ROOT = Path(__file__).parent.parent
MEMORY = """
import json, sys, time
from pathlib import Path
from bench import work
from touchline.engine.simulator.prepare import ground
from touchline.engine.simulator.tape.kept import load
market = load(Path(sys.argv[1]))
grid = work.cells(int(sys.argv[2]))
shared = ground(market, work.QUEUE)
began, used = time.perf_counter(), time.process_time()
for at in range(0, len(grid), 2 * work.BLOCK):
    work.run_blocks(work.blocks(market, grid[at : at + 2 * work.BLOCK], work.QUEUE, shared))
took = time.perf_counter() - began, time.process_time() - used
high = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
mapped = sum(column.nbytes for column in market.columns)
print(json.dumps({"high_mb": int(high.split()[1]) / 1024, "tape_mb": mapped / 2**20, "wall": took[0], "cpu": took[1]}))
"""


@pytest.mark.skipif(SHORT, reason="a tape of this size takes a minute")
def test_memory_and_time_of_large_sweeps(benchmark, tell, rows, tmp_path):
    """10,000 cells on a short tape, few on ten million events: memory above the mapped tape, CPU a cell-event."""
    ratios: dict[str, float] = {}
    facts: dict[str, float] = {}

    def one(name: str, times: int, cells: int) -> float:
        market = tape(repeated(rows, times))
        save(market, tmp_path / name)
        command = [sys.executable, "-c", MEMORY, str(tmp_path / name), str(cells)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        told = json.loads(done.stdout)
        facts[f"{name}_wall_s"], facts[f"{name}_tape_mb"] = told["wall"], told["tape_mb"]
        ratios[f"{name}_mb"] = told["high_mb"] - told["tape_mb"]
        return told["cpu"] / (len(market) * cells)

    many = one("cells_10000", 1, 10_000)
    long = one("events_10m", round(10_000_000 / len(rows.ts)), 64)
    benchmark.pedantic(tape, args=(rows,), rounds=1)
    few = one("plain", 1, 1_024), one("plain_64", 5, 64)
    ratios.pop("plain_mb"), ratios.pop("plain_64_mb")
    ratios |= {"cells_10000_each": many / few[0], "events_10m_each": long / few[1]}
    tell("large sweeps", ratios, **facts)
