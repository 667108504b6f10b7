from __future__ import annotations

import math
from typing import Any

import pytest
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.models import Candle, Series
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.wire import convert
from touchline.io.kalshi.scan import maker_fee, scan, score_of, volatility_of

NOW = 1_781_159_400 * 1_000_000_000


def minute(at: int, bid: str, ask: str, volume: str = "0.00", **price: str) -> dict[str, Any]:
    return {
        "end_period_ts": NOW // 10**9 - 60 * at,
        "yes_bid": {"close_dollars": bid},
        "yes_ask": {"close_dollars": ask},
        "price": {f"{name}_dollars": value for name, value in price.items()},
        "volume_fp": volume,
    }


MINUTES = [
    minute(3, "0.4600", "0.4800", "10.00", close="0.4800", high="0.4800", low="0.4600"),
    minute(2, "0.0000", "1.0000"),
    minute(1, "0.4900", "0.5100", "30.00", close="0.5000", high="0.5100", low="0.5000"),
]


@pytest.fixture
def client(rest: Any, settings: Settings) -> Any:
    def answer(request: Any) -> Any:
        if request.path == "/series/KXS":
            return 200, {"series": {"ticker": "KXS", "fee_type": "quadratic_with_maker_fees", "fee_multiplier": 0.5}}
        if request.path == "/markets":
            assert request.query["status"] == ["open"]
            market = {"status": "active", "volume_24h_fp": "99.00", "yes_bid_dollars": "0.1000"}
            return 200, {"markets": [{"ticker": ticker, **market} for ticker in ("DEAD", "LIVE")], "cursor": ""}
        if request.path == "/markets/orderbooks":
            assert request.query["tickers"] == ["DEAD", "LIVE"], "the parameter is repeated"
            sides = {"yes_dollars": [["0.4000", "1.00"], ["0.4900", "3.00"]], "no_dollars": [["0.4800", "2.00"]]}
            return 200, {
                "orderbooks": [{"ticker": "DEAD", "orderbook_fp": {}}, {"ticker": "LIVE", "orderbook_fp": sides}]
            }
        assert request.path == "/markets/candlesticks" and request.query["market_tickers"] == ["DEAD,LIVE"]
        return 200, {"markets": [{"market_ticker": "LIVE", "candlesticks": MINUTES}]}

    rest.answer = answer
    with Client(settings, requests_per_second=1000) as made:
        yield made


def test_candidates_come_from_fresh_books_and_the_last_hour(client: Client) -> None:
    live, dead = scan(client, ["KXS"], NOW)
    assert (live.ticker, live.bid, live.ask, live.spread, live.bid_size, live.ask_size) == (
        "LIVE", 4900, 5200, 300, 300, 200
    )  # fmt: skip
    assert (live.volume_24h, live.volume_1h, live.high_1h, live.low_1h) == (9900, 4000, 5100, 4600)
    assert live.volatility == 300.0, "from 47 to 50 cents; a minute without quotes says nothing"
    fee = 0.5 * 0.0175 * 0.505 * 0.495 * 10_000
    assert math.isclose(live.score, (150 - fee) / 300 * math.log1p(40))
    assert (dead.ticker, dead.bid, dead.ask, dead.spread, dead.volume_1h, dead.score) == (
        "DEAD",
        None,
        None,
        None,
        0,
        0,
    )


def test_a_dead_book_does_not_win_by_standing_still() -> None:
    still, moving = score_of(4000, 4400, 100, None, 0.0), score_of(4000, 4400, 100, 60.0, 0.0)
    assert still == score_of(4000, 4400, 100, 50.0, 0.0) < 1.3 * moving
    assert score_of(4000, 9000, 0, None, 0.0) == 0, "nothing trades, nothing is earned"
    assert score_of(4000, 4100, 10_000, 100.0, 60.0) == 0, "the fee eats the spread"


def test_volatility_needs_two_quoted_minutes() -> None:
    def candles(*minutes: Any) -> list[Candle]:
        return convert(list[Candle], list(minutes))

    assert volatility_of(candles()) is None and volatility_of(candles(MINUTES[0], MINUTES[1])) is None
    steps = [minute(9 - n, f"0.{40 + n}00", f"0.{42 + n}00") for n in range(5)]
    assert volatility_of(candles(*steps)) == 200.0


@pytest.mark.parametrize(
    ("kind", "ticks"), [("quadratic", 0.0), ("quadratic_with_maker_fees", 43.75), ("of tomorrow", 0.0)]
)
def test_maker_fees_by_series(kind: str, ticks: float) -> None:
    assert maker_fee(Series(ticker="S", fee_type=kind, fee_multiplier=1.0), 4900, 5100) == ticks
