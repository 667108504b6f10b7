"""Every family of files, one small literal each: what becomes of its rows."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options
from touchline.io.importers.recognise import IMPORTERS, recognise
from touchline.io.importers.values import lines

from .reading import read, read_text

JUNE = 1_750_000_000 * 10**9
TRADES = "timestamp,ticker,price,volume,taker_side\n"


def trades(folder: Path, rows: str, options: Options | None = None, head: str = TRADES) -> list[tuple[object, ...]]:
    found = read_text(folder, "trades.csv", head + rows, options)
    return found.tables["trades"].select("ts", "ticker", "price", "size", "taker_side").rows()


@pytest.mark.parametrize(
    "time",
    ["2025-06-15T15:06:40Z", "2025-06-15 15:06:40", "2025-06-15T17:06:40+02:00", "1750000000", "1750000000000",
     "1750000000000000", "1750000000000000000", "1750000000.000"],
)  # fmt: skip
def test_times_of_every_kind(tmp_path: Path, time: str) -> None:
    assert trades(tmp_path, f"{time},A-1,47,3,yes\n") == [(JUNE, "A-1", 4700, 300, 1)]


def test_naive_times_are_read_in_the_zone_asked_for(tmp_path: Path) -> None:
    found = trades(tmp_path, "2025-06-15 11:06:40,A-1,47,3,no\n", Options(tz="America/New_York"))
    assert found == [(JUNE, "A-1", 4700, 300, -1)]


def test_a_time_that_the_clock_showed_twice_is_quarantined(tmp_path: Path) -> None:
    found = read_text(tmp_path, "t.csv", TRADES + "2025-11-02 01:30:00,A-1,47,3,no\n", Options(tz="America/New_York"))
    assert [bad.reason for bad in found.bad] == ["timestamp 2025-11-02 01:30:00 is not one moment in America/New_York"]


def test_cents_and_dollars_are_told_apart_and_doubt_is_asked_about(tmp_path: Path) -> None:
    assert trades(tmp_path, "1750000000,A-1,0.475,3,yes\n") == [(JUNE, "A-1", 4750, 300, 1)]
    assert trades(tmp_path, "1750000000,A-1,47.5,3,yes\n") == [(JUNE, "A-1", 4750, 300, 1)]
    with pytest.raises(InputError, match="Pass price_unit="):
        trades(tmp_path, "1750000000,A-1,1,3,yes\n")
    with pytest.raises(InputError, match="Pass price_unit="):
        trades(tmp_path, "1750000000,A-1,0.5,3,yes\n1750000000,A-1,50,3,yes\n")
    assert trades(tmp_path, "1750000000,A-1,1,3,yes\n", Options(price_unit="cents")) == [(JUNE, "A-1", 100, 300, 1)]


def test_every_bad_row_has_its_line_reason_and_text(tmp_path: Path) -> None:
    rows = [
        "1750000000,A-1,47,3,yes", "x,A-1,47,3,yes", "1750000000,,47,3,yes", "1750000000,A-1,147,3,yes",
        "1750000000,A-1,47.005,3,yes", "1750000000,A-1,47,0,yes", "1750000000,A-1,47,3,maybe", "1750000000,A-1,47,3",
        '1750000000,A-1,47,"3,yes', "1750000000,A-1,47,3,yes", "1750000000,A-1,47,3,yes",
    ]  # fmt: skip
    found = read_text(tmp_path, "trades.csv", TRADES + "\n".join(rows) + "\n", Options(price_unit="cents"))
    assert found.tables["trades"].height == 3  # equal rows are separate fills
    assert [(bad.line, bad.reason) for bad in found.bad] == [
        (3, "timestamp 'x' cannot be read"),
        (4, "ticker is missing"),
        (5, "price 147 cents is not between 0 and 1 dollar"),
        (6, "price '47.005' is finer than the smallest unit"),
        (7, "volume 0 is not positive"),
        (8, "taker_side 'maybe' is not yes, no, buy or sell"),
        (9, "4 fields, 5 expected"),
        (10, "a quote is opened and not closed"),
    ]
    assert found.bad[0].raw == rows[1]


def test_a_grid_can_be_asked_for(tmp_path: Path) -> None:
    found = read_text(tmp_path, "t.csv", TRADES + "1750000000,A-1,47.5,3,yes\n", Options(grid="linear_cent"))
    assert [bad.reason for bad in found.bad] == ["price 47.5 is not on the linear_cent grid"]


def test_columns_of_any_name_can_be_mapped(tmp_path: Path) -> None:
    options = Options(columns={"ts": "when", "ticker": "m", "price": "px", "size": "n"}, price_unit="cents")
    assert trades(tmp_path, "1750000000,A-1,47,3\n", options, head="when,m,px,n\n") == [(JUNE, "A-1", 4700, 300, 0)]
    with pytest.raises(InputError, match="map= names wenn, which the file does not have; it has when, m, px, n"):
        trades(tmp_path, "1,2,3,4\n", Options(columns={"ts": "wenn"}), head="when,m,px,n\n")


def test_a_file_that_fits_nothing_is_told_its_columns_and_the_nearest_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found columns timestamp, ticker, volume; the nearest is .* which lacks"):
        read_text(tmp_path, "t.csv", "timestamp,ticker,volume\n1,2,3\n")
    with pytest.raises(InputError, match="the file is empty"):
        read_text(tmp_path, "e.csv", "")
    with pytest.raises(InputError, match="format trades needs yes_price_dollars"):
        read_text(tmp_path, "t.csv", "timestamp,ticker,volume\n1,2,3\n", Options(format="trades"))
    with pytest.raises(InputError, match="format 'nothing' is not known; known: websocket"):
        read_text(tmp_path, "t.csv", TRADES, Options(format="nothing"))


def test_exchange_trades_check_that_both_prices_are_one_contract(tmp_path: Path) -> None:
    head = "ticker,created_time,yes_price,no_price,count,taker_side,trade_id\n"
    found = read_text(tmp_path, "t.csv", head + "A-1,1750000000,47,53,3,no,x\nA-1,1750000000,47,54,3,no,y\n")
    assert found.tables["trades"].select("price", "trade_id", "taker_side").rows() == [(4700, "x", -1)]
    assert found.bad[0].reason == "yes_price 47 and no_price 54 do not add up to one contract"


def test_trades_without_an_id_are_kept_beside_those_with_one(tmp_path: Path) -> None:
    head = "ticker,created_time,yes_price,no_price,count,trade_id\n"
    found = read_text(tmp_path, "t.csv", head + "A-1,1750000000,47,53,3,x\nA-1,1750000000,47,53,3,\n")
    assert found.tables["trades"]["trade_id"].to_list() == ["x", None]
    assert not found.bad


def test_markets_with_quoted_titles_over_lines(tmp_path: Path) -> None:
    head = "ticker,title,category,open_time,close_time,result,status,yes_bid,yes_ask,volume,open_interest\n"
    rows = 'A-1,"Rain, or\nnot?",Weather,2025-06-15T15:06:40Z,2025-06-16 00:00:00,yes,finalized,0,100,12.5,3\nB-2,x,y,,,,active,47,49,0,0\n'
    found = read_text(tmp_path, "markets.csv", head + rows)
    first, second = found.tables["markets"].rows(named=True)
    assert (first["title"], first["open_ts"], first["result"], first["settlement"]) == (
        "Rain, or\nnot?",
        JUNE,
        "yes",
        10_000,
    )
    assert (first["yes_bid"], first["yes_ask"], first["volume"]) == (None, None, 1250)
    assert (second["yes_bid"], second["yes_ask"], second["result"], second["close_ts"]) == (4700, 4900, None, None)


def test_records_that_lack_a_column_say_so_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of JSON lines of which none has a column is read like one of which some have it."""
    trade = '{"timestamp":1750000000,"ticker":"A-1","price":47,"volume":3,"taker_side":"yes"}\n'
    rows = trade + "{}\n" * 40 + '{"price":47}\n' * 40 + trade
    for size in (32 << 20, 100):
        monkeypatch.setattr(lines, "BLOCK_BYTES", size)
        found = read_text(tmp_path, "trades.jsonl", rows, Options(price_unit="cents"))
        assert found.tables["trades"].height == 2
        reasons = Counter(bad.reason for bad in found.bad)
        assert reasons == {"ticker is missing": 80}
        assert [bad.line for bad in found.bad] == list(range(2, 82))


def test_one_object_over_several_lines_is_no_table(tmp_path: Path) -> None:
    trade = '{\n"timestamp":1750000000,"ticker":"A-1","price":47,"volume":3,"taker_side":"yes"}\n'
    for given in (Options(), Options(format="trades")):
        with pytest.raises(InputError, match="one JSON object over several lines, where trades has an object a line"):
            read_text(tmp_path, "trades.jsonl", trade, given)


def test_gzip_and_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + (TRADES + "1750000000,A-1,47,3,yes\n").replace("\n", "\r\n").encode()
    found = read_text(tmp_path, "t.csv.gz", gzip.compress(text))
    assert found.tables["trades"].height == 1
    cut = read_text(tmp_path, "cut.csv.gz", gzip.compress((TRADES + "1750000000,A-1,47,3,yes\n" * 9999).encode())[:-9])
    assert "the file is damaged after this line" in cut.bad[-1].reason


def test_polled_books_in_both_shapes(tmp_path: Path) -> None:
    old = '{"ts":1750000000,"orderbook":{"yes":[[46,10],[47,3]],"no":null}}\n{"ts":1750000001,"orderbook":{}}\n{"ts":1750000002}\n'
    found = read_text(tmp_path, "KXINX-26SEP14H1600-B7187_orderbook.jsonl", old)
    assert found.tables["book"].select("ts", "ticker", "kind", "side", "price", "size").rows() == [
        (JUNE, "KXINX-26SEP14H1600-B7187", 2, 0, 0, 0),
        (JUNE, "KXINX-26SEP14H1600-B7187", 1, 1, 4600, 1000),
        (JUNE, "KXINX-26SEP14H1600-B7187", 1, 1, 4700, 300),
        (JUNE + 10**9, "KXINX-26SEP14H1600-B7187", 2, 0, 0, 0),
    ]
    assert [bad.reason for bad in found.bad] == ["the line holds no order book"]
    new = '{"ts":"2025-06-15T15:06:40Z","ticker":"A-1","orderbook_fp":{"yes_dollars":[],"no_dollars":[["0.4850","3.01"]]}}\n'
    book = read_text(tmp_path, "b.jsonl", new).tables["book"]
    assert book.select("ticker", "kind", "side", "price", "size").rows() == [
        ("A-1", 2, 0, 0, 0),
        ("A-1", 1, -1, 5150, 301),
    ]


def test_polled_trades_come_in_pages(tmp_path: Path) -> None:
    trade = '{"trade_id":"%s","ticker":"A-1","count_fp":"1.50","yes_price_dollars":"0.4700","no_price_dollars":"0.5300","taker_outcome_side":"no","taker_side":"yes","created_time":"2025-06-15T15:06:40Z"}'
    pages = f'{{"trades":[{trade % "x"},{trade % "y"}],"cursor":""}}\n{{"cursor":"z"}}\n'
    found = read_text(tmp_path, "t.jsonl", pages)
    assert found.tables["trades"].select("trade_id", "size", "taker_side").rows() == [("x", 150, -1), ("y", 150, -1)]
    assert [bad.reason for bad in found.bad] == [
        "the object holds no list of trades, markets, fills, orders, settlements, candlesticks, "
        "incentive_programs, events, series"
    ]


MARKET = {"ticker": "A-1", "open_time": "2025-06-15T15:06:40Z", "close_time": "2025-06-16T15:06:40Z", "result": "yes",
          "settlement_value_dollars": "1.0000"}  # fmt: skip


@pytest.mark.parametrize("lines", [True, False])
def test_markets_nested_in_events_are_markets(tmp_path: Path, lines: bool) -> None:
    """What GET /events?with_nested_markets=true and GET /events/{ticker} answer."""
    event = {"event_ticker": "A", "series_ticker": "S", "category": "Weather", "fee_type_override": "quadratic"}
    answers = [
        {"events": [event | {"markets": [MARKET, MARKET | {"ticker": "A-2"}]}, {"event_ticker": "B"}], "cursor": ""},
        {"event": event, "markets": [MARKET | {"ticker": "A-3", "event_ticker": "A"}]},
        {"event": event | {"markets": [MARKET | {"ticker": "A-4"}]}},
    ]
    (tmp_path / "markets.json").write_text('{"markets": []}')
    texts = (
        ["".join(json.dumps(one) + "\n" for one in answers)]
        if lines
        else [json.dumps(one, indent=1) for one in answers]
    )
    found = pl.DataFrame()
    for text in texts:
        done = read_text(tmp_path, "e.json", text)
        assert not done.bad
        found = pl.concat([found, done.tables["markets"]], how="diagonal")
        if "cursor" in text:
            assert done.notes == {"events without rows of their own: they complete the lists of markets beside them": 1}
    names = ("ticker", "event", "series", "category", "fee_type", "result", "settlement")
    expected = [(f"A-{n}", "A", "S", "Weather", "quadratic", "yes", 10_000) for n in (3, 1, 2, 4)]
    assert sorted(found.select(names).rows()) == sorted(expected)


def test_answers_of_which_nothing_is_stored_say_so(tmp_path: Path) -> None:
    folder = tmp_path / "alone"
    folder.mkdir()
    found = read_text(folder, "events.json", '{"events": [{"event_ticker": "B"}, {"event_ticker": "C"}], "cursor": ""}')
    assert not found.tables
    assert [bad.reason for bad in found.bad] == [
        "2 events without markets have no rows of their own, and no list of markets is beside the file; "
        "ask with with_nested_markets=true"
    ]
    empty = read_text(tmp_path, "m.json", '{"markets": [], "cursor": ""}')
    assert empty.notes == {"empty lists of markets": 1}


def parquet(folder: Path, frame: pl.DataFrame) -> Path:
    path = folder / "x.parquet"
    frame.write_parquet(path)
    return path


def test_text_in_parquet_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"trade_id": ["a"], "ticker": ["ABCDE-1"], "count": [5], "yes_price": [47], "no_price": [53],
         "taker_side": ["no"], "created_time": [JUNE]}
    ).with_columns(pl.col("created_time").cast(pl.Datetime("ns", "UTC")))  # fmt: skip
    path = tmp_path / "x.parquet"
    frame.write_parquet(path, compression="uncompressed", statistics=False)
    assert read(path).tables["trades"]["ticker"].to_list() == ["ABCDE-1"]
    path.write_bytes(path.read_bytes().replace(b"ABCDE-1", b"AB\x99DE-1"))
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read(path)


def test_the_public_dump_of_trades(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"trade_id": ["a"], "ticker": ["A-1"], "count": [5], "yes_price": [47], "no_price": [53], "taker_side": ["no"],
         "created_time": [JUNE], "_fetched_at": [JUNE]}
    ).with_columns(pl.col("created_time", "_fetched_at").cast(pl.Datetime("ns", "UTC")))  # fmt: skip
    found = read(parquet(tmp_path, frame))
    assert found.tables["trades"].select("ts", "price", "size", "taker_side").rows() == [(JUNE, 4700, 500, -1)]
    assert "columns not used: _fetched_at" in found.facts


def test_the_hourly_archive(tmp_path: Path) -> None:
    level = pl.List(pl.Struct({"1": pl.Decimal(10, 4), "2": pl.Decimal(12, 2)}))
    times = [JUNE // 10**6, JUNE // 10**6 + 1000, JUNE // 10**6 + 2000, JUNE // 10**6 + 3000]
    frame = pl.DataFrame(
        {
            "timestamp_received": pl.Series(times).cast(pl.Datetime("ms")),
            "timestamp": pl.Series([None, *(time * 1000 for time in times[1:])]).cast(pl.Datetime("us")),
            "market_ticker": ["A-1"] * 4,
            "event_type": ["orderbook_snapshot", "orderbook_delta", "orderbook_delta", "orderbook_delta"],
            "yes_bids": pl.Series([[{"1": Decimal("0.47"), "2": Decimal(3)}], None, None, None], dtype=level),
            "no_bids": pl.Series([[{"1": Decimal("0.48"), "2": Decimal(2)}], None, None, None], dtype=level),
            "price": pl.Series([None, "0.4800", "0.4700", "0.4700"]).cast(pl.Decimal(10, 4)),
            "delta": pl.Series([None, "1.00", "-9.00", "1.00"]).cast(pl.Decimal(12, 2)),
            "side": [None, "no", "yes", "yes"],
        }
    )
    found = read(parquet(tmp_path, frame))
    assert found.tables["book"].select("kind", "side", "price", "size").rows() == [
        (2, 0, 0, 0), (1, 1, 4700, 300), (1, -1, 5200, 200), (0, -1, 5200, 100), (3, 0, 0, 0)
    ]  # fmt: skip
    assert found.notes["books lost at a level below zero"] == 1


def test_rows_of_levels_with_snapshots_between(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"ts_recv": [JUNE, JUNE, JUNE, JUNE + 1, JUNE + 2], "seq": [1, 1, 1, 2, 3], "ticker": ["A-1"] * 5,
         "side": [None, "yes", "no", "yes", None], "price": [None, 0.47, 0.48, 0.47, None],
         "size": [None, 3.0, 2.0, -1.5, None], "is_snapshot": [True, True, True, False, True]}
    )  # fmt: skip
    found = read(parquet(tmp_path, frame))
    assert found.tables["book"].select("kind", "side", "price", "size", "seq").rows() == [
        (2, 0, 0, 0, 1), (1, 1, 4700, 300, 1), (1, -1, 5200, 200, 1), (0, 1, 4700, -150, 2), (2, 0, 0, 0, 3)
    ]  # fmt: skip


def test_absolute_levels_become_changes(tmp_path: Path) -> None:
    head = (
        "exchange,ticker,local_timestamp,exchange_timestamp,message_type,price_level_update_price,price_level_update_quantity,"
        "price_level_update_side,snapshot_bid_prices,snapshot_bid_quantities,snapshot_ask_prices,snapshot_ask_quantities\n"
    )
    rows = (
        f'kalshi,A-1,{JUNE + 5},{JUNE},snapshot,,,,"0.47,0.46","3,4","0.5","1"\n'
        f"kalshi,A-1,{JUNE + 6},{JUNE + 1},price_level_update,0.47,1,bid,,,,\n"
        f"kalshi,A-1,{JUNE + 7},{JUNE + 2},price_level_update,0.5,0,ask,,,,\n"
    )
    book = read_text(tmp_path, "p.csv", head + rows).tables["book"]
    assert book.select("kind", "side", "price", "size", "recv_ts").rows() == [
        (2, 0, 0, 0, JUNE + 5), (1, 1, 4700, 300, JUNE + 5), (1, 1, 4600, 400, JUNE + 5), (1, -1, 5000, 100, JUNE + 5),
        (0, 1, 4700, -200, JUNE + 6), (0, -1, 5000, -100, JUNE + 7),
    ]  # fmt: skip


def test_the_top_of_the_book_by_predictiondata(tmp_path: Path) -> None:
    text = f"exchange,ticker,local_timestamp,exchange_timestamp,bid_price,bid_size,ask_price,ask_size\nkalshi,A-1,{JUNE + 5},{JUNE},0.47,3,0.49,2.5\n"
    row = read_text(tmp_path, "q.csv", text).tables["quotes"].row(0, named=True)
    assert (row["ts"], row["recv_ts"], row["bid"], row["ask"], row["ask_size"]) == (JUNE, JUNE + 5, 4700, 4900, 250)


def test_bars_are_known_at_their_end(tmp_path: Path) -> None:
    text = "timestamp,open,high,low,close\n1750000000,1,2,3,4.5\n1750000060,1,2,3,5.5\n1750000120,1,2,3,x\n"
    found = read_text(tmp_path, "b.csv", text, Options(underlying="SPX"))
    assert found.tables["underlying"].select("ts", "symbol", "value").rows() == [
        (JUNE + 60 * 10**9, "SPX", 4.5), (JUNE + 120 * 10**9, "SPX", 5.5)
    ]  # fmt: skip
    assert len(found.bad) == 1


def test_names_of_formats_are_distinct() -> None:
    assert len({importer.name for importer in IMPORTERS}) == len(IMPORTERS)


RECORDED = {
    "kxinx2026/kxinx_trades_2026-01.parquet": ("trades", {"trades": 5749}),
    "kxinx2026/kxinxu_trades_2026-01.parquet": ("trades", {"trades": 19791}),
    "kxinx2026/markets_2026-01.csv": ("markets", {"markets": 225}),
    "kxhighny2025_quotes/25DEC05.parquet": ("bid-quotes", {"quotes": 40342}),
    "kxhighny2025_quotes/markets.csv": ("markets", {"markets": 66}),
    "kxhigh_settled_markets/markets.parquet": ("markets", {"markets": 12851}),
    "kalshi_crypto15m/KXBTC15M/trades.jsonl.gz": ("trades", {"trades": 127}),
    "kalshi_crypto15m/KXXRP15M/model_training_data.jsonl.gz": ("markets", {"markets": 91}),
    "kalshi_tob_sports2025/kalshi_snapshots_2025-10-31.csv.gz": ("quotes", {"quotes": 4150}),
    "polymarket_btc15m_books/markets.parquet": ("markets", {"markets": 9}),
    "spx_minute_bars/2025-10-31.parquet": ("bars", {"underlying": 393}),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recordings_lose_no_row(market_data: Path, name: str) -> None:
    format, rows = RECORDED[name]
    path = market_data / name
    assert recognise(path, Options()).importer.name == format
    found = read(path)
    assert {table: frame.height for table, frame in found.tables.items()} == rows
    assert not found.bad


def test_pacific_quotes(market_data: Path) -> None:
    path = market_data / "kxhighny2025_quotes" / "25DEC05.parquet"
    source, quotes = pl.read_parquet(path), read(path).tables["quotes"]
    ts = (source["timestamp"].str.to_datetime(time_unit="us").dt.offset_by("8h")).dt.timestamp("ns")
    assert quotes["ts"].to_list() == ts.to_list()
    assert quotes["bid"].fill_null(0).to_list() == (source["best_yes_bid"].cast(pl.Int32) * 100).to_list()
    assert quotes["ask"].fill_null(10_000).to_list() == (10_000 - source["best_no_bid"].cast(pl.Int32) * 100).to_list()


def test_noisy_floats_are_ticks(market_data: Path) -> None:
    path = market_data / "kalshi_tob_worldcup" / "snapshots_spain_austria.jsonl.gz"
    source = pl.read_ndjson(gzip.decompress(path.read_bytes()))
    quotes = read(path).tables["quotes"]
    expected = [None if value is None else round(value * 100) for value in source["yes_ask"]]
    assert quotes["ask"].to_list() == expected
    assert (source["yes_ask"] == 10.299999999999997).any()


def test_spot_polls_give_quotes_and_the_underlying(market_data: Path) -> None:
    path = market_data / "kalshi_crypto15m" / "KXETH15M" / "raw_snapshots.jsonl.gz"
    source = pl.read_ndjson(gzip.decompress(path.read_bytes()))
    found = read(path)
    assert found.tables["quotes"].height == source.height
    spot = found.tables["underlying"].filter(pl.col("symbol") == "ETH")
    assert (
        spot["value"].to_list() == source.filter(pl.col("spot").is_not_null(), pl.col("spot_ok") == 1)["spot"].to_list()
    )


def test_polymarket_books_keep_up_and_stop_at_the_end(market_data: Path) -> None:
    found = read(market_data / "polymarket_btc15m_books" / "books.parquet")
    source = pl.read_parquet(market_data / "polymarket_btc15m_books" / "books.parquet")
    ends = pl.read_parquet(market_data / "polymarket_btc15m_books" / "markets.parquet", columns=["market_id", "end_ts"])
    kept = source.filter(pl.col("side") == "UP").join(ends, on="market_id").filter(pl.col("ts") <= pl.col("end_ts"))
    book = found.tables["book"]
    assert book.filter(pl.col("kind") == 2).height == kept.height
    levels = kept.select(pl.col("bid_px").list.len().sum() + pl.col("ask_px").list.len().sum()).item()
    assert book.filter(pl.col("kind") == 1).height == levels
    assert found.notes["books of the DOWN side, which mirror UP, left out"] == 9416
