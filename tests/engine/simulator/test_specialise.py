"""Kernels on disk: one is used again only while everything it was made from is the same."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from touchline.engine.simulator.specialise import Flags, kernel
from touchline.strategies.registry import quoting_model

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
