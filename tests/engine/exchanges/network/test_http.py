"""The door over raw sockets: odd bodies, slow and silent clients, more connections than files, errors inside."""

from __future__ import annotations

import json
import logging
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from touchline.engine.exchanges import Exchange
from touchline.engine.exchanges.answers import views
from touchline.engine.exchanges.network import http
from touchline.io.kalshi.rest.signing import Signer

from ..conftest import SECOND, START, TICKER, make_history
from .test_stream import hear, running, say

ORDERS = "/trade-api/v2/portfolio/events/orders"
STATUS = b"GET /trade-api/v2/exchange/status HTTP/1.1\r\n\r\n"
BODY = {
    "ticker": TICKER, "side": "bid", "price": "0.4600", "count": "1.00", "time_in_force": "good_till_canceled",
    "self_trade_prevention_type": "taker_at_cross",
}  # fmt: skip


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with Exchange(make_history(), speed=0, tier="unlimited") as made:
        made.advance(0)
        yield made


def dial(exchange: Exchange) -> socket.socket:
    return dial_to(int(exchange.rest.split("/")[2].split(":")[1]))


def dial_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


@contextmanager
def dialled(exchange: Exchange, sent: bytes) -> Iterator[socket.socket]:
    with dial(exchange) as plug:
        plug.sendall(sent)
        yield plug


def answer(plug: socket.socket) -> tuple[int, dict]:
    """Read one answer; status 0 when the connection closed without one."""
    file = plug.makefile("rb")
    first = file.readline()
    if not first:
        return 0, {}
    length = 0
    while (line := file.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return int(first.split()[1]), json.loads(file.read(length) or b"{}")


def ask(exchange: Exchange, sent: bytes) -> tuple[int, dict]:
    with dialled(exchange, sent) as plug:
        return answer(plug)


def signed(exchange: Exchange, method: str, path: str) -> str:
    signer = Signer(exchange.keys.key_id, exchange.keys.path.read_bytes())
    return "".join(f"{name}: {value}\r\n" for name, value in signer.headers(method, path).items())


def post(exchange: Exchange, more: str, body: bytes = b"", key: bool = True) -> bytes:
    head = f"POST {ORDERS} HTTP/1.1\r\n{signed(exchange, 'POST', ORDERS) if key else ''}{more}\r\n"
    return head.encode("latin-1") + body


def test_rest_and_stream_share_one_port(exchange):
    assert exchange.rest.split("/")[2] == exchange.ws.split("/")[2]


@pytest.mark.parametrize(
    "query",
    ["limit=--5", f"limit={'9' * 5000}", "limit=5²", f"min_ts={'1' * 5000}", f"cursor={'MTEx' * 2000}Lw==", "limit=-"],
)
def test_wrong_numbers_in_a_query_are_answered(exchange, query):
    status, _ = ask(exchange, f"GET /trade-api/v2/markets/trades?{query} HTTP/1.1\r\n\r\n".encode("latin-1"))
    assert status == (200 if query.startswith("cursor") else 400)


@pytest.mark.parametrize("body", [b'{"count":' + b"1" * 5000 + b"}", b'{"a":' * 100_000, b"[" * 100_000, b'"', b"1"])
def test_bodies_beyond_all_bounds_are_a_400(exchange, body):
    status, told = ask(exchange, post(exchange, f"Content-Length: {len(body)}\r\n", body))
    assert (status, told["code"]) == (400, "bad_request")


def test_commands_beyond_all_bounds_are_code_1():
    with running() as (_, stream):
        for command in ('{"id":' + "1" * 5000 + "}", "[" * 100_000):
            stream.send(command)
            assert hear(stream, 1)[0]["msg"]["code"] == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: ²\r\n", 400),
        ("Content-Length: -1\r\n", 400),
        (f"Content-Length: {'9' * 5000}\r\n", 400),
        (f"Content-Length: {http.MAX_BODY + 1}\r\n", 413),
        ("Transfer-Encoding: gzip\r\n", 501),
        ("X: " + "y" * 70_000 + "\r\n", 431),
    ],
)
def test_heads_that_no_body_can_follow(exchange, head, status):
    assert ask(exchange, post(exchange, head))[0] == status


def test_a_timestamp_of_5000_digits_is_refused(exchange):
    head = f"KALSHI-ACCESS-KEY: k\r\nKALSHI-ACCESS-SIGNATURE: s\r\nKALSHI-ACCESS-TIMESTAMP: {'9' * 5000}\r\n"
    status, told = ask(exchange, f"GET /trade-api/v2/portfolio/balance HTTP/1.1\r\n{head}\r\n".encode())
    assert (status, told["error"]["code"]) == (401, "header_timestamp_expired")


def chunks(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"


def test_a_chunked_body_is_read_and_another_request_may_follow(exchange):
    body = json.dumps(BODY).encode()
    with dialled(exchange, post(exchange, "Transfer-Encoding: chunked\r\n", chunks(body, 7))) as plug:
        assert answer(plug)[0] == 201
        plug.sendall(STATUS)
        assert answer(plug)[0] == 200


@pytest.mark.parametrize("body", [b"zz\r\n", b"-1\r\n", b"1\r\nxyz\r\n", b"3\r\nabcde\r\n0\r\n\r\n"])
def test_broken_chunks_are_a_400(exchange, body):
    assert ask(exchange, post(exchange, "Transfer-Encoding: chunked\r\n", body))[0] == 400


def test_chunks_beyond_the_bound_are_a_413(exchange):
    assert ask(exchange, post(exchange, "Transfer-Encoding: chunked\r\n", b"%x\r\n" % (http.MAX_BODY + 1)))[0] == 413


def test_the_key_is_checked_before_the_body_is_read(exchange):
    with dialled(exchange, post(exchange, "Content-Length: 2000000\r\n", key=False)) as plug:
        assert answer(plug)[0] == 401  # nothing of the body was sent yet
        plug.sendall(b"x" * 2_000_000)
        plug.sendall(STATUS)
        assert answer(plug)[0] == 200


def test_a_body_that_is_waited_for_is_asked_for(exchange):
    body = json.dumps(BODY).encode()
    head = f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n"
    with dialled(exchange, post(exchange, head)) as plug:
        assert plug.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        plug.sendall(body)
        assert answer(plug)[0] == 201
    with dialled(exchange, post(exchange, head, key=False)) as plug:
        assert answer(plug)[0] == 401
        assert plug.recv(1) == b"", "the client may never send it: no request can follow"


def test_silent_and_slow_clients_are_let_go(exchange, monkeypatch):
    for name in ("FIRST_SECONDS", "IDLE_SECONDS", "BODY_SECONDS"):
        monkeypatch.setattr(http, name, 0.2)
    for sent, heard in ((b"", 0), (STATUS[:-1], 0), (post(exchange, "Content-Length: 5\r\n", b"{"), 0), (STATUS, 200)):
        with dialled(exchange, sent) as plug:
            if heard:
                assert answer(plug)[0] == heard
            began = time.monotonic()
            with suppress(ConnectionResetError):
                assert plug.recv(1) == b""
            assert time.monotonic() - began < 5


def test_more_silent_connections_than_files_do_not_stop_service(monkeypatch, caplog):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (60, 60))
    with Exchange(make_history(), speed=0, tier="unlimited") as exchange:
        client = dial(exchange)
        client.sendall(STATUS)
        assert answer(client)[0] == 200
        silent = [dial(exchange) for _ in range(100)]
        client.sendall(STATUS)
        assert answer(client)[0] == 200, "one that has asked goes after those that never did"
        assert ask(exchange, STATUS)[0] == 200
        for plug in (client, *silent):
            plug.close()
    assert not caplog.records


def test_an_error_inside_is_a_500_with_a_line_in_the_log(exchange, monkeypatch, caplog):
    monkeypatch.setitem(exchange._routes._answers, "status", broken)
    status, told = ask(exchange, STATUS)
    assert (status, told["error"]["code"]) == (500, "internal_server_error")
    assert "GET /trade-api/v2/exchange/status failed" in caplog.text
    assert ask(exchange, STATUS.replace(b"status", b"schedule"))[0] == 200


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a fault of the exchange's own")


def test_an_error_in_a_message_does_not_stop_the_clock(monkeypatch, caplog):
    with running() as (exchange, stream):
        monkeypatch.setattr(views, "ticker", broken)
        say(stream, 1, "subscribe", channels=["ticker", "trade"])
        hear(stream, 2)
        assert exchange.advance(10) == START + 10 * SECOND
        assert hear(stream, 1)[0]["type"] == "trade"
    assert "a message of ticker failed" in caplog.text


def test_an_error_in_a_step_of_the_replay_does_not_stop_the_clock(monkeypatch, caplog):
    with running() as (exchange, stream):
        say(stream, 1, "subscribe", channels=["trade"])
        hear(stream, 1)
        monkeypatch.setattr(exchange.venue, "flush", broken)
        steps = [exchange.call(lambda: exchange._step(START + 10 * SECOND, 100)) for _ in range(4)]
        assert hear(stream, 1)[0]["type"] == "trade"
        assert (steps[-1], exchange.now()) == (True, START + 10 * SECOND)
    assert "a step of the replay failed" in caplog.text


@pytest.mark.parametrize("value", [1_790_000_900_000, 10**18, 10**25])
def test_an_expiry_in_milliseconds_is_refused_and_orders_are_still_listed(exchange, value):
    body = json.dumps({**BODY, "expiration_time": value}).encode()
    status, told = ask(exchange, post(exchange, f"Content-Length: {len(body)}\r\n", body))
    assert status == 400, told
    listing = signed(exchange, "GET", "/trade-api/v2/portfolio/orders")
    assert ask(exchange, f"GET /trade-api/v2/portfolio/orders HTTP/1.1\r\n{listing}\r\n".encode())[0] == 200


def test_a_refused_call_is_not_logged(exchange, caplog):
    with caplog.at_level(logging.DEBUG):
        assert ask(exchange, b"GET /nowhere HTTP/1.1\r\n\r\n")[0] == 404
    assert not [record for record in caplog.records if record.name.startswith("touchline")]


@pytest.mark.parametrize(("count", "status"), [(1920, 201), (1921, 400)])
def test_a_batch_is_bounded_by_the_largest_bucket(exchange, count, status):
    path = f"{ORDERS}/batched"
    orders = [{**BODY, "price": "0.0100", "client_order_id": str(number)} for number in range(count)]
    body = json.dumps({"orders": orders}).encode()
    head = f"POST {path} HTTP/1.1\r\n{signed(exchange, 'POST', path)}Content-Length: {len(body)}\r\n\r\n"
    began = time.monotonic()
    assert ask(exchange, head.encode() + body)[0] == status
    assert time.monotonic() - began < 10


def call(exchange, method: str, path: str, body: object = None, key: bool = True) -> tuple[int, dict]:
    """One call with a key or without."""
    plain = f"/trade-api/v2{path}"
    raw = b"" if body is None else json.dumps(body).encode()
    head = signed(exchange, method, plain.partition("?")[0]) if key else ""
    return ask(exchange, f"{method} {plain} HTTP/1.1\r\n{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)


@pytest.mark.parametrize(
    ("path", "empty"),
    [
        ("/events/multivariate", "events"),
        ("/multivariate_event_collections", "multivariate_contracts"),
        ("/milestones", "milestones"),
        ("/structured_targets", "structured_targets"),
        ("/live_data/batch", "live_datas"),
        ("/search/tags_by_categories", "tags_by_categories"),
        ("/incentive_programs", "incentive_programs"),
        ("/portfolio/deposits", "deposits"),
        ("/portfolio/withdrawals", "withdrawals"),
        ("/portfolio/subaccounts/transfers", "transfers"),
    ],
)
def test_what_there_is_nothing_of_is_empty(exchange, path, empty):
    status, told = call(exchange, "GET", path)
    assert (status, len(told[empty])) == (200, 0)
    assert call(exchange, "GET", path, key=False)[0] == (401 if path.startswith("/portfolio") else 200)


def test_costs_and_the_portfolios_time_need_no_key_and_have_the_real_form(exchange):
    status, told = call(exchange, "GET", "/account/endpoint_costs", key=False)
    assert (status, told["default_cost"]) == (200, 10)
    cancel = {"cost": 2, "method": "DELETE", "path": "/trade-api/v2/portfolio/events/orders/:order_id"}
    assert cancel in told["endpoint_costs"]
    assert call(exchange, "GET", "/exchange/user_data_timestamp", key=False)[1]["as_of_time"].startswith("2026-09-21T")


def test_the_one_subaccount_is_listed(exchange):
    (balance,) = call(exchange, "GET", "/portfolio/subaccounts/balances")[1]["subaccount_balances"]
    assert (balance["subaccount_number"], balance["balance"]) == (0, "10000.0000")
    assert call(exchange, "GET", "/portfolio/subaccounts/netting")[1]["netting_configs"][0]["enabled"] is False
    assert call(exchange, "GET", "/events/KXTEST-26SEP21/metadata")[1]["market_details"][0]["market_ticker"] == TICKER


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/communications/rfqs"),
        ("GET", "/communications/quotes"),
        ("GET", "/fcm/orders"),
        ("POST", "/portfolio/subaccounts/transfer"),
        ("POST", "/account/api_usage_level/upgrade"),
    ],
)
def test_what_is_not_simulated_says_so(exchange, method, path):
    status, told = call(exchange, method, path, {})
    assert (status, told["error"]["code"]) == (501, "not_implemented")
    assert " " in told["error"]["details"]


@pytest.mark.parametrize("name", ["subaccount", "exchange_index"])
@pytest.mark.parametrize("value", [1, 63, "x", -1])
def test_another_subaccount_or_shard_is_refused_wherever_it_is_named(exchange, name, value):
    orders = "/portfolio/events/orders"
    assert call(exchange, "POST", orders, {**BODY, name: value})[0] == 400
    assert call(exchange, "POST", f"{orders}/batched", {"orders": [BODY, {**BODY, name: value}]})[0] == 400
    assert call(exchange, "GET", f"/portfolio/balance?{name}={value}")[0] == 400
    assert call(exchange, "POST", orders, {**BODY, name: 0})[0] == 201
    assert exchange.call(lambda: len(exchange.desk.orders)) == 1
