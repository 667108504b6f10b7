"""The face is typed: a file that uses all of it passes mypy and pyright in their strict modes, and knows its types."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from touchline import engine, strategies
from touchline.engine.runs.result import Result
from touchline.io import Store

USE = Path(__file__).with_name("typed_face.py")
ASKED = "from touchline import engine\nreveal_type(engine.backtest)\nreveal_type(engine.sql)\n"


def public(owner: type) -> list[str]:
    fields = getattr(owner, "__dataclass_fields__", {})
    return sorted({name for name in vars(owner) if not name.startswith("_")} | set(fields))


def test_the_file_uses_the_whole_face():
    text = USE.read_text()
    for name in engine.__all__:
        assert re.search(rf"\bengine\.{name}\b|import .*\b{name}\b", text), name
    for name in [*public(Result), *public(Store)]:
        assert re.search(rf"\.{name}\b", text), name
    for name in strategies._HOME:
        assert re.search(rf"\bstrategies\.{name}\b|import .*\b{name}\b", text), name


def mypy(where: Path, text: str) -> str:
    """What mypy says, from a folder without the project's own ``io``, which would hide the standard one."""
    (where / "use.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(where / "cache"), "use.py"]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False).stdout


def pyright(where: Path, text: str) -> list[str]:
    """What pyright says, as its severity, line and message."""
    (where / "use.py").write_text(text)
    told = {"typeCheckingMode": "strict", "include": ["use.py"], "pythonVersion": "3.11"}
    (where / "pyrightconfig.json").write_text(json.dumps(told))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return [f"{one['severity']} {one['range']['start']['line'] + 1}: {one['message']}" for one in found]


@pytest.mark.slow
def test_mypy_passes_in_its_strict_mode(tmp_path: Path):
    assert mypy(tmp_path, USE.read_text()) == "Success: no issues found in 1 source file\n"
    told = mypy(tmp_path, ASKED)
    assert "-> touchline.engine.runs.result.Result" in told and "Any" not in told, told
    told = mypy(tmp_path, "from touchline import engine, strategies\nengine.bactest\nstrategies.Scorers\n")
    assert 'has no attribute "bactest"' in told and 'has no attribute "Scorers"' in told


@pytest.mark.slow
def test_pyright_passes_in_its_strict_mode(tmp_path: Path):
    assert pyright(tmp_path, USE.read_text()) == []
    told = pyright(tmp_path, ASKED)
    assert len(told) == 2 and "-> Result" in told[0] and not re.search("Any|Unknown", "".join(told)), told


def test_names_are_offered_as_one_types():
    assert dir(engine) == sorted(engine.__all__)
    assert {*engine._HOME, "__version__"} == set(engine.__all__)
    for name in engine.__all__:
        assert inspect.getdoc(getattr(engine, name)), name
