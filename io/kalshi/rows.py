"""From the exchange's records to rows of the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from ..ground.units import TICKS_PER_DOLLAR
from ..store.schema import MARKETS, QUOTES, TRADES, Side
from .rest.models import Candle, HistoricalCandle, MarketRecord, Series, SeriesFeeChange, TradeRecord
from .stream.frames import TradeBody

_SIDES = {"yes": Side.BID, "bid": Side.BID, "no": Side.ASK, "ask": Side.ASK}


def taker_side(trade: TradeRecord | TradeBody) -> Side:
    """Which side of the YES book the taker was on; unknown if the trade does not say, never guessed."""
    for word in (trade.taker_outcome_side, trade.taker_book_side, trade.taker_side):
        if word in _SIDES:
            return _SIDES[word]
    return Side.UNKNOWN


def trade_row(trade: TradeRecord) -> tuple[Any, ...]:
    """A trade in the order of `TRADE_COLUMNS`."""
    ts, price, size, side = int(trade.created_time), int(trade.price), int(trade.count), int(taker_side(trade))
    return (ts, trade.ticker, price, size, side, trade.is_block_trade, trade.trade_id)


TRADE_COLUMNS = ("ts", "ticker", "price", "size", "taker_side", "is_block", "trade_id")


def candle_row(ticker: str, candle: Candle | HistoricalCandle) -> tuple[Any, ...]:
    """A candle's closing quotes in the order of `QUOTE_COLUMNS`; an empty side, shown as 0 or 1 dollar, is null."""
    bid = candle.yes_bid.close if candle.yes_bid else None
    ask = candle.yes_ask.close if candle.yes_ask else None
    return (int(candle.end_period_ts), ticker, quoted(bid), quoted(ask))


QUOTE_COLUMNS = ("ts", "ticker", "bid", "ask")


def quoted(price: int | None) -> int | None:
    """A quoted price, or None where the exchange says 0 or 1 dollar for "no quote"."""
    return None if price is None or not 0 < price < TICKS_PER_DOLLAR else int(price)


def frame_of(table: str, rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """Rows as a frame of one of the tables."""
    names, types = (TRADE_COLUMNS, TRADES.columns) if table == "trades" else (QUOTE_COLUMNS, QUOTES.columns)
    return pl.DataFrame(rows, schema={name: types[name] for name in names}, orient="row")


def market_frame(markets: Iterable[MarketRecord], series: Series, changes: Iterable[SeriesFeeChange]) -> pl.DataFrame:
    """Rows of ``markets``: one a market, and one more from each time on at which its fee changed."""
    ordered = sorted(changes, key=lambda change: change.scheduled_ts)
    rows = [row for market in markets for row in _market_rows(market, series, ordered)]
    return pl.DataFrame(rows, schema=dict(MARKETS.columns))


def _market_rows(market: MarketRecord, series: Series, changes: list[SeriesFeeChange]) -> Iterator[dict[str, Any]]:
    opened, closed = market.open_time or 0, market.close_time or 2**63 - 1
    before = [change for change in changes if change.scheduled_ts <= opened]
    # What held before the first known change is not known; without any change it is what holds now.
    fee: Any = before[-1] if before else None if changes else series
    empty: dict[str, Any] = dict.fromkeys(MARKETS.columns)
    yield {
        **empty,
        "ticker": market.ticker,
        "valid_from": 0,
        "series": series.ticker,
        "event": market.event or None,
        "title": market.title or market.yes_sub_title,
        "category": series.category,
        "open_ts": market.open_time or None,
        "close_ts": market.close_time or None,
        "expiration_ts": market.expected_expiration_time or market.latest_expiration_time or None,
        "settled_ts": market.settlement_ts or None,
        "status": market.status or None,
        "result": market.result or None,
        "settlement": _settlement(market),
        "strike_type": market.strike_type,
        "floor": market.floor_strike,
        "cap": market.cap_strike,
        "grid": market.price_level_structure,
        "fee_type": fee.fee_type if fee else None,
        "fee_multiplier": fee.fee_multiplier if fee else None,
        "yes_bid": quoted(market.yes_bid),
        "yes_ask": quoted(market.yes_ask),
        "volume": market.volume,
        "open_interest": market.open_interest,
    }
    for change in changes:
        if opened < change.scheduled_ts < closed:
            yield {
                **empty,
                "ticker": market.ticker,
                "valid_from": change.scheduled_ts,
                "fee_type": change.fee_type,
                "fee_multiplier": change.fee_multiplier,
            }


def _settlement(market: MarketRecord) -> int | None:
    if not market.result:
        return None
    if market.settlement_value is not None:
        return market.settlement_value
    return {"yes": TICKS_PER_DOLLAR, "no": 0}.get(market.result)
