"""Whatever is imported, in whatever pieces, compacted or not: reads equal the obvious answer."""

from __future__ import annotations

import tempfile
from collections import Counter
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from touchline.io.store import compaction
from touchline.io.store.chunk import Chunk
from touchline.io.store.ingest import ingest
from touchline.io.store.store import Store

row = st.tuples(
    st.integers(0, 6),  # ts
    st.sampled_from(["A", "B", "BB", "Ü"]),
    st.integers(0, 99),  # price
    st.none() | st.integers(0, 3),  # seq
    st.none() | st.sampled_from("uvwxyz"),  # trade_id
)
# imports, each of chunks, each of rows
imports = st.lists(st.lists(st.lists(row, max_size=6), max_size=4), min_size=1, max_size=4)
SCHEMA = {"ts": pl.Int64, "ticker": pl.String, "price": pl.Int32, "seq": pl.Int64, "trade_id": pl.String}


def chunk(rows: list[tuple]) -> Chunk:
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(size=pl.lit(1, pl.Int64))
    return Chunk({"trades": frame})


def expected(data: list[list[list[tuple]]]) -> list[tuple]:
    """First of each key, then a stable sort by ticker, time and seq, a missing seq before others.

    An import that brings what an earlier one brought is that import again, and brings nothing.
    """
    brought: list[list[tuple]] = []
    seen: set[tuple] = set()
    for chunks in data:
        own: list[tuple] = []
        for one in (one for rows in chunks for one in rows):
            _, ticker, _, _, trade_id = one
            if trade_id is not None:
                if (ticker, trade_id) in seen:
                    continue
                seen.add((ticker, trade_id))
            own.append(one)
        if not any(Counter(own) == Counter(other) for other in brought):
            brought.append(own)
    kept = [one for own in brought for one in own]
    return sorted(kept, key=lambda one: (one[1].encode(), one[0], -1 if one[3] is None else one[3]))


def by_ticker(rows: list[tuple]) -> dict[str, list[tuple]]:
    return {name: [one for one in rows if one[1] == name] for name in sorted({one[1] for one in rows})}


def read(store: Store, *where) -> list[tuple]:
    return store.trades(*where).select(list(SCHEMA)).collect().rows()


@pytest.mark.parametrize("compacting", [False, True])
@given(data=imports, low=st.integers(-1, 7), high=st.integers(-1, 7))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reads_equal_the_obvious_answer(compacting, data, low, high):
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(ingest, "BATCH_ROWS", 5),
        patch.object(compaction, "FULL_ROWS", 7),
    ):
        store = Store(folder)
        for number, chunks in enumerate(data):
            store.ingest(f"s{number}", f"d{number}", [chunk(rows) for rows in chunks])
            if compacting and number != 2:
                before = store.trades()
                report = store.compact()
                assert report.after.get("trades", 0) <= max(report.before.get("trades", 0), 1) + report.rows // 7
                assert before.collect().height == store.trades().collect().height
        want = expected(data)
        assert by_ticker(read(store)) == by_ticker(want)
        assert read(store, "BB") == [one for one in want if one[1] == "BB"]
        some = [one for one in want if one[1] in ("A", "Ü") and low <= one[0] < high]
        assert by_ticker(read(store, ["A", "Ü"], low, high)) == by_ticker(some)
        assert {table.name: table.rows for table in store.tables()}["trades"] == len(want)
        assert store.tickers() == sorted({one[1] for one in want}, key=str.encode)


def test_no_compacted_file_has_more_than_its_rows(tmp_path):
    store = Store(tmp_path)
    for number in range(2):
        store.ingest(f"s{number}", f"d{number}", [chunk([(number + 2 * at, "A", 50, None, None) for at in range(4)])])
    with patch.object(compaction, "FULL_ROWS", 7):
        store.compact()
    sizes = [pl.scan_parquet(path).select(pl.len()).collect().item() for path in (tmp_path / "trades").glob("compact*")]
    assert sorted(sizes) == [4, 4]
