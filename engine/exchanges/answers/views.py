"""How markets, orders, fills and positions look as JSON."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from functools import cache
from typing import Any

from ....io.ground.grids import price_ranges
from ....io.ground.units import NS_PER_SECOND, TICKS_PER_DOLLAR
from ....io.store.schema import Side
from .. import wire
from ..market.account import Payout, Position
from ..market.history import VenueListing
from ..market.indices import IndexValue, Mean
from ..market.order import VenueFill, VenueOrder
from ..market.venue import VenueMarket, VenueTrade

USER = "00000000-0000-4000-8000-000000000001"
_MICROS_PER_CENT = 10_000
_BOOK_SIDE = {Side.BID: "bid", Side.ASK: "ask"}
_OUTCOME = {Side.BID: "yes", Side.ASK: "no"}


@cache
def market_id(ticker: str) -> str:
    """The id of a market that stream messages carry beside its ticker."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, ticker))


def pair(ticks: int) -> dict[str, str]:
    """A price of YES and the price of NO that goes with it."""
    return {"yes_price_dollars": wire.price(ticks), "no_price_dollars": wire.price(TICKS_PER_DOLLAR - ticks)}


def market(entry: VenueMarket, now: int, volume_24h: int) -> dict[str, Any]:
    """A market as ``/markets`` shows it now; no quote is bid 0 and ask 1."""
    m, book = entry.listing, entry.book
    bid, ask = book.best(Side.BID) or (0, 0), book.best(Side.ASK) or (TICKS_PER_DOLLAR, 0)
    settled = entry.status in ("determined", "finalized")
    shown: dict[str, Any] = {
        "ticker": m.ticker, "event_ticker": m.event, "market_type": "binary", "title": m.title, "subtitle": "",
        "yes_sub_title": m.title, "no_sub_title": m.title,
        "created_time": wire.stamp(m.open_ts), "updated_time": wire.stamp(max(entry.updated, m.open_ts)),
        "open_time": wire.stamp(m.open_ts), "close_time": wire.stamp(entry.listed_close),
        "expected_expiration_time": wire.stamp(m.expiration_ts), "expiration_time": wire.stamp(m.expiration_ts),
        "latest_expiration_time": wire.stamp(max(m.expiration_ts, entry.listed_close)),
        "settlement_timer_seconds": 60, "status": entry.status,
        "yes_bid_dollars": wire.price(bid[0]), "yes_bid_size_fp": wire.count(bid[1]),
        "yes_ask_dollars": wire.price(ask[0]), "yes_ask_size_fp": wire.count(ask[1]),
        "no_bid_dollars": wire.price(TICKS_PER_DOLLAR - ask[0]),
        "no_ask_dollars": wire.price(TICKS_PER_DOLLAR - bid[0]),
        "last_price_dollars": wire.price(entry.last or 0), "volume_fp": wire.count(entry.volume),
        "volume_24h_fp": wire.count(volume_24h), "open_interest_fp": wire.count(m.open_interest),
        "previous_yes_bid_dollars": "0.0000", "previous_yes_ask_dollars": "0.0000", "previous_price_dollars": "0.0000",
        "notional_value_dollars": "1.0000", "result": (m.result or "") if settled else "", "expiration_value": "",
        "settlement_bounds_type": "default", "can_close_early": True, "rules_primary": "", "rules_secondary": "",
        "price_level_structure": m.grid, "price_ranges": price_ranges(m.grid), "exchange_index": 0,
    }  # fmt: skip
    if m.strike_type:
        strikes = {"strike_type": m.strike_type, "floor_strike": m.floor, "cap_strike": m.cap}
        shown |= {name: value for name, value in strikes.items() if value is not None}
    if settled and m.settlement is not None:
        shown["settlement_value_dollars"] = wire.price(m.settlement)
    if entry.settled_ts is not None:
        shown["settlement_ts"] = wire.stamp(entry.settled_ts)
    return shown


def event(listings: list[VenueListing]) -> dict[str, Any]:
    """An event, from the listings of its markets."""
    first = listings[0]
    return {
        "event_ticker": first.event, "series_ticker": first.series, "title": first.title, "sub_title": "",
        "collateral_return_type": "", "mutually_exclusive": len(listings) > 1 and first.strike_type == "between",
        "category": first.category, "strike_date": wire.stamp(first.close_ts), "product_metadata": {},
        "settlement_sources": [], "last_updated_ts": wire.stamp(first.open_ts), "exchange_index": 0,
    }  # fmt: skip


def series(listing: VenueListing, fee_type: str, multiplier: float, volume: int | None = None) -> dict[str, Any]:
    """A series, from one of its markets."""
    shown: dict[str, Any] = {
        "ticker": listing.series, "frequency": "custom", "title": listing.series, "category": listing.category,
        "categories": [listing.category] if listing.category else [], "tags": [], "settlement_sources": [],
        "contract_url": "", "contract_terms_url": "", "product_metadata": {}, "fee_type": fee_type,
        "fee_multiplier": multiplier, "additional_prohibitions": [], "last_updated_ts": wire.stamp(listing.open_ts),
        "exchange_index": 0,
    }  # fmt: skip
    return shown if volume is None else {**shown, "volume_fp": wire.count(volume)}


def levels(entry: VenueMarket, depth: int = 0) -> dict[str, list[list[str]]]:
    """The book as two lists of bids, best last; a NO bid is a YES ask seen from the other side."""
    bids = sorted(entry.book.shown(Side.BID).items())[-depth:]
    asks = sorted(((TICKS_PER_DOLLAR - p, n) for p, n in entry.book.shown(Side.ASK).items()))[-depth:]
    return {
        "yes_dollars": [[wire.price(p), wire.count(n)] for p, n in bids],
        "no_dollars": [[wire.price(p), wire.count(n)] for p, n in asks],
    }


def trade(entry: VenueTrade) -> dict[str, Any]:
    """A public trade as ``/markets/trades`` shows it; an unknown taker has no side."""
    shown = {"trade_id": entry.id, "ticker": entry.ticker, "count_fp": wire.count(entry.lots), **pair(entry.price)}
    return {**shown, **taker(entry.taker), "created_time": wire.stamp(entry.ts), "is_block_trade": entry.block}


def taker(side: Side) -> dict[str, str]:
    """The three words for the taker's side."""
    if side is Side.UNKNOWN:
        return {}
    return {"taker_side": _OUTCOME[side], "taker_outcome_side": _OUTCOME[side], "taker_book_side": _BOOK_SIDE[side]}


def sides(order: VenueOrder) -> dict[str, str]:
    """The words for an order's direction, the deprecated pair included."""
    outcome = _OUTCOME[order.side]
    return {"side": outcome, "action": "buy", "outcome_side": outcome, "book_side": _BOOK_SIDE[order.side]}


def order(entry: VenueOrder) -> dict[str, Any]:
    """An order as the portfolio shows it."""
    shown: dict[str, Any] = {
        "order_id": entry.id, "user_id": USER, "client_order_id": entry.client_id, "ticker": entry.ticker,
        **sides(entry), "type": "limit", "status": entry.status, **pair(entry.price),
        **_sizes(entry), "created_time": wire.stamp(entry.created), "last_update_time": wire.stamp(entry.updated),
        "self_trade_prevention_type": entry.stp, "cancel_order_on_pause": entry.cancel_on_pause,
        "subaccount_number": 0, "exchange_index": 0,
    }  # fmt: skip
    if entry.expires is not None:
        shown["expiration_time"] = wire.stamp(entry.expires)
    return shown if entry.group is None else {**shown, "order_group_id": entry.group}


def user_order(entry: VenueOrder) -> dict[str, Any]:
    """An order as the channel ``user_orders`` sends it."""
    shown: dict[str, Any] = {
        "order_id": entry.id, "user_id": USER, "ticker": entry.ticker, "exchange_index": 0, "status": entry.status,
        "side": _OUTCOME[entry.side], "is_yes": entry.side is Side.BID, "outcome_side": _OUTCOME[entry.side],
        "book_side": _BOOK_SIDE[entry.side], "yes_price_dollars": wire.price(entry.price), **_sizes(entry),
        "client_order_id": entry.client_id, "self_trade_prevention_type": entry.stp,
        "created_time": wire.stamp(entry.created), "created_ts_ms": entry.created // wire.NS_PER_MS,
        "last_update_time": wire.stamp(entry.updated), "last_updated_ts_ms": entry.updated // wire.NS_PER_MS,
        "subaccount_number": 0,
    }  # fmt: skip
    if entry.reason:
        shown["last_update_reason"] = entry.reason
    if entry.expires is not None:
        shown |= {"expiration_time": wire.stamp(entry.expires), "expiration_ts_ms": entry.expires // wire.NS_PER_MS}
    return shown if entry.group is None else {**shown, "order_group_id": entry.group}


def _sizes(entry: VenueOrder) -> dict[str, str]:
    return {
        "initial_count_fp": wire.count(entry.initial), "fill_count_fp": wire.count(entry.filled),
        "remaining_count_fp": wire.count(entry.remaining),
        "taker_fill_cost_dollars": wire.money(entry.taker_cost),
        "maker_fill_cost_dollars": wire.money(entry.maker_cost),
        "taker_fees_dollars": wire.money(entry.taker_fees), "maker_fees_dollars": wire.money(entry.maker_fees),
    }  # fmt: skip


def fill(entry: VenueFill) -> dict[str, Any]:
    """A fill as the portfolio shows it."""
    return {
        "fill_id": entry.id, "trade_id": entry.id, "order_id": entry.order.id, "ticker": entry.order.ticker,
        "market_ticker": entry.order.ticker, "exchange_index": 0, **sides(entry.order),
        "count_fp": wire.count(entry.lots),
        **pair(entry.price), "is_taker": entry.taker, "created_time": wire.stamp(entry.ts),
        "fee_cost": wire.money(entry.fee), "subaccount_number": 0, "ts": entry.ts // NS_PER_SECOND,
    }  # fmt: skip


def fill_message(entry: VenueFill) -> dict[str, Any]:
    """A fill as the channel ``fill`` sends it."""
    mine = entry.order
    return {
        "trade_id": entry.id, "order_id": mine.id, "client_order_id": mine.client_id, "market_ticker": mine.ticker,
        "exchange_index": 0, "is_taker": entry.taker, **sides(mine), "purchased_side": _OUTCOME[mine.side],
        "yes_price_dollars": wire.price(entry.price), "count_fp": wire.count(entry.lots),
        "fee_cost": wire.money(entry.fee), "post_position_fp": wire.count(entry.position),
        "ts": entry.ts // NS_PER_SECOND, "ts_ms": entry.ts // wire.NS_PER_MS, "subaccount": 0,
    }  # fmt: skip


def position(ticker: str, held: Position) -> dict[str, Any]:
    """A position as the portfolio shows it."""
    return {
        "ticker": ticker, "exchange_index": 0, "position_fp": wire.count(held.lots),
        "total_traded_dollars": wire.money(held.traded), "market_exposure_dollars": wire.money(held.cost),
        "realized_pnl_dollars": wire.money(held.realized), "fees_paid_dollars": wire.money(held.fees),
        "last_updated_ts": wire.stamp(held.updated),
    }  # fmt: skip


def event_position(event_ticker: str, held: list[Position]) -> dict[str, Any]:
    """The positions of one event, added up."""
    return {
        "event_ticker": event_ticker, "total_cost_dollars": wire.money(sum(each.traded for each in held)),
        "total_cost_shares_fp": wire.count(sum(each.volume for each in held)),
        "event_exposure_dollars": wire.money(sum(each.cost for each in held)),
        "realized_pnl_dollars": wire.money(sum(each.realized for each in held)),
        "fees_paid_dollars": wire.money(sum(each.fees for each in held)),
    }  # fmt: skip


def position_message(ticker: str, held: Position) -> dict[str, Any]:
    """A position as the channel ``market_positions`` sends it."""
    return {
        "user_id": USER, "market_ticker": ticker, "position_fp": wire.count(held.lots),
        "position_cost_dollars": wire.money(held.cost), "realized_pnl_dollars": wire.money(held.realized),
        "fees_paid_dollars": wire.money(held.fees), "position_fee_cost_dollars": wire.money(held.fees),
        "volume_fp": wire.count(held.volume), "subaccount": 0,
    }  # fmt: skip


def settlement(entry: Payout) -> dict[str, Any]:
    """A settlement as the portfolio shows it; revenue and value are whole cents."""
    yes, no = max(entry.lots, 0), max(-entry.lots, 0)
    return {
        "ticker": entry.ticker, "event_ticker": entry.event, "exchange_index": 0, "market_result": entry.result,
        "yes_count_fp": wire.count(yes), "yes_total_cost_dollars": wire.money(entry.cost if yes else 0),
        "no_count_fp": wire.count(no), "no_total_cost_dollars": wire.money(entry.cost if no else 0),
        "revenue": entry.paid // _MICROS_PER_CENT, "settled_time": wire.stamp(entry.ts),
        "fee_cost": wire.money(entry.fee), "value": entry.value // 100,
    }  # fmt: skip


def ticker(entry: VenueMarket, now: int) -> dict[str, Any]:
    """A market's top as the channel ``ticker`` sends it."""
    bid, ask = entry.book.best(Side.BID) or (0, 0), entry.book.best(Side.ASK) or (TICKS_PER_DOLLAR, 0)
    interest = entry.listing.open_interest
    return {
        "market_ticker": entry.ticker, "market_id": market_id(entry.ticker),
        "price_dollars": wire.price(entry.last or 0),
        "yes_bid_dollars": wire.price(bid[0]), "yes_ask_dollars": wire.price(ask[0]),
        "yes_bid_size_fp": wire.count(bid[1]), "yes_ask_size_fp": wire.count(ask[1]),
        "last_trade_size_fp": wire.count(entry.last_lots), "volume_fp": wire.count(entry.volume),
        "open_interest_fp": wire.count(interest), "dollar_volume": entry.dollar_volume // 1_000_000,
        "dollar_open_interest": interest // 100, "ts": now // NS_PER_SECOND, "ts_ms": now // wire.NS_PER_MS,
        "time": wire.stamp(now),
    }  # fmt: skip


def index_value(entry: IndexValue) -> dict[str, Any]:
    """A value of an index as the channel ``cfbenchmarks_value`` sends it: the provider's own text, and averages."""
    whole, _, fraction = f"{Decimal(repr(entry.value)):f}".partition(".")
    ms = entry.ts // wire.NS_PER_MS
    data = {"type": "value", "id": entry.name, "time": ms, "value": f"{whole}.{fraction.ljust(2, '0')}"}
    shown: dict[str, Any] = {"index_id": entry.name, "received_at": ms, "data": json.dumps(data)}
    shown["avg_60s_data"] = _mean(entry.last_minute)
    if entry.settling is not None:
        shown["last_60s_windowed_average_15min"] = _mean(entry.settling)
    return shown


def fast_index_value(entry: IndexValue) -> dict[str, Any]:
    """A value of an index as the channel ``cfbenchmarks_value_5hz`` sends it, without averages."""
    ms = entry.ts // wire.NS_PER_MS
    data = {"type": "value", "id": entry.name, "time": ms, "value": f"{Decimal(repr(entry.value)):f}"}
    times = {"source_ts_ms": ms, "received_at": ms}
    return {"index_id": entry.name, "value_usd": data["value"], **times, "data": json.dumps(data)}


def pyth_value(entry: IndexValue) -> dict[str, Any]:
    """A price of an underlying as the channel ``pyth_value`` sends it."""
    ms = entry.ts // wire.NS_PER_MS
    price = f"{Decimal(repr(entry.value)):f}"
    return {"underlying_ticker": entry.name, "price": price, "source_ts_ms": ms, "received_at": ms}


def _mean(entry: Mean) -> dict[str, Any]:
    return {
        "value": f"{entry.value:.8f}", "window_size": entry.values,
        "window_start_ts_ms": entry.start // wire.NS_PER_MS, "window_end_ts_exclusive": entry.end // wire.NS_PER_MS,
    }  # fmt: skip


def cents(micros: int) -> int:
    """Whole cents, cut off."""
    return micros // _MICROS_PER_CENT
