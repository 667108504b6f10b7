"""The page on replays: its scripts and commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ..program import engine, script
from .simulator.test_replay import made_store, noise_tape

PAGE = Path(__file__).parents[2] / "docs/replay.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    made_store(folder / "data", noise_tape())
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("language", "body"), BLOCKS)
def test_what_the_page_shows_runs(home: Path, language: str, body: str):
    if language == "python":
        assert script(body, home).strip()
        return
    done = engine(*shlex.split(body)[1:], where=home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
