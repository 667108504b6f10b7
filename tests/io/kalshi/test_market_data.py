"""Every public read, answered by the local exchange and parsed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from touchline.engine.exchanges import Exchange
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.errors import NotFoundError, RefusedRequestError
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.signing import Signer
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
TICKER = "KXT-26SEP21-B1"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("exchange")
    hour = 3600 * SECOND
    markets = [
        {"ticker": TICKER, "valid_from": 0, "series": "KXT", "event": "KXT-26SEP21", "title": "A market",
         "category": "Test", "open_ts": START - hour, "close_ts": START + hour, "status": "active",
         "grid": "linear_cent", "strike_type": "between", "floor": 7175.0, "cap": 7199.9999,
         "fee_type": "quadratic", "fee_multiplier": 1.0}
    ]  # fmt: skip
    book = [
        (START, TICKER, BookKind.CLEAR, 0, 0, 0, 0),
        (START, TICKER, BookKind.LEVEL, 1, 4700, 300, 0),
        (START, TICKER, BookKind.LEVEL, 1, 4600, 100, 0),
        (START, TICKER, BookKind.LEVEL, -1, 5200, 500, 0),
        (START + 5 * SECOND, TICKER, BookKind.DELTA, -1, 5200, -200, 1),
    ]
    trades = [(START + 5 * SECOND, TICKER, 5200, 200, 1, False, "t1", 1)]
    frames = {
        "markets": pl.DataFrame(markets),
        "book": pl.DataFrame(book, schema=["ts", "ticker", "kind", "side", "price", "size", "seq"], orient="row"),
        "trades": pl.DataFrame(
            trades, schema=["ts", "ticker", "price", "size", "taker_side", "is_block", "trade_id", "seq"], orient="row"
        ),
    }
    Store(folder / "store").ingest("test", "one", [Chunk(frames)])
    with Exchange(folder / "store", speed=0, keys=folder / "keys", start=START + 90 * SECOND) as exchange:
        pem = (folder / "keys" / "private.pem").read_bytes()
        signer = Signer((folder / "keys" / "key-id").read_text().strip(), pem)
        with Client(Settings("demo", exchange.rest, exchange.ws, signer), requests_per_second=1000) as made:
            yield made


def test_the_exchange_and_its_hours(client: Client) -> None:
    status = client.market_data.status()
    assert status.exchange_active and status.trading_active
    schedule = client.market_data.schedule()
    assert schedule.standard_hours and schedule.standard_hours[0].monday


def test_series_events_and_fees(client: Client) -> None:
    data = client.market_data
    assert [series.ticker for series in data.all_series()] == ["KXT"]
    series = data.series("KXT")
    assert (series.fee_type, series.fee_multiplier, series.category) == ("quadratic", 1.0, "Test")
    assert isinstance(data.series_fee_changes("KXT"), list)
    assert [change for page in data.event_fee_changes() for change in page] == []
    ((event,),) = data.events(series_ticker="KXT")
    assert (event.event, event.series) == ("KXT-26SEP21", "KXT")
    assert data.event("KXT-26SEP21").event == "KXT-26SEP21"


def test_markets_and_their_books(client: Client) -> None:
    data = client.market_data
    ((market,),) = data.markets(series_ticker="KXT", status="open")
    assert market == data.market(TICKER)
    assert (market.yes_bid, market.yes_ask, market.yes_bid_size, market.last_price) == (4700, 5200, 300, 5200)
    assert (market.floor_strike, market.cap_strike, market.close_time) == (7175.0, 7199.9999, START + 3600 * SECOND)
    single, (batch,) = data.orderbook(TICKER), data.orderbooks([TICKER])
    assert single.book is not None and batch.book is not None and batch.ticker == TICKER
    assert single.book.bids() == batch.book.bids() == {4600: 100, 4700: 300}
    assert single.book.asks() == {5200: 300}
    with pytest.raises(NotFoundError):
        data.market("NONE")
    with pytest.raises(RefusedRequestError, match="limit"):
        list(data.markets(limit=1001))


def test_trades_candles_and_the_archive(client: Client) -> None:
    data = client.market_data
    ((trade,),) = data.trades(TICKER, start=START, end=START + 60 * SECOND)
    assert (trade.trade_id, trade.price, trade.count, trade.taker_outcome_side) == ("t1", 5200, 200, "yes")
    span = {"start": START - 60 * SECOND, "end": START + 90 * SECOND}
    candles = data.candles("KXT", TICKER, **span)
    (batch,) = data.batch_candles([TICKER], **span)
    assert candles and batch.candlesticks == candles and batch.market_ticker == TICKER
    assert candles[0].yes_bid is not None and candles[0].yes_bid.close == 4700
    assert candles[0].volume == 200 and candles[0].price is not None and candles[0].price.high == 5200
    assert data.cutoff().trades_created_ts
    assert [market for page in data.historical_markets(series_ticker="KXT") for market in page] == []
    assert [trade for page in data.trades(TICKER, historical=True) for trade in page] == []
    with pytest.raises(NotFoundError):
        data.historical_market(TICKER)


def test_the_accounts_limits(client: Client) -> None:
    limits = client.portfolio.limits()
    assert (limits.usage_tier, limits.read.refill_rate, limits.write.refill_rate) == ("basic", 200, 100)
    assert client.portfolio.endpoint_costs().default_cost == 10
