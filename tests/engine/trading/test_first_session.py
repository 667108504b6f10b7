"""A first session on the local exchange, by the commands of docs/live.md as they are typed: no more than five."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..made_books import made_books

PAGE = Path(__file__).resolve().parents[3] / "docs" / "live.md"
MAIN = [sys.executable, "-c", "from touchline.engine.cli import main; main()"]


def typed() -> list[list[str]]:
    """The commands before and in the part on a first session."""
    before = PAGE.read_text().split("From Python, moment by moment")[0]
    found = re.findall(r"^```\w*\n(.*?)^```$", before, re.DOTALL | re.MULTILINE)
    return [shlex.split(line)[1:] for body in found for line in body.splitlines() if line.startswith("engine ")]


def done(words: list[str], place: Path, env: dict[str, str]) -> str:
    made = subprocess.run([*MAIN, *words], cwd=place, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.mark.slow
def test_the_first_session_of_the_docs_takes_five_commands(tmp_path: Path):
    made_books(tmp_path / "data", markets=2, seconds=300)
    first, export, exchange, trade, audit = typed()
    env = dict(os.environ)
    for words in (first, export):
        done(words, tmp_path, env)
    with subprocess.Popen(
        [*MAIN, *exchange, "--port", "0"],
        cwd=tmp_path,
        env=env,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as serving:
        assert serving.stderr is not None
        try:
            until = time.monotonic() + 60
            while "KALSHI_PRIVATE_KEY_PATH" not in env and time.monotonic() < until:
                name, _, value = serving.stderr.readline().strip().removeprefix("export ").partition("=")
                if name.startswith("KALSHI_"):
                    env[name] = value
            done([*trade, "--for", "5"], tmp_path, env)
        finally:
            serving.terminate()
    assert "equal" in done(audit, tmp_path, env)
    assert (tmp_path / "sessions" / "first" / "session.log").exists()
