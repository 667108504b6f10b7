"""A kernel compiled ahead in a child process: the parent finds it and compiles none, whatever happens to the child."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from touchline.engine.simulator import ahead
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel import build
from touchline.strategies.models.registry import quoting_model

from ..made_books import made_books

pytestmark = pytest.mark.slow
#: Runs a command and prints which functions this process compiled.
LISTENING = """
import json, sys
from numba.core import event
compiled = []
class Listener(event.Listener):
    def on_start(self, told): compiled.append(told.data["dispatcher"].py_func.__name__)
    def on_end(self, told): pass
event.register("numba:compile", Listener())
from touchline import engine
from touchline.engine.simulator.assumptions.venue import Assumptions
what, store, out = sys.argv[1:]
if what == "backtest":
    engine.backtest("fixed-spread", "MADE-00", store)
else:
    engine.sweep("fixed-spread", "MADE-00", store, out=out, axes={"half_spread": "0.5:3:5"}, pictures=False)
unused = ["io.importers.", "io.store.ingest.", "io.store.compaction", "io.store.forgetting", "engine.rewards."]
unused += ["engine.simulator.programs", "strategies.pipeline"]
unused += ["engine.sweeps", "engine.figures.performance"] if what == "backtest" else []
assert [name for name in sys.modules if name.startswith(tuple(f"touchline.{one}" for one in unused))] == []
print(json.dumps(sorted(set(compiled))))
"""


@pytest.mark.parametrize("what", ["backtest", "sweep"])
def test_the_parent_compiles_its_tape_and_the_child_the_kernel(what, tmp_path: Path):
    made_books(tmp_path / "data", markets=1, seconds=60, seed=1)
    cache = {"TOUCHLINE_CACHE": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    words = [sys.executable, "-c", LISTENING, what, str(tmp_path / "data"), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **cache})
    assert done.returncode == 0, done.stderr
    compiled = json.loads(done.stdout.splitlines()[-1])
    assert "build_nb" in compiled
    assert "mids_nb" in compiled  # the child leaves it alone
    assert "run_nb" not in compiled
    assert len(list((tmp_path / "cache/kernels").glob("kernel_*.code"))) == 1


def test_a_child_loads_nothing_for_frames():
    code = "import sys; from touchline.engine.simulator import ahead; print({'polars', 'duckdb'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_child_that_dies_leaves_the_work_to_the_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ahead, "CHILD", "raise SystemExit(1)")
    monkeypatch.setattr(ahead, "os", os)
    build.loaded.cache_clear()
    build.kernel_file.cache_clear()
    model, assumed, tape = quoting_model("fixed-spread"), Assumptions(), ahead.blank_tape()
    ahead.compile_ahead("fixed-spread", assumed)
    flags = assumed.flags(tape.grid, ahead.fees_of(tape, assumed), cells=1, record=True)
    assert build.kernel_file(model, flags)[0] in build.under_way
    assert build.kernel(model, flags).run_nb is not None
    assert not build.under_way
