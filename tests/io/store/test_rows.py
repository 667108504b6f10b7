"""What rows become on their way into the store, and what is remembered of their files."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.files.manifest import Ledger
from touchline.io.store.files.places import place_at
from touchline.io.store.store import Store


def trades(ts: list[int], ticker: list[str], seq: list[int | None]) -> Chunk:
    columns = {"ts": ts, "ticker": ticker, "price": [5000] * len(ts), "size": [100] * len(ts)}
    return Chunk({"trades": pl.DataFrame({**columns, "seq": pl.Series(seq, dtype=pl.Int64)})})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_rows_of_one_moment_stand_in_the_order_of_their_numbers(store: Store) -> None:
    store.ingest("a", "a", [trades([5, 5, 5], ["A"] * 3, [2, 1, 3])])
    assert store.trades("A").collect()["seq"].to_list() == [1, 2, 3]


def test_a_file_is_known_by_the_least_and_greatest_number_at_its_ends(store: Store) -> None:
    store.ingest("a", "a", [trades([1, 1, 9, 9], ["A", "B", "A", "B"], [7, 4, 8, 6])])
    (file,) = Ledger(place_at(store.path)).state().files["trades"]
    assert (file.low, file.high) == ((1, 4), (9, 8))
    assert (file.first, file.last) == (("A", 1, 7), ("B", 9, 6))


@pytest.mark.parametrize("given", [{}, {"valid_from": [None, None]}])
def test_a_market_without_a_time_holds_always(store: Store, given: dict[str, list[None]]) -> None:
    store.ingest("a", "a", [Chunk({"markets": pl.DataFrame({"ticker": ["A", "B"], "status": ["active"] * 2} | given)})])
    assert store.markets(history=True).collect()["valid_from"].to_list() == [0, 0]


def test_markets_that_come_later_are_seen_by_a_store_that_is_open(store: Store) -> None:
    for name in ("A", "B"):
        store.ingest(name, name, [Chunk({"markets": pl.DataFrame({"ticker": [name], "status": ["active"]})})])
        assert store.markets().collect()["ticker"].to_list()[-1] == name


def test_bars_have_a_length(store: Store) -> None:
    store.ingest("a", "a", [trades([1], ["A"], [None])])
    for wrong in (0, -1, 10**9 + 1):
        with pytest.raises(InputError, match="bars last from 1 second on"):
            store.bars("A", seconds=wrong)


def test_a_store_whose_first_import_was_killed_is_empty_and_not_missing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "store" / "manifests").mkdir(parents=True)
    assert [table.rows for table in store.tables() if table.name == "trades"] == [0]
