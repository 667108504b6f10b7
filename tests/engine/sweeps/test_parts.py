"""Parts of a sweep: what they are named after."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from touchline.engine.bets.panel import book as panel
from touchline.engine.simulator.kernel.build import COPIED, HERE
from touchline.engine.simulator.tape import rebuild as tape
from touchline.engine.sweeps.parts import program_files
from touchline.io.doctor import book as doctor
from touchline.io.ground.made_of import made_of
from touchline.io.importers.books import state


def test_every_file_that_computes_is_in_the_name_of_a_part():
    named = set(program_files())
    assert {HERE / f"{name}.py" for name in (*COPIED, "head", "build")} <= named
    loaded = [name for name in sys.modules if name.startswith("touchline.engine.simulator.")]
    loaded += [f"touchline.io.ground.{name}" for name in ("jit", "grids", "units")]
    loaded += ["touchline.io.book.columns", "touchline.io.book.stream"]
    assert len(loaded) > 15
    for name in loaded:
        assert Path(str(sys.modules[name].__file__)) in named, name


@pytest.mark.parametrize("kernel", [tape.build_nb, panel.best_nb, doctor._replay_nb, state._apply_nb])
def test_the_rule_of_a_book_is_in_the_name_of_every_kernel_that_follows_it(kernel: Any):
    made = {part.partition(" ")[0] for part in made_of(kernel)}
    assert made & {"stands_nb", "set_nb"}
