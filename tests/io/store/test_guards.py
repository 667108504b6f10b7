"""What guards the store against losing rows: each guard is seen at work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline.io.ground.errors import InputError
from touchline.io.store import compaction, reading
from touchline.io.store.chunk import BadRow, Chunk
from touchline.io.store.files.local import LocalPlace
from touchline.io.store.ingest import ingest
from touchline.io.store.store import Store


def trades(*rows: tuple[int, int], ticker: str = "A") -> Chunk:
    """Trades at (time, price)."""
    ts, price = zip(*rows, strict=True)
    return Chunk(
        {"trades": pl.DataFrame({"ts": ts, "ticker": [ticker] * len(ts), "price": price, "size": [100] * len(ts)})}
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.mark.parametrize("change", [-1, 1])
def test_a_compaction_that_would_change_the_number_of_rows_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, change: int
) -> None:
    for n in range(3):
        store.ingest(f"{n}", f"{n}", [trades((n, 50), (n + 5, 51))])
    before = store.trades().collect()
    real: Any = compaction._Compaction._slices

    def slices(*arguments: Any) -> Iterator[pl.DataFrame]:
        for frame in real(*arguments):
            yield frame.head(-1) if change < 0 else pl.concat([frame, frame.tail(1)])

    with monkeypatch.context() as patch:
        patch.setattr(compaction._Compaction, "_slices", slices)
        with pytest.raises(InputError, match="do not hold what their manifests say; nothing changed"):
            store.compact()
    assert store.trades().collect().equals(before)
    store.compact(keep_seconds=0)
    assert store.trades().collect().sort("ts").equals(before.sort("ts"))


def ranges(*spans: tuple[int, int]) -> list[Any]:
    """Files of one ticker, in the order of their import, from one time to another."""
    return [
        ingest.StoredFile("trades", f"{n}", 2, 1, ("A", low, 0), ("A", high, 0), (low, 0), (high, 0), keyed=False)
        for n, (low, high) in enumerate(spans)
    ]


@pytest.mark.parametrize(
    ("spans", "groups"),
    [
        ([(1, 5), (5, 9)], [["0"], ["1"]]),  # touch, and the later rows were imported later: read in turn
        ([(5, 9), (1, 5)], [["0", "1"]]),  # touch, and the later rows were imported first: their ties come first
        ([(1, 5), (6, 9)], [["0"], ["1"]]),
        ([(6, 9), (1, 5)], [["1"], ["0"]]),
        ([(1, 5), (4, 9)], [["0", "1"]]),
        ([(1, 9), (2, 3), (9, 12)], [["0", "1"], ["2"]]),
        ([(1, 9), (9, 12), (2, 3)], [["0", "1", "2"]]),  # the youngest of the group decides, not its last in time
    ],
)
def test_files_whose_times_touch_are_read_in_the_order_of_import(
    spans: list[tuple[int, int]], groups: list[list[str]]
) -> None:
    assert [[file.name for file in group] for group in reading.in_time(ranges(*spans))] == groups


@pytest.mark.parametrize("first", [True, False])
def test_rows_of_one_moment_keep_the_order_of_import_over_files(store: Store, first: bool) -> None:
    early, late = trades((1, 10), (5, 11)), trades((5, 12), (9, 13))
    for name, chunk in [("early", early), ("late", late)] if first else [("late", late), ("early", early)]:
        store.ingest(name, name, [chunk])
    wanted = [10, 11, 12, 13] if first else [10, 12, 11, 13]
    assert store.trades("A").collect()["price"].to_list() == wanted
    store.compact(keep_seconds=0)
    assert store.trades("A").collect()["price"].to_list() == wanted


def test_a_name_is_on_the_disk_when_a_write_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced before it takes its name, and the folder after that: a power cut then loses neither."""
    place, done = LocalPlace(tmp_path), list[str]()
    place.put("trades/before", b"x")
    sync, rename = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        done.append("folder" if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir() else "file")
        sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    place.put("trades/a", b"x")
    place.put_frame("trades/b", pl.DataFrame({"a": [1]}), 10)
    assert done == ["file", "rename", "folder"] * 2


def test_many_bad_rows_end_a_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quarantined rows are durable too: what a killed import had refused is not read again."""
    monkeypatch.setattr(ingest, "BATCH_BAD", 4)

    def chunks(upto: int) -> Iterator[Chunk]:
        for n in range(upto):
            yield Chunk({}, [BadRow(n, "bad", "raw"), BadRow(n, "bad", "raw")])

    def killed() -> Iterator[Chunk]:
        yield from chunks(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.ingest("a", "a", killed())
    report = store.ingest("a", "a", list(chunks(5)))
    assert (report.resumed, report.quarantined) == (4, 10)
