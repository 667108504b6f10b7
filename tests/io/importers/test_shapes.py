"""The shapes that recordings come in: each is read, or refused with one line that says what to do."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import sqlite3
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from pyarrow import feather
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_files, plan
from touchline.io.importers.values import lines, unpacking
from touchline.io.store.store import Store

T0 = 1_750_000_000
TRADES = [
    {"ticker": "KXA-T1", "created_time": "2025-06-15T15:06:40Z", "yes_price_dollars": "0.4700", "count_fp": "3.00"},
    {"ticker": "KXA-T2", "created_time": "2025-06-15T15:06:41Z", "yes_price_dollars": "0.5300", "count_fp": "4.00"},
]
MARKET = {"ticker": "KXA-T1", "event_ticker": "KXA", "close_time": "2025-06-16T00:00:00Z", "result": "yes"}
BID = {"open_dollars": "0.4000", "close_dollars": "0.4500"}
ASK = {"open_dollars": "0.5000", "close_dollars": "0.5200"}
CANDLE = {"end_period_ts": T0, "yes_bid": BID, "yes_ask": ASK, "volume_fp": "1.00"}
SNAPSHOT = {"type": "orderbook_snapshot", "sid": 1, "seq": 1, "msg": {
    "market_ticker": "KXA-T1", "yes_dollars_fp": [["0.4000", "5.00"]], "no_dollars_fp": [["0.5000", "6.00"]]}}  # fmt: skip
DELTA = {"type": "orderbook_delta", "sid": 1, "seq": 2, "msg": {
    "market_ticker": "KXA-T1", "side": "yes", "price_dollars": "0.4100", "delta_fp": "2.00", "ts": T0 + 1}}  # fmt: skip


def bring(folder: Path, path: Path, options: Options | None = None) -> Store:
    store = Store(folder / "store")
    options = options or Options()
    list(import_files(store, plan([path], options)[0], options))
    return store


def written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def as_lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def sizes(store: Store) -> list[tuple[str, int, int]]:
    return store.trades().collect().sort("ticker").select("ticker", "price", "size").rows()


READ = [("KXA-T1", 4700, 300), ("KXA-T2", 5300, 400)]
LISTS: dict[str, str] = {
    "list": json.dumps(TRADES),
    "indented list": json.dumps(TRADES, indent=2),
    "pages": json.dumps([{"trades": TRADES[:1]}, {"trades": TRADES[1:]}]),
    "list of lists": json.dumps([TRADES[:1], TRADES[1:]]),
    "a list a line": as_lines(TRADES[:1], TRADES[1:]),
    "page": json.dumps({"trades": TRADES}, indent=1),
}


@pytest.mark.parametrize("shape", LISTS)
def test_lists_and_pages(tmp_path: Path, shape: str) -> None:
    assert sizes(bring(tmp_path, written(tmp_path, "in.json", LISTS[shape]))) == READ


def _zip(path: Path, text: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("day/in.json", text)
        archive.writestr("readme.md", "no data")


def _sqlite(path: Path, text: bytes) -> None:
    database = sqlite3.connect(path)
    database.execute('create table "my trades" (ticker, created_time, yes_price_dollars, count_fp, blob)')
    rows = [(*one.values(), b"x") for one in json.loads(text)]
    database.executemany('insert into "my trades" values (?, ?, ?, ?, ?)', rows)
    database.execute("create table settings (name, value)")
    database.commit()
    database.close()


def _feather_1(path: Path, text: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        feather.write_feather(pl.DataFrame(json.loads(text)).to_arrow(), str(path), version=1)


CONTAINERS: dict[str, Callable[[Path, bytes], object]] = {
    "gz": lambda path, text: path.write_bytes(gzip.compress(text)),
    "bz2": lambda path, text: path.write_bytes(bz2.compress(text)),
    "xz": lambda path, text: path.write_bytes(lzma.compress(text)),
    "zip": _zip,
    "sqlite": _sqlite,
    "feather": lambda path, text: pl.DataFrame(json.loads(text)).write_ipc(path),
    "arrow": lambda path, text: pl.DataFrame(json.loads(text)).write_ipc_stream(path),
    "1.feather": _feather_1,
}


@pytest.mark.parametrize("ending", CONTAINERS)
@pytest.mark.parametrize("named", [True, False])
def test_containers(tmp_path: Path, ending: str, named: bool) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / (f"trades.json.{ending}" if ending in ("gz", "bz2", "xz") else f"trades.{ending}")
    CONTAINERS[ending](path, json.dumps(TRADES).encode())
    store = bring(tmp_path, path if named else path.parent)
    assert sizes(store) == READ
    assert store.imports()[0].source.startswith(str(path))


def test_one_market(tmp_path: Path) -> None:
    store = bring(tmp_path, written(tmp_path, "in.json", {"market": MARKET}))
    assert store.markets().collect().select("ticker", "result").rows() == [("KXA-T1", "yes")]


@pytest.mark.parametrize(
    "answer",
    [
        {"ticker": "KXA-T1", "candlesticks": [CANDLE]},
        {"markets": [{"market_ticker": "KXA-T1", "candlesticks": [CANDLE]}]},
        {"ticker": "KXA-T1", "candlesticks": [CANDLE | {"yes_bid": {"close": 45}, "yes_ask": {"close": 52}}]},
        {"ticker": "KXA-T1", "candlesticks": [CANDLE | {"yes_bid": {"close": "0.4500"}, "yes_ask": {"close": "0.52"}}]},
    ],
)
def test_candlesticks_are_the_quotes_at_the_end_of_their_period(tmp_path: Path, answer: object) -> None:
    quotes = bring(tmp_path, written(tmp_path, "in.json", answer)).quotes().collect()
    assert quotes.select("ts", "ticker", "bid", "ask").rows() == [(T0 * 10**9, "KXA-T1", 4500, 5200)]


def test_candlesticks_without_a_ticker_take_the_one_that_is_passed(tmp_path: Path) -> None:
    path = written(tmp_path, "in.json", {"candlesticks": [CANDLE]})
    with pytest.raises(InputError, match="does not name its market; pass ticker="):
        bring(tmp_path, path)
    assert bring(tmp_path, path, Options(ticker="KXA-T1")).quotes().collect()["ticker"].to_list() == ["KXA-T1"]


def test_a_history_of_prices_says_what_it_can_be(tmp_path: Path) -> None:
    path = written(tmp_path, "in.json", {"history": [{"t": T0, "p": 0.47}, {"t": T0 + 60, "p": 0.48}]})
    with pytest.raises(InputError, match=r"format='underlying', map=.*, underlying='NAME'"):
        bring(tmp_path, path)
    followed = Options(format="underlying", columns={"ts": "t", "value": "p"}, underlying="NAME")
    assert bring(tmp_path, path, followed).underlying("NAME").collect()["value"].to_list() == [0.47, 0.48]


MS, NS = (T0 * 10**3 + 5, T0 * 10**9 + 5_000_000)
WRAPPED: dict[str, Callable[[dict[str, object]], object]] = {
    "payload": lambda frame: {"received_ms": MS, "payload": frame},
    "two deep": lambda frame: {"local_ts": NS, "event": {"kind": "ws", "body": frame}},
    "raw text": lambda frame: {"ts": MS, "raw": json.dumps(frame)},
    "payload_json": lambda frame: {"recv_ts_ns": NS, "payload_json": json.dumps(frame, indent=1)},
    "text two deep": lambda frame: {"received_at": "2025-06-15T15:06:40.005Z", "data": {"raw": json.dumps(frame)}},
}


@pytest.mark.parametrize("shape", WRAPPED)
def test_frames_in_an_envelope(tmp_path: Path, shape: str) -> None:
    path = written(tmp_path, "in.jsonl", as_lines(*(WRAPPED[shape](frame) for frame in (SNAPSHOT, DELTA))))
    book = bring(tmp_path, path).book().collect()
    assert book.select("kind", "side", "price", "size").rows() == [
        (2, 0, 0, 0), (1, 1, 4000, 500), (1, -1, 5000, 600), (0, 1, 4100, 200)
    ]  # fmt: skip
    assert book["recv_ts"].to_list() == [NS] * 4


def test_changes_without_their_snapshots_say_where_to_look(tmp_path: Path) -> None:
    path = written(tmp_path, "deltas.jsonl", as_lines(DELTA))
    (one,) = import_files(Store(tmp_path / "store"), plan([path], Options())[0], Options())
    assert any("import the folder of the recording at once" in fact for fact in one.facts)
    bare = written(tmp_path, "bare.jsonl", as_lines(DELTA["msg"]))
    with pytest.raises(InputError, match="import the folder of the recording at once"):
        plan([bare], Options())


POLY = {"asset": "111", "conditionId": "0xabc", "side": "BUY", "price": 0.4, "size": 5, "timestamp": T0}


def test_the_token_of_a_trade_decides_its_side(tmp_path: Path) -> None:
    path = written(tmp_path, "in.json", [POLY | {"outcomeIndex": 0}, POLY | {"asset": "222", "outcomeIndex": 1}])
    trades = bring(tmp_path, path).trades().collect().sort("price")
    assert trades.select("ticker", "price", "taker_side").rows() == [("0xabc", 4000, 1), ("0xabc", 6000, -1)]


@pytest.mark.parametrize("ticker", [None, "ONE"])
def test_two_tokens_never_merge(tmp_path: Path, ticker: str | None) -> None:
    path = written(tmp_path, "in.json", [POLY, POLY | {"asset": "222"}])
    assert bring(tmp_path, path, Options(ticker=ticker)).tickers() == ["111", "222"]


def test_the_books_of_two_tokens(tmp_path: Path) -> None:
    def book(token: str, bid: str) -> dict[str, object]:
        sides = {"bids": [{"price": bid, "size": "5"}], "asks": [{"price": ".60", "size": "6"}]}
        return {"event_type": "book", "asset_id": token, "timestamp": str(T0 * 1000), **sides}

    changes = [{"asset_id": "222", "price": "0.35", "size": "1", "side": "BUY"}]
    after = {"event_type": "price_change", "timestamp": str(T0 * 1000 + 1), "price_changes": changes}
    store = bring(tmp_path, written(tmp_path, "in.jsonl", as_lines([book("111", ".40"), book("222", ".30")], after)))
    rows = store.book("222").collect().select("kind", "side", "price", "size").rows()
    assert rows == [(2, 0, 0, 0), (1, 1, 3000, 500), (1, -1, 6000, 600), (0, 1, 3500, 100)]
    assert store.book("111").collect().height == 3


def test_the_stream_tells_trades_of_tokens(tmp_path: Path) -> None:
    """The token that was traded is the market, and its book is the one that the trade took from."""
    sides = {"asset_id": "111", "timestamp": str(T0 * 1000), "bids": [{"price": ".40", "size": "5"}], "asks": []}
    trade = {"event_type": "last_trade_price", "market": "0xabc", "fee_rate_bps": "0", "timestamp": str(T0 * 1000 + 7)}
    trades = [
        trade | {"asset_id": "111", "price": "0.456", "side": "BUY", "size": "219.21"},
        trade | {"asset_id": "222", "price": "0.544", "side": "SELL", "size": "3"},
        trade | {"asset_id": "111", "price": "0.4", "side": "SELL", "size": "0"},
        trade | {"asset_id": "111", "price": "1.4", "side": "SELL", "size": "1"},
    ]
    path = written(tmp_path, "in.jsonl", as_lines({"event_type": "book", **sides}, *trades))
    store = Store(tmp_path / "store")
    (one,) = import_files(store, plan([path], Options())[0], Options())
    rows = store.trades().collect().select("ts", "ticker", "price", "size", "taker_side").rows()
    moment = (T0 * 1000 + 7) * 10**6
    assert rows == [(moment, "111", 4560, 21921, 1), (moment, "222", 5440, 300, -1)]
    assert (one.report.quarantined, dict(one.notes)) == (2, {})
    assert store.book("111").collect().height == 2


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_map_reaches_fields_of_objects(tmp_path: Path, ending: str) -> None:
    rows = [
        {"m": {"id": "KXA-T1"}, "at": T0, "p": {"yes": 47}, "n": 3},
        {"m": {"id": "KXA-T2"}, "at": T0, "p": {"yes": 53}, "n": 4},
    ]
    path = tmp_path / f"in.{ending}"
    if ending == "jsonl":
        path.write_text(as_lines(*rows))
    else:
        pl.DataFrame(rows).write_parquet(path)
    columns = {"ticker": "m.id", "ts": "at", "price": "p.yes", "size": "n"}
    assert sizes(bring(tmp_path, path, Options(columns=columns, price_unit="cents"))) == READ
    with pytest.raises(InputError, match=r"map= names p\.no, which the file does not have"):
        bring(tmp_path, path, Options(columns=columns | {"price": "p.no"}))


@pytest.mark.parametrize("one", [True, False])
def test_map_reaches_fields_of_the_records_of_pages(tmp_path: Path, one: bool) -> None:
    rows = [
        {"m": {"id": "KXA-T1"}, "at": T0, "p": {"yes": {"cents": 47}}, "n": 3},
        {"m": {"id": "KXA-T2"}, "at": T0, "p": {"yes": {"cents": 53}}, "n": 4},
    ]
    pages = [{"trades": rows, "cursor": ""}] if one else [{"trades": [row]} for row in rows]
    path = tmp_path / "in.json"
    path.write_text(json.dumps(pages[0], indent=1) if one else as_lines(*pages))
    columns = {"ticker": "m.id", "ts": "at", "price": "p.yes.cents", "size": "n"}
    assert sizes(bring(tmp_path, path, Options(columns=columns, price_unit="cents"))) == READ
    with pytest.raises(InputError, match=r"map= names p\.no, which the file does not have; it has trades, .*at"):
        bring(tmp_path, path, Options(columns=columns | {"price": "p.no"}))


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zip"])
def test_what_unpacks_to_far_more_than_a_recording_is_refused(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_UNPACKED_BYTES", 1 << 20)
    monkeypatch.setattr(unpacking, "_LARGEST_MEMBER", 1 << 20)
    text = (b"ticker,created_time,yes_price,count\n" + b"\n" * (16 << 20)).replace(b"\n", b"\n\n")
    CONTAINERS[ending](tmp_path / f"bomb.csv.{ending}", text)
    with pytest.raises(InputError, match="times its size, as no recording does"):
        bring(tmp_path, tmp_path / f"bomb.csv.{ending}")


BROKEN: dict[str, tuple[bytes, str]] = {
    "deep.json": (b"[" * 100_000, "not a JSON list"),
    "deep object.json": (b'{"a":' * 100_000, "no line of the first 50 is a JSON object"),
    "open.json": (b'[{"ticker": "A"}, ', "not a JSON list"),
    "bare.json": (b"[[1750000000, 0.4], [1750000060, 0.5]]", "lists of values without names"),
    "nested.json": (b"[[[[{}]]]]", "lists more than 3 deep"),
    "broken.zip": (b"PK\x03\x04" + b"x" * 100, "not a readable zip"),
    "broken.db": (b"SQLite format 3\0" + b"x" * 4096, "not a readable SQLite database"),
    "broken.xz": (b"\xfd7zXZ\x00" + b"x" * 100, "cannot be decompressed"),
    "broken.1.feather": (b"FEA1" + b"x" * 100, "not a readable Arrow file"),
    "broken.feather": (b"ARROW1" + b"x" * 100, "not a readable Arrow file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_or_too_deep_is_one_line(tmp_path: Path, name: str) -> None:
    content, said = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as raised:
        bring(tmp_path, tmp_path / name)
    assert "\n" not in str(raised.value)
    assert name in str(raised.value)
