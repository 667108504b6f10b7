"""A kernel compiled in a process of its own while this one still makes its tape: a first run waits for one, not both.

The child compiles for a blank market of the common grid and fees. A market of another kind needs another kernel, which
is then compiled as ever.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from subprocess import DEVNULL
from typing import Any

import numba
import numpy as np

from ...features.signals.signal import column_names
from ...io.ground.children import start_python
from ...strategies.models.registry import quoting_model
from ...strategies.parameters import check
from .assumptions.venue import Assumptions
from .kernel.build import expect, kernel_file, under_way
from .prepare import Ground, counted_programs, fees_of, new_block
from .state import Columns, Points
from .tape.events import MOMENT, STATUS
from .tape.tape import Coverage, Tape, TapeMarket

#: It ends without taking itself apart: that takes half a second more, and someone waits for it.
CHILD = "import os; from touchline.engine.simulator.ahead import child; child(); os._exit(0)"


def compile_ahead(
    strategy: str, assumptions: Assumptions, *, cells: int = 1, record: bool = True, float_queue: bool = False
) -> None:
    """Start compiling the kernel of a strategy, unless that was done before or there is no core to spare."""
    tape, cells = blank_tape(), min(cells, 2)
    flags = assumptions.flags(
        tape.grid, fees_of(tape, assumptions), cells=cells, record=record, float_queue=float_queue
    )  # fmt: skip
    path, _ = kernel_file(quoting_model(strategy), flags)
    if path.exists() or path in under_way or os.cpu_count() == 1 or vars(numba)["config"].DISABLE_JIT:
        return
    kind = {"cells": cells, "record": record, "float_queue": float_queue}
    given = json.dumps({"strategy": strategy, "venue": assumptions.as_dict(), "kind": kind})
    expect(path, start_python(CHILD, given, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL))


def child() -> None:
    """What the child process does: make a block, and walk it nowhere."""
    gc.disable()  # a tenth of the time, for a process that ends before it would matter
    given: dict[str, Any] = json.loads(sys.argv[1])
    model, assumed, kind = quoting_model(given["strategy"]), Assumptions(**given["venue"]), given["kind"]
    cells, tape = kind.pop("cells"), blank_tape()
    if model.signals:  # whatever they are: the tape's own are not known here
        kind["signals"] = np.zeros((len(tape), len(column_names(model.signals))))
    nothing = np.zeros(0)
    shared = Ground(  # the mids' own kernel is left to the parent, who waits for this one
        fees_of(tape, assumed), np.zeros((2, 2), np.int32), Points(np.zeros((4, 1), np.int64), nothing),
        np.zeros(0, np.int64), counted_programs(tape, assumed),
    )  # fmt: skip
    values = [check(model.parameters, {})] * cells
    new_block(tape, model, values, [assumed] * cells, shared=shared, **kind).run(0)


def blank_tape() -> Tape:
    """Two moments of a market on the common grid at which nothing happens."""
    columns = Columns(*(np.zeros(2, kind) for kind in ["i8", "u1", "i1", "i2", "i4", "i4", "i2", "i2"]))
    columns.ts[1] = 1
    columns.kind[:] = STATUS | MOMENT
    return Tape(TapeMarket("BLANK"), columns, np.zeros(1), Coverage(), "")
