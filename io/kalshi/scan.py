"""Candidate markets as they are now: spread, volume, range and volatility of the last hour, and a score."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from ..ground.units import TICKS_PER_DOLLAR
from ..store.market_score import score_of
from .client import Client
from .fee_types import COEFFICIENTS
from .rest.market_data import BATCH
from .rest.models import Candle, MarketCandles, MarketRecord, OrderBook, Series
from .stream.stream import chunks

_HOUR = 3600 * 1_000_000_000


@dataclass(frozen=True)
class Candidate:
    """One market. Prices and volatility in ticks, sizes in lots; None where there is nothing to measure."""

    ticker: str
    bid: int | None
    ask: int | None
    bid_size: int
    ask_size: int
    volume_24h: int
    volume_1h: int
    high_1h: int | None
    low_1h: int | None
    volatility: float | None
    closes: int
    score: float

    @property
    def spread(self) -> int | None:
        """Best ask less best bid, ticks."""
        return None if self.bid is None or self.ask is None else self.ask - self.bid


def scan(client: Client, series: Iterable[str], now: int | None = None) -> list[Candidate]:
    """Look at the open markets of some series, best score first; books are read fresh, as listed quotes may be old."""
    found: list[Candidate] = []
    data = client.market_data
    for name in series:
        about = data.series(name)
        at = client.now() if now is None else now
        markets = {m.ticker: m for page in data.markets(series_ticker=name, status="open") for m in page}
        for tickers in chunks(sorted(markets), BATCH):
            books = {book.ticker: book for book in data.orderbooks(tickers)}
            candles = {c.market_ticker: c for c in data.batch_candles(tickers, start=at - _HOUR, end=at)}
            found += [_candidate(markets[t], about, books.get(t), candles.get(t)) for t in tickers]
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.ticker))


def _candidate(
    market: MarketRecord, series: Series, book: OrderBook | None, candles: MarketCandles | None
) -> Candidate:
    bids = book.book.bids() if book and book.book else {}
    asks = book.book.asks() if book and book.book else {}
    bid, ask = max(bids, default=None), min(asks, default=None)
    minutes = (candles.candlesticks if candles else None) or []
    traded = [minute.price for minute in minutes if minute.price is not None and minute.price.close is not None]
    highs = [span.high for span in traded if span.high is not None]
    lows = [span.low for span in traded if span.low is not None]
    volume = sum(minute.volume or 0 for minute in minutes)
    volatility = volatility_of(minutes)
    return Candidate(
        ticker=market.ticker,
        bid=bid,
        ask=ask,
        bid_size=bids[bid] if bid is not None else 0,
        ask_size=asks[ask] if ask is not None else 0,
        volume_24h=market.volume_24h or 0,
        volume_1h=volume,
        high_1h=max(highs, default=None),
        low_1h=min(lows, default=None),
        volatility=volatility,
        closes=market.close_time or 0,
        score=score_of(bid, ask, volume, volatility, maker_fee(series, bid, ask)),
    )


def volatility_of(minutes: Sequence[Candle]) -> float | None:
    """Standard deviation of the mid over an hour, ticks: root of the summed squared moves between minutes with quotes.

    Minutes without change are missing from candles; their move is zero, so the sum needs no filling.
    """
    mids: list[float] = []
    for minute in minutes:
        bid = minute.yes_bid.close if minute.yes_bid else None
        ask = minute.yes_ask.close if minute.yes_ask else None
        if bid and ask and ask < TICKS_PER_DOLLAR:
            mids.append((bid + ask) / 2)
    if len(mids) < 2:
        return None
    return math.sqrt(sum((b - a) ** 2 for a, b in pairwise(mids)))


def maker_fee(series: Series, bid: int | None, ask: int | None) -> float:
    """What making one contract at the mid costs, ticks."""
    if series.fee_type not in COEFFICIENTS or bid is None or ask is None:
        return 0.0
    rate = COEFFICIENTS[series.fee_type][1]
    mid = Decimal(bid + ask) / 2 / TICKS_PER_DOLLAR
    multiplier = Decimal(str(1.0 if series.fee_multiplier is None else series.fee_multiplier))
    return float(multiplier * rate * mid * (1 - mid) * TICKS_PER_DOLLAR)
