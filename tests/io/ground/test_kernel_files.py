"""Kernels on disk: damaged or planted ones are made again, and so is one when anything it is made of changes."""

from __future__ import annotations

import errno
import importlib
import json
import linecache
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from touchline.io.ground import kernel_files

from ...program import script

pytestmark = pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
#: A kernel that takes a constant, a function and a tuple's fields from a file of helpers, as bets' kernels do.
KERNELS = """
import numpy as np
from helpers import FACTOR, Pair, scaled_nb
from touchline.io.ground.jit import kept

@kept()
def worked_nb(pair):
    return scaled_nb(pair.first) * FACTOR + pair.second
"""
HELPERS = """
from typing import NamedTuple
from touchline.io.ground.jit import compiled

FACTOR = 10

class Pair(NamedTuple):
    first: int
    second: int

@compiled
def scaled_nb(x):
    return 2 * x
"""
USE = """
import json
import helpers, kernels
print(json.dumps([int(kernels.worked_nb(helpers.Pair(1, 5))), sum(kernels.worked_nb.stats.cache_hits.values())]))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "kernels.py").write_text(KERNELS)
    (tmp_path / "helpers.py").write_text(HELPERS)
    return tmp_path


def use(tree: Path) -> tuple[int, int]:
    """What the kernel returns when its files are read for the first time, and how often the disk had it."""
    for name in ("helpers", "kernels"):
        sys.modules.pop(name, None)
    linecache.checkcache()
    importlib.invalidate_caches()
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(tree)
        patched.setattr(sys, "dont_write_bytecode", True)
        patched.setattr(numba.config, "CACHE_DIR", str(tree / "cache"))
        answer, hits = json.loads(script(USE, tree))
    return answer, hits


def use_elsewhere(tree: Path) -> tuple[int, int]:
    """The same in a process of its own."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tree / "cache"), "PYTHONPATH": str(tree)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    answer, hits = json.loads(done.stdout)
    return answer, hits


def test_a_kernel_is_compiled_anew_when_a_helper_in_another_file_changes(tree: Path):
    assert use(tree) == (25, 0)
    assert use(tree) == (25, 1)
    for old, new, answer in [
        ("2 * x", "3 * x", 35), ("FACTOR = 10", "FACTOR = 100", 305), ("@compiled", "@disjoint", 305),
        ("    first: int\n    second: int", "    second: int\n    first: int", 1501),
    ]:  # fmt: skip
        text = (tree / "helpers.py").read_text().replace("import compiled", "import compiled, disjoint")
        (tree / "helpers.py").write_text(text.replace(old, new))
        assert use(tree) == (answer, 0), new
        assert use(tree) == (answer, 1), new


def test_a_comment_does_not_compile_a_kernel_anew(tree: Path):
    use(tree)
    (tree / "helpers.py").write_text(HELPERS.replace("\nFACTOR", "\n# The same.\nFACTOR"))
    assert use(tree) == (25, 1)
    assert use_elsewhere(tree) == (25, 1)


def test_a_damaged_kernel_is_made_again(tree: Path):
    use(tree)
    (kept,) = (tree / "cache").iterdir()
    rng = np.random.default_rng(1)
    for _ in range(3):
        content = bytearray(kept.read_bytes())
        content[int(rng.integers(len(content)))] ^= int(rng.integers(1, 256))
        kept.write_bytes(content)
        assert use(tree) == (25, 0)
        assert use(tree) == (25, 1)
    kept.write_bytes(b"")
    assert use(tree) == (25, 0)


def test_a_kernel_that_cannot_be_kept_is_used_all_the_same(tree: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(kernel_files, "write_sealed", full)
        assert use(tree) == (25, 0)
    assert use(tree) == (25, 0)
    assert use(tree) == (25, 1)


class Planted:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return os.system, (f"touch {self.proof}",)


def test_a_planted_kernel_runs_nothing(tree: Path):
    use(tree)
    (kept,) = (tree / "cache").iterdir()
    planted = pickle.dumps(Planted(tree / "ran"))
    for content in (planted, kept.read_bytes()[:32] + planted, bytes(32) + planted):
        kept.write_bytes(content)
        kept.with_suffix(".nbi").write_bytes(content)
        assert use(tree) == (25, 0)
    assert not (tree / "ran").exists()
