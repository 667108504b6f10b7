"""Fingerprints of models: the same in every process, another whenever a quote may be another."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from touchline.strategies.models.registry import quoting_model
from touchline.strategies.quoting.fingerprint import fingerprint, is_another
from touchline.strategies.quoting.model import QuotingModel

MODELS = ("avellaneda-stoikov", "binary-cara", "cauchy-band", "fixed-spread", "glft")
PRINTS = f"""
from touchline.strategies.quoting.fingerprint import fingerprint
from touchline.strategies.models.registry import quoting_model
import json
print(json.dumps([fingerprint(quoting_model(name)) for name in {MODELS!r}]))
"""

FILE = """
import model_outside
import numpy as np
from numba import njit
from scipy.optimize import brentq
from scipy.stats import norm
from touchline.strategies.quoting import QuotingModel

@njit
def twice(x):
    return 2.0 * x

class Scale:
    TIMES = 4.0

    def __init__(self, start):
        self.start = start

    @staticmethod
    def of(x):
        return x * Scale.TIMES

BELL, START = norm, Scale(1.0)

class Mine(QuotingModel):
    derived = ("w",)

    @staticmethod
    def derive(p):
        return (Scale.of(BELL.ppf(0.9)) + START.start + brentq(lambda x: x, -1.0, 1.0),)

    @staticmethod
    def quote(known, p):
        half = twice(model_outside.HALF) + model_outside.more(1.0)
        return known.mid - half, known.mid + half, 1.0, 1.0
"""
OUTSIDE = """
from numba import njit

HALF = 1.0

@njit
def more(x):
    return x + 1.0
"""


def made(half: float) -> type[QuotingModel]:
    class Inside(QuotingModel):
        @staticmethod
        def quote(known, p):
            return known.mid - half, known.mid + half, 1.0, 1.0

    return Inside


def test_models_have_fingerprints_of_their_own_in_every_process(tmp_path: Path):
    """The shipped ones, and one that calls installed code."""
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "model_outside.py").write_text(OUTSIDE)
    here = [fingerprint(quoting_model(name)) for name in MODELS]
    prints = PRINTS.replace(repr(MODELS), repr((*MODELS, f"{tmp_path / 'mine.py'}:Mine")))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    one, two = (
        json.loads(
            subprocess.check_output(
                [sys.executable, "-c", prints], text=True, env={**environment, "PYTHONHASHSEED": seed}
            )
        )
        for seed in ("1", "2")
    )
    assert one == two
    assert one[:-1] == here
    assert len({*one}) == len(MODELS) + 1


def test_what_a_function_holds_counts():
    assert fingerprint(made(1.0)) == fingerprint(made(1.0)) != fingerprint(made(2.0))


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("mine.py", "2.0 * x", "3.0 * x", True),
        ("mine.py", "known.mid + half", "known.mid + 2.0 * half", True),
        ("mine.py", "TIMES = 4.0", "TIMES = 5.0", True),
        ("mine.py", "return x * Scale", "return x / Scale", True),
        ("mine.py", "BELL.ppf(0.9)", "BELL.ppf(0.8)", True),
        ("mine.py", "class Mine", "# A remark.\n\nclass Mine", False),
        ("mine.py", "class Mine(QuotingModel):", "class Mine(QuotingModel):\n    name = 'another'", False),
        ("mine.py", "Scale(1.0)", "Scale(2.0)", True),
        ("model_outside.py", "HALF = 1.0", "HALF = 1.5", True),
        ("model_outside.py", "x + 1.0", "x + 1.5", True),
        ("model_outside.py", "HALF = 1.0", "HALF = 1.0\nUNUSED = 3", False),
    ],
)
def test_code_and_values_count_and_remarks_do_not(tmp_path: Path, monkeypatch, file, old, new, changes):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    texts = {"mine.py": FILE, "model_outside.py": OUTSIDE}
    found: list[str] = []
    for edited in (False, True):
        for name, text in texts.items():
            (tmp_path / name).write_text(text.replace(old, new) if edited and name == file else text)
        sys.modules.pop("model_outside", None)
        importlib.invalidate_caches()
        model = quoting_model(f"{tmp_path / 'mine.py'}:Mine")
        sys.modules.pop(model.__module__)  # an unchanged text would not be imported again
        found.append(fingerprint(model))
    assert (found[0] != found[1]) == changes
    assert is_another(model, found[0]) == changes


def test_another_python_or_no_fingerprint_tells_nothing():
    model = made(1.0)
    assert not is_another(model, None)
    assert not is_another(model, "python3.9:0123456789abcdef")
    assert is_another(model, fingerprint(made(2.0)))
