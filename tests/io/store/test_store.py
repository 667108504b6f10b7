"""The store: what goes in comes out, once, in order."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from touchline.io.ground.checksums import with_checksum
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import BadRow, Chunk
from touchline.io.store.files import intact
from touchline.io.store.files.local import LocalPlace
from touchline.io.store.store import Store

DAY = 86_400 * 10**9


def trades(*rows: tuple, **more) -> Chunk:
    frame = pl.DataFrame(rows, schema=["ts", "ticker", "price", "size"], orient="row")
    return Chunk({"trades": frame.with_columns(**{name: pl.Series(values) for name, values in more.items()})})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_absent_store_is_one_clear_error(store):
    for read in (store.trades, store.imports, store.tickers, lambda: store.sql("select 1"), store.markets):
        with pytest.raises(InputError, match=r"there is no store at .*engine data import"):
            read()


def test_rows_come_back_in_order_with_provenance(store):
    report = store.ingest("a.csv", "d1", [trades((2, "B", 10, 1), (5, "A", 20, 2), (1, "A", 30, 3), (1, "A", 31, 3))])
    assert (report.new, report.rows, report.tickers, report.start, report.end) == (True, {"trades": 4}, 2, 1, 5)
    frame = store.trades().collect()
    assert frame.select("ticker", "ts", "price").rows() == [("A", 1, 30), ("A", 1, 31), ("A", 5, 20), ("B", 2, 10)]
    assert set(frame["source"]) == {"a.csv"}
    assert set(frame["import_id"]) == {report.import_id}


def test_a_large_batch_becomes_files_of_which_a_reader_checks_only_its_own(store, monkeypatch, tmp_path):
    monkeypatch.setattr("touchline.io.store.ingest.ingest.FILE_ROWS", 4)
    rows = [(ts, "AABAB"[ts % 5], 10 + ts, 1) for ts in range(20)]  # twelve of A, eight of B
    report = store.ingest("a", "d1", [trades(*rows)])
    assert [table.files for table in store.tables() if table.name == "trades"] == [5]
    assert sorted(store.trades().select("ts", "ticker", "price", "size").collect().rows()) == rows
    assert store.trades("B").collect()["ts"].to_list() == [2, 4, 7, 9, 12, 14, 17, 19]

    read: list[str] = []
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "another"))  # where nothing was found whole yet
    intact._checked.cache_clear()
    checksum = LocalPlace.checksum
    monkeypatch.setattr(LocalPlace, "checksum", lambda place, name: read.append(name) or checksum(place, name))
    assert store.trades("B", 15, 20).collect()["ts"].to_list() == [17, 19]
    assert len(read) == 1

    store.forget(report.import_id)
    assert store.trades().collect().height == 0
    intact._checked.cache_clear()


def test_same_content_twice_changes_nothing(store):
    first = store.ingest("a", "d1", [trades((1, "A", 10, 1))])
    version = store.version("trades")
    again = store.ingest("a", "d1", [trades((1, "A", 10, 1))])
    assert (first.new, again.new) == (True, False)
    assert again.import_id == first.import_id
    assert store.version("trades") == version
    assert store.trades().collect().height == 1


def test_overlap_is_taken_once_by_key_and_kept_without_one(store):
    one = trades((1, "A", 10, 1), (2, "A", 10, 1), (2, "A", 10, 1), (3, "A", 9, 9), trade_id=["x", None, None, "x"])
    report = store.ingest("one", "d1", [one])
    assert report.duplicates == {"trades": 1}
    two = trades((1, "A", 10, 1), (2, "A", 10, 1), (4, "A", 10, 1), (1, "B", 5, 5), trade_id=["x", None, "y", "x"])
    report = store.ingest("two", "d2", [two])
    assert report.duplicates == {"trades": 1}
    rows = store.trades().select("ticker", "ts", "trade_id").collect().rows()
    assert rows == [("A", 1, "x"), ("A", 2, None), ("A", 2, None), ("A", 2, None), ("A", 4, "y"), ("B", 1, "x")]


def test_windows_are_half_open_and_take_every_kind_of_moment(store):
    store.ingest("a", "d1", [trades(*((day * DAY, "A", day, 1) for day in range(5)))])
    for start, end in [
        (DAY, 3 * DAY),
        ("1970-01-02", "1970-01-04T00:00:00Z"),
        (datetime(1970, 1, 2), datetime(1970, 1, 4, tzinfo=UTC)),
    ]:
        assert store.trades("A", start, end).collect()["price"].to_list() == [1, 2]
    assert store.trades("B").collect().is_empty()
    assert store.trades(["A", "B"], end="1970-01-02").collect().height == 1
    with pytest.raises(InputError, match="start 'soon' is not an ISO 8601 time"):
        store.trades("A", "soon")


def test_wrong_rows_are_refused_and_nothing_is_kept(store):
    good = trades((1, "A", 10, 1))
    for bad, message in [
        (pl.DataFrame({"ts": [1], "ticker": ["A"], "price": [1]}), "needs column size"),
        (
            pl.DataFrame({"ts": [1], "ticker": ["A"], "price": [0.5], "size": [1]}),
            "price of table trades must be Int32",
        ),
        (pl.DataFrame({"ts": [1], "ticker": ["A"], "price": [2**40], "size": [1]}), "does not fit Int32"),
        (pl.DataFrame({"ts": [1], "ticker": [None], "price": [1], "size": [1]}), "ticker of table trades is required"),
        (pl.DataFrame({"ts": [1], "ticker": ["A"], "price": [1], "size": [1], "px": [1]}), "has no column px"),
    ]:
        with pytest.raises(InputError, match=message):
            store.ingest("bad", "d", [good, Chunk({"trades": bad})])
    with pytest.raises(InputError, match="no table 'fills'"):
        store.ingest("bad", "d", [Chunk({"fills": pl.DataFrame({"a": [1]})})])
    with pytest.raises(InputError, match="no store"):
        store.trades()


def test_bad_rows_are_counted_and_quarantined(store):
    chunk = trades((1, "A", 10, 1))
    chunk.bad.append(BadRow(7, "price 0.5001 is off grid", '"x",0.5001'))
    report = store.ingest("a", "d1", [chunk])
    assert report.quarantined == 1
    assert report.quarantine is not None
    assert pl.read_ndjson(report.quarantine).rows() == [(7, "price 0.5001 is off grid", '"x",0.5001')]


def test_a_later_import_adds_the_result_and_hides_nothing(store):
    store.ingest("a", "d1", [Chunk({"markets": pl.DataFrame({"ticker": ["A"], "title": ["t"], "status": ["active"]})})])
    late = pl.DataFrame({"ticker": ["A", "B"], "status": ["finalized", "active"], "result": ["yes", None]})
    store.ingest("b", "d2", [Chunk({"markets": late})])
    columns = ("ticker", "title", "status", "result")
    rows = [("A", "t", "finalized", "yes"), ("B", None, "active", None)]
    assert store.markets().select(columns).collect().sort("ticker").rows() == rows
    assert store.sql(f"select {', '.join(columns)} from markets order by ticker").rows() == rows
    assert store.markets("result = 'yes'").collect()["ticker"].to_list() == ["A"]
    same = store.ingest("c", "d3", [Chunk({"markets": late})])
    assert (same.rows, same.duplicates) == ({}, {"markets": 2})


def test_market_history_keeps_what_held_when(store):
    rows = pl.DataFrame({"ticker": ["A", "A"], "valid_from": [0, 9], "fee_multiplier": [1.0, 0.5], "grid": ["g", None]})
    store.ingest("a", "d1", [Chunk({"markets": rows})])
    assert store.markets(history=True).select("valid_from", "fee_multiplier").collect().rows() == [(0, 1.0), (9, 0.5)]
    assert store.markets().select("fee_multiplier", "grid").collect().rows() == [(0.5, "g")]


def test_sql_reads_every_table_and_can_do_nothing_else(store, tmp_path):
    store.ingest("a", "d1", [trades((1, "A", 10, 1))])
    for name in ("trades", "book", "quotes", "underlying", "markets", "markets_history"):
        assert store.sql(f"select count(*) n from {name}").item() == (name == "trades")
    assert_frame_equal(store.sql("select * from trades"), store.trades().collect())
    data = next((tmp_path / "store/trades").glob("*.parquet"))
    before = data.read_bytes()
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for query in (
        f"copy trades to '{tmp_path}/out.csv'",
        f"copy (select 1) to '{data}'",
        f"explain analyze copy (select 1) to '{data}'",
        f"with x as (copy (select 1) to '{data}') select 1",
        f"attach '{tmp_path}/x.db'",
        "create table x as select 1",
        "select 1; drop view trades",
        "set enable_external_access = true",
        f"select * from '{secret}'",
        f"select * from read_text('{secret}')",
        "select * from nowhere",
        "selec 1",
        "",
    ):
        with pytest.raises(InputError):
            store.sql(query)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv", "store"]
    assert data.read_bytes() == before


def test_version_changes_only_where_rows_may_have_changed(store):
    store.ingest("a", "d1", [trades((1, "A", 10, 1), (5, "C", 10, 1))])
    before = {name: store.version("trades", name) for name in "ABCD"} | {"late": store.version("trades", "A", 100)}
    store.ingest("b", "d2", [trades((50, "C", 10, 1), (60, "D", 10, 1))])
    after = {name: store.version("trades", name) for name in "ABCD"} | {"late": store.version("trades", "A", 100)}
    assert [name for name in before if before[name] != after[name]] == ["C", "D"]


def test_tables_say_what_is_stored(store):
    store.ingest("a", "d1", [trades((3, "A", 10, 1), (5, "C", 10, 1))])
    store.ingest("b", "d2", [trades((9, "A", 10, 1)), Chunk({"markets": pl.DataFrame({"ticker": ["A"]})})])
    sizes = {table.name: (table.rows, table.files, table.start, table.end) for table in store.tables()}
    assert sizes["trades"] == (3, 2, 3, 9)
    assert sizes["markets"] == (1, 1, None, None)
    assert sizes["book"] == (0, 0, None, None)


def test_a_store_that_cannot_be_written_is_one_clear_error(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write to the store .*file"):
        Store(tmp_path / "file").ingest("a", "d1", [trades((1, "A", 10, 1))])
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "trades").write_text("")
    with pytest.raises(InputError, match="cannot write to the store"):
        store.ingest("a", "d1", [trades((1, "A", 10, 1))])


def test_a_manifest_of_another_kind_or_time_is_one_clear_error(store, tmp_path):
    store.ingest("a", "d1", [trades((1, "A", 10, 1))])
    manifest = tmp_path / "store/manifests/00000001.json"
    text = manifest.read_text()
    body = text.replace('"format":2', '"format":3').partition(',\n "checksum"')[0] + "}"
    manifest.write_bytes(with_checksum(body.encode()))
    with pytest.raises(InputError, match="has format 3, this version reads up to 2; upgrade"):
        Store(store.path).trades()
    manifest.write_text(text[:100])
    with pytest.raises(InputError, match="is not a manifest of this store"):
        Store(store.path).trades()


def test_an_import_without_rows_is_an_import(store):
    report = store.ingest("empty", "d1", [])
    assert (report.new, report.rows, report.tickers, report.start) == (True, {}, 0, None)
    assert not store.ingest("empty", "d1", []).new
    assert store.trades().collect().is_empty()
    assert store.book().collect_schema()["size"] == pl.Int64
    assert store.markets().collect().is_empty()
    assert store.markets("result = 'yes'").collect().is_empty()
    assert store.compact().before == {}


def test_sums_in_sql_are_whole_numbers(store):
    store.ingest("a", "d1", [trades((1, "A", 10, 2**62), (2, "B", 10, 3))])
    assert store.sql("select sum(size) s from trades where ticker = 'B'").to_dict(as_series=False) == {"s": [3]}
    wide = store.sql("select sum(size) * 4 as s from trades")
    assert wide.schema == {"s": pl.Int128}
    assert wide.item() == 2**64 + 12


def test_what_a_killed_writer_left_goes_with_the_next(store, tmp_path):
    store.ingest("a", "d1", [trades((1, "A", 10, 1))])
    left = [
        tmp_path / "store" / name for name in ("manifests/.1.0123456789ab.tmp", "unfinished/abc/.2.0123456789ab.tmp")
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    store.ingest("b", "d2", [trades((2, "A", 10, 1))])
    assert not any(path.exists() for path in left)
