"""The command line as a whole: help, version, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ENGINE = Path(sys.executable).with_name("engine")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ENGINE), *arguments], capture_output=True, text=True, check=False)


def test_help_lists_every_command_without_importing_it():
    shown = run("--help")
    assert shown.returncode == 0
    assert "data" in shown.stdout
    assert "Exit codes: 0 done, 1 ran but a check failed, 2 bad input." in shown.stdout


def test_version():
    assert run("--version").stdout.startswith("touchline ")


def test_unknown_command_is_bad_input():
    shown = run("foo")
    assert shown.returncode == 2
    assert "foo" in shown.stderr
    assert "Traceback" not in shown.stderr
