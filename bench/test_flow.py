"""The same order-flow maker with three levels a side here and in hftbacktest (``bench/peer_flow.py``).

Workload: W1's tape, 2,000,000 events; signed flow over ten seconds, three orders a side a cent apart, re-quoted every
second and after every own fill; the risk-averse queue, whole orders. First one cell from a compiled tape, its signal
computed anew; then 1,024 cells, core for core, against some of them there. Every cell that both run has the same fills,
re-quotes and position. Without that tape or without the peer (BENCH_DATA, BENCH_PEER) ours alone, each a replay's.

    BENCH_DATA=… BENCH_PEER=… python -m pytest bench/test_flow.py -m bench --benchmark-only
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from touchline.engine.simulator.kernel.rows import I
from touchline.engine.simulator.prepare import ground, new_block, run_block, signals_of
from touchline.features.signals.flow import signed_flow
from touchline.strategies.parameters import Parameter
from touchline.strategies.quoting.model import QuotingModel

from . import work
from .tapes import SHORT, common_rows, data, synthetic_rows, tape

pytestmark = pytest.mark.bench

CELLS, ASKED = (256, 2) if SHORT else (1024, 4)


class Flow(QuotingModel):
    """Three orders a side around a mid that leans with the flow of takers."""

    name = "flow"
    levels: ClassVar[int] = 3
    parameters = (Parameter("half", 1.0, low=0.0), Parameter("lean", 0.01))
    signals: ClassVar = {"flow": signed_flow(10.0)}

    @staticmethod
    def quote(known, p):
        """Bids, asks and their sizes."""
        lead = max(-1.5, min(1.5, p.lean * known.signals.flow))
        centre = known.mid + lead - 0.02 * known.position
        bid, ask, sizes = centre - p.half, centre + p.half, (10.0, 10.0, 10.0)
        return (bid, bid - 1.0, bid - 2.0), (ask, ask + 1.0, ask + 2.0), sizes, sizes


@pytest.fixture(scope="module")
def market():
    return tape(common_rows("tape_2m") or synthetic_rows(50_000 if SHORT else 400_000))


def cells(count: int) -> list[dict[str, float]]:
    """A grid of halves and leans; fewer cells are spread over it."""
    half, lean = np.meshgrid(np.linspace(0.5, 3, 32), np.linspace(0, 0.02, 32), indexing="ij")
    grid = [{"half": float(h), "lean": float(one)} for h, one in zip(half.ravel(), lean.ravel(), strict=True)]
    return [grid[at] for at in np.linspace(0, 1023, count).round().astype(int)]


def peer(asked: list[dict[str, float]]) -> dict[str, Any] | None:
    """What hftbacktest says to some cells and its seconds; None where it is not here."""
    python, file = os.environ.get("BENCH_PEER"), data("tape_2m.npz")
    if not python or file is None:
        return None
    script = Path(__file__).with_name("peer_flow.py")
    told = [f"{one['half']!r},{one['lean']!r}" for one in asked]
    command = [python, script, file.parent, file.stem, *told]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def came_to(block, c: int) -> dict[str, int]:
    """What a cell came to, in contracts."""
    fills, requotes, position = (int(block.ints(row)[c]) for row in (I.fills, I.requotes, I.position))
    return {"fills": fills, "requotes": requotes, "position": position // 100}


def test_one_cell_of_the_order_flow_maker(benchmark, tell, market):
    cell, shared = {"half": 1.0, "lean": 0.01}, ground(market, work.QUEUE)

    def walk(out: list) -> None:
        signals = signals_of(market, Flow)
        out.append(new_block(market, Flow, [cell], [work.QUEUE], record=True, shared=shared, signals=signals))
        run_block(out[0], Flow)

    took = work.fastest(list, walk, turns=4, benchmark=benchmark)
    mine, other = came_to(took.answer[0], 0), peer([cell])
    assert mine["fills"] > 100
    facts: dict[str, object] = {"Mevents_s": len(market) / took.cpu / 1e6, **mine}
    ratios = {}
    if other is not None:
        assert other["answers"] == [mine]
        facts |= {"hftbacktest_Mevents_s": other["events"] / other["cpu"] / 1e6, "fills_there": mine["fills"]}
        ratios["flow_peer_replay"] = other["cpu"] / took.cpu
    tell("order flow, one cell", ratios, **facts)


def test_a_sweep_of_the_order_flow_maker(benchmark, tell, market):
    grid, shared, signals = cells(CELLS), ground(market, work.QUEUE), signals_of(market, Flow)
    parts = [grid[at : at + work.BLOCK] for at in range(0, len(grid), work.BLOCK)]

    def made() -> list:
        limits = [work.QUEUE] * work.BLOCK
        return [
            new_block(market, Flow, one, limits[: len(one)], record=False, shared=shared, signals=signals)
            for one in parts
        ]

    def run(blocks) -> None:
        for block in blocks:
            run_block(block, Flow)

    took = work.fastest(made, run, turns=1, benchmark=benchmark)
    chosen = np.linspace(0, len(grid) - 1, ASKED).round().astype(int)
    mine = [came_to(took.answer[at // work.BLOCK], at % work.BLOCK) for at in chosen]
    alone = new_block(market, Flow, [grid[chosen[1]]], [work.QUEUE], record=True, shared=shared, signals=signals)
    run_block(alone, Flow)
    assert mine[1] == came_to(alone, 0)
    rate = len(market) * len(grid) / took.cpu / 1e6
    facts: dict[str, object] = {"Mcell_events_s_core": rate, "fills": [one["fills"] for one in mine]}
    ratios, other = {}, peer([grid[at] for at in chosen])
    if other is not None:
        assert other["answers"] == mine
        theirs = other["events"] * len(chosen) / other["cpu"] / 1e6
        facts["hftbacktest_Mcell_events_s"] = theirs
        ratios["flow_peer_sweep"] = rate / theirs
    tell("order flow, sweep", ratios, **facts)
