"""Kernels on disk are read without preparing to compile and leave compiling possible; parts work in kernels alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from touchline.io.ground.compiler.lean import prepare, remembered
from touchline.io.ground.jit import compiled, disjoint, melted

KERNELS = """
import numpy as np
from touchline.io.ground.jit import kept

@kept()
def doubled_nb(values):
    out = np.zeros(len(values), np.int64)
    for i in range(len(values)):
        out[i] = 2 * values[i]
    return out

@kept("int64(int64)")
def tripled_nb(value):
    return 3 * value
"""
USE = """
import json, sys
import numpy as np
import kernels
known = [kernels.tripled_nb(5), *map(int, kernels.doubled_nb(np.arange(4)))]
prepared = "numba.np.arraymath" in sys.modules
hits = sum(kernels.doubled_nb.stats.cache_hits.values())
new = list(kernels.doubled_nb(np.array([1.0, 2.5], sys.argv[1])))
new = [int(value) for value in new]
algebra = "scipy.linalg" in sys.modules
print(json.dumps({"known": known, "prepared": prepared, "hits": hits, "new": new, "algebra": algebra}))
"""


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
def test_a_kernel_on_disk_is_read_without_preparing_to_compile(tmp_path: Path):
    (tmp_path / "kernels.py").write_text(KERNELS)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}

    def use(other: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-c", USE, other], capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    answers = {"known": [15, 0, 2, 4, 6], "new": [2, 5], "algebra": False}
    assert use("f8") == {**answers, "prepared": True, "hits": 0}
    assert use("f4") == {**answers, "prepared": False, "hits": 1}


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
@pytest.mark.parametrize("part", [compiled, disjoint, melted])
def test_a_part_works_in_a_kernel_and_refuses_python(part):
    @part
    def raised_nb(values, by):
        for i in range(len(values)):
            values[i] += by

    @njit
    def kernel_nb(values):
        raised_nb(values, 3)

    values = np.arange(40)
    kernel_nb(values)
    assert values.tolist() == list(range(3, 43))
    with pytest.raises(TypeError):
        raised_nb(values, 3)
    assert values.tolist() == list(range(3, 43))


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
def test_a_part_may_make_a_tuple_of_more_than_thirty_values():
    # Python writes such a tuple as a list that it unpacks
    @compiled
    def wide_nb(v):
        return (
            v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v,
            v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, 7,
        )  # fmt: skip

    @njit
    def kernel_nb(value):
        return wide_nb(value)

    assert kernel_nb(3) == (3,) * 31 + (7,)


def test_linear_algebra_of_a_users_function_is_found_when_it_is_used():
    prepare()

    @njit
    def product(a, b):
        return np.dot(a, b)

    assert product(np.eye(2), np.array([3.0, 4.0])).tolist() == [3.0, 4.0]


class Operator:
    """Like numba's type of a function: it says what a call gives, and counts how often it had to find out."""

    typing_key = "+"

    def __init__(self, key: str) -> None:
        self.key, self.asked = key, 0

    def get_call_type(self, context, args, kws):
        self.asked += 1
        return (context, *args)

    def get_impl_key(self, signature):
        return self.key


def test_only_what_does_not_depend_on_options_is_remembered():
    class Remembered(Operator):
        pass

    remembered(Remembered)
    plain, compiled_by_numba = Remembered("+"), Remembered("another")
    for one, asked in ((plain, 2), (compiled_by_numba, 4)):
        answers = [one.get_call_type("here", args, {}) for args in (("a",), ("a",), ("b",), ("b",))]
        assert answers == [("here", "a"), ("here", "a"), ("here", "b"), ("here", "b")]
        assert one.asked == asked
