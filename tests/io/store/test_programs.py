"""Incentive programs in a store: one row an id as last told, and how they come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store.chunk import Chunk
from touchline.io.store.programs import SEEN_AGAIN_NS, news
from touchline.io.store.schema import PROGRAMS
from touchline.io.store.store import Store

HOUR = 3_600 * 10**9
#: As the exchange writes one: a reward of 200,000 is 20 dollars.
RECORD: dict[str, Any] = {
    "id": "p1", "market_id": "m", "market_ticker": "KXT-1", "incentive_type": "liquidity",
    "incentive_description": "series_lip", "start_date": "2026-10-06T13:30:00Z", "end_date": "2026-10-06T13:45:00Z",
    "period_reward": 200000, "paid_out": False, "discount_factor_bps": 5000, "target_size_fp": "300.00",
}  # fmt: skip
START = 1_791_293_400 * 10**9


def row(**columns: Any) -> pl.DataFrame:
    base = {"id": "p1", "ticker": "A", "start_ts": 10, "end_ts": 20, "reward": 5, "first_seen": 1, "last_seen": 1}
    given = {name: [(base | columns).get(name)] for name in PROGRAMS.columns}
    return pl.DataFrame(given, schema=PROGRAMS.columns)


def stored(folder: Path, *frames: pl.DataFrame) -> Store:
    store = Store(folder / "store")
    for number, frame in enumerate(frames):
        store.ingest("test", f"digest {number}", [Chunk({"programs": frame})])
    return store


def test_a_program_is_one_row_as_last_told_and_knows_when_it_was_seen(tmp_path: Path) -> None:
    store = stored(
        tmp_path,
        row(target=300),
        row(reward=7, paid_out=True, first_seen=5, last_seen=9),
        row(id="p2", start_ts=30, end_ts=40),
    )
    found = store.programs("A").collect()
    assert found["id"].to_list() == ["p1", "p2"]
    assert found.row(0, named=True) | {"kind": None, "description": None, "discount": None, "cap": None} == {
        "id": "p1", "ticker": "A", "kind": None, "description": None, "start_ts": 10, "end_ts": 20, "reward": 7,
        "target": 300, "discount": None, "cap": None, "paid_out": True, "first_seen": 1, "last_seen": 9,
    }  # fmt: skip
    assert store.programs(None, 20, 31).collect()["id"].to_list() == ["p2"]
    assert store.programs(None, 19, 30).collect()["id"].to_list() == ["p1"]
    assert store.sql("select count(*) n from programs")["n"].to_list() == [3]


def test_only_what_is_new_of_a_program_is_stored_again() -> None:
    known = row(target=300)
    assert news(row(last_seen=2), known).height == 0  # a null says nothing new
    assert news(row(last_seen=2, reward=6), known).height == 1
    assert news(row(last_seen=2, target=300, paid_out=True), known).height == 1
    assert news(row(last_seen=2 + SEEN_AGAIN_NS), known).height == 1
    assert news(row(id="p3"), known).height == 1


def test_a_store_of_before_has_no_programs(tmp_path: Path) -> None:
    store = stored(tmp_path)
    store.ingest("test", "m", [Chunk({"markets": pl.DataFrame({"ticker": ["A"]})})])
    assert store.programs().collect().schema == pl.Schema(PROGRAMS.columns)
    assert store.programs().collect().height == 0


CSV = """market_ticker,start_date,end_date,reward_dollars,target_size,discount_factor_bps
KXT-1,2026-10-06T13:30:00Z,2026-10-06T13:45:00Z,20.00,300,5000
"""


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("programs.json", json.dumps({"incentive_programs": [RECORD], "next_cursor": ""}), "p1"),
        ("programs.jsonl", json.dumps(RECORD) + "\n", "p1"),
        ("list.csv", CSV, f"KXT-1:liquidity:{START}:{START + HOUR // 4}"),
    ],
)
def test_lists_of_programs_are_imported(tmp_path: Path, name: str, text: str, key: str) -> None:
    (tmp_path / name).write_text(text)
    store = Store(tmp_path / "store")
    known, _ = plan([tmp_path / name], Options())
    assert import_file(store, known[0], Options(), strict=True).report.rows == {"programs": 1}
    found = store.programs().collect().row(0, named=True)
    wanted = {"id": key, "ticker": "KXT-1", "start_ts": START, "end_ts": START + HOUR // 4, "reward": 20_000_000}
    assert {one: found[one] for one in wanted} == wanted
    assert (found["target"], found["discount"], found["kind"]) == (30_000, 5_000, "liquidity")
