"""The common work W1 and W2 in this engine's words, how it is timed, and the peer's answers to it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.block import Block
from touchline.engine.simulator.prepare import Ground, ground, new_block, run_block
from touchline.engine.simulator.tape.tape import Tape
from touchline.strategies.models.registry import quoting_model
from touchline.strategies.parameters import check

from .tapes import data

MODEL = quoting_model("avellaneda-stoikov")
#: W1 and W2 as they are defined: no delay, no fee, an order that changes loses its place.
QUEUE = Assumptions(queue="risk-averse@1", amend="replace", fees="none")
TOUCH = Assumptions(queue="touch@1", amend="replace", fees="none")
CROSS = Assumptions(queue="touch+cross@1", amend="replace", fees="none")
#: Everything on.
WHOLE = Assumptions(
    queue="power@3", entry_ms=50.0, response_ms=20.0, position_limit=100.0, halt=90.0, shrink="both", calm=2.0,
    daily_loss=500.0,
)  # fmt: skip
BLOCK = 512


def values(**given: float) -> dict[str, float]:
    """A cell: all parameters of the model."""
    return check(MODEL.parameters, given)


def cells(count: int = 1024) -> list[dict[str, float]]:
    """The grid of W2, gamma-major; fewer cells are spread over it, more repeat it, so that a cell costs the same."""
    gamma, kappa = np.meshgrid(np.linspace(0.05, 1, 32), np.linspace(0.5, 5, 32), indexing="ij")
    grid = [values(gamma=float(g), kappa=float(k)) for g, k in zip(gamma.ravel(), kappa.ravel(), strict=True)]
    spread = np.linspace(0, 1023, count).round().astype(int) if count < 1024 else np.arange(count) % 1024
    return [grid[at] for at in spread]


CELL = values(gamma=0.1, kappa=0.5)


@dataclass(frozen=True)
class Took:
    """Seconds of the fastest turn, on the clock and of all cores."""

    wall: float
    cpu: float
    answer: Any


def fastest(make: Callable[[], Any], run: Callable[[Any], Any], turns: int = 3, benchmark: Any = None) -> Took:
    """Time ``run`` on something new each turn; the first turn may compile and does not count."""
    took: list[tuple[float, float]] = []
    made: Any = None

    def setup() -> tuple[tuple[Any], dict[str, Any]]:
        nonlocal made
        made = make()
        return (made,), {}

    def timed(on: Any) -> None:
        began, used = time.perf_counter(), time.process_time()
        run(on)
        took.append((time.perf_counter() - began, time.process_time() - used))

    if benchmark is None:
        for _ in range(turns + 1):
            timed(*setup()[0])
    else:
        benchmark.pedantic(timed, setup=setup, rounds=turns, warmup_rounds=1)
    return Took(min(wall for wall, _ in took[1:]), min(cpu for _, cpu in took[1:]), made)


def blocks(
    tape: Tape, grid: Sequence[dict[str, float]], assumed: Assumptions, shared: Ground | None = None
) -> list[Block]:
    """A sweep's blocks before the first event."""
    base = shared or ground(tape, assumed)
    parts = [grid[at : at + BLOCK] for at in range(0, len(grid), BLOCK)]
    return [new_block(tape, MODEL, part, [assumed] * len(part), record=False, shared=base) for part in parts]


def run_blocks(made: Sequence[Block], threads: int = 2) -> None:
    """Walk blocks along their tape, a thread each at a time."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda block: run_block(block, MODEL), made))


@cache
def peer(work: str, count: int) -> dict[str, Any] | str:
    """What hftbacktest says to some cells of the common work and its seconds, or why it is not asked."""
    python, file = os.environ.get("BENCH_PEER"), data("tape_200k.npz")
    if not python:
        return "BENCH_PEER does not name the Python of an environment with hftbacktest"
    if file is None:
        return "the common work's tapes are not here (BENCH_DATA)"
    script = Path(__file__).with_name("peer.py")
    done = subprocess.run([python, script, file.parent, work, str(count)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
