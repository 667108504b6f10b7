"""What the library raises speaks Python, ``argument=``; only the command line knows options, and spells them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from touchline.engine.cli.console import spelled

ROOT = Path(__file__).parent.parent
#: Floors whose code is called from Python; of the engine all but the command line.
FILES = sorted(
    file
    for floor in ("io", "features", "strategies", "engine")
    for file in (ROOT / floor).rglob("*.py")
    if not file.is_relative_to(ROOT / "engine" / "cli")
)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
#: A whole command of the command line may stand in a message, options and all.
COMMAND = re.compile(r"engine (data )?[a-z]+ [^;]*--[a-z-]+")


def raised(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text inside a ``raise``, and every text that a function hands out as an error's."""
    for step in ast.walk(tree):
        if isinstance(step, ast.Raise) and step.exc is not None:
            text = "".join(
                str(one.value) for one in ast.walk(step.exc) if isinstance(one, ast.Constant) and one.value is not None
            )
            yield step.lineno, text


@pytest.mark.parametrize("floor", ["io", "features", "strategies", "engine"])
def test_no_error_of_the_library_spells_an_option(floor: str):
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for file in FILES
        if file.is_relative_to(ROOT / floor)
        for line, text in raised(ast.parse(file.read_text(encoding="utf-8")))
        if OPTION.search(COMMAND.sub("", text))
    ]
    assert not found


@pytest.mark.parametrize(
    ("raised_text", "shown"),
    [
        ("has none: name its symbol with underlying=", "has none: name its symbol with --underlying"),
        ("pass queue='touch@1'", "pass --queue touch@1"),
        ("draw some of them: sample='sobol:4096'", "draw some of them: --sample sobol:4096"),
        ("all else is written, and pictures=False leaves them away", "--no-pictures leaves them away"),
        ("name it yourself with trust='/a/b.py'", "name it yourself with --trust /a/b.py"),
        ("fix some with params=", "fix some with --set"),
        ("name an axis with axes=", "name an axis with --axis"),
        ("name the market's own grid with price_grid=, or", "with --price-grid, or"),
        ("scheduler= needs Dask", "--scheduler needs Dask"),
    ],
)
def test_the_command_line_spells_them(raised_text: str, shown: str):
    assert shown in spelled(raised_text)
