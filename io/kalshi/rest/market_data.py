"""The public endpoints: exchange, series, events, markets, books, trades, candles, live and historical."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from . import models
from .incentives import IncentiveProgram, IncentiveSchedule, schedules_of
from .transport import Transport

PAGE = 1000
PROGRAMS_PAGE = 10_000
BATCH = 100  #: tickers in one batch call
_NS = 1_000_000_000


class MarketData:
    """Reads that need no key. Times are ns UTC; what comes in pages is given page by page."""

    def __init__(self, transport: Transport) -> None:
        self._ask = transport

    def status(self) -> models.ExchangeStatus:
        """Whether the exchange is open; a closed one says so with an error status and the same body."""
        return self._ask.get("/exchange/status", None, models.ExchangeStatus, accept=(500, 503, 504))

    def schedule(self) -> models.Schedule:
        """Trading hours and maintenance windows."""
        return self._ask.get("/exchange/schedule", "schedule", models.Schedule)

    def all_series(self, *, category: str | None = None, tags: str | None = None) -> list[models.Series]:
        """Every series, some 14,000 in one answer; narrow it by category (exact, case matters) or tags."""
        params = {"category": category, "tags": tags}
        return self._ask.get("/series", "series", list[models.Series], params=params)

    def series(self, ticker: str) -> models.Series:
        """One series."""
        return self._ask.get(f"/series/{ticker}", "series", models.Series)

    def series_fee_changes(self, ticker: str | None = None, *, history: bool = True) -> list[models.SeriesFeeChange]:
        """Fee changes of a series, past ones included."""
        params = {"series_ticker": ticker, "show_historical": history}
        return self._ask.get(
            "/series/fee_changes", "series_fee_change_arr", list[models.SeriesFeeChange], params=params
        )

    def event_fee_changes(self, event: str | None = None) -> Iterator[list[models.EventFeeChange]]:
        """Fee changes of single events."""
        params = {"event_ticker": event, "limit": PAGE}
        return self._ask.pages("/events/fee_changes", "event_fee_changes", models.EventFeeChange, params=params)

    def events(self, *, nested: bool = False, **filters: Any) -> Iterator[list[models.Event]]:
        """Events; filters are ``series_ticker``, ``status``, ``tickers``, ``min_close_ts`` and so on."""
        params = {"limit": 200, "with_nested_markets": nested, **filters}
        return self._ask.pages("/events", "events", models.Event, params=params)

    def event(self, ticker: str, *, nested: bool = True) -> models.Event:
        """One event, with its markets."""
        return self._ask.get(f"/events/{ticker}", "event", models.Event, params={"with_nested_markets": nested})

    def markets(self, **filters: Any) -> Iterator[list[models.MarketRecord]]:
        """Markets; ``status`` is unopened, open, paused, closed or settled; only one family of time filters a call."""
        return self._ask.pages("/markets", "markets", models.MarketRecord, params={"limit": PAGE, **filters})

    def market(self, ticker: str) -> models.MarketRecord:
        """One market; one that was archived is not found here but in :meth:`historical_market`."""
        return self._ask.get(f"/markets/{ticker}", "market", models.MarketRecord)

    def orderbook(self, ticker: str, *, depth: int = 0) -> models.OrderBook:
        """One market's book; depth 0 is all of it."""
        book = self._ask.get(f"/markets/{ticker}/orderbook", "orderbook_fp", models.BookSides, params={"depth": depth})
        return models.OrderBook(ticker=ticker, book=book)

    def orderbooks(self, tickers: Sequence[str]) -> list[models.OrderBook]:
        """The books of at most 100 markets in one call."""
        params = {"tickers": list(tickers)}
        return self._ask.get("/markets/orderbooks", "orderbooks", list[models.OrderBook], params=params)

    def trades(
        self,
        ticker: str | None = None,
        *,
        start: int | None = None,
        end: int | None = None,
        historical: bool = False,
        limit: int = PAGE,
    ) -> Iterator[list[models.TradeRecord]]:
        """Trades, newest first, live or archived; both answer an empty list for what the other has."""
        params = {"ticker": ticker, "min_ts": _seconds(start), "max_ts": _seconds(end), "limit": limit}
        path = "/historical/trades" if historical else "/markets/trades"
        return self._ask.pages(path, "trades", models.TradeRecord, params=params)

    def candles(
        self, series: str, ticker: str, *, start: int, end: int, minutes: int = 1, historical: bool = False
    ) -> list[models.Candle] | list[models.HistoricalCandle]:
        """Candles of 1, 60 or 1440 minutes; periods without change are missing."""
        params = {"start_ts": _seconds(start), "end_ts": _seconds(end), "period_interval": minutes}
        if historical:
            path = f"/historical/markets/{ticker}/candlesticks"
            return self._ask.get(path, "candlesticks", list[models.HistoricalCandle], params=params)
        path = f"/series/{series}/markets/{ticker}/candlesticks"
        return self._ask.get(path, "candlesticks", list[models.Candle], params=params)

    def batch_candles(
        self, tickers: Sequence[str], *, start: int, end: int, minutes: int = 1
    ) -> list[models.MarketCandles]:
        """Candles of at most 100 markets, at most 10,000 in all."""
        params = {
            "market_tickers": ",".join(tickers),
            "start_ts": _seconds(start),
            "end_ts": _seconds(end),
            "period_interval": minutes,
        }
        return self._ask.get("/markets/candlesticks", "markets", list[models.MarketCandles], params=params)

    def incentive_programs(self, **filters: Any) -> Iterator[list[IncentiveProgram]]:
        """Incentive programs; ``status`` is all, active, upcoming, closed or paid_out, ``type`` liquidity or volume."""
        params = {"limit": PROGRAMS_PAGE, **filters}
        return self._ask.pages(
            "/incentive_programs", "incentive_programs", IncentiveProgram, params=params, cursor_in="next_cursor"
        )

    def incentive_schedules(self, **filters: Any) -> Iterator[list[IncentiveSchedule]]:
        """What windows of a series, or of an event, can expect: anticipated, not promised. Records are as they came."""
        seen = {""}
        params = dict(filters)
        while True:
            answer = self._ask.get("/incentive_schedules", None, dict[str, Any], params=params)
            found, cursor = schedules_of(answer)
            yield found
            if cursor in seen:
                return
            seen.add(cursor)
            params["cursor"] = cursor

    def cutoff(self) -> models.Cutoff:
        """Where the archive ends and the live endpoints begin."""
        return self._ask.get("/historical/cutoff", None, models.Cutoff)

    def historical_markets(self, **filters: Any) -> Iterator[list[models.MarketRecord]]:
        """Archived markets, by one of ``tickers``, ``event_ticker``, ``series_ticker``."""
        return self._ask.pages("/historical/markets", "markets", models.MarketRecord, params={"limit": PAGE, **filters})

    def historical_market(self, ticker: str) -> models.MarketRecord:
        """One archived market."""
        return self._ask.get(f"/historical/markets/{ticker}", "market", models.MarketRecord)


def _seconds(ns: int | None) -> int | None:
    return None if ns is None else ns // _NS
