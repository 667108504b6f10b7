"""Parts of a sweep: what they are named after."""

from __future__ import annotations

import sys
from pathlib import Path

from touchline.engine.simulator.kernel.build import COPIED, HERE
from touchline.engine.sweeps.parts import program_files


def test_every_file_that_computes_is_in_the_name_of_a_part():
    named = set(program_files())
    assert {HERE / f"{name}.py" for name in (*COPIED, "head", "build")} <= named
    loaded = [name for name in sys.modules if name.startswith("touchline.engine.simulator.")]
    loaded += [f"touchline.io.ground.{name}" for name in ("jit", "grids", "units")]
    assert len(loaded) > 15
    for name in loaded:
        assert Path(str(sys.modules[name].__file__)) in named, name
