"""Damage to the compiled kernels of a sweep, which are the largest: none is loaded, and all are made again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from touchline.io.ground.sealed import read_sealed

from ...damage import flips
from ..histories import made_up

pytestmark = pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
SWEEP = """
import json, sys, tempfile
from touchline.engine.api.runs import sweep
from touchline.io.store.store import Store

swept = sweep("fixed-spread", ["KXA-00-T0"], Store(sys.argv[1]), out=tempfile.mkdtemp(dir=sys.argv[2]),
              axes={"half_spread": "1:3:40"}, pictures=False)
print(json.dumps(swept.hash))
"""


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files of the kernels that a sweep runs, the smaller ones among them too."""
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache" / "kernels"))
    made_up(tmp_path / "store", hours=60)
    before = {*(tmp_path / "cache" / "kernels").rglob("*.*")}  # those of the import
    swept(tmp_path)
    return sorted({*(tmp_path / "cache" / "kernels").rglob("*.*")} - before)


def swept(place: Path) -> str:
    """The hash of a sweep in a process of its own, which must end well and without a word of an error."""
    shutil.rmtree(place / "cache" / "tapes", ignore_errors=True)
    words = [sys.executable, "-c", SWEEP, str(place / "store"), str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return str(json.loads(done.stdout))


def large(kernels: Sequence[Path]) -> list[Path]:
    return [path for path in kernels if path.suffix == ".kernel" and path.stat().st_size > 100_000]


@pytest.mark.slow
def test_no_damaged_kernel_of_a_sweep_is_believed(kernels: list[Path]):
    assert {path.name.partition(".")[0] for path in large(kernels)} == {"walk", "rebuild", "crossvalidation"}
    assert all(read_sealed(path) for path in kernels)
    for files in (kernels, large(kernels)):
        for path in flips(files, 200):
            assert read_sealed(path) is None
    assert all(read_sealed(path) for path in kernels)


@pytest.mark.slow
def test_a_sweep_makes_its_damaged_kernels_again(kernels: list[Path], tmp_path: Path):
    made = swept(tmp_path)
    for seed in range(2):
        for path in kernels:  # all of them at once, and left so
            next(flips([path], 1, seed))
        assert not any(read_sealed(path) for path in kernels)
        assert swept(tmp_path) == made
        assert all(read_sealed(path) for path in kernels)
