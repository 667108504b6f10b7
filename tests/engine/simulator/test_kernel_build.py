"""Kernels on disk: one is used again only for the model it was made for, while all it was made from is the same."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType

import pytest
from touchline.engine.simulator.assumptions.flags import Flags
from touchline.engine.simulator.kernel import build
from touchline.engine.simulator.kernel.build import kernel, kernel_file
from touchline.strategies.models.registry import quoting_model

from ..histories import made_up

HELPER = """
def middle(x, y):
    return (x + y) * {factor}
"""
PARENT = """
from touchline.strategies.quoting import QuotingModel
from {helper} import middle

class Parent(QuotingModel):
    @staticmethod
    def quote(known, p):
        centre = middle(known.bid, known.ask)
        return centre - {half}, centre + {half}, 1.0, 1.0
"""
CHILD = """
from {parent} import Parent

class Child(Parent):
    name = "child"
"""


@pytest.fixture
def model_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write the three files and return the name of the kernel that the model gets."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "cache"))

    def name(half: str, factor: str) -> str:
        (tmp_path / "model_helper.py").write_text(HELPER.format(factor=factor))
        (tmp_path / "model_parent.py").write_text(PARENT.format(helper="model_helper", half=half))
        (tmp_path / "child.py").write_text(CHILD.format(parent="model_parent"))
        for module in [
            name for name in sys.modules if name.startswith(("model_helper", "model_parent", "touchline_model_"))
        ]:
            del sys.modules[module]
        importlib.invalidate_caches()
        sys.dont_write_bytecode, kept = True, sys.dont_write_bytecode
        model = quoting_model(f"{tmp_path / 'child.py'}:Child")
        sys.dont_write_bytecode = kept
        return str(kernel(model, Flags()).__file__)

    return name


def test_a_change_in_a_parents_or_helpers_file_makes_another_kernel(model_files):
    first = model_files("1.0", "0.5")
    assert model_files("1.0", "0.5") == first
    assert model_files("2.0", "0.5") != first
    assert model_files("1.0", "0.25") != first


ALIKE = """
import model_values
from numba import njit
from touchline.strategies.quoting import QuotingModel

class Near(QuotingModel):
    @staticmethod
    def quote(known, p):
        return known.mid - 1.0, known.mid + 1.0, 1.0, 1.0

class Far(QuotingModel):
    @staticmethod
    def quote(known, p):
        return known.mid - 9.0, known.mid + 9.0, 1.0, 1.0

class Outside(QuotingModel):
    @staticmethod
    def quote(known, p):
        return known.mid - model_values.HALF, model_values.above(known.mid), 1.0, 1.0

def made(half):
    class Inside(QuotingModel):
        @staticmethod
        def quote(known, p):
            return known.mid - half, known.mid + half, 1.0, 1.0

    return Inside

Two, Three = made(2.0), made(3.0)
"""
VALUES = """
from numba import njit

HALF = {half}

@njit
def above(x):
    return x + {half}
"""


def test_two_models_of_one_file_have_kernels_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "model_values.py").write_text(VALUES.format(half=1.0))
    path = tmp_path / "alike.py"
    path.write_text(ALIKE)
    module = sys.modules[quoting_model(f"{path}:Near").__module__]
    made = [kernel_file(model, Flags())[0].name for model in (module.Near, module.Far, module.Two, module.Three)]
    assert len(set(made)) == 4


def test_a_change_in_what_a_quote_reads_from_another_module_makes_another_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "alike.py"
    made: list[str] = []
    for half in (1.0, 1.0, 2.0):
        (tmp_path / "model_values.py").write_text(VALUES.format(half=half))
        for name in [name for name in sys.modules if name.startswith(("model_values", "touchline_model_"))]:
            del sys.modules[name]
        importlib.invalidate_caches()
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        path.write_text(ALIKE)
        made.append(kernel_file(quoting_model(f"{path}:Outside"), Flags())[0].name)
    assert made[0] == made[1] != made[2]


def test_a_number_that_only_the_run_knows_makes_another_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "model_values.py").write_text(VALUES.format(half=1.0))
    path = tmp_path / "alike.py"
    path.write_text(ALIKE)
    model = quoting_model(f"{path}:Outside")
    made: list[str] = []
    for half in (1.0, 2.0):
        monkeypatch.setattr(sys.modules["model_values"], "HALF", half)
        kernel_file.cache_clear()
        made.append(kernel_file(model, Flags())[0].name)
    assert made[0] != made[1]


MOVED = """
from numba import njit
from touchline.strategies.quoting import QuotingModel

@njit
def half(x):
    return x * 0.5

class Mine(QuotingModel):
    @staticmethod
    def quote(known, p):
        return known.mid - half(4.0), known.mid + half(4.0), 1.0, 1.0
"""
RUN = """
import sys
from touchline import engine
print(engine.backtest(sys.argv[1], market="KXA-00-T0", store=sys.argv[2]).hash)
"""


@pytest.mark.slow
@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
def test_a_model_that_was_copied_to_another_folder_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its kernel on disk named the module of the first one: "No module named 'touchline_model_…'"."""
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache" / "kernels"))
    store, said = made_up(tmp_path / "store", hours=60), []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(MOVED)
        words = [sys.executable, "-c", RUN, f"{tmp_path / folder / 'mine.py'}:Mine", store.path]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    other = "from touchline.engine.simulator.kernel import build\nbuild._outside = lambda head: ['# a comment']\n"
    words[2] = other + RUN  # what a change of nothing but a comment comes to: another package of the same code
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert said == [done.stdout] * 2


TUNED = """
import math
from touchline.strategies.parameters import Parameter
from touchline.strategies.quoting.model import QuotingModel

class Tuned(QuotingModel):
    parameters = (Parameter("gamma", {default}, 0.0, {most}, "risk aversion"),)
    derived = ("half",)
    grid = {{"gamma": (0.1, {most}, 4)}}

    @staticmethod
    def derive(p):
        return ({derive},)

    @staticmethod
    def quote(known, p):
        {remark}
        return known.mid - p.half, known.mid + {half}, 1.0, 1.0
"""


def test_only_an_edit_of_the_quote_compiles_anew(tmp_path: Path):
    first = {"default": 0.1, "most": 1.0, "derive": "math.exp(p.gamma)", "remark": "", "half": "p.half"}
    path = tmp_path / "tuned.py"

    def name(**changed: object) -> str:
        path.write_text(TUNED.format(**{**first, **changed}))
        return kernel_file(quoting_model(f"{path}:Tuned"), Flags())[0].name

    kept = name()
    assert name(default=0.2, most=2.0, derive="math.log(2.0 + p.gamma)", remark="# as in the paper") == kept
    assert name(half="2.0 * p.half") != kept


def test_threads_that_ask_for_one_kernel_get_one(monkeypatch: pytest.MonkeyPatch):
    """The modules of a package are made one after the other: a thread that came in between met them half made."""
    flags, codes = Flags(drawn=True, taker=False), build._codes

    def slowly(path: Path, head: str) -> dict[str, CodeType]:
        time.sleep(0.05)
        return codes(path, head)

    build.loaded.cache_clear()
    monkeypatch.setattr(build, "_codes", slowly)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: kernel(quoting_model("fixed-spread"), flags), range(4)))
    assert all(one is found[0] for one in found)
    package = found[0].__name__.removesuffix(".walk")
    assert sys.modules[f"{package}.decide"].due_nb is found[0].due_nb
