"""Old clients: order calls of before June 2026, cent books, the stream's integers; by hand and by their own SDKs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from touchline.engine.exchanges import Exchange

from ..conftest import SECOND, START, TICKER, make_history
from .test_http import ask, call
from .test_stream import hear, running, subscribe

OLD = "/portfolio/orders"


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with Exchange(make_history(trades=[(5, 4600, 1200, -1)]), speed=0, legacy=True, tier="unlimited") as made:
        made.advance(0)
        yield made


@pytest.mark.parametrize(
    ("side", "action", "price", "book_side", "yes_price"),
    [
        ("yes", "buy", {"yes_price": 46}, "bid", 46),
        ("yes", "sell", {"yes_price": 90}, "ask", 90),
        ("no", "buy", {"no_price": 45}, "ask", 55),
        ("no", "sell", {"no_price": 60}, "bid", 40),
        ("no", "buy", {"no_price_dollars": "0.4500"}, "ask", 55),
        ("yes", "buy", {"type": "market"}, "bid", 99),
    ],
)
def test_old_orders_mean_the_same(exchange, side, action, price, book_side, yes_price):
    body = {"ticker": TICKER, "side": side, "action": action, "count": 3, "type": "limit", **price}
    status, told = call(exchange, "POST", OLD, body)
    assert status == 201, told
    order = told["order"]
    assert (order["book_side"], order["yes_price"], order["initial_count"]) == (book_side, yes_price, 3)
    assert order["status"] == ("executed" if price.get("type") else "resting")


def test_old_orders_are_amended_decreased_and_cancelled(exchange):
    body = {"ticker": TICKER, "side": "no", "action": "buy", "count": 3, "no_price": 45, "client_order_id": "a"}
    path = f"{OLD}/{call(exchange, 'POST', OLD, body)[1]['order']['order_id']}"
    amended = call(exchange, "POST", f"{path}/amend", {"no_price": 44, "count": 5, "updated_client_order_id": "b"})[1]
    assert (amended["old_order"]["remaining_count"], amended["order"]["remaining_count"]) == (3, 5)
    assert (amended["order"]["no_price"], amended["order"]["client_order_id"]) == (44, "b")
    assert call(exchange, "POST", f"{path}/decrease", {"reduce_by": 1})[1]["order"]["remaining_count"] == 4
    cancelled = call(exchange, "DELETE", path)[1]
    assert (cancelled["reduced_by"], cancelled["order"]["status"]) == (4, "canceled")
    for wrong in (
        {},
        {"yes_price": 0},
        {"yes_price": "46"},
        {"yes_price_dollars": "x"},
        {"yes_price": 46, "count": 0.5},
    ):
        assert call(exchange, "POST", OLD, {"ticker": TICKER, "side": "yes", "action": "buy", **wrong})[0] == 400, wrong


def test_old_batches(exchange):
    one = {"ticker": TICKER, "side": "yes", "action": "buy", "count": 1, "yes_price": 40, "client_order_id": "a"}
    first, second = call(exchange, "POST", f"{OLD}/batched", {"orders": [one, one]})[1]["orders"]
    assert (first["order"]["status"], second["error"]["code"]) == ("resting", "order_already_exists")
    ids = [first["order"]["order_id"], "unknown"]
    first, second = call(exchange, "DELETE", f"{OLD}/batched", {"ids": ids})[1]["orders"]
    assert (first["reduced_by"], second["error"]["code"]) == (1, "not_found")


def test_books_and_messages_have_the_old_integers(exchange):
    book = call(exchange, "GET", f"/markets/{TICKER}/orderbook")[1]["orderbook"]
    assert (book["yes"][-1], book["no"][-1]) == ([46, 10], [52, 15])
    with running(legacy=True) as (served, socket):
        subscribe(socket, "orderbook_delta", "trade", "ticker")
        (snapshot,) = (m["msg"] for m in hear(socket, 4) if m["type"] == "orderbook_snapshot")
        assert (snapshot["yes"][-1], snapshot["no"][-1]) == ([46, 10], [52, 15])
        served.advance(3)
        heard = {message["type"]: message["msg"] for message in hear(socket, 2)}
        assert (heard["orderbook_delta"]["price"], heard["orderbook_delta"]["delta"]) == (47, 3)
        assert heard["ticker"]["yes_bid"] == 47
        served.advance(1)
        heard = {message["type"]: message["msg"] for message in hear(socket, 4)}
        assert (heard["trade"]["yes_price"], heard["trade"]["no_price"], heard["trade"]["count"]) == (48, 52, 5)


def test_answers_have_what_the_client_2_1_4_reads(exchange):
    """Books by true and false, in which the client 3.2.0 reads other levels, positions, responses of batches, more."""
    for agent, level in {"2.1.0": {"price": 46, "count": 10}, "3.2.0": [46, 10]}.items():
        sent = f"GET /trade-api/v2/markets/{TICKER}/orderbook HTTP/1.1\r\nUser-Agent: OpenAPI-Generator/{agent}/python"
        book = ask(exchange, f"{sent}\r\n\r\n".encode())[1]["orderbook"]
        assert (book["true"][-1], len(book["false"])) == (level, 2)
    assert call(exchange, "GET", "/portfolio/positions")[1]["positions"] == []
    one = {"ticker": TICKER, "side": "yes", "action": "buy", "count": 3, "yes_price": 48, "client_order_id": "a"}
    told = call(exchange, "POST", f"{OLD}/batched", {"orders": [one]})[1]
    (made,) = told["responses"]
    assert told["orders"] == told["responses"]
    assert (made["order"]["count"], made["order"]["updated_time"]) == (3, made["order"]["last_update_time"])
    (held,) = call(exchange, "GET", "/portfolio/positions")[1]["positions"]
    found = {name: held[name] for name in ("ticker", "position", "total_cost", "fees_paid", "resting_order_count")}
    assert found == {"ticker": TICKER, "position": 3, "total_cost": 144, "fees_paid": 5, "resting_order_count": 0}
    assert call(exchange, "DELETE", f"{OLD}/batched", {"ids": ["x"]})[1]["responses"][0]["error"]["code"] == "not_found"
    exchange.advance(2000)
    second = START // SECOND
    path = f"/series/KXTEST/markets/{TICKER}/candlesticks?start_ts={second}&end_ts={second + 3000}&period_interval=60"
    (candle,) = call(exchange, "GET", path)[1]["candlesticks"]
    assert (candle["end_ts"], candle["open"], candle["close"]) == (candle["end_period_ts"], 46, 46)


def test_settlements_have_the_result_under_the_old_name():
    history = make_history(result="yes", settlement=10_000)
    with Exchange(history, speed=0, legacy=True, tier="unlimited") as made:
        made.advance(0)
        one = {"ticker": TICKER, "side": "yes", "action": "buy", "count": 3, "yes_price": 48}
        assert call(made, "POST", OLD, one)[0] == 201
        made.advance(2000)
        (paid,) = call(made, "GET", "/portfolio/settlements")[1]["settlements"]
        assert (paid["result"], paid["yes_count"], paid["revenue"]) == ("yes", 3, 300)


def test_the_official_client_3_2_completes_a_session(exchange):
    sdk: Any = pytest.importorskip("kalshi_python_sync", reason="the client kalshi-python-sync is not installed")
    if hasattr(sdk, "CreateOrderV2Request"):
        pytest.skip("this kalshi-python-sync has no old order calls any more")
    api = sdk.ApiClient(sdk.Configuration(host=exchange.rest))
    api.kalshi_auth = sdk.auth.KalshiAuth(exchange.keys.key_id, exchange.keys.path.read_text())
    orders, market = sdk.OrdersApi(api), {"ticker": TICKER, "side": "no", "action": "buy"}
    made = orders.create_order(**market, count=3, type="limit", no_price=45, client_order_id="a").order
    names = {"client_order_id": "a", "updated_client_order_id": "b"}
    assert orders.amend_order(made.order_id, **market, **names, no_price=44, count=4).order.remaining_count == 4
    assert orders.decrease_order(made.order_id, reduce_by=1).order.remaining_count == 3
    assert orders.cancel_order(made.order_id).reduced_by == 3
    terms = {"ticker": TICKER, "side": "yes", "action": "buy", "count": 1, "type": "limit"}
    both = [sdk.CreateOrderRequest(**terms, yes_price=price, client_order_id=str(price)) for price in (40, 41)]
    placed = orders.batch_create_orders(orders=both).orders
    ids = [each.order.order_id for each in placed]
    assert [each.reduced_by for each in orders.batch_cancel_orders(ids=ids).orders] == [1, 1]


def test_the_client_2_1_4_completes_a_session(exchange):
    sdk: Any = pytest.importorskip("kalshi_python", reason="the client kalshi-python is not installed")
    settings = sdk.Configuration(host=exchange.rest)
    settings.api_key_id, settings.private_key_pem = exchange.keys.key_id, exchange.keys.path.read_text()
    api = sdk.KalshiClient(settings)
    markets, portfolio = sdk.MarketsApi(api), sdk.PortfolioApi(api)
    assert [market.ticker for market in markets.get_markets().markets] == [TICKER]
    terms = {"ticker": TICKER, "side": "yes", "action": "buy", "type": "limit", "client_order_id": "a"}
    made = portfolio.create_order(**terms, count=3, yes_price=46).order
    assert portfolio.amend_order(made.order_id, count=2, yes_price=46).order.remaining_count == 2
    assert portfolio.decrease_order(made.order_id, reduce_by=1).order.remaining_count == 1
    exchange.advance(10)
    assert len(portfolio.get_fills().fills) == 1
    assert markets.get_market_orderbook(TICKER).orderbook.var_true[0].price == 45
    assert [held.position for held in portfolio.get_positions().positions] == [1]
