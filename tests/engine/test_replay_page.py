"""The page on replays: its scripts and commands run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .simulator.test_replay import ENGINE, made_store, noise_tape

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
    given = [sys.executable, "-c", body] if language == "python" else [str(ENGINE), *shlex.split(body)[1:]]
    done = subprocess.run(given, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
