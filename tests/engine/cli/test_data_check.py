"""`engine data check` and `engine data sample` as programs see them: output and exit codes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.api.data import Checked
from touchline.engine.cli.tell import checks
from touchline.engine.simulator.signals import matrix
from touchline.engine.simulator.tape.source import compile_tape
from touchline.features.signals import signed_flow
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ...program import engine as run
from ..histories import made_up
from ..simulator.test_replay import noise_tape


@pytest.fixture
def crossed(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    rows = {
        "ts": [0, 0, 0, 120 * 10**9], "ticker": ["A"] * 4, "kind": [2, 1, 1, 0], "side": [0, 1, -1, 1],
        "price": [0, 5_000, 4_900, 5_000], "size": [0, 100, 100, -100],
    }  # fmt: skip
    Store(store).ingest(
        "by hand", "1", [Chunk({"book": pl.DataFrame(rows), "markets": pl.DataFrame({"ticker": ["A"]})})]
    )
    return store


def test_a_fault_makes_the_exit_code_1(crossed: Path) -> None:
    shown = run("data", "check", "--store", crossed)
    assert shown.returncode == 1
    assert "crossed book" in shown.stdout and "2.0" in shown.stdout
    assert "the best bid was above the best ask" in shown.stderr
    assert shown.stderr.rstrip().endswith("error: 1 fault in 1 ticker; docs/checking.md says what each means")


def test_findings_as_json(crossed: Path) -> None:
    shown = run("data", "check", "A", "--store", crossed, "--json")
    document = json.loads(shown.stdout)
    assert (shown.returncode, document["ok"]) == (1, False)
    (found,) = document["findings"]
    assert (found["check"], found["ticker"], found["minutes"], found["severity"]) == ("crossed book", "A", 2.0, "fault")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["data", "check", "--store", "nowhere"], "no store"),
        (["data", "sample", "--no-import"], "--out"),
        (["data", "sample", "--scale", "0"], "--scale"),
        (["data", "sample", "--seed", "-1"], "--seed"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], says: str) -> None:
    shown = run(*arguments)
    assert shown.returncode == 2
    assert says in shown.stderr and shown.stderr.count("\n") == 1


def test_an_unknown_ticker_is_named(crossed: Path) -> None:
    shown = run("data", "check", "A", "B", "--store", crossed)
    assert shown.returncode == 2
    assert "no ticker B" in shown.stderr


def test_a_sample_is_made_imported_and_sound(tmp_path: Path) -> None:
    store, out = tmp_path / "store", tmp_path / "files"
    made = run("data", "sample", "--scale", "0.005", "--store", store, "--out", out, "--json")
    document = json.loads(made.stdout)
    assert made.returncode == 0 and document["synthetic"] is True
    assert document["rows"]["trades"] > 100 and len(document["files"]) == 19
    assert all(Path(name).is_file() for name in document["files"])
    checked = run("data", "check", "--store", store)
    assert checked.returncode == 0 and "no faults" in checked.stderr


def test_a_deep_check_removes_damaged_tapes(tmp_path, monkeypatch):
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "cache"))
    store = made_up(tmp_path / "store", markets=3, hours=60)
    for ticker in store.tickers("quotes"):
        compile_tape(store, ticker)
    deep = ("data", "check", "--store", store.path, "--deep")
    assert "3 kept tapes of all stores are as they were made" in run(*deep).stderr
    column = min((tmp_path / "cache" / "tapes").glob("*/ts.npy"))
    column.write_bytes(column.read_bytes()[:-1] + b"\xff")
    assert "1 of 3 kept tapes was damaged" in run(*deep).stderr
    assert not column.parent.exists()


def test_a_deep_check_removes_damaged_signals(tmp_path, monkeypatch):
    """One flipped byte is found although neither size nor time of the file tells of it."""
    monkeypatch.setattr(matrix, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(matrix, "_open", {})
    tape = noise_tape(seconds=5)
    before = matrix.signal_matrix(tape, {"flow": signed_flow(3)}).copy()
    (file,) = (tmp_path / "signals").glob("*/signals.npy")
    assert matrix.check_kept(tmp_path / "signals", lambda *_: None) == (1, 0)
    told, text = file.stat(), bytearray(file.read_bytes())
    text[-9] ^= 1
    file.write_bytes(text)
    os.utime(file, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert matrix.check_kept(tmp_path / "signals", lambda *_: None) == (1, 1) and not file.exists()
    monkeypatch.setattr(matrix, "_open", {})
    assert np.array_equal(matrix.signal_matrix(tape, {"flow": signed_flow(3)}), before)
    found = replace(Checked([]), signals=2, damaged_signals=1)
    said = []
    monkeypatch.setattr(checks, "say", said.append)
    checks.tell(found)
    assert "1 of 2 kept tables of signals was damaged and is removed, and made again when needed" in said


def test_a_deep_check_names_damaged_files(tmp_path):
    store = Store(tmp_path / "store")
    trades = pl.DataFrame({"ts": [1, 2], "ticker": "T", "price": 50, "size": 1})
    store.ingest("by hand", "digest", [Chunk({"trades": trades})])
    whole = run("data", "check", "--store", store.path, "--deep")
    assert (whole.returncode, "2 files are as they were written" in whole.stderr) == (0, True)
    (path,) = (tmp_path / "store" / "trades").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    for option in ([], ["--deep"]):
        damaged = run("data", "check", "--store", store.path, *option)
        assert (damaged.returncode, path.name in damaged.stderr) == (1, True)
        assert "damaged" in damaged.stderr and damaged.stderr.count("\n") == 1
