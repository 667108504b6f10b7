"""Damaged files: a clear error or a quarantined row, never a traceback, and never a row the source does not hold.

Trades are read again by a slow parser of its own (``csv``, ``json``, ``Decimal``): what an importer takes must be exactly
what that parser takes, row for row.
"""

from __future__ import annotations

import csv
import gzip
import io as text_io
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from unicodedata import category

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options

from .plain import moment, number
from .reading import Read, read

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
FULL = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
JUNK = [
    b"\0",
    b"\xff\xfe",
    b'"',
    b",",
    b"\n",
    b"\r\n",
    b";",
    b"9" * 30,
    b"-",
    b"1e999",
    b"NaN",
    b"null",
    b" ",
    b"{",
    b"[]",
    b"\xf0\x9f\x98\x80",
]
SIDES = {"yes": 1, "no": -1, "": 0, "buy": 1, "sell": -1}

prices = st.sampled_from(
    ["1", "47", "99", "50", "47.5", "47.55", "0", "100", "101", "-3", "x", "", "1e1", "10.299999999999997"]
)
sizes = st.sampled_from(["1", "12", "3.25", "0", "-1", "1e400", "9" * 25, "", "0.001"])
stamps = st.sampled_from(
    [
        "2025-06-15T15:06:40.288717Z",
        "2025-06-15 15:06:40",
        "1750000000",
        "1750000000123",
        "1750000000.5",
        "x",
        "",
        "2025-02-30T00:00:00Z",
        "1",
    ]
)
tickers = st.sampled_from(["KXINX-25JUN15-B5000", "A-1", "", "A B", "ÄÖ-1"])
sides = st.sampled_from(["yes", "no", "", "buy", "maybe"])
records = st.lists(st.tuples(stamps, tickers, prices, sizes, sides), min_size=1, max_size=6)
NAMES = ["timestamp", "ticker", "price", "volume", "taker_side"]


@st.composite
def damage(draw: st.DrawFn, text: bytes) -> bytes:
    """Cut, delete, repeat and insert."""
    data = bytearray(text)
    for _ in range(draw(st.integers(0, 3))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(1, 12))
        match draw(st.integers(0, 4)):
            case 0:
                data[at:at] = draw(st.sampled_from(JUNK))
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                del data[at:]
            case _:
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=2))
    return bytes(data)


def attempt(name: str, data: bytes, options: Options | None = None) -> Read | None:
    """Read damaged bytes; None if they are refused with one clear line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            return read(path, options)
        except InputError as error:
            assert str(error).strip()
            assert "\n" not in str(error)
            return None


def slow_trade(record: dict[str, str]) -> tuple[object, ...] | None:
    """Read one trade whose price is in cents."""
    ts, price = moment(record["timestamp"]), number(record["price"], 2)
    size, side = number(record["volume"], 2), SIDES.get(record["taker_side"].strip().lower())
    ticker = record["ticker"]
    named = 1 <= len(ticker) <= 200 and all("!" <= char <= "~" or category(char)[0] in "LN" for char in ticker)
    if (
        ts is None
        or price is None
        or not 0 <= price <= 10_000
        or size is None
        or size <= 0
        or side is None
        or not named
    ):
        return None
    return ts, ticker, price, size, side


def taken(found: Read) -> Counter[tuple[object, ...]]:
    trades = found.tables.get("trades")
    return Counter() if trades is None else Counter(trades.select("ts", "ticker", "price", "size", "taker_side").rows())


def check_csv(data: bytes) -> None:
    found = attempt("trades.csv", data, Options(price_unit="cents"))
    if found is None or "trades" not in found.tables:
        return
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace").split("\n")
    separator = max(",\t;|", key=lines[0].strip("\r\n").count)
    head = [name.strip() for name in next(csv.reader([lines[0].strip("\r\n")], delimiter=separator))]
    if sorted(head) != sorted(NAMES):  # another layout than the parser below knows
        return
    if any('"' in line for line in lines[1:]):
        rows = list(csv.reader(text_io.StringIO("\n".join(lines[1:]), newline=""), delimiter=separator))
    else:
        rows = [line.rstrip("\r").split(separator) for line in lines[1:]]
    slow = Counter(
        trade for row in rows if len(row) == len(head) and (trade := slow_trade(dict(zip(head, row, strict=True))))
    )
    assert taken(found) <= slow
    if not any('"' in line or "\ufffd" in line for line in lines):
        assert taken(found) == slow
        records = [row for row in rows if "".join(row).strip() or len(row) not in (0, 1, len(head))]
        assert sum(slow.values()) + len(found.bad) == len(records)


def check_jsonl(data: bytes) -> None:
    found = attempt("trades.jsonl", data, Options(price_unit="cents"))
    if found is None:
        return
    slow: Counter[tuple[object, ...]] = Counter()
    for line in data.split(b"\n"):
        try:
            record = json.loads(line, parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and all(isinstance(record.get(name) or "", str) for name in NAMES):
            trade = slow_trade({name: record.get(name) or "" for name in NAMES})
            if trade:
                slow[trade] += 1
    assert taken(found) <= slow


def csv_of(rows: list[tuple[str, ...]], order: list[int], end: str) -> bytes:
    table = [NAMES, *rows]
    return (end.join(",".join(row[at] for at in order) for row in table) + end).encode()


def jsonl_of(rows: list[tuple[str, ...]], bare: bool) -> bytes:
    def value(text: str) -> str:
        plain = bare and number(text, 6) is not None and text[:1] != "0" and not text.startswith("1e4")
        return text if plain else json.dumps(text)

    return "".join(
        "{" + ",".join(f'"{n}":{value(v)}' for n, v in zip(NAMES, row, strict=True)) + "}\n" for row in rows
    ).encode()


def fuzz(source: st.SearchStrategy[bytes], check: Callable[[bytes], None], level: settings) -> None:
    level(given(source.flatmap(damage))(check))()


CSV = st.builds(csv_of, records, st.permutations(range(5)), st.sampled_from(["\n", "\r\n"]))
JSONL = st.builds(jsonl_of, records, st.booleans())

FRAMES = [
    {"type": "subscribed", "id": 1, "msg": {"channel": "orderbook_delta", "sid": 1}},
    {"type": "orderbook_snapshot", "sid": 1, "seq": 1, "msg": {"market_ticker": "A-1", "yes_dollars_fp": [["0.4700", "3.00"]]}},
    {"type": "orderbook_delta", "sid": 1, "seq": 2, "msg": {"market_ticker": "A-1", "price_dollars": "0.4700", "delta_fp": "-3.00", "side": "yes", "ts_ms": 1781159489957}},
    {"type": "orderbook_delta", "sid": 1, "seq": 3, "msg": {"market_ticker": "A-1", "price_dollars": "0.4800", "delta_fp": "2.50", "side": "no", "ts_ms": 1781159490957}},
    {"type": "trade", "sid": 2, "seq": 1, "msg": {"trade_id": "t", "market_ticker": "A-1", "yes_price_dollars": "0.4700", "no_price_dollars": "0.5300", "count_fp": "1.00", "taker_side": "yes", "ts_ms": 1781159489957}},
    {"type": "ticker", "sid": 3, "msg": {"market_ticker": "A-1", "yes_bid_dollars": "0.4", "yes_ask_dollars": "0.5", "ts_ms": 1781159489957}},
    {"type": "market_lifecycle_v2", "sid": 4, "seq": 1, "msg": {"market_ticker": "A-1", "event_type": "determined", "result": "yes"}},
    {"type": "ok", "id": 3, "sid": 1, "seq": 4, "msg": {"market_tickers": ["A-1"]}},
]  # fmt: skip
CAPTURE = st.lists(st.sampled_from(FRAMES), min_size=1, max_size=8).map(
    lambda frames: b"".join(
        json.dumps({"recv_ts": 1781159490000000000 + at, "frame": frame}).encode() + b"\n"
        for at, frame in enumerate(frames)
    )
)
POLLS = st.lists(
    st.sampled_from(
        [
            {"ts": 1781159489, "ticker": "A-1", "orderbook": {"yes": [[47, 3]], "no": None}},
            {"ts": 1781159490, "ticker": "A-1", "orderbook": {"yes": [], "no": [[52, 7], [1, 1]]}},
            {
                "trades": [
                    {
                        "trade_id": "x",
                        "ticker": "A-1",
                        "count": 3,
                        "yes_price": 47,
                        "no_price": 53,
                        "created_time": "2025-06-15T15:06:40Z",
                    }
                ]
            },
        ]
    ),
    min_size=1,
    max_size=4,
).map(lambda polls: b"".join(json.dumps(poll).encode() + b"\n" for poll in polls))
OTHERS = st.sampled_from(
    [
        b"ticker,title,category,open_time,close_time,result,status,yes_bid,yes_ask,volume,open_interest\nA-1,\"x, y\",c,2025-06-15T15:06:40Z,,yes,finalized,47,49,100,3\n",
        b"timestamp,ticker,yes_bid,yes_ask\n2025-06-15T15:06:40Z,A-1,0.47,0.49\n2025-06-15T15:06:41Z,A-1,0,1\n",
        b"timestamp,open,high,low,close\n2025-06-15T15:06:00Z,1,2,3,4\n2025-06-15T15:07:00Z,1,2,3,4\n",
        b"Time,Competitor,Operation,OrderId,Instrument,Side,Volume,Price,Lifespan,Fee\n2023-04-10 13:31:00+00:00,,,,0,,,4079.39,,\n2023-04-10 13:31:01+00:00,,Insert,1,1,A,5,5700.0,G,0\n",
        b"exchange,ticker,exchange_timestamp,message_type,price_level_update_price,price_level_update_quantity,price_level_update_side,snapshot_bid_prices,snapshot_bid_quantities,snapshot_ask_prices,snapshot_ask_quantities\nkalshi,A-1,1781159489957000000,snapshot,,,,\"0.47,0.46\",\"3,4\",,\n",
    ]
)  # fmt: skip


def check_any(data: bytes) -> None:
    for name in ("any.csv", "any.jsonl"):
        found = attempt(name, data, Options(underlying="SPX"))
        if found is not None:
            book = found.tables.get("book", pl.DataFrame({"price": []}))
            assert book.filter((pl.col("price") < 0) | (pl.col("price") > 10_000)).is_empty()


def check_packed(data: bytes) -> None:
    attempt("trades.csv.gz", data)


def packed(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def parquet_of(rows: list[tuple[str, ...]]) -> bytes:
    sink = text_io.BytesIO()
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.String), orient="row")
    frame.write_parquet(sink)
    return sink.getvalue()


CASES = {
    "csv": (CSV, check_csv),
    "jsonl": (JSONL, check_jsonl),
    "capture": (CAPTURE, check_any),
    "polls": (POLLS, check_any),
    "others": (OTHERS, check_any),
    "gzip": (CSV.map(packed), check_packed),
    "parquet": (records.map(parquet_of), check_any),
    "binary": (st.binary(max_size=300), check_any),
}


@pytest.mark.parametrize("case", CASES)
def test_damaged_files_are_refused_or_quarantined(case: str) -> None:
    fuzz(*CASES[case], QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_thousands_of_damaged_files_are_refused_or_quarantined(case: str) -> None:
    fuzz(*CASES[case], FULL if case in ("csv", "jsonl") else settings(FULL, max_examples=210))
