"""A first session on the local exchange, by the commands of docs/live.md as they are typed: no more than five."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..made_books import made_books

PAGE = Path(__file__).resolve().parents[3] / "docs" / "live.md"
MAIN = [sys.executable, "-c", "from touchline.engine.cli import main; main()"]


PIPELINE = """
[source]
step_minutes = 1
[scorer]
name = "momentum"
window_bars = 1
strength = 1.0
[selector]
min_score = 0.001
"""


def typed(before: str = "From Python, moment by moment", after: str = "") -> list[list[str]]:
    """The commands of a part of the page, by default those before and in the part on a first session."""
    part = PAGE.read_text().split(before)[0]
    part = part.split(after)[-1] if after else part
    found = re.findall(r"^```\w*\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
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
    with served(exchange, tmp_path, env):
        done([*trade, "--for", "5"], tmp_path, env)
    assert "equal" in done(audit, tmp_path, env)
    assert (tmp_path / "sessions" / "first" / "session.log").exists()


@pytest.mark.slow
def test_the_commands_of_bets_do_what_the_docs_say(tmp_path: Path):
    made_books(tmp_path / "data", markets=2, seconds=3600)
    (tmp_path / "pipeline.toml").write_text(PIPELINE, encoding="utf-8")
    exchange, env = typed()[2], dict(os.environ)
    trade, *others, audit = typed("## What is the same", "## Bets")
    with served([*exchange[:-2], "--tier", "advanced", "--speed", "40"], tmp_path, env):
        done([*trade, "--production", "--for", "6"], tmp_path, env)
        for words in others:
            done(words, tmp_path, env)
        done([*trade, "--production", "--for", "2"], tmp_path, env)
    told = done([*audit, "--json"], tmp_path, env)
    assert json.loads(told)["equal"] and json.loads(told)["bar lines"] > 3


@contextmanager
def served(words: list[str], place: Path, env: dict[str, str]) -> Iterator[None]:
    """The exchange as its command starts it; how to reach it is put into the environment."""
    with subprocess.Popen(
        [*MAIN, *words, "--port", "0"],
        cwd=place,
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
            yield
        finally:
            serving.terminate()
