"""The stream over a real socket: acknowledgements, sequence numbers, books in both price modes, faults, own orders."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from touchline.engine.exchanges import Exchange, Faults
from touchline.engine.exchanges.market.history import from_frames
from touchline.engine.exchanges.network import hub
from touchline.io.store.schema import BookKind
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from ..conftest import START, TICKER, book_rows, make_history, market_row, trade_rows

PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
BOOK = [(3, BookKind.DELTA, 1, 4700, 300), (4, BookKind.DELTA, -1, 4800, -500)]


def headers(exchange: Exchange, method: str, path: str) -> dict[str, str]:
    key: Any = serialization.load_pem_private_key(exchange.keys.path.read_bytes(), password=None)
    stamp = str(int(time.time() * 1000))
    signature = key.sign(f"{stamp}{method}{path}".encode(), PSS, hashes.SHA256())
    return {
        "KALSHI-ACCESS-KEY": exchange.keys.key_id,
        "KALSHI-ACCESS-TIMESTAMP": stamp,
        "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
    }


@contextmanager
def running(**options: Any) -> Iterator[tuple[Exchange, ClientConnection]]:
    history = options.pop("history", None) or make_history(book=BOOK, trades=[(4, 4800, 500, 1)])
    with Exchange(history, **{"speed": 0, **options}) as exchange:
        exchange.advance(0)
        signed = headers(exchange, "GET", "/trade-api/ws/v2")
        with connect(exchange.ws, additional_headers=signed, max_queue=None) as socket:
            yield exchange, socket


def say(socket: ClientConnection, number: int, command: str, **params: Any) -> None:
    socket.send(json.dumps({"id": number, "cmd": command, "params": params}))


def hear(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [json.loads(socket.recv(timeout=5)) for _ in range(count)]


def subscribe(socket: ClientConnection, *channels: str, **more: Any) -> None:
    say(socket, 1, "subscribe", channels=list(channels), market_tickers=[TICKER], **more)


def test_upgrade_needs_a_signature():
    with Exchange(make_history(), speed=0) as exchange:
        with pytest.raises(InvalidStatus) as caught:
            connect(exchange.ws)
        assert caught.value.response.status_code == 401
        assert b"token_authentication_failure" in (caught.value.response.body or b"")


def test_snapshot_then_deltas_in_no_prices():
    with running() as (exchange, socket):
        subscribe(socket, "orderbook_delta", "trade")
        acks = hear(socket, 3)
        assert acks[0] == {"type": "subscribed", "id": 1, "msg": {"channel": "orderbook_delta", "sid": 1}}
        assert (acks[1]["type"], acks[1]["sid"], acks[1]["seq"]) == ("orderbook_snapshot", 1, 1)
        assert acks[1]["msg"]["yes_dollars_fp"] == [["0.4500", "20.00"], ["0.4600", "10.00"]]
        assert acks[1]["msg"]["no_dollars_fp"] == [["0.5100", "5.00"], ["0.5200", "15.00"]]
        assert acks[2] == {"type": "subscribed", "id": 1, "msg": {"channel": "trade", "sid": 2}}
        exchange.advance(10)
        first, trade, second = hear(socket, 3)
        assert (first["seq"], second["seq"], trade["seq"]) == (2, 3, 1)
        assert second["msg"]["price_dollars"] == "0.5200"
        assert (second["msg"]["side"], second["msg"]["delta_fp"]) == ("no", "-5.00")
        assert first["msg"]["ts_ms"] == START // 10**6 + 3000
        assert trade["msg"]["taker_book_side"] == "bid"
        assert (trade["msg"]["yes_price_dollars"], trade["msg"]["count_fp"]) == ("0.4800", "5.00")


def test_yes_price_mode_gives_the_no_side_in_yes_prices():
    with running() as (exchange, socket):
        subscribe(socket, "orderbook_delta", use_yes_price=True)
        _, snapshot = hear(socket, 2)
        assert snapshot["msg"]["no_dollars_fp"] == [["0.4800", "15.00"], ["0.4900", "5.00"]]
        exchange.advance(10)
        assert hear(socket, 2)[1]["msg"]["price_dollars"] == "0.4800"


def test_acknowledgements_use_up_sequence_numbers():
    with running() as (_, socket):
        subscribe(socket, "orderbook_delta")
        hear(socket, 2)
        say(socket, 2, "update_subscription", sids=[1], action="add_markets", market_tickers=[TICKER])
        say(socket, 3, "update_subscription", sid=1, action="get_snapshot", market_tickers=[TICKER])
        say(socket, 4, "list_subscriptions")
        say(socket, 5, "update_subscription", sids=[1], action="delete_markets", market_tickers=[TICKER])
        say(socket, 6, "unsubscribe", sids=[1])
        added, snapshot, listed, deleted, gone = hear(socket, 5)
        assert added == {"type": "ok", "id": 2, "sid": 1, "seq": 2, "msg": {"market_tickers": [TICKER]}}
        assert (snapshot["type"], snapshot["id"], snapshot["seq"]) == ("orderbook_snapshot", 3, 3)
        assert listed == {"type": "ok", "id": 4, "msg": [{"channel": "orderbook_delta", "sid": 1}]}
        assert deleted["msg"] == {"market_tickers": []}
        assert gone == {"type": "unsubscribed", "id": 6, "sid": 1, "seq": 5}


@pytest.mark.parametrize(
    ("command", "params", "code"),
    [
        ("nonsense", {}, 5),
        ("subscribe", None, 2),
        ("subscribe", {}, 3),
        ("subscribe", {"channels": ["nonsense"]}, 8),
        ("subscribe", {"channels": [["trade"]]}, 8),
        ("unsubscribe", {"sids": "1"}, 4),
        ("subscribe", {"channels": ["orderbook_delta"]}, 14),
        ("unsubscribe", {}, 4),
        ("unsubscribe", {"sids": [9]}, 7),
        ("update_subscription", {"sids": [1, 2], "action": "add_markets"}, 12),
        ("update_subscription", {"sids": [1], "action": "add_markets"}, 14),
        ("update_subscription", {"sids": [1]}, 15),
        ("update_subscription", {"sids": [1], "action": "nonsense", "market_tickers": ["X"]}, 13),
    ],
)
def test_error_codes(command, params, code):
    with running() as (_, socket):
        subscribe(socket, "trade")
        hear(socket, 1)
        socket.send(json.dumps({"id": 7, "cmd": command, **({} if params is None else {"params": params})}))
        (answer,) = hear(socket, 1)
        assert (answer["type"], answer["id"], answer["msg"]["code"]) == ("error", 7, code)


@pytest.mark.parametrize("asked", [[{}, {"market_tickers": [TICKER]}], [{"market_tickers": [TICKER]}, {}], [{}, {}]])
@pytest.mark.parametrize("channel", ["trade", "ticker"])
def test_overlapping_subscriptions_tell_everything_once(asked, channel):
    other = "KXTEST-26SEP21-B51"
    history = from_frames(
        pl.concat([market_row(), market_row(other)]),
        book_rows([(0, BookKind.CLEAR, 0, 0, 0)]),
        pl.concat([trade_rows([(5, 4600, 100, 1)]), trade_rows([(6, 4700, 100, 1)], other)]),
    )
    with running(history=history) as (exchange, socket):
        for number, markets in enumerate(asked):
            say(socket, number + 1, "subscribe", channels=[channel], **markets)
        assert {message["msg"]["sid"] for message in hear(socket, 2)} == {1}
        exchange.advance(10)
        say(socket, 9, "list_subscriptions")
        heard = hear(socket, 3)
        assert [message["msg"]["market_ticker"] for message in heard[:2]] == [TICKER, other]
        assert heard[2]["id"] == 9


def test_markets_may_be_named_by_their_id():
    with running() as (_, socket):
        say(socket, 1, "subscribe", channels=["orderbook_delta"], market_tickers=[TICKER])
        known = hear(socket, 2)[1]["msg"]["market_id"]
        say(socket, 2, "subscribe", channels=["trade"], market_ids=[known])
        say(socket, 3, "subscribe", channels=["ticker"], market_id=known)
        say(socket, 4, "subscribe", channels=["ticker"], market_id="nonsense")
        say(socket, 5, "update_subscription", sids=[2], action="delete_markets", market_ids=[known])
        joined, _, refused, left = hear(socket, 4)
        assert joined["msg"] == {"channel": "trade", "sid": 2}
        assert (refused["type"], refused["msg"]["code"]) == ("error", 16)
        assert left["msg"] == {"market_tickers": []}


def test_unreadable_command_is_code_1():
    with running() as (_, socket):
        socket.send("{")
        assert hear(socket, 1)[0]["msg"]["code"] == 1


def test_own_orders_reach_every_private_channel():
    with running() as (exchange, socket):
        subscribe(socket, "fill", "user_orders", "market_positions", "orderbook_delta", "ticker")
        hear(socket, 6)
        body = {
            "ticker": TICKER, "side": "bid", "price": "0.4800", "count": "2.00", "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross", "client_order_id": "mine",
        }  # fmt: skip
        path = "/trade-api/v2/portfolio/events/orders"
        requests.post(
            exchange.rest + "/portfolio/events/orders", json=body, headers=headers(exchange, "POST", path), timeout=5
        )
        heard = {message["type"]: message["msg"] for message in hear(socket, 6)}
        assert heard["orderbook_delta"]["client_order_id"] == "mine"
        assert (heard["fill"]["fee_cost"], heard["fill"]["post_position_fp"]) == ("0.035000", "2.00")
        assert (heard["user_order"]["status"], heard["user_order"]["last_update_reason"]) == ("executed", "Trade")
        assert heard["market_position"]["position_cost_dollars"] == "0.960000"
        assert heard["ticker"]["yes_ask_size_fp"] == "13.00"


def test_gap_skips_a_number_drop_loses_a_message_dup_repeats_one():
    for faults, numbers in [(Faults(gap=1), [2, 4, 6]), (Faults(drop=1), []), (Faults(dup=1), [1, 1, 2, 2, 3, 3])]:
        with running(faults=faults) as (exchange, socket):
            subscribe(socket, "orderbook_delta")
            hear(socket, 1)
            exchange.advance(10)
            say(socket, 2, "unsubscribe", sids=[1])
            heard = hear(socket, len(numbers) + 1)
            assert [message["seq"] for message in heard[:-1]] == numbers
            assert heard[-1]["seq"] == (7 if faults.gap else 4)


def test_overflow_ends_the_subscription_and_disconnect_the_connection():
    with running(faults=Faults(overflow=1)) as (_, socket):
        subscribe(socket, "orderbook_delta")
        assert hear(socket, 2)[1]["msg"]["code"] == 25
        say(socket, 2, "list_subscriptions")
        assert hear(socket, 1)[0]["msg"] == []
    with running(faults=Faults(disconnect=0.999999)) as (_, socket):
        subscribe(socket, "orderbook_delta")
        with pytest.raises(ConnectionClosed):
            hear(socket, 5)


def test_a_client_too_slow_for_the_clock_loses_its_subscription(monkeypatch):
    monkeypatch.setattr(hub, "BACKLOG", 0)
    with running() as (exchange, socket):
        subscribe(socket, "orderbook_delta")
        hear(socket, 2)
        exchange.advance(10)
        delta, error = hear(socket, 2)
        assert (delta["seq"], error["seq"], error["msg"]["code"]) == (2, 3, 25)


def test_empty_side_has_no_key():
    history = make_history(opening=[(0, BookKind.CLEAR, 0, 0, 0), (0, BookKind.LEVEL, 1, 4600, 100)])
    with running(history=history) as (_, socket):
        subscribe(socket, "orderbook_delta")
        assert set(hear(socket, 2)[1]["msg"]) == {"market_ticker", "market_id", "ts_ms", "yes_dollars_fp"}
    with running(history=history, faults=Faults(missing_side=0)) as (_, socket):
        subscribe(socket, "orderbook_delta")
        assert hear(socket, 2)[1]["msg"]["no_dollars_fp"] == []


def test_book_not_known_yet_comes_when_it_is(history):
    late = [(20, BookKind.CLEAR, 0, 0, 0), (20, BookKind.LEVEL, 1, 4600, 100)]
    with running(history=history(opening=late, trades=[(1, 4600, 100, 1)])) as (exchange, socket):
        subscribe(socket, "orderbook_delta")
        hear(socket, 1)
        exchange.advance(30)
        (snapshot,) = hear(socket, 1)
        assert (snapshot["seq"], snapshot["msg"]["yes_dollars_fp"]) == (1, [["0.4600", "1.00"]])


def test_a_market_is_announced_and_has_an_empty_book_until_it_opens():
    opens = START + 40 * 10**9
    row, made = market_row(open_ts=opens), market_row(valid_from=START + 10**10, status="initialized", open_ts=opens)
    opening = [(41, BookKind.CLEAR, 0, 0, 0), (41, BookKind.LEVEL, 1, 4600, 100)]
    history = from_frames(pl.concat([row, made]), book_rows(opening), trade_rows([(1, 4600, 100, 1)]))
    with running(history=history) as (exchange, socket):
        subscribe(socket, "orderbook_delta", "market_lifecycle_v2")
        told = hear(socket, 3)
        (snapshot,) = (message for message in told if message["type"] == "orderbook_snapshot")
        assert "yes_dollars_fp" not in snapshot["msg"]
        exchange.advance(50)
        created, snapshot = hear(socket, 2)
        assert (created["msg"]["event_type"], created["msg"]["open_ts"]) == ("created", START // 10**9 + 40)
        assert created["msg"]["additional_metadata"]["event_ticker"] == "KXTEST-26SEP21"
        assert snapshot["msg"]["yes_dollars_fp"] == [["0.4600", "1.00"]]


def test_unknown_market_is_an_error_on_the_sid():
    with running() as (_, socket):
        say(socket, 1, "subscribe", channels=["orderbook_delta"], market_tickers=["KXNONE"])
        assert hear(socket, 2)[1]["msg"] == {"code": 16, "msg": "market not found", "market_ticker": "KXNONE"}


def test_lifecycle_is_told_without_filter():
    with running(history=make_history(result="no", settlement=0)) as (exchange, socket):
        say(socket, 1, "subscribe", channels=["market_lifecycle_v2"])
        hear(socket, 1)
        exchange.advance(2000)
        told = hear(socket, 2)
        assert [message["msg"]["event_type"] for message in told] == ["determined", "settled"]
        assert [message["seq"] for message in told] == [1, 2]
        assert told[0]["msg"]["settlement_value"] == "0.0000"


def test_max_speed_waits_for_a_listener(day):
    with running(history=day(3), speed="max") as (exchange, socket):
        time.sleep(0.1)
        assert not exchange.finished()
        say(socket, 1, "subscribe", channels=["trade"])
        until = time.monotonic() + 10
        while not exchange.finished() and time.monotonic() < until:
            time.sleep(0.02)
        assert exchange.finished()


def test_time_passes_at_the_speed_asked_for():
    with running(speed=200) as (exchange, _):
        time.sleep(0.3)
        passed = (exchange.call(lambda: exchange.venue.now) - START) / 1e9
        assert 50 < passed < 400
