"""What the REST endpoints about markets answer, typed, in whole units; every field may be missing."""

from __future__ import annotations

from typing import Any

from .wire import Lots, Micros, Nanos, Ticks, Wire, names, read_count, read_price


class IndexStatus(Wire):
    """Whether one shard of the exchange is open."""

    exchange_index: int | None = None
    description: str | None = None
    exchange_active: bool | None = None
    trading_active: bool | None = None


class ExchangeStatus(Wire):
    """Whether the exchange is open and trades."""

    exchange_active: bool = False
    trading_active: bool = False
    exchange_estimated_resume_time: Nanos | None = None
    exchange_index_statuses: list[IndexStatus] | None = None


class Hours(Wire):
    """One session of a weekday, "HH:MM" Eastern Time."""

    open_time: str | None = None
    close_time: str | None = None


class WeeklyHours(Wire):
    """The hours of every weekday while this schedule holds."""

    start_time: Nanos | None = None
    end_time: Nanos | None = None
    monday: list[Hours] | None = None
    tuesday: list[Hours] | None = None
    wednesday: list[Hours] | None = None
    thursday: list[Hours] | None = None
    friday: list[Hours] | None = None
    saturday: list[Hours] | None = None
    sunday: list[Hours] | None = None


class MaintenanceWindow(Wire):
    """A time in which the exchange is closed."""

    start_datetime: Nanos | None = None
    end_datetime: Nanos | None = None


class Schedule(Wire):
    """Trading hours and announced maintenance."""

    standard_hours: list[WeeklyHours] | None = None
    maintenance_windows: list[MaintenanceWindow] | None = None


class Series(Wire):
    """A family of events with one set of rules and one fee type."""

    ticker: str
    title: str | None = None
    frequency: str | None = None
    category: str | None = None
    categories: list[str] | None = None
    tags: list[str] | None = None
    fee_type: str | None = None
    fee_multiplier: float | None = None
    exchange_index: int | None = None


class SeriesFeeChange(Wire):
    """From when on a series has another fee."""

    series_ticker: str
    scheduled_ts: Nanos
    id: str | None = None
    fee_type: str | None = None
    fee_multiplier: float | None = None


class EventFeeChange(Wire):
    """From when on an event has a fee of its own; null: its series' fee."""

    event_ticker: str
    scheduled_ts: Nanos
    id: str | None = None
    series_ticker: str | None = None
    fee_type_override: str | None = None
    fee_multiplier_override: float | None = None


class PriceRange(Wire):
    """A part of a market's price grid."""

    start: Ticks
    end: Ticks
    step: Ticks


_MARKET_DOLLARS = """yes_bid yes_ask no_bid no_ask last_price previous_yes_bid previous_yes_ask previous_price
 notional_value settlement_value settlement_floor"""


class MarketRecord(
    Wire,
    rename=names(
        dollars=_MARKET_DOLLARS,
        fp="yes_bid_size yes_ask_size volume volume_24h open_interest",
        event="event_ticker",
    ),
):
    """A contract. Its series is not on it: take it from the event."""

    ticker: str
    event: str = ""
    market_type: str | None = None
    title: str | None = None
    subtitle: str | None = None
    yes_sub_title: str | None = None
    no_sub_title: str | None = None
    created_time: Nanos | None = None
    updated_time: Nanos | None = None
    open_time: Nanos | None = None
    close_time: Nanos | None = None
    expected_expiration_time: Nanos | None = None
    expiration_time: Nanos | None = None
    latest_expiration_time: Nanos | None = None
    settlement_ts: Nanos | None = None
    settlement_timer_seconds: int | None = None
    status: str = ""
    yes_bid: Ticks | None = None
    yes_ask: Ticks | None = None
    no_bid: Ticks | None = None
    no_ask: Ticks | None = None
    yes_bid_size: Lots | None = None
    yes_ask_size: Lots | None = None
    last_price: Ticks | None = None
    previous_yes_bid: Ticks | None = None
    previous_yes_ask: Ticks | None = None
    previous_price: Ticks | None = None
    volume: Lots | None = None
    volume_24h: Lots | None = None
    open_interest: Lots | None = None
    notional_value: Ticks | None = None
    result: str | None = None
    settlement_value: Ticks | None = None
    settlement_floor: Ticks | None = None
    expiration_value: str | None = None
    can_close_early: bool | None = None
    fee_waiver_expiration_time: Nanos | None = None
    strike_type: str | None = None
    floor_strike: float | None = None
    cap_strike: float | None = None
    functional_strike: str | None = None
    custom_strike: dict[str, Any] | None = None
    rules_primary: str | None = None
    rules_secondary: str | None = None
    price_level_structure: str | None = None
    price_ranges: list[PriceRange] | None = None
    exchange_index: int | None = None


class Event(Wire, rename=names(event="event_ticker", series="series_ticker")):
    """What several markets ask about together."""

    event: str
    series: str = ""
    title: str | None = None
    sub_title: str | None = None
    category: str | None = None
    collateral_return_type: str | None = None
    mutually_exclusive: bool | None = None
    strike_date: Nanos | None = None
    strike_period: str | None = None
    markets: list[MarketRecord] | None = None
    fee_type_override: str | None = None
    fee_multiplier_override: float | None = None
    exchange_index: int | None = None


Level = tuple[Any, Any]  #: [price, count] as they came: strings, or numbers in old recordings


class BookSides(Wire, rename=names(yes="yes_dollars", no="no_dollars")):
    """Both sides as the exchange writes them: bids only, ascending, the NO side in NO prices."""

    yes: list[Level] | None = None
    no: list[Level] | None = None

    def bids(self) -> dict[int, int]:
        """YES bids: ticks -> lots."""
        return {read_price(price): read_count(count) for price, count in self.yes or ()}

    def asks(self) -> dict[int, int]:
        """YES asks, which are the NO bids seen from the other side: ticks -> lots."""
        return {10_000 - read_price(price): read_count(count) for price, count in self.no or ()}


class OrderBook(Wire, rename=names(book="orderbook_fp")):
    """One market's resting orders."""

    ticker: str = ""
    book: BookSides | None = None


class TradeRecord(Wire, rename=names(count="count_fp", price="yes_price_dollars")):
    """A trade: what the taker took."""

    trade_id: str
    ticker: str
    count: Lots
    price: Ticks
    created_time: Nanos
    taker_side: str | None = None
    taker_outcome_side: str | None = None
    taker_book_side: str | None = None
    is_block_trade: bool = False


class PriceSpan(Wire, rename=names(dollars="open low high close")):
    """First, lowest, highest and last price of a period."""

    open: Ticks | None = None
    low: Ticks | None = None
    high: Ticks | None = None
    close: Ticks | None = None


class TradeSpan(Wire, rename=names(dollars="open low high close mean previous")):
    """Prices traded in a period; all missing when nothing traded."""

    open: Ticks | None = None
    low: Ticks | None = None
    high: Ticks | None = None
    close: Ticks | None = None
    mean: Micros | None = None
    previous: Ticks | None = None


class Candle(Wire, rename=names(fp="volume open_interest")):
    """A period's quotes and trades; ``end`` belongs to the period."""

    end_period_ts: Nanos
    yes_bid: PriceSpan | None = None
    yes_ask: PriceSpan | None = None
    price: TradeSpan | None = None
    volume: Lots | None = None
    open_interest: Lots | None = None


class MarketCandles(Wire):
    """The candles of one market of a batch."""

    market_ticker: str = ""
    candlesticks: list[Candle] | None = None


class _OldPriceSpan(Wire):
    open: Ticks | None = None
    low: Ticks | None = None
    high: Ticks | None = None
    close: Ticks | None = None


class _OldTradeSpan(_OldPriceSpan):
    mean: Micros | None = None
    previous: Ticks | None = None


class HistoricalCandle(Wire):
    """A candle of the archive, whose names on the wire have no suffix."""

    end_period_ts: Nanos
    yes_bid: _OldPriceSpan | None = None
    yes_ask: _OldPriceSpan | None = None
    price: _OldTradeSpan | None = None
    volume: Lots | None = None
    open_interest: Lots | None = None


class Cutoff(Wire):
    """Up to when records have moved from the live endpoints to the historical ones."""

    market_settled_ts: Nanos | None = None
    trades_created_ts: Nanos | None = None
    orders_updated_ts: Nanos | None = None
    market_positions_last_updated_ts: Nanos | None = None


class BucketLimit(Wire):
    """One token bucket: tokens a second and how many it holds."""

    refill_rate: float
    bucket_capacity: float


class AccountLimits(Wire):
    """The account's rate limits."""

    read: BucketLimit
    write: BucketLimit
    usage_tier: str | None = None


class EndpointCost(Wire):
    """What a call costs in tokens."""

    method: str
    path: str
    cost: float


class EndpointCosts(Wire):
    """The default cost of a call, and the calls that differ."""

    default_cost: float
    endpoint_costs: list[EndpointCost] | None = None
