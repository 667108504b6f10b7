"""An import is taken back: its rows and nothing else, all at once, whatever kills the command."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from touchline.io.ground.errors import DamagedError, InputError
from touchline.io.store.chunk import BadRow, Chunk
from touchline.io.store.files.local import LocalPlace
from touchline.io.store.ingest import ingest
from touchline.io.store.store import Store


def trades(*ts: int, ticker: str = "A", ids: str | None = None) -> Chunk:
    frame = {"ts": list(ts), "ticker": [ticker] * len(ts), "price": [5000] * len(ts), "size": [100] * len(ts)}
    return Chunk({"trades": pl.DataFrame(frame | ({"trade_id": [f"{ids}{one}" for one in ts]} if ids else {}))})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.mark.parametrize("compacted", [False, True])
def test_forgetting_leaves_what_the_others_brought(store: Store, compacted: bool) -> None:
    store.ingest("a.csv", "a", [trades(1, 5, 9)])
    before = store.trades().collect()
    gone = store.ingest("b.csv", "b", [trades(2, 6), trades(3, ticker="B")])
    store.ingest("c.csv", "c", [trades(4, ticker="C")])
    if compacted:
        store.compact(keep_seconds=0)
    told = store.forget(gone.import_id)
    assert (told.rows, told.tickers, told.done) == ({"trades": 3}, 2, True)
    assert [one.source for one in store.imports()] == ["a.csv", "c.csv"]
    assert_frame_equal(store.trades("A").collect(), before)
    assert store.tickers() == ["A", "C"]


def test_a_dry_run_changes_nothing(store: Store, tmp_path: Path) -> None:
    report = store.ingest("a.csv", "a", [trades(1, 5, 9)])
    before = sorted((file, file.stat().st_size) for file in tmp_path.rglob("*.*"))
    assert store.forget(report.import_id[:5], dry_run=True).done is False
    assert sorted((file, file.stat().st_size) for file in tmp_path.rglob("*.*")) == before
    assert store.trades().collect().height == 3


def test_what_was_forgotten_can_be_imported_again(store: Store) -> None:
    store.ingest("a.csv", "a", [trades(1, 2, ids="x")])
    before = store.trades().collect()
    store.forget(store.imports()[0].import_id)
    assert store.trades().collect().height == 0
    assert store.ingest("a.csv", "a", [trades(1, 2, ids="x")]).new
    assert_frame_equal(store.trades().collect(), before)
    store.compact(keep_seconds=0)
    assert_frame_equal(store.trades().collect(), before)


def test_rows_that_later_imports_left_out_are_told(store: Store) -> None:
    first = store.ingest("a.csv", "a", [trades(1, 2, ids="x")])
    store.ingest("b.csv", "b", [trades(2, 3, ids="x")])
    store.ingest("c.csv", "c", [trades(4, ids="x")])
    assert [one.source for one in store.forget(first.import_id, dry_run=True).lacking] == ["b.csv"]


def test_the_quarantine_goes_with_the_import(store: Store, tmp_path: Path) -> None:
    bad = Chunk(trades(1).tables, [BadRow(1, "bad", "raw")])
    report = store.ingest("a.csv", "a", [bad])
    kept = store.ingest("b.csv", "b", [bad])
    assert report.quarantine is not None and kept.quarantine is not None
    store.forget(report.import_id)
    store.compact(keep_seconds=0)
    assert not Path(report.quarantine).exists()
    assert Path(kept.quarantine).exists()


def test_no_import_goes_on_from_keys_checked_against_one_that_was_taken_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed import's journal counted the imports before it: one taken back and another made gave the same count."""
    monkeypatch.setattr(ingest, "BATCH_ROWS", 1)
    first = store.ingest("a.csv", "a", [trades(1, ids="x")])

    def killed():
        yield trades(1, ids="x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.ingest("b.csv", "b", killed())
    store.forget(first.import_id)
    store.ingest("c.csv", "c", [trades(7, ids="x")])
    again = store.ingest("b.csv", "b", [trades(1, ids="x"), trades(2, ids="x")])
    assert again.rows == {"trades": 2}
    assert store.trades().collect()["ts"].to_list() == [1, 2, 7]


def test_a_kill_at_any_moment_leaves_all_of_it_or_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step that touches the disk is the last one once."""
    for name in "abc":
        store.ingest(name, name, [trades(1, 2, 3, ticker=name), trades(4)])
    store.compact(keep_seconds=0)
    target = store.imports()[1].import_id
    before = store.trades().collect().sort("ts", "ticker")
    real, left, steps = os.fsync, 0, 0

    class Killed(BaseException):
        pass

    def fsync(descriptor: int) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        real(descriptor)

    for steps in range(20):
        left = steps
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            try:
                store.forget(target)
                break
            except Killed:
                pass
        seen = Store(tmp_path / "store").trades().collect().sort("ts", "ticker")
        gone = seen.height < before.height
        assert_frame_equal(seen, before.filter(pl.col("import_id") != target) if gone else before)
        if gone:  # the manifest was there: the command is done
            break
    assert steps >= 3
    after = Store(tmp_path / "store").trades().collect().sort("ts", "ticker")
    assert_frame_equal(after, before.filter(pl.col("import_id") != target))
    store.compact(keep_seconds=0)
    files = {file.name for file in (tmp_path / "store" / "trades").iterdir()}
    assert len(files) == next(table.files for table in store.tables() if table.name == "trades")


def test_an_id_that_is_none_or_several_is_refused(store: Store) -> None:
    store.ingest("a.csv", "a", [trades(1)])
    for wrong in ("", "zz"):
        with pytest.raises(InputError, match="engine data imports lists them"):
            store.forget(wrong)


def test_brought_counts_rows_by_table_and_ticker(store: Store) -> None:
    markets = Chunk({"markets": pl.DataFrame({"ticker": ["A"], "status": ["active"]})})
    report = store.ingest("a.csv", "a", [trades(1, 5, 9), trades(3, ticker="B"), markets])
    assert store.brought(report.import_id).rows() == [
        ("trades", "A", 3, 1, 9),
        ("trades", "B", 1, 3, 3),
        ("markets", "A", 1, None, None),
    ]


def test_files_that_do_not_hold_what_the_manifest_says_are_left_alone(store: Store) -> None:
    report = store.ingest("a.csv", "a", [trades(1, 5, 9)])
    place = LocalPlace(Path(store.path))
    name = place.names("trades")[0]
    place.put_frame(name, store.trades().collect().head(2), 100)
    with pytest.raises(DamagedError, match=name):
        Store(store.path).forget(report.import_id)
