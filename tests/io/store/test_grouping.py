"""Many small files are stored together, and are what they would be one by one."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from touchline.engine.cli.tell.imports import grouped
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, import_files, plan
from touchline.io.store.store import Store

HEAD = "ticker,created_time,yes_price,no_price,count,taker_side"


def trades(path: Path, *rows: str, head: str = HEAD) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def bring(store: Store, folder: Path):
    return list(import_files(store, plan([folder], Options())[0], Options()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Trades with and without ids that overlap, a bad row, markets that repeat and contradict each other."""
    (tmp_path / "in").mkdir()
    for n in range(6):
        rows = [f"id{n + k},KXA-T{k % 2},{1_750_000_000 + n + k},{40 + k},{60 - k},{1 + k},yes" for k in range(3)]
        trades(tmp_path / "in" / f"a{n}.csv", *rows, head="trade_id," + HEAD)
        trades(tmp_path / "in" / f"b{n}.csv", f"KXB,{1_750_000_000 + n},40,60,{n + 1},yes", "KXB,never,40,60,1,yes")
        result = "yes" if n < 4 else "no"
        (tmp_path / "in" / f"m{n}.csv").write_text(f"ticker,close_time,result\nKXA-T0,2025-07-01T00:00:00Z,{result}\n")
    return tmp_path / "in"


def test_small_files_leave_the_store_that_they_leave_one_by_one(folder: Path, tmp_path: Path) -> None:
    together, alone = Store(tmp_path / "together"), Store(tmp_path / "alone")
    done = bring(together, folder)
    one_by_one = [import_file(alone, one, Options()) for one in plan([folder], Options())[0]]
    for table in ("trades", "markets"):
        assert_frame_equal(*(
            store.table(table).collect().sort("ticker", pl.exclude("ticker")) for store in (together, alone)
        ))  # fmt: skip
    assert_frame_equal(together.trades("KXA-T0").collect(), alone.trades("KXA-T0").collect())
    for one, other in zip(done, one_by_one, strict=True):
        a, b = one.report, other.report
        assert (a.import_id, a.rows, a.duplicates, a.quarantined, a.tickers, a.start, a.end, a.conflicts) == (
            b.import_id, b.rows, b.duplicates, b.quarantined, b.tickers, b.start, b.end, b.conflicts
        )  # fmt: skip
        assert (one.reasons, one.facts) == (other.reasons, other.facts)
    assert sum(one.report.quarantined for one in done) == 8
    assert {table.name: table.files for table in together.tables()}["trades"] == 1


def test_small_files_are_known_again_and_each_can_be_taken_back(folder: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    first = bring(store, folder)
    assert not any(one.report.new for one in bring(store, folder))
    gone = next(one.report for one in first if one.recognised.path.name == "b3.csv")
    store.forget(gone.import_id)
    assert store.trades("KXB").collect()["size"].to_list() == [100, 200, 300, 500, 600]
    assert [one.report.new for one in bring(store, folder)].count(True) == 1


def test_files_before_the_one_that_cannot_be_read_are_stored(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for n in range(3):
        trades(tmp_path / "in" / f"a{n}.csv", f"KXB,{1_750_000_000 + n},40,60,{n + 1},yes")
    (tmp_path / "in" / "a1.csv").write_text("ts,value\n1750000000,4\n")  # an underlying without a name
    store = Store(tmp_path / "store")
    with pytest.raises(InputError, match="does not name its underlying"):
        bring(store, tmp_path / "in")
    assert store.trades().collect()["size"].to_list() == [100]


def test_a_file_twice_in_one_folder_is_one_import(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        trades(tmp_path / "in" / f"{name}.csv", "KXB,1750000000,40,60,1,yes")
    store = Store(tmp_path / "store")
    assert [one.report.new for one in bring(store, tmp_path / "in")] == [True, False]
    assert store.trades().collect().height == 1


@pytest.mark.parametrize("together", [True, False])
def test_the_same_rows_from_another_file_are_not_stored_again(tmp_path: Path, together: bool) -> None:
    """Plain and gzipped, with an option spelt out, as another format: trades without ids were counted twice or more."""
    (tmp_path / "in").mkdir()
    plain = trades(tmp_path / "in" / "a.csv", "KXB,1750000000,40,60,1,yes", "KXB,1750000000,40,60,1,yes")
    (tmp_path / "in" / "b.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    pl.read_csv(plain).write_parquet(tmp_path / "in" / "c.parquet")
    store = Store(tmp_path / "store")
    if together:
        done = [one.report for one in bring(store, tmp_path / "in")]
    else:
        done = [import_file(store, one, Options()).report for one in plan([tmp_path / "in"], Options())[0]]
    spelt = Options(price_unit="cents")
    done += [import_file(store, one, spelt).report for one in plan([plain], spelt)[0]]
    assert [one.rows for one in done] == [{"trades": 2}, {}, {}, {}]
    assert [one.duplicates for one in done] == [{}, *[{"trades": 2}] * 3]
    assert [one.same_as for one in done] == [None, *[done[0].import_id] * 3]
    assert store.trades().collect().height == 2
    assert next(table.files for table in store.tables() if table.name == "trades") == 1


def test_rows_that_only_look_alike_are_kept(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    trades(tmp_path / "in" / "a.csv", "KXB,1750000000,40,60,1,yes", "KXB,1750000009,41,59,2,yes")
    trades(tmp_path / "in" / "b.csv", "KXB,1750000000,41,59,1,yes", "KXB,1750000009,40,60,2,yes")
    store = Store(tmp_path / "store")
    assert [one.report.same_as for one in bring(store, tmp_path / "in")] == [None, None]
    assert store.trades().collect().height == 4


def test_notes_of_one_kind_are_one_line_with_a_count() -> None:
    notes = [(f"f{n}.csv", f"the market is KXA-{n}", 0) for n in range(24_000)]
    notes += [(f"f{n}.csv", "repeated frames left out", 2) for n in range(3)]
    assert list(grouped(notes)) == [
        ("24,000 files", 0, "the market is … (such as f0.csv: the market is KXA-0)"),
        ("3 files", 6, "repeated frames left out"),
    ]
