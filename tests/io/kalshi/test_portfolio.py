from __future__ import annotations

from typing import Any

import pytest
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.errors import ConfigError
from touchline.io.kalshi.rest.settings import Settings

ANSWERS: dict[str, Any] = {
    "/portfolio/balance": {
        "balance": 1234,
        "balance_dollars": "12.345600",
        "portfolio_value": 50,
        "updated_ts": 1781159370,
    },
    "/portfolio/positions": {
        "market_positions": [
            {
                "ticker": "T",
                "position_fp": "-3.00",
                "market_exposure_dollars": "2.500000",
                "fees_paid_dollars": "0.018900",
                "last_updated_ts": "2026-06-11T06:31:29Z",
                "new_field": 1,
            }
        ],
        "event_positions": [{"event_ticker": "E", "total_cost_dollars": "2.5", "total_cost_shares_fp": "3.00"}],
        "cursor": "",
    },
    "/portfolio/fills": {
        "fills": [
            {
                "fill_id": "f",
                "trade_id": "f",
                "order_id": "o",
                "ticker": "T",
                "book_side": "ask",
                "count_fp": "0.50",
                "yes_price_dollars": "0.1240",
                "is_taker": True,
                "fee_cost": "0.017500",
                "ts": 1781159370,
            }
        ],
        "cursor": None,
    },
    "/portfolio/orders": {
        "orders": [
            {
                "order_id": "o",
                "status": "of tomorrow",
                "yes_price_dollars": "0.5600",
                "initial_count_fp": "3.00",
                "maker_fees_dollars": "0.004400",
            }
        ]
    },
    "/portfolio/orders/o": {"order": {"order_id": "o", "status": "resting"}},
    "/portfolio/settlements": {
        "settlements": [
            {
                "ticker": "T",
                "market_result": "yes",
                "yes_count_fp": "3.00",
                "revenue": 300,
                "value": 100,
                "fee_cost": "0.00006",
            }
        ],
        "cursor": "",
    },
    "/portfolio/orders/o/queue_position": {"queue_position_fp": "17.00"},
    "/portfolio/orders/queue_positions": {
        "queue_positions": [{"order_id": "o", "market_ticker": "T", "queue_position_fp": "0.00"}]
    },
    "/portfolio/summary/total_resting_order_value": {"total_resting_order_value": 250},
    "/exchange/user_data_timestamp": {"as_of_time": "2026-06-11T06:31:29Z"},
    "/account/endpoint_costs": {"default_cost": 10, "endpoint_costs": [{"method": "GET", "path": "/x", "cost": 2}]},
}


@pytest.fixture
def client(rest: Any, settings: Settings) -> Any:
    rest.answer = lambda request: (200, ANSWERS[request.path])
    with Client(settings, requests_per_second=10_000) as made:
        yield made


def test_money_positions_and_orders_come_in_whole_units(client: Client) -> None:
    portfolio = client.portfolio
    balance = portfolio.balance()
    assert (balance.balance, balance.cash, balance.portfolio_value) == (12_340_000, 12_345_600, 500_000)
    ((position,),) = portfolio.positions()
    assert (position.position, position.market_exposure, position.fees_paid) == (-300, 2_500_000, 18_900)
    ((event,),) = portfolio.event_positions()
    assert (event.total_cost, event.total_cost_shares) == (2_500_000, 300)
    ((fill,),) = portfolio.fills(ticker="T")
    assert (fill.count, fill.price, fill.fee, fill.book_side) == (50, 1240, 17_500, "ask")
    ((order,),) = portfolio.orders()
    assert (order.status, order.price, order.initial_count, order.maker_fees) == ("of tomorrow", 5600, 300, 4400)
    assert portfolio.order("o").status == "resting"
    ((settlement,),) = portfolio.settlements()
    assert (settlement.revenue, settlement.value, settlement.fee) == (3_000_000, 1_000_000, 60)
    assert portfolio.queue_position("o") == 1700
    assert portfolio.queue_positions(tickers=["T"])[0].ahead == 0
    assert portfolio.resting_value() == 2_500_000
    assert portfolio.as_of() == 1781159489 * 10**9
    assert portfolio.endpoint_costs().endpoint_costs[0].cost == 2  # type: ignore[index]


def test_without_a_key_there_is_no_portfolio(settings: Settings) -> None:
    with (
        Client(Settings("demo", settings.rest_url, settings.ws_url)) as client,
        pytest.raises(ConfigError, match="key"),
    ):
        client.portfolio.balance()
