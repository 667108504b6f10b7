"""The exchange's official Python SDK against the local exchange: every answer must parse.

The SDK for Python below 3.13 (3.2.0) reads the integer fields removed in 2026, so the exchange adds them; it has no V2
order calls, so those go through its own signed request method. From 3.13 on (3.34.0) everything is typed.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import kalshi_python_sync as sdk
import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from kalshi_python_sync.auth import KalshiAuth
from touchline.engine.exchanges import Exchange
from touchline.io.store.schema import BookKind

from ..conftest import START, TICKER, make_history

OLD = not hasattr(sdk, "CreateOrderV2Request")
_ORDERS = "/portfolio/events/orders"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    history = make_history(
        book=[(5, BookKind.DELTA, 1, 4600, 300), (40, BookKind.DELTA, -1, 4800, -100)],
        trades=[(5, 4600, 1200, -1), (40, 4800, 100, 1)],
        result="yes",
        settlement=10_000,
        settled_ts=START + 1200 * 10**9,
        strike_type="between",
        floor=7175.0,
        cap=7199.9999,
    )
    with Exchange(history, speed=0, legacy=OLD, tier="unlimited") as running:
        running.advance(0)
        yield running


@pytest.fixture(scope="module")
def client(exchange):
    api = sdk.ApiClient(sdk.Configuration(host=exchange.rest))
    api.kalshi_auth = KalshiAuth(exchange.keys.key_id, exchange.keys.path.read_text())  # type: ignore[attr-defined]  # 3.2.0 types it as None
    return api


def write(client, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """A call of the SDK's own request method, which signs it."""
    answer = client.call_api(
        method, client.configuration.host + path, header_params={"Content-Type": "application/json"}, body=body
    )
    answer.read()
    return answer.status, json.loads(answer.data) if answer.data else None


def typed(name: str, document: Any) -> Any:
    """Parse an answer with the SDK's model where this SDK has it."""
    model = getattr(sdk, name, None)
    return document if model is None else model.from_dict(document).to_dict()


def test_the_sdk_reads_market_data(exchange, client):
    markets = sdk.MarketApi(client)
    assert [market.ticker for market in markets.get_markets().markets] == [TICKER]
    market = markets.get_market(TICKER).market
    assert (market.yes_bid_dollars, market.yes_ask_dollars, market.floor_strike) == ("0.4600", "0.4800", 7175.0)
    answer = markets.get_market_orderbook(TICKER)
    book = answer.orderbook if OLD else answer.orderbook_fp
    assert book.yes_dollars[-1] == ["0.4600", "10.00"]
    assert book.no_dollars[-1] == ["0.5200", "15.00"]
    exchange.advance(50)
    trades = markets.get_trades(ticker=TICKER).trades
    assert [trade.yes_price_dollars for trade in trades] == ["0.4800", "0.4600"]
    start = START // 10**9
    candles = markets.get_market_candlesticks("KXTEST", TICKER, start, start + 600, 1).candlesticks
    assert candles[0].price.open_dollars == "0.4600"
    batch = markets.batch_get_market_candlesticks(TICKER, start, start + 3600, 60)
    assert len(batch.markets[0].candlesticks) == 1
    assert markets.get_series("KXTEST").series.fee_type == "quadratic"
    events = sdk.EventsApi(client)
    assert events.get_event("KXTEST-26SEP21", with_nested_markets=True).event.series_ticker == "KXTEST"
    assert len(events.get_events(with_nested_markets=True).events[0].markets or []) == 1
    assert events.get_events(status="settled").events == []
    status = sdk.ExchangeApi(client)
    assert status.get_exchange_status().trading_active
    assert len(status.get_exchange_schedule().schedule.standard_hours[0].thursday) == 2


def test_the_sdk_trades(exchange, client):
    portfolio, orders = sdk.PortfolioApi(client), sdk.OrdersApi(client)
    assert portfolio.get_balance().balance == 1_000_000
    body = {
        "ticker": TICKER, "side": "bid", "price": "0.4700", "count": "5.00", "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross", "client_order_id": "first",
    }  # fmt: skip
    status, created = write(client, "POST", _ORDERS, body)
    created = typed("CreateOrderV2Response", created)
    assert (status, created["remaining_count"]) == (201, "5.00")
    order_id = created["order_id"]
    assert portfolio.get_balance().balance == 1_000_000 - 235
    change = {"ticker": TICKER, "side": "bid", "price": "0.4600", "count": "4.00"}
    amended = typed("AmendOrderV2Response", write(client, "POST", f"{_ORDERS}/{order_id}/amend", change)[1])
    assert amended["remaining_count"] == "4.00"
    less = {"reduce_by": "1.00", "market_ticker": TICKER}
    decreased = typed("DecreaseOrderV2Response", write(client, "POST", f"{_ORDERS}/{order_id}/decrease", less)[1])
    assert decreased["remaining_count"] == "3.00"
    seen = orders.get_order(order_id).order
    assert (seen.status.value, seen.yes_price_dollars) == ("resting", "0.4600")
    queue = orders.get_order_queue_positions(market_tickers=TICKER).queue_positions
    assert len(queue) == 1
    cancelled = typed(
        "CancelOrderV2Response", write(client, "DELETE", f"{_ORDERS}/{order_id}?market_ticker={TICKER}")[1]
    )
    assert cancelled["reduced_by"] == "3.00"
    taken = write(client, "POST", _ORDERS, {**body, "price": "0.4900", "client_order_id": "second"})[1]
    assert typed("CreateOrderV2Response", taken)["fill_count"] == "5.00"
    fills = portfolio.get_fills(ticker=TICKER).fills
    assert [(fill.is_taker, fill.order_id) for fill in fills] == [(True, taken["order_id"])]
    positions = portfolio.get_positions()
    assert positions.market_positions[0].market_exposure_dollars == "2.400000"
    assert positions.event_positions[0].event_ticker == "KXTEST-26SEP21"
    batch = {"orders": [{**body, "client_order_id": "third"}, {**body, "client_order_id": "third"}]}
    status, both = write(client, "POST", f"{_ORDERS}/batched", batch)
    assert [bool(each.get("error")) for each in typed("BatchCreateOrdersV2Response", both)["orders"]] == [False, True]
    assert len(orders.get_orders(status="resting").orders) == 1
    assert write(client, "DELETE", _ORDERS) == (204, None)
    assert orders.get_orders(status="resting").orders == []
    made = write(client, "POST", "/portfolio/order_groups/create", {"contracts_limit": 10})[1]
    listed = sdk.OrderGroupsApi(client).get_order_groups().order_groups or []
    assert [group.id for group in listed] == [typed("CreateOrderGroupResponse", made)["order_group_id"]]
    exchange.advance(1300)
    settled = portfolio.get_settlements().settlements
    assert [(each.market_result, each.revenue) for each in settled] == [("yes", 500)]


@pytest.mark.skipif(OLD, reason="this SDK has no typed V2 order calls")
def test_the_sdks_own_order_calls():
    with Exchange(make_history(), speed=0, tier="unlimited") as exchange:
        exchange.advance(0)
        api = sdk.ApiClient(sdk.Configuration(host=exchange.rest))
        api.kalshi_auth = KalshiAuth(exchange.keys.key_id, exchange.keys.path.read_text())
        orders: Any = sdk.OrdersApi(api)
        market = {"ticker": TICKER, "side": "bid"}
        terms = {**market, "time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross"}
        made = orders.create_order_v2(**terms, price="0.4700", count="5.00", client_order_id="first")
        assert orders.amend_order_v2(made.order_id, **market, price="0.4700", count="4.00").remaining_count == "4.00"
        less = orders.decrease_order_v2(made.order_id, reduce_by="1.00", market_ticker=TICKER)
        assert less.remaining_count == "3.00"
        assert orders.cancel_order_v2(made.order_id, market_ticker=TICKER).reduced_by == "3.00"
        both = [{**terms, "price": "0.4900", "count": "1.00", "client_order_id": name} for name in ("second", "third")]
        filled = orders.batch_create_orders_v2(orders=both).orders
        assert [each.fill_count for each in filled] == ["1.00", "1.00"]
        portfolio = sdk.PortfolioApi(api)
        assert len(portfolio.get_fills(ticker=TICKER).fills) == 2
        assert portfolio.get_positions().market_positions[0].position_fp == "2.00"


def signed(
    exchange, *, salt: int = 32, skew: float = 0, path: str = "/portfolio/balance", pkcs1: bool = False, **change
):
    """A signed request in the official style, wrong in one way."""
    key: Any = serialization.load_pem_private_key(exchange.keys.path.read_bytes(), password=None)
    stamp = change.pop("stamp", str(int((time.time() + skew) * 1000)))
    text = f"{stamp}GET/trade-api/v2{path}".encode()
    scheme = padding.PKCS1v15() if pkcs1 else padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt)
    headers = {
        "KALSHI-ACCESS-KEY": exchange.keys.key_id,
        "KALSHI-ACCESS-TIMESTAMP": stamp,
        "KALSHI-ACCESS-SIGNATURE": base64.b64encode(key.sign(text, scheme, hashes.SHA256())).decode(),
    }
    headers = {name: value for name, value in {**headers, **change}.items() if value is not None}
    return requests.get(f"{exchange.rest}/portfolio/balance?subaccount=0", headers=headers, timeout=10)


WRONG = ("authentication_error", "INCORRECT_API_KEY_SIGNATURE")


@pytest.mark.parametrize(
    ("how", "code", "details"),
    [
        ({"salt": 20}, *WRONG),
        ({"salt": 222}, *WRONG),
        ({"pkcs1": True}, *WRONG),
        ({"path": "/portfolio/balance?subaccount=0"}, *WRONG),
        ({"path": "/portfolio/orders"}, *WRONG),
        ({"KALSHI-ACCESS-SIGNATURE": "not base64!"}, *WRONG),
        ({"skew": -30}, "header_timestamp_expired", None),
        ({"skew": 300}, "header_timestamp_expired", None),
        ({"stamp": str(int(time.time()))}, "header_timestamp_expired", None),
        ({"KALSHI-ACCESS-KEY": "unknown"}, "authentication_error", "NOT_FOUND"),
        ({"KALSHI-ACCESS-SIGNATURE": None}, "signature_is_missing_from_headers", None),
    ],
)
def test_wrong_signatures_are_refused_as_documented(exchange, how, code, details):
    answer = signed(exchange, **how)
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert (error["code"], error.get("details")) == (code, details)


def test_right_signatures_pass(exchange):
    assert signed(exchange).status_code == 200
    assert signed(exchange, skew=5).status_code == 200
