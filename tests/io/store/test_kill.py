"""Killed at random moments, and two at once: the store always opens, nothing is torn, lost or doubled."""

from __future__ import annotations

import os
import random
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from touchline.io.store import compaction
from touchline.io.store.files.places import place_at
from touchline.io.store.ingest import ingest
from touchline.io.store.store import Store

#: Children keep compiled modules, wherever the tests run: most of their life would be compiling otherwise.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "touchline-tests-pycache")
}
SCRIPT = Path(__file__).with_name("store_child.py")


@pytest.fixture(scope="module")
def work():
    """What the child does, done in this process."""
    with patch.object(ingest, "BATCH_ROWS", 0), patch.object(compaction, "FULL_ROWS", 0):  # the script sets them
        yield runpy.run_path(str(SCRIPT))["work"]


class Child:
    """A process that is ready to work: a kill falls into the work and not into Python's start."""

    def __init__(self, store: Path, what: str) -> None:
        self.process: Any = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(store), what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        assert self.process.stdout.readline() == "ready\n"

    def go(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def kill_after(self, seconds: float) -> bool:
        """Whether it was killed before it had finished."""
        self.go()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.communicate()
        return self.process.returncode != 0

    def finish(self) -> str:
        _, said = self.process.communicate("go\n" if not self.process.stdin.closed else None, timeout=120)
        assert self.process.returncode == 0, said
        return said


def files_of(path: Path) -> int:
    return next(table.files for table in Store(path).tables() if table.name == "trades")


def contents(path: Path) -> tuple[pl.DataFrame, pl.DataFrame, list[bytes]]:
    store = Store(path)
    trades = store.trades().collect().sort("ticker", "ts", "seq", maintain_order=True)
    quarantine = sorted(file.read_bytes() for file in (path / "quarantine").glob("*"))
    return trades, store.markets(history=True).collect(), quarantine


def assert_same(one: tuple, other: tuple) -> None:
    assert_frame_equal(one[0], other[0])
    assert_frame_equal(one[1], other[1])
    assert one[2] == other[2]


@pytest.mark.parametrize("wanted", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_imports_lose_nothing_and_show_nothing_half(tmp_path, work, wanted):
    dice = random.Random(20_250_615)
    whole = tmp_path / "whole"
    work(whole, "base")
    base = contents(whole)
    clock = time.perf_counter()
    work(whole, "one")
    seconds = time.perf_counter() - clock
    undisturbed = contents(whole)

    killed = finished = 0
    path = tmp_path / "store0"
    work(path, "base")
    while killed < wanted:
        if Child(path, "one").kill_after(dice.uniform(0, seconds)):
            killed += 1
            committed = len(Store(path).imports()) == 2
            assert_same((*contents(path)[:2], []), (*(undisturbed if committed else base)[:2], []))
        else:
            assert_same(contents(path), undisturbed)
            finished += 1
            path = tmp_path / f"store{finished}"
            work(path, "base")
    work(path, "one")
    assert_same(contents(path), undisturbed)


@pytest.mark.parametrize("wanted", [2, pytest.param(15, marks=pytest.mark.slow)])
def test_killed_compactions_change_no_row(tmp_path, work, wanted):
    dice = random.Random(7)
    killed = 0
    for number in range(wanted):
        path = tmp_path / f"store{number}"
        for seed in "ab":
            work(path, seed)
        before, files = contents(path), files_of(path)
        killed += Child(path, "compact").kill_after(dice.uniform(0, 0.1))
        assert_same(contents(path), before)
        work(path, "compact")
        assert_same(contents(path), before)
        assert files_of(path) < files
        assert len(list((path / "trades").iterdir())) == files_of(path)
    assert killed


def test_two_writers_wait_for_each_other_and_lose_nothing(tmp_path, work):
    one_by_one, both = tmp_path / "one by one", tmp_path / "both"
    for seed in "ab":
        work(one_by_one, seed)
    writers = [Child(both, seed) for seed in "ab"]
    with place_at(both).lock("import of another file", print):  # so that both are sure to find it held
        for writer in writers:
            writer.go()
        firsts = [writer.process.stderr.readline() for writer in writers]
    assert all("waiting for import of" in first for first in firsts)
    for writer in writers:
        writer.finish()
    assert len(Store(both).imports()) == 2
    keyed = pl.col("trade_id").is_not_null()
    trades = [Store(path).trades().drop("import_id", "source").collect() for path in (one_by_one, both)]
    for keys in (frame.filter(keyed).select("ticker", "trade_id") for frame in trades):
        assert not keys.is_duplicated().any()
        assert_frame_equal(keys, trades[0].filter(keyed).select("ticker", "trade_id"), check_row_order=False)
    plain = [frame.filter(~keyed) for frame in trades]
    assert_frame_equal(plain[0], plain[1], check_row_order=False)


def test_an_import_resumed_after_another_one_is_checked_against_it(tmp_path, work):
    """Keys are checked before a batch is written, so another import in between makes the finished batches stale."""
    path = tmp_path / "store"

    def interrupted():
        yield from runpy.run_path(str(SCRIPT))["source"]("a")(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store(path).ingest("a", "a", interrupted())
    assert list((path / "unfinished").iterdir())
    work(path, "b")
    work(path, "a")
    trades = Store(path).trades().collect()
    assert not trades.filter(pl.col("trade_id").is_not_null()).select("ticker", "trade_id").is_duplicated().any()
    assert not (path / "unfinished").exists() or not list((path / "unfinished").iterdir())


@pytest.mark.parametrize("cleaner", ["an import", "a compaction"])
def test_what_no_import_can_go_on_from_is_removed(tmp_path, work, cleaner):
    """The journal of a file that is not imported again once another file was."""
    path = tmp_path / "store"
    work(path, "base")

    def interrupted():
        yield from runpy.run_path(str(SCRIPT))["source"]("a")(0)
        raise KeyboardInterrupt

    def left() -> list[Path]:
        return list((path / "trades").glob(f"{ingest.import_id_of('a')}-*"))

    with pytest.raises(KeyboardInterrupt):
        Store(path).ingest("a", "a", interrupted())
    finished = left()
    work(path, "compact")
    assert finished == left() != [], "it may still go on"
    if cleaner == "an import":
        work(path, "b")
    else:
        with patch.object(ingest, "drop_abandoned"):
            work(path, "b")
        assert left() == finished
        work(path, "compact")
    assert not list((path / "unfinished").iterdir()) and not left()
    whole = tmp_path / "whole"
    for seed in ("base", "b"):
        work(whole, seed)
    assert_same(contents(path), contents(whole))
