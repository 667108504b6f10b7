"""The page on Python: every command has its call with the same names and defaults, and every block runs."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from touchline import engine
from touchline.engine.cli.app import COMMANDS
from touchline.engine.cli.backtest import _CAPS
from touchline.engine.runs.result import Result

from .program import script

PAGE = Path(__file__).resolve().parent.parent / "docs/python.md"
#: What belongs to how a command speaks: what it prints, and how often.
PRINTED = {"as_json", "as_csv", "install_completion", "show_completion"}
PRINTED_BY = {
    "data sql": {"limit"},
    "data markets": {"limit"},
    "data scan": {"every", "once", "top"},
    "data imports": {"import_id"},  # a call of its own
    "ui": {"no_browser"},
    "backtest": set(_CAPS),  # short for parameters of a pipeline
    "trade audit": {"with_twin"},  # a call of its own
    "trade": {"duration"},  # a call gives a session, which runs for as long as it is told
    "status": {"watch"},
    "trade status": {"watch"},
}
#: What a command does by itself: it shows progress, speaks on stderr, and stops on signals.
BY_ITSELF = {"progress", "rows", "tell", "stop", "client", "clock", "inline"}
#: Options that are spelt otherwise than their argument.
SPELT = {"params": "--set", "axes": "--axis", "duration": "--for", "limits": "--limit", "sources": "--source"}
#: A file is written by the command alone.
OTHER_DEFAULT = {("data features", "out"), ("data signals", "out")}
#: What stands for nothing.
NOTHING = (None, "", [], (), {}, False)


def commands() -> dict[str, Any]:
    """Every command by name, those of groups too."""
    found: dict[str, Any] = {}
    for name, (module, _) in COMMANDS.items():
        made = typer.main.get_command(importlib.import_module(f"touchline.engine.cli.{module}").app)
        below = getattr(made, "commands", {})
        if not below or made.params:
            found[name] = made
        if name in below:  # what a group does without a word
            found[name] = below[name]
        found |= {f"{name} {one}": command for one, command in below.items() if one != name}
    found.pop("data", None)
    return found


def table() -> dict[str, str]:
    """The page's table: a command without its arguments, and the call."""
    rows = re.findall(r"^\| `engine ([^`]+)` \| `engine\.(\w+)\(", PAGE.read_text(), re.MULTILINE)
    return {
        re.sub(r" PATH…| FOLDER…?| QUERY| IMPORT| PIPELINE| STRATEGY| PARAMS| SESSION", "", name): call
        for name, call in reversed(rows)
    }


def plain(value: Any) -> Any:
    """A default, however it is written."""
    if value is inspect.Parameter.empty or (isinstance(value, bool | str | list | tuple | None) and value in NOTHING):
        return None
    if isinstance(value, tuple):
        return ",".join(f"{one:g}" for one in value)
    text = str(getattr(value, "value", value))
    return f"{float(text):g}" if re.fullmatch(r"\d+(\.\d+)?", text) else text


def test_the_table_has_every_command_and_every_call():
    assert set(table()) == set(commands())
    called = set(re.findall(r"\| `engine\.(\w+)\(", PAGE.read_text()))
    assert called == {name for name in engine.__all__ if inspect.isfunction(getattr(engine, name))} - {"load_params"}


def test_each_command_and_its_call_have_the_same_names_and_defaults():
    for name, command in commands().items():
        theirs = inspect.signature(getattr(engine, table()[name])).parameters
        mine = {one.name: one for one in command.params if one.name not in PRINTED | PRINTED_BY.get(name, set())}
        assert set(mine) == set(theirs) - BY_ITSELF, name
        for key, one in mine.items():
            if (name, key) not in OTHER_DEFAULT:
                assert plain(one.default) == plain(theirs[key].default), (name, key)
            if one.param_type_name == "option":
                assert SPELT.get(key, f"--{key.replace('_', '-')}") in one.opts, (name, key)


def test_the_page_names_every_member_of_a_result():
    rows = PAGE.read_text().split("## A result")[1].split("## A model")[0]
    told = set(re.findall(r"`(\w+)", "".join(re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE))))
    assert told == {name for name in vars(Result) if not name.startswith("_")} - {"strategy", "weighed"}


@pytest.mark.slow
def test_every_block_of_the_page_runs(tmp_path: Path):
    text = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))
    said = script(text, tmp_path)
    assert "there is no strategy 'fixed-spred'" in said
    assert said.startswith("fixed-spread on SYNINX-26OCT06H1600-B6737\n")
