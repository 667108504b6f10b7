"""What help shows: words for values, no types of Python, on every command; and what a misspelt verb is told."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import typer
from touchline.engine.cli import app as root
from typer.testing import CliRunner


def below(command: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Find a command and all those in it."""
    return [
        path,
        *(one for name, inner in getattr(command, "commands", {}).items() for one in below(inner, (*path, name))),
    ]


def test_no_help_shows_a_type_of_python() -> None:
    paths = [()]
    for name, (module, _) in root.COMMANDS.items():
        group = typer.main.get_command(importlib.import_module(f"touchline.engine.cli.{module}").app)
        paths += below(group, (name,))
    assert len(paths) > 40
    for path in paths:
        told = CliRunner().invoke(root.app, [*path, "--help"])
        assert told.exit_code == 0, path
        for word in (
            "list[",
            "<str",
            "<int",
            "<float",
            "<bool",
            "<path",
            "<Path",
            "......",
            "completion" if path else "<",
        ):
            assert word not in told.output, (path, word)


@pytest.mark.parametrize(("command", "shown"), [
    (["backtest"], "--set NAME=VALUE"), (["sweep"], "--axis NAME=VALUES"), (["data", "check"], "[TICKER]..."),
    (["trade"], "engine trade PARAMS --help"), (["trade", "params.toml"], "--limit NAME=VALUE"),
    (["trade", "params.toml"], "Usage: root trade [OPTIONS] {PARAMS} [TICKER]..."),
])  # fmt: skip
def test_values_are_words(command: list[str], shown: str) -> None:
    assert shown in " ".join(CliRunner().invoke(root.app, [*command, "--help"]).output.split())


@pytest.mark.parametrize(("typed", "told"), [
    (["trade", "stauts", "first"], "stauts is no verb of engine trade and no parameter file; did you mean 'status'?"),
    (["sweep", "show", __file__], f"{__file__} is a file; a result is the folder that engine sweep wrote"),
])  # fmt: skip
def test_a_slip_is_told_in_a_line(typed: list[str], told: str) -> None:
    assert str(CliRunner().invoke(root.app, typed).exception) == told
