"""What the recorder's journal becomes in the store: gaps, and times where a message carries none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

NS = 1_000_000_000
NOW = 1_795_000_000


def snapshot(seq: int, ticker: str) -> dict[str, Any]:
    body = {"market_ticker": ticker, "yes_dollars_fp": [["0.4000", "1.00"]]}
    return {"type": "orderbook_snapshot", "sid": 1, "seq": seq, "msg": body}


def change(seq: int, ticker: str, second: float) -> dict[str, Any]:
    body = {"market_ticker": ticker, "price_dollars": "0.4000", "delta_fp": "1.00", "side": "yes"}
    return {"type": "orderbook_delta", "sid": 1, "seq": seq, "msg": {**body, "ts_ms": int(second * 1000)}}


def gap(*tickers: str, **more: Any) -> dict[str, Any]:
    return {"type": "gap", "msg": {"market_tickers": list(tickers), "reason": "r", **more}}


def stored(tmp_path: Path, frames: list[dict[str, Any]], began: int = NOW) -> dict[str, list[tuple[str, float]]]:
    """Kind and second (from the beginning) of every row, by market; one frame was received a second."""
    path = tmp_path / "x.capture.jsonl"
    lines = [json.dumps({"recv_ts": (began + at) * NS, "frame": frame}) + "\n" for at, frame in enumerate(frames)]
    path.write_text("".join(lines))
    store = Store(tmp_path / "store")
    known, _ = plan([path], Options())
    import_file(store, known[0], Options())
    rows: dict[str, list[tuple[str, float]]] = {}
    for ticker, kind, ts in store.book().select("ticker", "kind", "ts").collect().rows():
        rows.setdefault(ticker, []).append((BookKind(kind).name, ts / NS - NOW))
    return rows


BEGIN = [snapshot(1, "A"), snapshot(2, "B"), change(3, "A", NOW + 2)]


def test_a_missing_number_makes_every_book_unknown_within_the_first_block_too(tmp_path: Path) -> None:
    rows = stored(tmp_path, [*BEGIN, change(5, "A", NOW + 3), snapshot(6, "A"), change(7, "A", NOW + 5)])
    assert [kind for kind, _ in rows["A"]] == ["CLEAR", "LEVEL", "DELTA", "GAP", "CLEAR", "LEVEL", "DELTA"]
    assert [kind for kind, _ in rows["B"]] == ["CLEAR", "LEVEL", "GAP"]


@pytest.mark.parametrize(("tickers", "unknown"), [((), "AB"), (("B",), "B"), (("A", "B"), "AB"), (("C",), "")])
def test_a_gap_of_the_recorder_is_for_the_markets_it_names_or_all(
    tmp_path: Path, tickers: tuple[str, ...], unknown: str
) -> None:
    rows = stored(tmp_path, [*BEGIN, gap(*tickers)])
    assert "".join(ticker for ticker in "AB" if rows[ticker][-1][0] == "GAP") == unknown
    assert "C" not in rows


def test_a_gap_begins_when_the_recorder_last_heard_something(tmp_path: Path) -> None:
    rows = stored(tmp_path, [*BEGIN, gap(start_ts=(NOW * 10 + 25) * NS // 10), snapshot(1, "A")])
    assert rows["A"][3] == ("GAP", 2.5)


def test_a_snapshot_is_no_later_than_the_change_after_it(tmp_path: Path) -> None:
    rows = stored(tmp_path, [snapshot(1, "A"), snapshot(2, "B"), change(3, "A", NOW - 0.5), change(4, "A", NOW + 3)])
    assert rows["A"] == [("CLEAR", -0.5), ("LEVEL", -0.5), ("DELTA", -0.5), ("DELTA", 3)]


def test_a_recording_of_a_replay_keeps_the_times_of_the_replay(tmp_path: Path) -> None:
    later = 86_400 * 60
    rows = stored(tmp_path, [*BEGIN, change(4, "B", NOW + 7), gap()], began=NOW + later)
    assert rows["A"] == [("CLEAR", 2), ("LEVEL", 2), ("DELTA", 2), ("GAP", 8)]
    assert rows["B"] == [("CLEAR", 2), ("LEVEL", 2), ("DELTA", 7), ("GAP", 8)]
