"""Reference values over a real socket: the channel's commands and messages, and the stream client that reads them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import polars as pl
import pytest
from touchline.engine.exchanges import Exchange, Faults
from touchline.engine.exchanges.market.history import from_store, shifted
from touchline.engine.exchanges.market.indices import indices_from
from touchline.io.kalshi.rest.errors import StreamError
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.stream.frames import IndexFrame, decode_frame
from touchline.io.kalshi.stream.stream import BOOK, INDEX, Gap, Message, Stream
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

from ..conftest import SECOND, START, TICKER, book_rows, make_history, market_row
from .test_stream import hear, running, say

QUARTER = START + 100 * SECOND  # START is 800 seconds into a quarter of an hour


def ticks(name: str = "BRTI", first: int = -70, last: int = 130, step: float = 1.0, base: float = 68_000.0):
    at = [first + step * number for number in range(int((last - first) / step) + 1)]
    return pl.DataFrame(
        {"ts": [START + int(s * SECOND) for s in at], "symbol": name, "value": [base + s / 100 for s in at]},
        {"ts": pl.Int64, "symbol": pl.String, "value": pl.Float64},
    )


def history(*frames: pl.DataFrame):
    return replace(make_history(close_ts=QUARTER), indices=indices_from(pl.concat(frames or [ticks()])))


def test_values_come_once_a_second_with_their_averages():
    with running(history=history(ticks(), ticks("ETHUSD_RTI", base=2000.0))) as (exchange, socket):
        say(socket, 1, "subscribe", channels=["cfbenchmarks_value"], index_ids=["BRTI"])
        assert hear(socket, 1) == [{"type": "subscribed", "id": 1, "msg": {"channel": "cfbenchmarks_value", "sid": 1}}]
        exchange.advance(2)
        first, second = hear(socket, 2)
        assert (first["type"], first["sid"], first["seq"], second["seq"]) == ("cfbenchmarks_value", 1, 1, 2)
        at = START // 10**6 + 2000
        assert second["msg"] == {
            "index_id": "BRTI",
            "received_at": at,
            "data": json.dumps({"type": "value", "id": "BRTI", "time": at, "value": "68000.02"}),
            "avg_60s_data": {
                "value": f"{math.fsum(68_000 + s / 100 for s in range(-57, 3)) / 60:.8f}", "window_size": 60,
                "window_start_ts_ms": at - 60_000, "window_end_ts_exclusive": at,
            },
        }  # fmt: skip


def test_the_last_minute_of_a_quarter_tells_what_it_settles_at():
    with running(history=history()) as (exchange, socket):
        say(socket, 1, "subscribe", channels=["cfbenchmarks_value"], index_ids=["all"])
        hear(socket, 1)
        exchange.advance(100)
        told = [message["msg"].get("last_60s_windowed_average_15min") for message in hear(socket, 100)]
        assert [number + 1 for number, each in enumerate(told) if each] == list(range(41, 101))
        start = QUARTER // 10**6 - 60_000
        window = {"window_start_ts_ms": start, "window_end_ts_exclusive": start + 60_000}
        assert told[40] == {"value": "68000.41000000", "window_size": 1, **window}
        mean = math.fsum(68_000 + s / 100 for s in range(41, 101)) / 60
        assert told[99] == {"value": f"{mean:.8f}", "window_size": 60, **window}


def test_indices_are_listed_added_and_taken_away():
    with running(history=history(ticks(), ticks("ETHUSD_RTI"))) as (exchange, socket):
        say(socket, 1, "subscribe", channels=["cfbenchmarks_value"])
        say(socket, 2, "update_subscription", sid=1, action="indexlist")
        say(socket, 3, "update_subscription", sids=[1], action="subscribe_indices", index_ids=["ETHUSD_RTI"])
        say(socket, 4, "update_subscription", sids=[1], action="subscribe_indices", index_ids=["all"])
        say(socket, 5, "update_subscription", sids=[1], action="unsubscribe_indices", index_ids=["BRTI"])
        _, listed, added, everything, less = hear(socket, 5)
        known = {"index_ids": ["BRTI", "ETHUSD_RTI"]}
        assert listed == {"type": "cfbenchmarks_value_indexlist", "id": 2, "sid": 1, "seq": 1, "msg": known}
        assert added == {"type": "ok", "id": 3, "sid": 1, "seq": 2, "msg": {"index_ids": ["ETHUSD_RTI"]}}
        assert everything["msg"] == {"index_ids": ["ETHUSD_RTI", "BRTI"]}
        assert less["msg"] == {"index_ids": ["ETHUSD_RTI"]}
        exchange.advance(1)
        (value,) = hear(socket, 1)
        assert (value["msg"]["index_id"], value["seq"]) == ("ETHUSD_RTI", 5)


@pytest.mark.parametrize(
    ("command", "params", "code"),
    [
        ("subscribe", {"channels": ["cfbenchmarks_value"], "index_ids": ["SPX"]}, 11),
        ("update_subscription", {"sid": 1, "action": "subscribe_indices"}, 24),
        ("update_subscription", {"sid": 1, "action": "unsubscribe_indices", "index_ids": []}, 24),
        ("update_subscription", {"sid": 1, "action": "add_markets", "market_tickers": [TICKER]}, 13),
        ("update_subscription", {"sid": 2, "action": "subscribe_indices", "index_ids": ["BRTI"]}, 13),
    ],
)
def test_wrong_commands_have_their_codes(command, params, code):
    with running(history=history()) as (_, socket):
        say(socket, 1, "subscribe", channels=["cfbenchmarks_value", "trade"])
        hear(socket, 2)
        say(socket, 7, command, **params)
        (answer,) = hear(socket, 1)
        assert (answer["type"], answer["id"], answer["msg"]["code"]) == ("error", 7, code)
        if code == 11:
            assert answer["msg"]["msg"].endswith("no index SPX in this recording; it has BRTI")


def test_a_faster_recording_is_told_once_a_second():
    with running(history=history(ticks(step=0.2))) as (exchange, socket):
        say(socket, 1, "subscribe", channels=["cfbenchmarks_value"], index_ids=["BRTI"])
        hear(socket, 1)
        exchange.advance(100)
        heard = [message["msg"] for message in hear(socket, 100)]
        assert [each["received_at"] - START // 10**6 for each in heard] == list(range(1000, 101_000, 1000))
        assert heard[-1]["last_60s_windowed_average_15min"]["window_size"] == 60


def test_values_have_the_digits_that_were_stored():
    values = pl.DataFrame(
        {"ts": [START + n * SECOND for n in (1, 2, 3, 4)], "symbol": "X", "value": [5e-7, 3.0, 1.25, 0.123456789]}
    )
    with running(history=history(values)) as (exchange, socket):
        say(socket, 1, "subscribe", channels=["cfbenchmarks_value"], index_ids=["X"])
        hear(socket, 1)
        exchange.advance(5)
        told = [json.loads(message["msg"]["data"])["value"] for message in hear(socket, 4)]
        assert told == ["0.0000005", "3.00", "1.25", "0.123456789"]


def test_a_shifted_recording_keeps_its_quarters():
    by = 7 * SECOND
    moved = list(shifted(history(), by).indices.values(START + by, QUARTER + by))
    assert [(each.ts - by, each.closes and each.closes - by) for each in moved] == [
        (each.ts, each.closes) for each in history().indices.values(START, QUARTER)
    ]
    assert moved[-1].closes == QUARTER + by


def test_a_store_s_underlyings_are_told_while_its_markets_live(tmp_path):
    day = ticks(first=-3600, last=7200)
    book = book_rows([(0, BookKind.CLEAR, 0, 0, 0), (0, BookKind.LEVEL, 1, 4600, 100)])
    tables = {"markets": market_row(close_ts=QUARTER), "book": book, "underlying": day}
    Store(str(tmp_path)).ingest("made up", "1", [Chunk(tables)])
    read = from_store(str(tmp_path)).indices
    assert (read.names, read.ticks["ts"].min(), read.ticks["ts"].max()) == (["BRTI"], START - 60 * SECOND, QUARTER)


def test_the_client_follows_indices_beside_books():
    with Exchange(history(ticks(), ticks("ETHUSD_RTI")), speed=0, tier="unlimited") as exchange:
        settings = Settings.from_env(exchange.environment, dotenv=None)
        stream = Stream(settings, [TICKER], channels=(BOOK,), indices=["BRTI"])
        heard: list[Message | Gap] = []
        while not stream.ready:
            heard += stream.poll(0.1)
        exchange.advance(100)
        while sum(isinstance(each, Message) and isinstance(each.frame, IndexFrame) for each in heard) < 100:
            heard += stream.poll(0.1)
        stream.drop([TICKER])
        stream.close()
        body = next(m.frame.msg for m in reversed(heard) if isinstance(m, Message) and isinstance(m.frame, IndexFrame))
        assert (body.index_id, body.value, body.ts_ms) == ("BRTI", 68_001.0, QUARTER // 10**6)
        assert body.settling is not None and body.settling.window_size == 60
        assert body.last_minute is not None and body.last_minute.value == body.settling.value


def test_the_client_is_told_of_an_unknown_index():
    with Exchange(history(), speed=0, tier="unlimited") as exchange:
        stream = Stream(Settings.from_env(exchange.environment, dotenv=None), channels=(), indices=["SPX"])
        with pytest.raises(StreamError, match="it has BRTI"):
            for _ in range(50):
                stream.poll(0.1)
        stream.close()


def test_a_lost_value_is_a_hole_of_the_channel():
    with Exchange(history(), speed=0, tier="unlimited", faults=Faults(gap=1)) as exchange:
        stream = Stream(Settings.from_env(exchange.environment, dotenv=None), channels=(), indices=["all"])
        while not stream.ready:
            stream.poll(0.1)
        exchange.advance(1)
        gaps = [each for _ in range(3) for each in stream.poll(0.2) if isinstance(each, Gap)]
        assert [(gap.channel, gap.numbered) for gap in gaps] == [(INDEX, True)]
        stream.close()


def test_a_value_without_averages_is_read():
    raw = r'{"type":"cfbenchmarks_value","sid":1,"msg":{"index_id":"X","received_at":5,"data":"{\"value\":2.5}"}}'
    frame = decode_frame(raw)
    assert isinstance(frame, IndexFrame)
    assert (frame.msg.value, frame.msg.ts_ms, frame.msg.settling) == (2.5, 5, None)
