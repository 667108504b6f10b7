"""The folder in which examples of the public face run: a synthetic day, its store, a replay and a sweep of it.

A plugin of pytest for the modules' own examples: ``-p tests.doctest_folder --doctest-modules``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Modules whose examples speak of that folder.
MODULES = ("api.", "exchanges.serving", "results.params", "runs.result")
MARKET = "SYNINX-26OCT06H1600-B6737"


@pytest.fixture(scope="session")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder once."""
    from touchline import engine

    folder = tmp_path_factory.mktemp("examples")
    store = folder / "data"
    engine.sample(store, scale=0.005, out=folder / "day")
    engine.backtest("fixed-spread", MARKET, store, params={"half_spread": 2}, out=folder / "results/replay")
    grid = folder / "results/grid"
    engine.sweep("fixed-spread", MARKET, store, axes={"half_spread": "1:4:4"}, out=grid, pictures=False)
    return folder


@pytest.fixture(autouse=True)
def in_a_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Run an example of the face in a copy of the folder."""
    if not request.node.name.startswith(tuple(f"touchline.engine.{name}" for name in MODULES)):
        yield
        return
    before = Path.cwd()
    os.chdir(shutil.copytree(request.getfixturevalue("made_folder"), tmp_path / "here"))
    yield
    os.chdir(before)
