"""The sample day, read frame by frame with nothing but the standard library."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from touchline.io import sample
from touchline.io.ground import grids
from touchline.io.ground.errors import InputError
from touchline.io.sample import capture, plan
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

#: Of seed 7 at scale 0.01, the programs apart. A change to the generator changes it, on purpose and in its own commit.
PINNED, PINNED_PROGRAMS = "e1ae4f07a9d2bcf6", "178f077d758fcae6"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample")
    sample.make(7, 0.02, out)
    return out


def ticks(text: str) -> int:
    scaled = Decimal(text) * 10_000
    assert scaled == int(scaled)
    return int(scaled)


def lots(text: str) -> int:
    scaled = Decimal(text) * 100
    assert scaled == int(scaled)
    return int(scaled)


def frames(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open() as file:
        for line in file:
            document = json.loads(line)
            yield document["recv_ts"], document["frame"]


def captures(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.capture.jsonl"))
    assert len(found) == 5
    return found


def markets(folder: Path, when: str) -> dict[str, dict[str, Any]]:
    found = sorted(folder.glob(f"*.markets-{when}.json"))
    assert len(found) == 5
    return {m["ticker"]: m for path in found for m in json.loads(path.read_text())["markets"]}


def test_a_seed_gives_the_same_bytes_and_the_pinned_ones(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        hashed, programs = hashlib.sha256(), hashlib.sha256()
        for path in sample.make(7, 0.01, tmp_path / name):
            into = programs if path.name == "programs.json" else hashed
            into.update(path.name.encode() + path.read_bytes())
        digests.append((hashed.hexdigest()[:16], programs.hexdigest()[:16]))
    assert digests[0] == digests[1] == (PINNED, PINNED_PROGRAMS)


def test_another_seed_gives_another_day(tmp_path: Path) -> None:
    first, second = (sample.make(seed, 0.001, tmp_path / str(seed)) for seed in (7, 8))
    assert [path.name for path in first] == [path.name for path in second]
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(first, second, strict=True) if a.suffix != ".json")


def test_books_hold_and_every_trade_has_the_change_it_made(folder: Path) -> None:
    info = markets(folder, "after")
    trades = 0
    for path in captures(folder):
        yes_mode, last_recv = None, 0
        books: dict[str, dict[str, dict[int, int]]] = {}
        last_ts: dict[str, int] = defaultdict(int)
        waiting: dict[tuple[str, str, int, int], list[tuple[str, int]]] = {}
        for recv, frame in frames(path):
            assert recv >= last_recv
            last_recv = recv
            kind, msg = frame.get("type"), frame.get("msg", {})
            if frame.get("cmd") == "subscribe":
                yes_mode = frame["params"].get("use_yes_price", yes_mode)
            if kind == "orderbook_snapshot":
                books[msg["market_ticker"]] = {"yes": {}, "no": {}}
                for side in ("yes", "no"):
                    rows = [(ticks(p), lots(q)) for p, q in msg.get(f"{side}_dollars_fp", [])]
                    assert rows == sorted(rows) and all(q > 0 for _, q in rows)
                    for price, size in rows:
                        books[msg["market_ticker"]][side][as_yes(side, price, yes_mode)] = size
            elif kind == "orderbook_delta":
                ticker, side = msg["market_ticker"], msg["side"]
                book, price = books[ticker], as_yes(side, ticks(msg["price_dollars"]), yes_mode)
                assert grids.is_on_grid(price, info[ticker]["price_level_structure"])
                assert msg["ts_ms"] >= last_ts[ticker]
                last_ts[ticker] = msg["ts_ms"]
                size = lots(msg["delta_fp"])
                pair(waiting, (ticker, side, price, msg["ts_ms"]), "delta", -size)
                level = book[side][price] = book[side].get(price, 0) + size
                assert level >= 0
                if level == 0:
                    del book[side][price]
                if book["yes"] and book["no"]:
                    assert max(book["yes"]) < min(book["no"])
            elif kind == "trade":
                trades += 1
                price, size = ticks(msg["yes_price_dollars"]), lots(msg["count_fp"])
                assert size > 0 and price + ticks(msg["no_price_dollars"]) == 10_000
                assert msg["ts"] == msg["ts_ms"] // 1000
                hit = "no" if msg["taker_outcome_side"] == "yes" else "yes"
                pair(waiting, (msg["market_ticker"], hit, price, msg["ts_ms"]), "trade", size)
        unmatched = {who for found in waiting.values() for who, _ in found}
        assert "trade" not in unmatched
        assert books
    assert trades > 1_000


def as_yes(side: str, price: int, yes_mode: bool | None) -> int:
    assert yes_mode is not None
    return price if side == "yes" or yes_mode else 10_000 - price


def pair(waiting: dict[Any, list[tuple[str, int]]], key: Any, who: str, size: int) -> None:
    """Strike a trade out against the change of the same market, level, millisecond and size."""
    other = "trade" if who == "delta" else "delta"
    found = waiting.setdefault(key, [])
    if (other, size) in found:
        found.remove((other, size))
    else:
        found.append((who, size))


def test_seq_counts_every_frame_of_a_sid(folder: Path) -> None:
    for path in captures(folder):
        last: dict[int, int] = defaultdict(int)
        for _, frame in frames(path):
            if "seq" in frame:
                assert frame["seq"] == last[frame["sid"]] + 1
                last[frame["sid"]] += 1
            else:
                assert "cmd" in frame or frame["type"] == "subscribed"
        assert set(last) <= {1, 2, 3}


def test_trading_stays_inside_the_life_of_a_market_and_outside_its_pause(folder: Path) -> None:
    info = markets(folder, "after")
    for path in captures(folder):
        pauses: dict[str, int] = {}
        for _, frame in frames(path):
            msg = frame.get("msg", {})
            if frame.get("type") == "market_lifecycle_v2" and msg["event_type"] in ("deactivated", "activated"):
                if msg["is_deactivated"]:
                    pauses[msg["market_ticker"]] = 1
                else:
                    pauses.pop(msg["market_ticker"], None)
            if frame.get("type") in ("orderbook_delta", "trade"):
                market = info[msg["market_ticker"]]
                assert stamp(market["open_time"]) <= msg["ts_ms"] / 1000 < stamp(market["close_time"])
                assert msg["market_ticker"] not in pauses or msg["ts_ms"] % 1000 == 0


def stamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_results_follow_from_the_underlying(folder: Path) -> None:
    values: dict[str, dict[int, Decimal]] = defaultdict(dict)
    with (folder / "underlying.csv").open() as file:
        for row in csv.DictReader(file):
            values[row["symbol"]][int(row["ts"]) // 10**9] = Decimal(row["value"])
    checked = 0
    for ticker, market in markets(folder, "after").items():
        close = int(stamp(market["close_time"]))
        if ticker.startswith("SYNINX"):
            value = values["SYNSPX"][close]
        elif ticker.startswith("SYNBTC"):
            value = round(sum(values["SYNBTC"][close - i] for i in range(60)) / 60, 2)
        else:
            continue
        assert market["expiration_value"] == f"{value:.2f}"
        floor, cap = (Decimal(str(market[k])) if k in market else None for k in ("floor_strike", "cap_strike"))
        low, high = floor is None or value >= floor, cap is None or value <= cap
        assert (value != floor or market["strike_type"] != "greater") and (value != cap or cap is None)
        yes = low and high
        assert market["result"] == ("yes" if yes else "no")
        assert market["settlement_value_dollars"] == ("1.0000" if yes else "0.0000")
        checked += 1
    assert checked == 27


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_one_contract_of_an_exclusive_event_wins(seed: int, tmp_path: Path) -> None:
    sample.make(seed, 0.001, tmp_path)
    exclusive = [
        e["event_ticker"]
        for e in json.loads((tmp_path / "events.json").read_text())["events"]
        if e["mutually_exclusive"]
    ]
    assert len(exclusive) == 2
    for event in exclusive:
        results = [m["result"] for m in markets(tmp_path, "after").values() if m["event_ticker"] == event]
        assert results.count("yes") == 1 and results.count("no") == len(results) - 1


def test_everything_is_labelled_synthetic(folder: Path) -> None:
    for market in markets(folder, "before").values():
        assert market["ticker"].startswith("SYN")
        assert "synthetic" in market["title"].lower()
        assert market["result"] == ""
    for one in json.loads((folder / "series.json").read_text())["series"]:
        assert one["ticker"].startswith("SYN") and "synthetic" in one["title"].lower()


def test_touch_quotes_lose_and_wider_quotes_earn() -> None:
    """What a maker has gained when the knowledge of the informed is out, by distance from the value at the time."""
    near, far = [], []
    for recording in plan.day(7, 0.5).recordings[:4]:
        for number, contract in enumerate(recording.contracts):
            rows = capture.play(contract, number).rows
            trade = rows.kind == capture.process.TRADE
            second, price, side = rows.ms[trade] // 1000, rows.price[trade], rows.side[trade]
            now = contract.fair[second] / 100
            later = contract.fair[np.minimum(contract.fair.size - 1, second + contract.ahead)] / 100
            gain = (price - later) * side * np.minimum(rows.size[trade], 1_000) / 1_000
            away = np.abs(price - now)
            near.append(gain[away < 120])
            far.append(gain[(away >= 300)])
    touch, wide = np.concatenate(near), np.concatenate(far)
    assert touch.mean() + 3 * touch.std() / touch.size**0.5 < 0
    assert wide.mean() - 3 * wide.std() / wide.size**0.5 > 0


@pytest.mark.parametrize(("seed", "scale"), [(-1, 1.0), (2**40, 1.0), (7, 0.0), (7, 1e9), (7, float("nan"))])
def test_impossible_options_are_input_errors(seed: int, scale: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected"):
        sample.make(seed, scale, tmp_path)


def test_the_day_imports_whole(folder: Path, tmp_path: Path) -> None:
    """Counted twice: lines with the standard library, rows through the importers."""
    expected: dict[str, int] = defaultdict(int)
    for path in captures(folder):
        for _, frame in frames(path):
            expected[frame.get("type", "command")] += 1
    store = Store(tmp_path / "store")
    rows = sample.load(store, [*folder.glob("*.json"), folder / "underlying.csv", *captures(folder)])
    kinds = dict(store.sql("select kind, count(*) from book group by kind").iter_rows())
    assert rows["trades"] == expected["trade"]
    assert kinds[int(BookKind.DELTA)] == expected["orderbook_delta"]
    assert kinds[int(BookKind.CLEAR)] == expected["orderbook_snapshot"] == 32
    assert int(BookKind.GAP) not in kinds
    markets = store.markets().collect()
    assert markets.height == 32
    follows = dict(markets.select("series", "underlying").unique().iter_rows())
    assert follows["SYNINX"] == "SYNSPX" and follows["SYNBTC15M"] == "SYNBTC" and follows["SYNPOL"] is None
    results = dict(markets.group_by("result").len().iter_rows())
    assert results[None] == 2 and results["yes"] + results["no"] == 30


@pytest.mark.slow
def test_a_whole_day_has_over_a_million_frames(tmp_path: Path) -> None:
    counted = list[str]()
    sample.make(7, 1.0, tmp_path, counted.append)
    frames_told = [int(re.sub(r"\D", "", line.split(":")[1])) for line in counted]
    lines = sum(path.read_bytes().count(b"\n") for path in captures(tmp_path))
    assert len(frames_told) == sample.RECORDINGS and sum(frames_told) == lines > 1_000_000
