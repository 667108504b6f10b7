"""Compare the kernel with plain Python on as many random tapes as wanted, and say how many of which kind they were.

    python -m tests.oracle.long --tapes 100000

Every combination of what a kernel can do is drawn: signals, states, one to five levels a side, tolerance, minimum life,
orders that take at once, delays, gaps, fees, limits and all price grids. Kernels run uncompiled, some 30 tapes a second
of one core, in parts of 2,500 tapes with a process and a seed each; with another ``--first`` other tapes are drawn, so
that several runs may share the work. Each part that is equal is a line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from typing import Annotated, Any

import typer

PART = 2_500


def kinds(flags: Any, tape: Any, model: Any, cells: Any) -> list[str]:
    """What a scene is an example of."""
    told = [name for name in ("one", "latency", "drawn", "reported", "taker", "fees", "capital", "risk", "quiet")
            if getattr(flags, name)]  # fmt: skip
    told += [f"{model.levels} levels", f"grid {tape.market.grid}", f"queue {cells[0].rule}"]
    told += [name for name in ("signals", "state", "takes") if getattr(model, name)]
    told += ["tolerance"] if any(cell.tolerance for cell in cells) else []
    told += ["minimum life"] if any(cell.life_ns for cell in cells) else []
    told += [f"decides on {one}" for one in sorted(cells[0].prompts)] + (
        ["decides on signals"] if cells[0].heed else []
    )
    told += ["gap"] if ((tape.columns.kind & 7) == 4).any() else []
    return told


def compared(tapes: int, first: int) -> Counter[str]:
    """Compare so many tapes of a seed; ends with the first difference."""
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    from ..engine.simulator.test_kernel import any_scene, check

    counts = Counter[str]()

    @seed(first)
    @settings(max_examples=tapes, deadline=None, database=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate, Phase.shrink], print_blob=True)  # fmt: skip
    @given(any_scene(), st.integers(1, 3))
    def compare(scene: Any, slices: int) -> None:
        flags, (tape, model, cells, _, _) = scene[0], scene[1]
        check(flags, scene[1], slices)
        counts.update(["tapes", *kinds(flags, tape, model, cells)])
        counts["cells"] += len(cells)
        counts["events"] += len(tape.columns.ts)

    compare()
    return counts


def main(
    tapes: Annotated[int, typer.Option(help="How many.")] = 100_000,
    first: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    part: Annotated[bool, typer.Option(help="One part, told as JSON.")] = False,
) -> None:
    """Run the comparison, part by part; ends with the first difference."""
    if part:
        print(json.dumps(compared(tapes, first)))
        return
    counts, began = Counter[str](), time.monotonic()
    for number in range(-(-tapes // PART)):
        words = ["--tapes", str(min(PART, tapes - number * PART)), "--first", str(1000 * first + number), "--part"]
        done = subprocess.run(
            [sys.executable, "-m", "tests.oracle.long", *words], stdout=subprocess.PIPE, text=True, check=True,
            env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        )  # fmt: skip
        counts.update(json.loads(done.stdout.splitlines()[-1]))
        print(f"{counts['tapes']:10,} of {tapes:,} tapes equal, {time.monotonic() - began:,.0f} s", flush=True)
    for name in ("tapes", "cells", "events"):
        print(f"{counts.pop(name):10,} {name}, each equal to plain Python")
    for name, count in sorted(counts.items(), key=lambda one: -one[1]):
        print(f"{count:10,} {name}")


if __name__ == "__main__":
    typer.run(main)
