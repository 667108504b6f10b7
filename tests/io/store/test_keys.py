"""Rows that are stored already are known by their key, and by nothing else."""

from __future__ import annotations

import polars as pl
import pytest
from touchline.io.store.chunk import Chunk
from touchline.io.store.ingest import keys
from touchline.io.store.store import Store

DAY = 86_400 * 10**9


def trades(*rows: tuple) -> Chunk:
    schema = {"ts": pl.Int64, "ticker": pl.String, "trade_id": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return Chunk({"trades": frame.with_columns(price=pl.lit(1, pl.Int32), size=pl.lit(1, pl.Int64))})


@pytest.mark.parametrize("kept", [0, keys.KEPT_HASHES])
@pytest.mark.parametrize("colliding", [False, True])
def test_a_hash_never_decides(tmp_path, monkeypatch, colliding, kept):
    monkeypatch.setattr(keys, "KEPT_HASHES", kept)
    if colliding:
        monkeypatch.setattr(keys, "_hash", lambda table: pl.col(table.key[0]).hash().alias("hash") * 0)
    store = Store(tmp_path)
    store.ingest("a", "a", [trades((1, "A", "x"), (1, "A", "y"), (1, "B", "x"), (1, "A", None), (1, "A", "x"))])
    report = store.ingest("b", "b", [trades((1, "A", "z"), (2, "A", "y"), (1, "A", None)), trades((1, "A", "z"))])
    assert report.duplicates == {"trades": 2}
    found = store.trades().select("ticker", "trade_id").collect().rows()
    assert sorted(found, key=str) == sorted(
        [("A", "x"), ("A", "y"), ("B", "x"), ("A", None), ("A", "z"), ("A", None)], key=str
    )


def test_a_key_is_looked_for_two_days_around(tmp_path):
    store = Store(tmp_path)
    store.ingest("a", "a", [trades((10 * DAY, "A", "x"))])
    assert store.ingest("b", "b", [trades((12 * DAY, "A", "x"))]).duplicates == {"trades": 1}
    assert store.ingest("c", "c", [trades((8 * DAY, "A", "x"))]).duplicates == {"trades": 1}
    assert store.ingest("d", "d", [trades((13 * DAY, "A", "x"))]).duplicates == {}
