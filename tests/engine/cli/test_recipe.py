"""The recipe of docs/architecture.md for a command, followed once."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest
import typer
from touchline.engine.cli import app as root
from touchline.engine.cli.console import JSON_OPTION, emit, say
from typer.testing import CliRunner


def days(weeks: int = typer.Option(1, "--weeks"), as_json: bool = JSON_OPTION) -> None:
    """Say how many days some weeks have."""
    found = 7 * weeks
    emit(as_json, lambda: {"days": found}, lambda: say(f"{found} days"))


def test_a_command_is_a_file_and_a_line_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("touchline.engine.cli.days")
    vars(module)["app"] = typer.Typer()
    vars(module)["app"].command()(days)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(root.COMMANDS, "days", ("days", "Say how many days some weeks have."))
    run = CliRunner().invoke
    assert "Say how many days" in run(root.app, ["--help"]).output
    assert "14 days" in run(root.app, ["days", "--weeks", "2"]).output
    assert json.loads(run(root.app, ["days", "--json"]).stdout) == {"days": 7}
