"""Incentive programs from the exchange: all pages of all states, once, and kept current while recording."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from touchline.engine.api.kalshi import pull
from touchline.io.ground.errors import InputError
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.programs import fetch_programs, store_programs
from touchline.io.kalshi.recorder.programs import ProgramKeeper
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.store import Store


def record(number: int, **more: Any) -> dict[str, Any]:
    base = {
        "id": f"p{number}", "market_ticker": f"KX{'AB'[number % 2]}-{number}", "incentive_type": "liquidity",
        "start_date": "2026-10-06T13:30:00Z", "end_date": "2026-10-06T13:45:00Z", "period_reward": 200000,
        "paid_out": False, "discount_factor_bps": 5000, "target_size_fp": "300.00", "max_reward_per_account": 50000,
    }  # fmt: skip
    return base | more


class Programs:
    """The endpoint: pages of two, a cursor under its own name."""

    def __init__(self, rest: Any, records: list[dict[str, Any]]) -> None:
        self.records, self.down = records, False
        self.schedules: dict[str, Any] = {}
        rest.answer = self.answer

    def answer(self, request: Any) -> tuple[int, Any]:
        if request.path == "/incentive_schedules" and self.schedules:
            return 200, self.schedules
        if self.down or request.path != "/incentive_programs":
            return 404, {"error": {"code": "not_found"}}
        (status,), at = request.query["status"], int(request.query.get("cursor", ["0"])[0])
        rows = [one for one in self.records if status in ("all", one.get("state", "active"))]
        more = str(at + 2) if at + 2 < len(rows) else ""
        return 200, {"incentive_programs": rows[at : at + 2], "next_cursor": more}


@pytest.fixture
def client(rest: Any, settings: Settings) -> Any:
    with Client(settings, requests_per_second=1000) as made:
        yield made


def test_all_pages_are_fetched_and_only_news_is_stored(rest: Any, client: Client, tmp_path: Path) -> None:
    told = Programs(rest, [record(number) for number in range(5)])
    store = Store(tmp_path / "store")
    assert store_programs(store, fetch_programs(client)) == 5
    assert store_programs(store, fetch_programs(client)) == 0
    told.records[2]["paid_out"] = True
    told.records.append(record(5, max_reward_per_account=None))
    assert store_programs(store, fetch_programs(client)) == 2
    found = store.programs().collect()
    assert found["id"].to_list() == ["p0", "p2", "p4", "p1", "p3", "p5"]
    assert found["paid_out"].to_list() == [False, True, False, False, False, False]
    assert found.select("reward", "target", "discount", "cap").row(0) == (20_000_000, 30_000, 5_000, 5_000_000)
    assert fetch_programs(client, series=["KXA"])["id"].to_list() == ["p0", "p2", "p4"]


def test_a_pull_of_incentives_alone_needs_neither_a_series_nor_a_start(
    rest: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    Programs(rest, [record(number) for number in range(3)])
    done = pull(store=tmp_path / "store", incentives=True, rate=1000)
    assert (done.fetched, done.stored) == ({"programs": 3}, {"programs": 3})
    with pytest.raises(InputError, match="series="):
        pull(store=tmp_path / "store", incentives=True, trades=True)


def test_schedules_are_stored_whole_whatever_their_fields_are_called(
    rest: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    told = Programs(rest, [record(0)])
    one = {"series_ticker": "KXA", "all_markets": True, "windows": [{"period_reward": 200000}]}
    told.schedules = {"schedules": [one, {"event_ticker": "KXB-1", "since": None}, "odd"], "cursor": ""}
    for stored in ({"programs": 1, "schedules": 3}, {}):
        assert pull(store=tmp_path / "store", incentives=True, rate=1000).stored == stored
    told.schedules["schedules"].append(one | {"all_markets": False})
    assert pull(store=tmp_path / "store", incentives=True, rate=1000).stored == {"schedules": 1}
    found = Store(tmp_path / "store").sql("select series, event, all_markets, text from schedules order by text")
    came = [{"value": "odd"} if one == "odd" else one for one in told.schedules["schedules"]]
    assert sorted(found["text"]) == sorted(json.dumps(one, sort_keys=True, separators=(",", ":")) for one in came)
    assert sorted(found["series"].drop_nulls()) == ["KXA", "KXA"]
    assert (found["event"].drop_nulls().to_list(), found["all_markets"].drop_nulls().sum()) == (["KXB-1"], 1)


def test_a_recording_keeps_active_and_upcoming_programs_of_its_markets(
    rest: Any, client: Client, tmp_path: Path
) -> None:
    told = Programs(rest, [record(0), record(1), record(2, state="upcoming"), record(4, state="closed")])
    store = Store(tmp_path / "store")
    keeper = ProgramKeeper(client, store, ["KXA"], ["KXB-7"], every=0.01)
    keeper.start()
    end = time.monotonic() + 10
    while not keeper.rows and time.monotonic() < end:
        time.sleep(0.01)
    told.records[0]["period_reward"] = 400000
    told.records.append(record(7))
    while keeper.rows < 4 and time.monotonic() < end:
        time.sleep(0.01)
    keeper.stop()
    found = store.programs().collect()
    assert found["id"].to_list() == ["p0", "p2", "p7"]
    assert found["reward"].to_list()[0] == 40_000_000


def test_an_exchange_without_programs_ends_the_keeping(rest: Any, client: Client, tmp_path: Path) -> None:
    Programs(rest, []).down = True
    keeper = ProgramKeeper(client, Store(tmp_path / "store"), ["KXA"], [], every=60)
    keeper.start()
    keeper.join(10)
    assert not keeper.is_alive() and keeper.rows == 0
