"""Captures against a reader of their rules in plain Python, with lost, repeated and reordered frames."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from touchline.io.importers.base import Options
from touchline.io.importers.values import lines

from .plain import replay
from .reading import Read, read_text

START = 1_781_159_489_000
MARKETS = ("A-1", "B-2", "C-3")


def snapshot(seq: int, market: str, yes: dict[int, int], no: dict[int, int], sid: int = 1) -> dict[str, Any]:
    sides = {"yes_dollars_fp": yes, "no_dollars_fp": no}
    body = {
        name: [[f"{p / 100:.4f}", f"{size}.00"] for p, size in levels.items()]
        for name, levels in sides.items()
        if levels
    }
    return {"type": "orderbook_snapshot", "sid": sid, "seq": seq, "msg": {"market_ticker": market, **body}}


def delta(seq: int, market: str, price: int, change: int, side: str, ms: int, sid: int = 1) -> dict[str, Any]:
    body = {
        "market_ticker": market,
        "price_dollars": f"{price / 100:.4f}",
        "delta_fp": f"{change}.00",
        "side": side,
        "ts_ms": START + ms,
    }
    return {"type": "orderbook_delta", "sid": sid, "seq": seq, "msg": body}


def capture(frames: list[dict[str, Any]], wrapped: bool = True) -> str:
    """Write frames, a millisecond apart on the recorder's clock."""
    rows = [
        {"recv_ts": (START + at) * 1_000_000, "frame": frame} if wrapped else frame for at, frame in enumerate(frames)
    ]
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


class Plain:
    """The rules of seq, sid and levels, one frame after the other."""

    def __init__(self) -> None:
        self.last: dict[int, int] = {}
        self.first: dict[int, Any] = {}
        self.fresh: set[int] = set()
        self.books: dict[str, dict[tuple[str, int], int]] = {}
        self.owner: dict[str, int] = {}
        self.rows: list[tuple[str, int, int, int, int]] = []

    def lose(self, sid: int, but: list[str] | None = None) -> None:
        for market in sorted(self.books, key=MARKETS.index):
            if self.owner[market] == sid and (but is None or market not in but):
                del self.books[market]
                self.rows.append((market, 3, 0, 0, 0))

    def take(self, frame: dict[str, Any]) -> None:
        kind, sid, seq, message = frame["type"], frame.get("sid"), frame.get("seq"), frame["msg"]
        if kind == "subscribed":
            self.fresh.add(message["sid"])
            return
        if sid is not None and seq is not None:
            last = self.last.get(sid)
            said = message if kind == "orderbook_snapshot" and seq == 1 else None
            again = (
                last is not None
                and seq <= last
                and (sid in self.fresh or (said is not None and said != self.first.get(sid)))
            )
            if last is not None and seq <= last and not again:
                return
            if again or (last is not None and seq > last + 1):
                self.lose(sid)
            if seq == 1:
                self.first[sid] = said
            self.last[sid] = seq
            self.fresh.discard(sid)
        if kind == "ok":
            self.lose(sid or 0, message["market_tickers"])
        elif kind == "orderbook_snapshot":
            self.whole(message, sid or 0)
        elif kind == "orderbook_delta":
            self.change(message, sid or 0)

    def whole(self, message: dict[str, Any], sid: int) -> None:
        market = message["market_ticker"]
        self.books[market], self.owner[market] = {}, sid
        self.rows.append((market, 2, 0, 0, 0))
        for name, side in (("yes_dollars_fp", "yes"), ("no_dollars_fp", "no")):
            for text, size in message.get(name, []):
                self.books[market][side, ticks(text, side)] = lots(size)
                self.rows.append((market, 1, 1 if side == "yes" else -1, ticks(text, side), lots(size)))

    def change(self, message: dict[str, Any], sid: int) -> None:
        market, side = message["market_ticker"], message["side"]
        if market not in self.books or self.owner[market] != sid:
            return
        key = (side, ticks(message["price_dollars"], side))
        level = self.books[market].get(key, 0) + lots(message["delta_fp"])
        if level < 0:
            del self.books[market]
            self.rows.append((market, 3, 0, 0, 0))
            return
        self.books[market][key] = level
        self.rows.append((market, 0, 1 if side == "yes" else -1, key[1], lots(message["delta_fp"])))


def ticks(text: str, side: str) -> int:
    price = round(float(text) * 10_000)
    return price if side == "yes" else 10_000 - price


def lots(text: str) -> int:
    return round(float(text) * 100)


def rows_of(found: Read) -> list[tuple[Any, ...]]:
    return (
        found.tables["book"].select("ticker", "kind", "side", "price", "size").rows() if "book" in found.tables else []
    )


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Frames of two subscriptions, then damaged: some lost, some repeated, a new connection now and then."""
    frames: list[dict[str, Any]] = []
    seqs = {1: 0, 2: 0}
    levels = st.dictionaries(st.integers(1, 49), st.integers(1, 5), max_size=3)
    for ms in range(draw(st.integers(1, 40))):
        sid = draw(st.sampled_from([1, 1, 1, 2]))
        market = draw(st.sampled_from(MARKETS[:2] if sid == 1 else MARKETS[2:]))
        what = draw(st.sampled_from(["delta"] * 8 + ["snapshot"] * 4 + ["ok", "restart", "lost"]))
        seqs[sid] += 1
        if what == "restart":
            frames.append({"type": "subscribed", "id": 1, "msg": {"channel": "orderbook_delta", "sid": sid}})
            seqs[sid] = 1
            what = "snapshot"
        if what == "snapshot":
            frames.append(snapshot(seqs[sid], market, draw(levels), draw(levels), sid))
        elif what == "ok":
            frames.append({"type": "ok", "id": 3, "sid": sid, "seq": seqs[sid], "msg": {"market_tickers": [market]}})
        elif what == "delta":
            price, change = draw(st.integers(1, 49)), draw(st.sampled_from([1, 2, 5, -1]))
            frames.append(delta(seqs[sid], market, price, change, draw(st.sampled_from(["yes", "no"])), ms, sid))
        if frames and draw(st.integers(0, 9)) == 0:
            frames.append(frames[-1])
    return frames or [snapshot(1, "A-1", {}, {})]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(streams(), st.booleans(), st.sampled_from([200, 1000, 1 << 20]))
def test_books_are_those_of_the_plain_rules(frames: list[dict[str, Any]], wrapped: bool, block: int) -> None:
    plain = Plain()
    for frame in frames:
        plain.take(frame)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", block)
        found = read_text(Path(folder), "x.jsonl", capture(frames, wrapped))
    untimed = [bad for bad in found.bad if bad.reason == "carries no time"]
    if untimed:  # bare snapshots before the first time that is known
        assert not wrapped
        return
    assert not found.bad
    for market in MARKETS:
        assert [row for row in rows_of(found) if row[0] == market] == [row for row in plain.rows if row[0] == market]
        own = found.tables["book"].filter(pl.col("ticker") == market) if "book" in found.tables else None
        if own is not None and own.height:  # the store's order is the order of the capture
            numbered = own.with_columns(pl.col("seq").fill_null(-1)).with_row_index()
            assert numbered.sort("ts", "seq", "index")["index"].to_list() == list(range(own.height))
            replay(own.select("kind", "side", "price", "size").rows())


def test_a_missing_seq_makes_every_book_of_the_subscription_unknown(tmp_path: Path) -> None:
    frames = [
        snapshot(1, "A-1", {47: 3}, {48: 3}),
        snapshot(2, "B-2", {10: 1}, {}),
        snapshot(1, "C-3", {5: 5}, {}, sid=2),
        delta(4, "A-1", 47, -1, "yes", 5),
        snapshot(5, "A-1", {47: 9}, {}),
    ]
    found = read_text(tmp_path, "x.jsonl", capture(frames))
    gaps = found.tables["book"].filter(pl.col("kind") == 3).select("ticker", "seq").rows()
    assert gaps == [("A-1", 3), ("B-2", 3)]
    assert found.notes["frames missed by the recorder"] == 1
    assert found.notes["changes left out while their book was unknown"] == 1


def test_no_prices_are_turned_unless_the_recording_says_they_are_yes_prices(tmp_path: Path) -> None:
    frames = [snapshot(1, "A-1", {47: 3}, {48: 3}), delta(2, "A-1", 48, 2, "no", 1)]
    asks = pl.col("side") == -1
    plain = read_text(tmp_path, "a.jsonl", capture(frames))
    assert plain.tables["book"].filter(asks)["price"].to_list() == [5200, 5200]
    assert any("use_yes_price=False" in fact for fact in plain.facts)
    command = {"id": 1, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"], "use_yes_price": True}}
    told = read_text(tmp_path, "b.jsonl", capture([command, *frames]))
    assert told.tables["book"].filter(asks)["price"].to_list() == [4800, 4800]
    asked = read_text(tmp_path, "a.jsonl", capture(frames), Options(use_yes_price=True))
    assert asked.tables["book"].filter(asks)["price"].to_list() == [4800, 4800]


def test_old_captures_in_cents_and_whole_contracts_are_read(tmp_path: Path) -> None:
    frames = [
        {"type": "orderbook_snapshot", "sid": 1, "seq": 1, "msg": {"market_ticker": "A-1", "yes": [[47, 3]], "no": [[48, 2]]}},
        {"type": "orderbook_delta", "sid": 1, "seq": 2, "msg": {"market_ticker": "A-1", "price": 47, "delta": -1, "side": "yes", "ts_ms": START}},
        {"type": "trade", "sid": 2, "seq": 1, "msg": {"market_ticker": "A-1", "yes_price": 47, "no_price": 53, "count": 4, "taker_side": "no", "ts": START // 1000}},
    ]  # fmt: skip
    found = read_text(tmp_path, "x.jsonl", capture(frames))
    assert found.tables["book"].select("kind", "side", "price", "size").rows() == [
        (2, 0, 0, 0), (1, 1, 4700, 300), (1, -1, 5200, 200), (0, 1, 4700, -100)
    ]  # fmt: skip
    assert found.tables["trades"].select("ts", "price", "size", "taker_side").row(0) == (START * 10**6, 4700, 400, -1)


def test_trades_tickers_and_lives_become_rows(tmp_path: Path) -> None:
    frames = [
        {"type": "trade", "sid": 2, "seq": 1, "msg": {"trade_id": "t-1", "market_ticker": "A-1", "yes_price_dollars": "0.4750", "no_price_dollars": "0.5250", "count_fp": "1.25", "taker_side": "no", "taker_outcome_side": "yes", "taker_book_side": "bid", "is_block_trade": True, "ts": START // 1000, "ts_ms": START + 5}},
        {"type": "ticker", "sid": 3, "msg": {"market_ticker": "A-1", "yes_bid_dollars": "0.4000", "yes_ask_dollars": "1.0000", "yes_bid_size_fp": "7.00", "yes_ask_size_fp": "0.00", "ts_ms": START}},
        {"type": "market_lifecycle_v2", "sid": 4, "seq": 1, "msg": {"market_ticker": "A-1", "event_type": "created", "open_ts": START // 1000, "close_ts": START // 1000 + 60, "additional_metadata": {"title": "x", "event_ticker": "S-E", "strike_type": "between", "floor_strike": 5, "cap_strike": 9.5}}},
        {"type": "market_lifecycle_v2", "sid": 4, "seq": 2, "msg": {"market_ticker": "A-1", "event_type": "determined", "result": "yes", "settlement_value": "1.0000", "determination_ts": START // 1000 + 61}},
    ]  # fmt: skip
    found = read_text(tmp_path, "x.jsonl", capture(frames))
    trade = found.tables["trades"].row(0, named=True)
    assert (trade["price"], trade["size"], trade["taker_side"], trade["is_block"]) == (4750, 125, 1, True)
    assert (trade["ts"], trade["recv_ts"], trade["trade_id"]) == ((START + 5) * 10**6, START * 10**6, "t-1")
    quote = found.tables["quotes"].row(0, named=True)
    assert (quote["bid"], quote["bid_size"], quote["ask"], quote["ask_size"]) == (4000, 700, None, None)
    first, last = found.tables["markets"].rows(named=True)
    assert (first["series"], first["floor"], first["cap"], first["status"]) == ("S", 5.0, 9.5, "initialized")
    assert (last["title"], last["result"], last["settlement"], last["status"]) == ("x", "yes", 10_000, "determined")


def test_a_bad_change_is_quarantined_and_its_book_is_unknown_from_there(tmp_path: Path) -> None:
    wrong = delta(2, "A-1", 47, 1, "yes", 1)
    wrong["msg"]["price_dollars"] = "0.47001"
    text = capture([snapshot(1, "A-1", {47: 3}, {}), wrong, delta(3, "A-1", 47, 1, "yes", 2)]) + "{broken\n"
    found = read_text(tmp_path, "x.jsonl", text)
    assert (found.bad[0].line, found.bad[0].reason) == (2, "price_dollars is finer than the smallest unit")
    assert found.bad[1].line == 4
    assert found.tables["book"]["kind"].to_list() == [2, 1, 3]


def test_the_recorders_own_notes_end_books(tmp_path: Path) -> None:
    frames = [
        {"type": "recording", "msg": {"use_yes_price": False}},
        snapshot(1, "A-1", {47: 3}, {}),
        {
            "type": "gap",
            "msg": {"channel": "orderbook_delta", "market_tickers": [], "start_ts": START * 10**6, "reason": "x"},
        },
    ]
    assert read_text(tmp_path, "x.jsonl", capture(frames)).tables["book"]["kind"].to_list() == [2, 1, 3]


@pytest.mark.parametrize("value", [["x"], "1e9", "nan", {}, -1])
def test_a_life_cycle_message_that_makes_no_sense_is_quarantined(tmp_path: Path, value: object) -> None:
    message = {"market_ticker": "A-1", "event_type": "determined", "result": "yes", "settlement_value": value}
    frames = [{"type": "market_lifecycle_v2", "sid": 4, "seq": 1, "msg": message}]
    found = read_text(tmp_path, "x.jsonl", capture(frames))
    assert len(found.bad) == 1
    assert "markets" not in found.tables
