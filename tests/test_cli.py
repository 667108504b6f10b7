"""The command line as a whole: help, version, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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


def test_a_misspelt_command_is_told_the_nearest_one():
    shown = run("backtst")
    assert (shown.returncode, shown.stderr) == (2, "error: there is no command 'backtst'; did you mean 'backtest'?\n")


def test_help_is_short_too_and_commands_complete(monkeypatch):
    for command in ((), ("backtest",), ("data",), ("data", "import")):
        shown = run(*command, "-h")
        assert shown.returncode == 0
        assert "--help" in shown.stdout
    monkeypatch.setenv("_ENGINE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "engine ba")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run().stdout.split() == ["backtest"]


LEAVES = """
import atexit, tempfile
from touchline.engine import cli

def main(really=cli.main):
    global folder
    folder = tempfile.TemporaryDirectory()
    atexit.register(lambda: print("told at the end"))
    print(folder.name)
    really()

cli.main = main
cli.command()
"""


@pytest.mark.parametrize(("arguments", "code"), [(["strategies"], 0), (["strategies", "nothing"], 2), (["nothing"], 2)])
def test_the_program_ends_at_once_but_drops_nothing(arguments: list[str], code: int):
    """Output arrives whole through a pipe, what others do at the end is done, the exit code is the command's."""
    plain = run(*arguments)
    done = subprocess.run([sys.executable, "-c", LEAVES, *arguments], capture_output=True, text=True, check=False)
    folder, _, rest = done.stdout.partition("\n")
    assert (plain.returncode, done.returncode) == (code, code)
    assert rest == f"{plain.stdout}told at the end\n"
    assert done.stderr.count("error:") == plain.stderr.count("error:")
    assert not Path(folder).exists()


def test_a_mistake_of_ours_is_a_traceback_and_exit_code_one():
    broken = "import touchline.engine.cli as cli\ncli.main = lambda: 1 / 0\ncli.command()\n"
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


def test_output_that_cannot_be_written_is_one_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([str(ENGINE), "strategies"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: cannot write: No space left on device\n")
