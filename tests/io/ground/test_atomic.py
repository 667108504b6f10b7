"""Files and folders that are there whole or not at all, whoever else writes them and whoever was killed."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from touchline.io.ground import atomic


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_at_the_end_and_only_then(tmp_path: Path):
    path = atomic.write(tmp_path / "deep" / "file", "before")
    with atomic.writing(path) as beside:
        beside.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    with pytest.raises(ValueError), atomic.writing(path) as beside:
        beside.write_text("half")
        raise ValueError
    assert path.read_text() == "after"
    assert _names(path.parent) == ["file"]


@pytest.mark.parametrize("place", ["n" * 300, "."])
def test_what_cannot_be_written_is_named_as_the_caller_knows_it(tmp_path: Path, place: str):
    path = tmp_path / place
    with pytest.raises(OSError) as error:
        atomic.write(path, "text")
    assert (error.value.filename, error.value.filename2) == (str(path), None)


def test_many_writers_at_once_never_meet(tmp_path: Path):
    """Names by process id are the same for all threads, and in containers for all processes."""
    gate = Barrier(8)

    def one(number: int) -> None:
        gate.wait()
        atomic.write(tmp_path / "file", str(number) * 100_000)
        with atomic.writing_folder(tmp_path / "folder") as beside:
            (beside / "part").write_text(str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert _names(tmp_path) == ["file", "folder"]
    assert len(set((tmp_path / "file").read_text())) == 1
    assert _names(tmp_path / "folder") == ["part"]


def test_of_many_that_make_a_file_one_does(tmp_path: Path):
    gate = Barrier(8)

    def one(number: int) -> bool:
        gate.wait()
        return atomic.create(tmp_path / "key", bytes([number]) * 32, mode=0o600)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(one, range(8)))
    assert made.count(True) == 1
    assert (tmp_path / "key").read_bytes() == bytes([made.index(True)]) * 32
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert _names(tmp_path) == ["key"]


def test_nothing_else_writes_files_beside_their_place():
    """What is renamed into its place elsewhere has names of its own, and leaves them behind when it is killed."""
    root = Path(__file__).resolve().parents[3]
    own = re.compile(r"os\.(replace|rename|link)\(|NamedTemporaryFile|mkstemp|\.hardlink_to\(|shutil\.move\(")
    files = [path for floor in ("io", "features", "strategies", "engine") for path in (root / floor).rglob("*.py")]
    assert len(files) > 200
    assert [path.name for path in files if own.search(path.read_text())] == ["atomic.py"]


def test_a_key_is_nobody_elses_from_the_first_byte_on(tmp_path: Path):
    with atomic.writing(tmp_path / "key", mode=0o600) as beside:
        assert beside.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_what_killed_writers_left_is_removed_a_day_later(tmp_path: Path):
    left = [tmp_path / name for name in (".run.json.0123456789ab.tmp", f"{'a' * 24}.7", ".notes.1", "tape")]
    for path in left:
        (path.mkdir if path.name[0] == "a" else path.touch)()
    old = time.time() - 2 * atomic.ABANDONED_S
    for path in left:
        os.utime(path, (old, old))
    fresh = tmp_path / ".run.json.ba9876543210.tmp"
    fresh.touch()
    atomic.write(tmp_path / "run.json", "{}")
    assert _names(tmp_path) == [".notes.1", ".run.json.ba9876543210.tmp", "run.json", "tape"]
