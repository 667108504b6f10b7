"""Damage to a store: an error of one line that names the file, never another answer; and stores without checksums."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from touchline.io.ground.checksums import is_whole
from touchline.io.ground.errors import DamagedError, TouchlineError
from touchline.io.store.chunk import BadRow, Chunk
from touchline.io.store.files.intact import INTACT, NOT_CHECKED
from touchline.io.store.ingest import ingest
from touchline.io.store.store import Store

from ...damage import flips


def chunk(day: int, rows: int = 400) -> Chunk:
    dice = random.Random(day)
    ts = sorted(dice.randrange(day * 10**12, (day + 1) * 10**12) for _ in range(rows))
    trades = pl.DataFrame(
        {
            "ts": ts,
            "ticker": [f"T{dice.randrange(9)}" for _ in ts],
            "price": [dice.randrange(1, 10_000) for _ in ts],
            "size": [dice.randrange(1, 10**6) for _ in ts],
            "trade_id": [f"{day}-{number}" for number in range(rows)],
        }
    )
    return Chunk({"trades": trades, "markets": pl.DataFrame({"ticker": ["T1"], "title": [f"day {day}"]})})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "cache"))
    made = Store(tmp_path / "store")
    for day in range(3):
        made.ingest(f"day {day}", f"digest {day}", [chunk(day)])
    return made


def answers(path: str) -> list[Any]:
    """What a new process gets."""
    store = Store(path)
    return [
        store.trades().collect().to_dict(as_series=False),
        store.markets(history=True).collect().to_dict(as_series=False),
        store.sql("select ticker, sum(price * size) from trades group by all order by all").rows(),
        [msgspec.to_builtins(report) for report in store.imports()],
        store.tables(),
    ]


COUNTS = [20, pytest.param(200, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", COUNTS)
def test_a_damaged_file_is_named_and_never_read(store: Store, count: int):
    files = sorted(Path(store.path).glob("*/*.parquet"))
    before = answers(store.path)
    for path in flips(files, count):
        for read in (answers, lambda at: Store(at).compact(), lambda at: Store(at).ingest("again", "x", [chunk(0)])):
            if read is answers or path.parent.name == "trades":
                with pytest.raises(DamagedError, match=str(path)) as said:
                    read(store.path)
                assert "\n" not in str(said.value)
    assert answers(store.path) == before


@pytest.mark.parametrize("count", COUNTS)
def test_a_damaged_manifest_is_named_and_never_believed(store: Store, count: int):
    before = answers(store.path)
    for path in flips(sorted(Path(store.path).glob("manifests/*")), count):
        with pytest.raises(TouchlineError, match=str(path)) as said:
            answers(store.path)
        assert "\n" not in str(said.value)
    assert answers(store.path) == before


@pytest.mark.parametrize("count", COUNTS)
def test_an_import_goes_on_from_before_what_was_damaged(tmp_path, monkeypatch, capsys, count: int):
    monkeypatch.setattr(ingest, "BATCH_ROWS", 1)
    chunks = [Chunk(chunk(day, 20).tables, [BadRow(day, "bad", "raw")]) for day in range(4)]
    whole = Store(tmp_path / "whole")
    whole.ingest("days", "digest", chunks)

    def interrupted(skip: int):
        yield from chunks[skip:3]
        raise KeyboardInterrupt

    store = Store(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        store.ingest("days", "digest", interrupted)
    files = [*Path(store.path).glob("unfinished/*/*"), *Path(store.path).glob("*/*.parquet")]
    for path in flips(sorted(files), count):
        with pytest.raises(KeyboardInterrupt):
            Store(store.path).ingest("days", "digest", interrupted)
        assert path.exists()
    assert Store(store.path).ingest("days", "digest", lambda skip: chunks[skip:]).rows == whole.imports()[0].rows
    assert store.trades().collect().equals(whole.trades().collect())
    kept = [next(Path(one.path).glob("quarantine/*")).read_bytes() for one in (store, whole)]
    assert kept[0] == kept[1]


def test_a_file_that_is_gone_or_another_is_named(store: Store):
    one, other, *_ = sorted(Path(store.path).glob("trades/*.parquet"))
    whole = one.read_bytes()
    one.write_bytes(other.read_bytes())
    with pytest.raises(DamagedError, match=rf"{one.name} is damaged"):
        answers(store.path)
    one.unlink()
    with pytest.raises(DamagedError, match=rf"{one.name} is missing"):
        answers(store.path)
    one.write_bytes(whole)
    assert {state.state for state in store.check_files()} == {INTACT}


def without_checksums(path: str) -> None:
    """Make a store what 0.1.0 would have left."""
    for place in Path(path).glob("manifests/*"):
        document = msgspec.json.decode(place.read_bytes())
        document |= {"format": 1}
        del document["checksum"]
        for file in document["files"]:
            del file["checksum"]
        place.write_bytes(msgspec.json.encode(document))


def test_a_store_of_before_opens_and_is_given_checksums_by_compaction(store: Store):
    before = answers(store.path)
    without_checksums(store.path)
    assert answers(store.path) == before
    assert {state.state for state in Store(store.path).check_files()} == {NOT_CHECKED}
    Store(store.path).compact(keep_seconds=0)
    assert {state.state for state in Store(store.path).check_files()} == {INTACT}
    assert all(is_whole(place.read_bytes()) for place in Path(store.path).glob("manifests/*"))
    assert sorted(answers(store.path)[0]["trade_id"]) == sorted(before[0]["trade_id"])


def test_a_manifest_cannot_lose_its_checksum(store: Store):
    place = min(Path(store.path).glob("manifests/*"))
    document = msgspec.json.decode(place.read_bytes())
    del document["checksum"]
    place.write_bytes(msgspec.json.encode(document))
    with pytest.raises(DamagedError, match=place.name):
        answers(store.path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 100_000, b"", b'{"number": 1}'])
def test_a_manifest_that_is_none_is_one_line(store: Store, content: bytes):
    place = max(Path(store.path).glob("manifests/*"))
    place.write_bytes(content)
    with pytest.raises(TouchlineError, match=place.name):
        answers(store.path)


def test_a_full_check_reads_what_was_checked_before(store: Store, monkeypatch: pytest.MonkeyPatch):
    """Rot on the disk changes no time; reading again does not look for it, a full check does."""
    answers(store.path)
    path = min(Path(store.path).glob("trades/*.parquet"))
    known = path.stat()
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(
        "touchline.io.store.files.local.stamp", lambda place: f"{place.stat().st_size} {known.st_mtime_ns}"
    )
    assert [one.name for one in store.check_files() if one.state != INTACT] == [f"trades/{path.name}"]
