"""Kept tapes: the same as made ones, whatever happens to their files, to the disk, or beside them."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from touchline.engine.simulator.tape import kept as tape_cache
from touchline.engine.simulator.tape import source as tape_source
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.simulator.tape.tape import Tape
from touchline.io.book import columns
from touchline.io.ground.checksums import file_checksum, with_checksum
from touchline.io.store.store import Store

from ....damage import flips
from ...histories import made_up

TICKER = "KXA-00-T0"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "cache"))
    tape_cache._checked.cache_clear()
    return made_up(tmp_path / "store", hours=60)


def bytes_of(tape: Tape) -> list[Any]:
    columns = [np.asarray(column).tobytes() for column in (*tape.columns, tape.values)]
    return [*columns, tape.market, tape.coverage, tape.digest, tape.depth, tape.book, tape.notes]


@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_a_damaged_tape_is_made_again_with_a_note(store: Store, tmp_path: Path, capsys, count: int):
    made = bytes_of(compile_tape(store, TICKER, keep=False))
    assert bytes_of(compile_tape(store, TICKER)) == made
    (folder,) = (tmp_path / "cache" / "tapes").iterdir()
    for path in flips(sorted(folder.iterdir()), count):
        assert bytes_of(compile_tape(store, TICKER)) == made, path
        assert "is damaged and is made again" in capsys.readouterr().err
    for path in sorted(folder.iterdir()):  # and cut or gone
        os.truncate(path, path.stat().st_size // 2)
        assert bytes_of(compile_tape(store, TICKER)) == made
        path.unlink()
        assert bytes_of(compile_tape(store, TICKER)) == made
        assert capsys.readouterr().err.count("is damaged and is made again") == 2


def falsified(folder: Path, name: str) -> None:
    """Change the last byte of a column and its checksum, and the record's own."""
    column, record = folder / f"{name}.npy", folder / "tape.json"
    content = column.read_bytes()
    column.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    facts = json.loads(record.read_bytes())
    facts["files"][name] = file_checksum(column)
    del facts["checksum"]
    record.write_bytes(with_checksum(json.dumps(facts).encode()))


def test_a_tape_that_is_not_what_its_digest_says_is_made_again(store: Store, tmp_path: Path, capsys):
    made = bytes_of(compile_tape(store, TICKER))
    (folder,) = (tmp_path / "cache" / "tapes").iterdir()
    for name, content in zip(tape_cache.COLUMNS, made, strict=False):
        if content:
            falsified(folder, name)
            assert bytes_of(compile_tape(store, TICKER)) == made, name
            assert "is damaged and is made again" in capsys.readouterr().err
    facts = json.loads((folder / "tape.json").read_bytes())
    for wrong in ({"digest": "0" * 16}, {"market": {"ticker": "other"}}, {"market": {}}, {"files": {}}):
        text = json.dumps({name: value for name, value in (facts | wrong).items() if name != "checksum"})
        (folder / "tape.json").write_bytes(with_checksum(text.encode()))
        assert bytes_of(compile_tape(store, TICKER)) == made
        assert "is damaged and is made again" in capsys.readouterr().err


def test_a_full_check_reads_tapes_that_were_found_whole(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Rot on the disk changes no time."""
    made = [bytes_of(compile_tape(store, ticker)) for ticker in (TICKER, "KXB-00-T1")]
    tapes, steps = tmp_path / "cache" / "tapes", list[tuple[int, int]]()
    assert tape_cache.check_kept(tapes, lambda *step: steps.append(step)) == (2, 0)
    assert steps == [(1, 2), (2, 2)]
    monkeypatch.setattr(tape_cache, "stamp", lambda path: "as ever")
    tape_cache._checked.cache_clear()
    assert [bytes_of(compile_tape(store, ticker)) for ticker in (TICKER, "KXB-00-T1")] == made
    falsified(min(tapes.iterdir()), "ts")
    assert tape_cache.check_kept(tapes, lambda *_: None) == (2, 1)
    assert len([*tapes.iterdir()]) == 1
    assert [bytes_of(compile_tape(store, ticker)) for ticker in (TICKER, "KXB-00-T1")] == made
    assert tape_cache.check_kept(tmp_path / "none", lambda *_: None) == (0, 0)


def test_a_tape_that_was_just_made_is_not_read_again(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tape_cache, "digest_of", lambda *_: pytest.fail("it is read again"))
    compile_tape(store, TICKER)


def test_a_whole_tape_is_read_for_its_checksums_only_once(store: Store, monkeypatch: pytest.MonkeyPatch):
    made = bytes_of(compile_tape(store, TICKER))
    tape_cache._checked.cache_clear()  # as in a new process
    monkeypatch.setattr(tape_cache, "file_checksum", lambda path: pytest.fail(f"{path} is read again"))
    assert bytes_of(compile_tape(store, TICKER)) == made


def test_threads_that_want_one_tape_at_once_all_get_it(store: Store):
    """Four threads on one market with a cold cache: 9 of 40 failed."""
    for ticker in store.tickers("quotes")[:8]:
        gate = Barrier(4)

        def one(ticker: str = ticker, gate: Barrier = gate) -> str:
            gate.wait()
            return compile_tape(store, ticker).digest

        with ThreadPoolExecutor(4) as pool:
            assert len({answer.result() for answer in [pool.submit(one) for _ in range(4)]}) == 1


def test_what_a_killed_process_left_blocks_nobody(store: Store, tmp_path: Path):
    """In a container the next process has the same id."""
    compile_tape(store, TICKER)
    (folder,) = (tmp_path / "cache" / "tapes").iterdir()
    folder.rename(folder.with_name(f"{folder.name}.{os.getpid()}"))
    compile_tape(store, TICKER)
    assert folder.exists()


def test_a_full_cache_costs_a_note_and_not_the_run(store: Store, monkeypatch: pytest.MonkeyPatch, capsys):
    made = bytes_of(compile_tape(store, TICKER, keep=False))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert bytes_of(compile_tape(store, TICKER)) == made
    assert "is not kept" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["stands_nb", "set_nb"])
def test_a_tape_is_made_again_when_the_rule_of_a_book_is_another(store: Store, tmp_path: Path, monkeypatch, name: str):
    def named() -> set[str]:
        tape_source._kernels.cache_clear()
        compile_tape(store, TICKER)
        return {path.name for path in (tmp_path / "cache" / "tapes").iterdir()}

    first = named()
    assert named() == first
    rule = getattr(columns, name)
    function = getattr(rule, "py_func", rule)
    with monkeypatch.context() as other:
        code = function.__code__
        other.setattr(function, "__code__", code.replace(co_consts=(*code.co_consts, "another")))
        assert len(named() - first) == 1
    tape_source._kernels.cache_clear()
