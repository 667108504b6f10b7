"""Processes that the program starts: nothing from the current folder runs in them, and no key is told to them."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from subprocess import PIPE

import pytest
from touchline.engine.reports.drawing import Drawer
from touchline.engine.simulator import ahead
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel import build
from touchline.io.ground.children import start_python
from touchline.io.kalshi.recorder.importing import JournalImporter

ROOT = Path(__file__).resolve().parents[3]
TELLS = """
from pathlib import Path
import os, sys
(Path(__file__).parent / "ran").write_text(" ".join(sys.argv))
os._exit(3)
"""


@pytest.fixture
def booby_trapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder holds files that hide modules, and the environment a key."""
    for name in ("numpy", "numba", "json", "polars", "touchline", "msgspec", "vl_convert", "typing", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(TELLS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KALSHI_PRIVATE_KEY", "secret")
    return tmp_path


def test_a_child_imports_what_is_installed_and_knows_no_key(booby_trapped: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KALSHI_KEY_ID", "me")
    monkeypatch.setenv("TZ", "UTC")
    code = "import json, os, sys; from touchline.io.ground import units; "
    code += "print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    words, environment = json.loads(start_python(code, "one", stdout=PIPE).communicate()[0])
    assert words == ["one"]
    assert environment["TZ"] == "UTC"
    assert not [name for name in environment if name.startswith("KALSHI_")]
    assert not (booby_trapped / "ran").exists()


def test_pictures_are_drawn_beside_files_that_hide_modules(booby_trapped: Path):
    with Drawer() as drawer:
        environment = Path(f"/proc/{drawer._process.pid}/environ").read_bytes()
        drawer.draw({"data": {"values": [{"x": 1}]}, "mark": "bar", "encoding": {}}, booby_trapped / "picture")
    assert (booby_trapped / "picture.svg").exists()
    assert b"KALSHI_" not in environment
    assert not (booby_trapped / "ran").exists()


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
def test_a_kernel_is_compiled_ahead_beside_files_that_hide_modules(
    booby_trapped: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TOUCHLINE_CACHE", str(booby_trapped / "cache"))
    monkeypatch.setattr(ahead, "CHILD", "from touchline.engine.simulator.ahead import child; raise SystemExit(7)")
    monkeypatch.setattr(ahead, "os", os)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(build, "under_way", {})
    monkeypatch.setattr(ahead, "under_way", build.under_way)
    build.kernel_file.cache_clear()
    ahead.compile_ahead("fixed-spread", Assumptions())
    (begun,) = build.under_way.values()
    build.under_way.clear()
    build.kernel_file.cache_clear()
    assert begun.wait() == 7
    assert not (booby_trapped / "ran").exists()


def test_a_journal_is_imported_beside_files_that_hide_modules(booby_trapped: Path):
    segment = booby_trapped / "segment.jsonl"
    segment.write_text("")
    told: list[str] = []
    importer = JournalImporter(str(booby_trapped / "store"), tell=told.append)
    importer.add([segment])
    importer.finish()
    assert not (booby_trapped / "ran").exists()
    assert not told or "could not be imported" in told[0]


def test_every_process_is_started_in_the_one_place():
    """``start_python`` is the only one that calls ``Popen`` or the like."""
    starts: list[str] = []
    for folder in ("io", "features", "strategies", "engine"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                called = node.func if isinstance(node, ast.Call) else None
                name = getattr(called, "attr", getattr(called, "id", None))
                if name in {"Popen", "check_output", "check_call", "system", "popen", "spawnv", "execv", "posix_spawn"}:
                    starts.append(path.name)
    assert set(starts) == {"children.py"}
