"""Bars of trades equal the obvious answer, however the rows lie in files."""

from __future__ import annotations

import tempfile
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from touchline.io.ground.errors import InputError
from touchline.io.store import compaction
from touchline.io.store.chunk import Chunk
from touchline.io.store.ingest import ingest
from touchline.io.store.store import Store

SECOND = 1_000_000_000
row = st.tuples(st.integers(0, 9), st.sampled_from(["A", "B", "BB", "Ü"]), st.integers(0, 99), st.integers(1, 9))
imports = st.lists(st.lists(st.lists(row, max_size=6), max_size=4), min_size=1, max_size=4)
SCHEMA = {"ts": pl.Int64, "ticker": pl.String, "price": pl.Int32, "size": pl.Int64}
BARS = {
    "ticker": pl.String, "ts": pl.Int64, "open": pl.Int32, "high": pl.Int32, "low": pl.Int32, "close": pl.Int32,
    "volume": pl.Int64, "trades": pl.UInt32,
}  # fmt: skip


def chunk(rows: list[tuple]) -> Chunk:
    return Chunk({"trades": pl.DataFrame([(ts * SECOND, *rest) for ts, *rest in rows], schema=SCHEMA, orient="row")})


def obvious(rows: list[tuple], seconds: int) -> pl.DataFrame:
    bars: dict[tuple, list[tuple]] = {}
    for one in sorted(rows, key=lambda one: one[0]):
        bars.setdefault((one[1].encode(), one[0] // seconds * seconds), []).append(one)
    made = []
    for (ticker, ts), inside in sorted(bars.items()):
        prices = [price for _, _, price, _ in inside]
        volume = sum(size for *_, size in inside)
        edges = prices[0], max(prices), min(prices), prices[-1]
        made.append((ticker.decode(), ts * SECOND, *edges, volume, len(inside)))
    return pl.DataFrame(made, schema=BARS, orient="row")


def distinct(data: list[list[list[tuple]]]) -> list[list[tuple]]:
    """The rows of each import; one that brings what an earlier one brought is that import again, and brings nothing."""
    brought = [[one for rows in chunks for one in rows] for chunks in data]
    return [rows for at, rows in enumerate(brought) if sorted(rows) not in [sorted(one) for one in brought[:at]]]


@given(data=imports, seconds=st.integers(1, 4), compacting=st.booleans(), low=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_bars_equal_the_obvious_answer(data, seconds, compacting, low):
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(ingest, "BATCH_ROWS", 5),
        patch.object(compaction, "FULL_ROWS", 7),
    ):
        store = Store(folder)
        for number, chunks in enumerate(data):
            store.ingest(f"s{number}", f"d{number}", [chunk(rows) for rows in chunks])
        if compacting:
            store.compact()
        rows = [one for brought in distinct(data) for one in brought]
        assert_frame_equal(store.bars(seconds=seconds), obvious(rows, seconds))
        some = [one for one in rows if one[1] in ("A", "Ü") and low <= one[0]]
        assert_frame_equal(store.bars(["A", "Ü"], low * SECOND, seconds=seconds), obvious(some, seconds))


def test_bars_of_no_length_are_refused(tmp_path):
    store = Store(tmp_path)
    store.ingest("s", "d", [chunk([(1, "A", 50, 1)])])
    with pytest.raises(InputError, match="1 second"):
        store.bars(seconds=0)
