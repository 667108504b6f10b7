"""What two imports brought twice is found, and taking the named one back mends it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from touchline.io.doctor.doctor import Finding, check
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

T0 = 1_750_000_000 * 10**9


def trades(count: int, ids: bool, every: int = 1) -> pl.DataFrame:
    columns = {"ts": [T0 + i // every for i in range(count)], "ticker": ["A"] * count, "price": [4600] * count}
    named = {"trade_id": [f"id{i}" for i in range(count)]} if ids else {}
    return pl.DataFrame({**columns, "size": [100] * count, **named})


def index(count: int, symbol: str = "SPX") -> pl.DataFrame:
    return pl.DataFrame({"ts": [T0 + i for i in range(count)], "symbol": [symbol] * count, "value": [4000.0] * count})


def store_of(folder: Path, *frames: tuple[str, pl.DataFrame]) -> Store:
    store = Store(folder / "store")
    for number, (table, rows) in enumerate(frames):
        store.ingest(f"source {number}", f"digest {number}", [Chunk({table: rows})])
    return store


def doubles(store: Store) -> list[Finding]:
    return [one for one in check(store) if one.check == "duplicate rows"]


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_trades_once_with_and_once_without_ids(tmp_path: Path, first: bool, second: bool) -> None:
    store = store_of(tmp_path, ("trades", trades(20, first)), ("trades", trades(20, second)))
    (one,) = doubles(store)
    assert (one.ticker, one.count) == ("A", 20)
    store.forget(one.detail.partition("engine data forget ")[2].split()[0])
    assert store.trades().collect().height == 20
    assert doubles(store) == []


def test_more_trades_without_ids_than_with_are_not_all_doubles(tmp_path: Path) -> None:
    """Three equal fills in one export, of which another knows two by their ids: two are told twice."""
    (one,) = doubles(store_of(tmp_path, ("trades", trades(3, False, 3)), ("trades", trades(2, True, 3))))
    assert one.count == 2


def test_trades_of_one_import_of_which_some_have_ids_are_no_doubles(tmp_path: Path) -> None:
    both = pl.concat([trades(5, True), trades(5, False)], how="diagonal")
    assert doubles(store_of(tmp_path, ("trades", both))) == []


def test_an_underlying_that_is_stored_twice(tmp_path: Path) -> None:
    store = store_of(
        tmp_path, ("underlying", index(50)), ("underlying", index(30)), ("underlying", index(9, "NDX")),
        ("trades", trades(1, True)),
    )  # fmt: skip
    (one,) = doubles(store)
    assert (one.ticker, one.count) == ("SPX", 30)
    store.forget(one.detail.partition("engine data forget ")[2].split()[0])
    assert doubles(store) == []
    assert store.underlying("SPX").collect().height == 50


def test_equal_values_of_one_import_are_no_doubles(tmp_path: Path) -> None:
    rows = pl.concat([index(5), index(5)])
    assert doubles(store_of(tmp_path, ("underlying", rows), ("trades", trades(1, True)))) == []
