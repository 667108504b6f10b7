"""The wheel, installed where nothing of this folder can be seen: it must hold everything it needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("engine", "strategies", "features", "io")

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that no build folder is left beside the sources."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, source / floor, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; the dependencies are those of this one, by path, without its own packages."""
    folder = tmp_path_factory.mktemp("clean") / "env"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    # Folders named in a .pth are searched, but their own .pth files, the editable install's among them, are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_wheel_holds_every_module_and_data_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    expected = {
        f"touchline/{path.relative_to(ROOT)}"
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*")
        if path.suffix in (".py", ".toml", ".json") or path.name == "py.typed"
    }
    assert expected - inside == set()
    assert {f"touchline/{floor}/py.typed" for floor in FLOORS} <= inside
    assert not any(name.startswith(("tests/", "bench/", "touchline/tests")) for name in inside)


def test_the_local_page_is_in_the_wheel_and_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        page = {one.filename: one.compress_size for one in archive.infolist() if "/engine/page/" in one.filename}
    static = {path.name for path in (ROOT / "engine/page/static").iterdir()}
    assert {name.rpartition("/")[2] for name in page if "/static/" in name} == static
    assert sum(page.values()) <= 1_500_000


def test_the_installed_command_imports_and_queries(python: Path, tmp_path: Path) -> None:
    engine = python.parent / "engine"
    where = run(python, "-c", "from touchline import engine; print(engine.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(python.parent.parent)
    assert run(engine, "--version", cwd=tmp_path).startswith("touchline ")
    (tmp_path / "trades.csv").write_text(
        "timestamp,ticker,price,volume,taker_side\n"
        "2026-10-06T14:00:00Z,A,45,10,yes\n"
        "2026-10-06T14:00:01Z,A,46,20,no\n"
        "2026-10-06T14:00:02Z,B,7,5,yes\n"
    )
    run(engine, "data", "import", "trades.csv", cwd=tmp_path)
    query = "select ticker, count(*)::int as n, sum(price * size)::bigint as micros from trades group by 1 order by 1"
    answer = json.loads(run(engine, "data", "sql", query, "--json", cwd=tmp_path))
    assert answer["rows"] == [["A", 2, 4_500 * 1_000 + 4_600 * 2_000], ["B", 1, 700 * 500]]
    checked = json.loads(run(engine, "data", "check", "--json", cwd=tmp_path))
    assert checked["ok"] is True
    assert [(one["check"], one["ticker"]) for one in checked["findings"]] == [
        ("unlisted market", "A"), ("unlisted market", "B"),
    ]  # fmt: skip
