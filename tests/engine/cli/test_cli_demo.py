"""`engine demo`: what it makes, what it refuses, and that the commands it names work."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ...program import engine as run

ENGINE = Path(sys.executable).with_name("engine")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, run("demo", "--scale", "0.01", where=folder)


@pytest.mark.slow
def test_the_demo_makes_imports_checks_bets_and_sweeps(made):
    folder, done = made
    assert done.returncode == 0, done.stderr
    assert "nothing in it was ever traded" in done.stdout
    document = json.loads((folder / "results/demo/demo.json").read_text())
    assert document["synthetic"] is True
    assert document["rows"]["book"] > 5_000
    assert document["checked"]["markets"] == 32
    assert document["checked"]["faults"] == 0
    assert document["sweep"]["cells"] == 1_024
    assert "synthetic-data" in document["sweep"]["warnings"]
    for name in ("heatmap.png", "heatmap.html", "report.html", "params.toml", "cells.parquet"):
        assert (folder / "results/demo/sweep" / name).is_file()
    assert (folder / "results/demo/bets/run.json").is_file()


@pytest.mark.slow
def test_the_commands_it_names_work(made):
    folder, done = made
    named = [shlex.split(line)[1:] for line in done.stderr.splitlines() if line.startswith("  engine ")]
    assert [command[0] for command in named] == ["data"] * 3 + ["fit", "summary", "report", "sweep", "exchange", "ui"]
    for command in named[:-2]:  # the last two serve until Ctrl-C
        tried = run(*command, where=folder)
        assert tried.returncode == 0, tried.stderr
        assert tried.stdout
    with subprocess.Popen([str(ENGINE), *named[-2]], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as one:
        assert one.stdout is not None
        assert json.loads(one.stdout.readline())["rest"].startswith("http://127.0.0.1:")
        one.terminate()
        one.communicate()
    assert one.returncode == 0


@pytest.mark.slow
def test_again_gives_the_same_demo(made):
    folder, _ = made
    before = json.loads((folder / "results/demo/demo.json").read_text())
    shown = run("demo", "--scale", "0.01", "--json", where=folder)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout) == {name: before[name] for name in json.loads(shown.stdout)}


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/one.txt").write_text("keep me")
    refused = run("demo", "--out", "letters", where=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == "error: letters holds something else than a demo; name a new folder with --out\n"
    assert (tmp_path / "letters/one.txt").read_text() == "keep me"
