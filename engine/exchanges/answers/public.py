"""REST answers that need no key: exchange, series, events, markets, books, trades, candles, the historical ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ....io.ground.units import NS_PER_SECOND
from ....io.store.schema import Side
from .. import wire
from ..incentives import KINDS, STATES, Incentives
from ..limits import costs
from ..market.history import VenueListing
from ..market.hours import schedule
from ..market.venue import TradingVenue, VenueMarket, VenueTrade
from ..wire import bad_query, refuse
from . import views
from .candles import PERIODS, Candles, historical
from .query import Query, cursor_of, page

Answer = dict[str, Any]
STATUS = {
    "unopened": ("initialized",),
    "open": ("active",),
    "paused": ("inactive",),
    "closed": ("closed", "determined", "disputed", "amended"),
    "settled": ("finalized",),
}
_DIGITS = re.compile(r"[0-9]{1,20}\Z")
_OWN = 1 << 40  #: the numbers of the client's own trades follow the recorded ones


class Public:
    """Market data. What is older than the cutoff is served by the historical endpoints only."""

    def __init__(self, venue: TradingVenue, live_days: float, incentives: Incentives | None = None) -> None:
        self.venue = venue
        self._incentives = Incentives(venue, ()) if incentives is None else incentives
        self._live_ns = int(live_days * 86_400) * NS_PER_SECOND
        self._candles = Candles(venue.history)
        self._of_ticker: dict[str, Any] = {}
        self._series: dict[str, list[VenueMarket]] = {}
        self._events: dict[str, list[VenueMarket]] = {}
        for market in venue.listed:
            self._series.setdefault(market.listing.series, []).append(market)
            self._events.setdefault(market.listing.event, []).append(market)

    @property
    def cutoff(self) -> int:
        """What was settled or traded before this moment has moved to the historical endpoints."""
        return self.venue.now - self._live_ns

    def archived(self, market: VenueMarket) -> bool:
        """Whether a market has moved to the historical endpoints."""
        return market.settled_ts is not None and market.settled_ts < self.cutoff

    # Exchange

    def status(self, q: Query, **_: str) -> Answer:
        """``/exchange/status``."""
        now = {"exchange_active": self.venue.exchange_active, "trading_active": self.venue.trading}
        shard = {"exchange_index": 0, "description": "default", **now, "intra_exchange_transfers_active": False}
        return {**now, "intra_exchange_transfers_active": False, "exchange_index_statuses": [shard]}

    def hours(self, q: Query, **_: str) -> Answer:
        """``/exchange/schedule``."""
        return schedule()

    def as_of(self, q: Query, **_: str) -> Answer:
        """``/exchange/user_data_timestamp``."""
        return {"as_of_time": wire.stamp(self.venue.now)}

    def costs(self, q: Query, **_: str) -> Answer:
        """``/account/endpoint_costs``."""
        return costs()

    def cutoffs(self, q: Query, **_: str) -> Answer:
        """``/historical/cutoff``."""
        names = ("market_settled_ts", "trades_created_ts", "orders_updated_ts", "market_positions_last_updated_ts")
        return dict.fromkeys(names, wire.stamp(self.cutoff))

    def incentive_programs(self, q: Query, **_: str) -> Answer:
        """``/incentive_programs``: the recorded ones; its cursor has a name of its own."""
        rows = self._incentives.listed(q.word("status", STATES), q.word("type", KINDS))
        chosen, cursor = page(rows, q, 100, 10_000)
        return {"incentive_programs": chosen, "next_cursor": cursor}

    def incentive_schedules(self, q: Query, **_: str) -> Answer:
        """``/incentive_schedules``: the recorded ones as they came, of a series or an event where that is named."""
        named = {name: value for name in ("series_ticker", "event_ticker") if (value := q.text(name)) is not None}
        rows = [
            (digest, document) for digest, document in self.venue.history.schedules.items()
            if all(document.get(name) == value for name, value in named.items())
        ]  # fmt: skip
        chosen, cursor = page(rows, q, 100, 10_000)
        return {"incentive_schedules": chosen, "next_cursor": cursor}

    # Series and events

    def series_list(self, q: Query, **_: str) -> Answer:
        """``/series``: not paged."""
        category = q.text("category")
        shown = [self._one_series(markets, bool(q.flag("include_volume"))) for markets in self._series.values()]
        return {"series": [each for each in shown if category in (None, each["category"])]}

    def series(self, q: Query, series: str, **_: str) -> Answer:
        """``/series/{series}``."""
        if series not in self._series:
            raise refuse(404, "not_found")
        return {"series": self._one_series(self._series[series], bool(q.flag("include_volume")))}

    def _one_series(self, markets: list[VenueMarket], volume: bool) -> Answer:
        fee_type, multiplier = markets[-1].charges.terms(self.venue.now)
        total = sum(market.volume for market in markets) if volume else None
        return views.series(markets[0].listing, fee_type, multiplier, total)

    def fee_changes(self, q: Query, **_: str) -> Answer:
        """``/series/fee_changes``: planned ones, or with ``show_historical`` all."""
        wanted, every = q.text("series_ticker"), bool(q.flag("show_historical"))
        changes = [
            {
                "id": f"{name}-{change.from_ts}", "series_ticker": name, "fee_type": change.fee_type or "quadratic",
                "fee_multiplier": float(1 if change.multiplier is None else change.multiplier),
                "scheduled_ts": wire.stamp(change.from_ts),
            }
            for name, markets in self._series.items()
            for change in markets[0].charges.schedule.changes
            if wanted in (None, name) and (every or change.from_ts > self.venue.now)
        ]  # fmt: skip
        return {"series_fee_change_arr": changes}

    def event_fee_changes(self, q: Query, **_: str) -> Answer:
        """``/events/fee_changes``: the recordings have none."""
        return {"event_fee_changes": [], "cursor": ""}

    def events(self, q: Query, **_: str) -> Answer:
        """``/events``."""
        status, series = q.word("status", tuple(STATUS)), q.text("series_ticker")
        tickers, nested, closing = q.commas("tickers"), bool(q.flag("with_nested_markets")), q.seconds("min_close_ts")
        rows = []
        for name, markets in sorted(self._events.items()):
            fits = [
                (not status or any(market.status in STATUS[status] for market in markets)),
                series in (None, markets[0].listing.series),
                not tickers or name in tickers,
                closing is None or any(market.listed_close >= closing for market in markets),
            ]
            if all(fits):
                rows.append((name, markets))
        chosen, cursor = page(rows, q, 200, 200)
        return {"events": [self._event(markets, nested) for markets in chosen], "cursor": cursor}

    def event(self, q: Query, event: str, **_: str) -> Answer:
        """``/events/{event}``."""
        markets = self._events.get(event)
        if markets is None:
            raise refuse(404, "not_found")
        nested = bool(q.flag("with_nested_markets"))
        return {"event": self._event(markets, nested), "markets": [] if nested else [self._shown(m) for m in markets]}

    def event_metadata(self, q: Query, event: str, **_: str) -> Answer:
        """``/events/{event}/metadata``: the recordings have no pictures."""
        markets = self._events.get(event)
        if markets is None:
            raise refuse(404, "not_found")
        details = [{"market_ticker": market.ticker, "image_url": "", "color_code": ""} for market in markets]
        return {"image_url": "", "settlement_sources": [], "market_details": details}

    def _event(self, markets: list[VenueMarket], nested: bool) -> Answer:
        listings: list[VenueListing] = [market.listing for market in markets]
        shown = views.event(listings)
        return {**shown, "markets": [self._shown(market) for market in markets]} if nested else shown

    # Markets

    def markets(self, q: Query, **_: str) -> Answer:
        """``/markets``."""
        return self._listed(q, [market for market in self.venue.listed if not self.archived(market)])

    def old_markets(self, q: Query, **_: str) -> Answer:
        """``/historical/markets``."""
        return self._listed(q, [market for market in self.venue.listed if self.archived(market)])

    def _listed(self, q: Query, markets: list[VenueMarket]) -> Answer:
        status, event, series = q.word("status", tuple(STATUS)), q.text("event_ticker"), q.text("series_ticker")
        tickers, combos = q.commas("tickers"), q.word("mve_filter", ("only", "exclude"))
        spans = _families(q, status, combos)
        rows = [
            (market.ticker, market)
            for market in markets
            if (status is None or market.status in STATUS[status])
            and event in (None, market.listing.event)
            and series in (None, market.listing.series)
            and (not tickers or market.ticker in tickers)
            and combos != "only"
            and all(low <= _moment(market, family) <= high for family, low, high in spans)
        ]
        chosen, cursor = page(rows, q, 100, 1000, least=0)
        return {"markets": [self._shown(market) for market in chosen], "cursor": cursor}

    def market(self, q: Query, ticker: str, **_: str) -> Answer:
        """``/markets/{ticker}``."""
        return {"market": self._shown(self._found(ticker, old=False))}

    def old_market(self, q: Query, ticker: str, **_: str) -> Answer:
        """``/historical/markets/{ticker}``."""
        return {"market": self._shown(self._found(ticker, old=True))}

    def _shown(self, market: VenueMarket) -> Answer:
        return views.market(market, self.venue.now, self.venue.volume_24h(market))

    def _found(self, ticker: str, old: bool | None = None) -> VenueMarket:
        market = self.venue.markets.get(ticker)
        if market is None or (old is not None and self.archived(market) is not old):
            raise refuse(404, "not_found")
        return market

    # Books

    def book(self, q: Query, ticker: str, **_: str) -> Answer:
        """``/markets/{ticker}/orderbook``."""
        return {"orderbook_fp": views.levels(self._found(ticker), q.number("depth", 0, 100) or 0)}

    def books(self, q: Query, **_: str) -> Answer:
        """``/markets/orderbooks``: the parameter is repeated."""
        tickers = q.repeated("tickers")
        if not tickers:
            raise bad_query("invalid parameter tickers: required")
        return {"orderbooks": [{"ticker": t, "orderbook_fp": views.levels(self._found(t))} for t in tickers]}

    # Trades

    def trades(self, q: Query, **_: str) -> Answer:
        """``/markets/trades``: newest first."""
        return self._trades(q, self.cutoff, self.venue.now)

    def old_trades(self, q: Query, **_: str) -> Answer:
        """``/historical/trades``."""
        return self._trades(q, 0, min(self.cutoff - 1, self.venue.now))

    def _trades(self, q: Query, low: int, high: int) -> Answer:
        limit, ticker, blocks = q.number("limit", 0, 1000), q.text("ticker"), q.flag("is_block_trade")
        limit = 100 if limit is None else limit
        low, latest = max(low, q.seconds("min_ts") or 0), q.seconds("max_ts")
        high = min(high, latest + NS_PER_SECOND - 1) if latest is not None else high
        before = _mark(q.cursor)
        found = self._recorded(ticker, low, high, before, limit + 1, blocks)
        own = self.venue.listed if ticker is None else [m for m in (self.venue.markets.get(ticker),) if m]
        if blocks is not True:
            for market in own:
                for number, trade in enumerate(market.own_trades):
                    key = (trade.ts, _OWN + number, trade.ticker)
                    if low <= trade.ts <= high and (before is None or key < before):
                        found.append((key, trade))
        found.sort(key=lambda pair: pair[0], reverse=True)
        chosen = found[:limit]
        cursor = cursor_of("/".join(map(str, chosen[-1][0]))) if len(found) > limit and chosen else ""
        return {"trades": [views.trade(trade) for _, trade in chosen], "cursor": cursor}

    def _recorded(
        self,
        ticker: str | None,
        low: int,
        high: int,
        before: tuple[int, int, str] | None,
        most: int,
        blocks: bool | None,
    ) -> list[tuple[tuple[int, int, str], VenueTrade]]:
        history = self.venue.history
        numbers = self._numbers(ticker)
        times = history.trade_ts if ticker is None else history.trade_ts[numbers]
        first, last = int(np.searchsorted(times, low)), int(np.searchsorted(times, high, side="right"))
        if before is not None:
            end = int(np.searchsorted(times, before[0], side="right"))
            while end > first and (int(times[end - 1]), int(numbers[end - 1]), before[2]) >= before:
                end -= 1
            last = min(last, end)
        rows = numbers[first:last]
        if blocks is not None:
            rows = rows[[history.is_block(int(number)) is blocks for number in rows]]
        rows = rows[-most:]
        frame = history.trades[rows]
        found = []
        columns = ("ticker", "price", "size", "taker_side", "is_block", "ts")
        for number, values in zip(rows.tolist(), frame.select(columns).iter_rows(), strict=True):
            name, price, size, side, block, ts = values
            trade = VenueTrade(history.trade_id(number), name, price, size, Side(side or 0), bool(block), ts)
            found.append(((ts, number, name), trade))
        return found

    def _numbers(self, ticker: str | None) -> Any:
        key = ticker or ""
        if key not in self._of_ticker:
            trades = self.venue.history.trades
            wanted = (
                np.arange(len(trades)) if ticker is None else np.flatnonzero((trades["ticker"] == ticker).to_numpy())
            )
            self._of_ticker[key] = wanted
        return self._of_ticker[key]

    # Candles

    def candles(self, q: Query, ticker: str, **_: str) -> Answer:
        """``/series/{series}/markets/{ticker}/candlesticks``."""
        return {"ticker": self._found(ticker, old=False).ticker, "candlesticks": self._window(q)(ticker)}

    def old_candles(self, q: Query, ticker: str, **_: str) -> Answer:
        """``/historical/markets/{ticker}/candlesticks``: the same with other names."""
        shown = self._window(q)(self._found(ticker, old=True).ticker)
        return {"ticker": ticker, "candlesticks": [historical(candle) for candle in shown]}

    def many_candles(self, q: Query, **_: str) -> Answer:
        """``/markets/candlesticks``: many markets, 10,000 candles in all."""
        tickers, read = q.commas("market_tickers", 100), self._window(q)
        shown = [{"market_ticker": t, "candlesticks": read(t)} for t in tickers if t in self.venue.markets]
        if sum(len(each["candlesticks"]) for each in shown) > 10_000:
            raise bad_query("more than 10000 candlesticks requested")
        return {"markets": shown}

    def event_candles(self, q: Query, event: str, **_: str) -> Answer:
        """``/series/{series}/events/{event}/candlesticks``."""
        markets, read = self._events.get(event), self._window(q)
        if markets is None:
            raise refuse(404, "not_found")
        shown = [read(market.ticker) for market in markets]
        end = q.number("end_ts") or 0
        return {"market_tickers": [m.ticker for m in markets], "market_candlesticks": shown, "adjusted_end_ts": end}

    def _window(self, q: Query) -> Callable[[str], list[Answer]]:
        start, end, minutes = q.number("start_ts"), q.number("end_ts"), q.number("period_interval")
        if start is None or end is None or minutes not in PERIODS:
            raise bad_query(
                f"start_ts, end_ts and period_interval (one of {', '.join(map(str, PERIODS))}) are required"
            )
        latest, now = bool(q.flag("include_latest_before_start")), self.venue.now
        return lambda ticker: self._candles.of(ticker, start, end, minutes, now, latest)


def _families(q: Query, status: str | None, combos: str | None) -> list[tuple[str, int, int]]:
    """Read the time filters; only one family a call, and each with its own statuses."""
    allowed = {"created": ("unopened", "open"), "close": ("closed",), "settled": ("settled",), "updated": ()}
    spans = []
    for family, statuses in allowed.items():
        low, high = q.seconds(f"min_{family}_ts"), q.seconds(f"max_{family}_ts")
        if low is None and high is None:
            continue
        if (status is not None and status not in statuses) or (family == "updated" and combos != "exclude"):
            raise bad_query(f"{family}_ts cannot be combined with these filters")
        spans.append((family, low or 0, wire.FOREVER if high is None else high))
    if len(spans) > 1:
        raise bad_query("only one time filter may be used")
    return spans


def _moment(market: VenueMarket, family: str) -> int:
    if family == "settled":
        return -1 if market.settled_ts is None else market.settled_ts
    if family == "close":
        return market.listed_close
    return market.listing.open_ts if family == "created" else max(market.updated, market.listing.open_ts)


def _mark(cursor: str) -> tuple[int, int, str] | None:
    ts, _, rest = cursor.partition("/")
    number, _, ticker = rest.partition("/")
    return (int(ts), int(number), ticker) if _DIGITS.match(ts) and _DIGITS.match(number) else None
