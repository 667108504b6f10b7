"""The order desk: create, amend, decrease and cancel orders, alone and in groups, under the exchange's rules."""

from __future__ import annotations

from typing import Any

from ....io.ground.grids import grid_mask
from ....io.ground.units import LOTS_PER_CONTRACT, NS_PER_SECOND, TICKS_PER_DOLLAR
from ....io.store.schema import Side
from .. import wire
from ..faults import Dice
from ..wire import bad_body, read_choice, read_decimal, read_optional, refuse
from .groups import VenueGroup
from .order import CANCELED, VenueFill, VenueOrder
from .venue import TradingVenue, VenueMarket, VenueTrade

SIDES = {"bid": Side.BID, "ask": Side.ASK}
_TIMES = ("fill_or_kill", "good_till_canceled", "immediate_or_cancel")
_STP = ("taker_at_cross", "maker")
_MINUTE = 60 * NS_PER_SECOND
_LAST_SECOND = 100_000_000_000  #: the year 5138; what is beyond is in milliseconds


class OrderDesk:
    """Every order the client ever sent, by id and by client id."""

    def __init__(self, venue: TradingVenue, dice: Dice) -> None:
        self.venue = venue
        self.dice = dice
        self.orders: dict[str, VenueOrder] = {}
        self.groups: dict[str, VenueGroup] = {}
        self._used: set[str] = set()
        self._swept = -_MINUTE
        venue.on_fill = self._count

    # One order

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Accept an order and trade it as far as it goes."""
        order = self._read(body)
        market = self._market(order.ticker)
        if order.client_id in self._used:
            raise refuse(409, "order_already_exists")
        self._trading(market)
        self._on_grid(market, order.price)
        group = self._joined(order)
        if body.get("reduce_only"):
            self._only_reduce(market, order)
        book = market.book
        if order.post_only and book.crosses(order.side, order.price):
            raise refuse(400, "invalid_order", details="post only cross")
        if order.all_or_none and not book.meets_own(order.side, order.price):
            self._whole(market, order)
        self._affordable(market, order)
        self._used.add(order.client_id)
        self.orders[order.id] = order
        if group:
            group.orders[order.id] = order
        fills = self._enter(market, order)
        if self.venue.now < self._swept + _MINUTE and self.dice.call(self.dice.faults.cancel_all):
            self.venue.at(self.venue.now + NS_PER_SECOND, lambda: self._sweep_one(order))
        return self._answer(order, fills, {"fill_count": wire.count(order.filled)})

    def _enter(self, market: VenueMarket, order: VenueOrder) -> list[VenueFill]:
        """Let an order trade and rest; what may not rest is cancelled."""
        venue, book = self.venue, market.book
        cancelled: list[VenueOrder] = []
        hits = book.take(order, cancelled)
        ended = next((each for each in cancelled if each is order), None)
        rests = bool(order.remaining and order.rests and not ended)
        if rests:
            book.rest(order)
        for other in cancelled:
            other.status, other.reason, other.updated, other.remaining = CANCELED, "SelfTradeCancel", venue.now, 0
        if not rests and (order.remaining or not hits):
            order.status, order.remaining = CANCELED, 0
        venue.flush(market)
        fills = venue.booked(market, hits)
        venue.rehold(market, order, *cancelled)
        for fill in fills:
            trade = VenueTrade(fill.id, market.ticker, fill.price, fill.lots, order.side, False, fill.ts)
            market.own_trades.append(trade)
            venue.printed(market, trade)
        for each in {other.id: other for other in (*cancelled, order)}.values():
            venue.tell(each)
        self._until_expiry(market, order)
        return fills

    def cancel(self, order_id: str, ticker: str | None = None) -> dict[str, Any]:
        """Cancel an open order; gone, executed and unknown ones are all 'not found'."""
        order = self.orders.get(order_id)
        if order is None or not order.open or (ticker and ticker != order.ticker):
            raise refuse(404, "not_found")
        market = self.venue.markets[order.ticker]
        if self.dice.call(self.dice.faults.close_in_cancel):
            self.venue.close(market, early=True)
        self._cancelling(market)
        left = self.venue.cancel(market, order)
        return self._answer(order, [], {"reduced_by": wire.count(left)})

    def amend(self, order_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change price, total size or expiry; a better size or another price loses the place in the queue."""
        order = self._open_order(order_id)
        market = self.venue.markets[order.ticker]
        price = read_decimal(body, "price", TICKS_PER_DOLLAR)
        total = read_decimal(body, "count", LOTS_PER_CONTRACT)
        if body.get("ticker") != order.ticker:
            raise refuse(400, "order_ticker_mismatch")
        if SIDES[read_choice(body, "side", tuple(SIDES))] is not order.side:
            raise refuse(400, "order_side_mismatch")
        if body.get("client_order_id") not in (None, "", order.client_id):
            raise refuse(400, "order_id_and_client_order_id_mismatch")
        renamed = read_optional(body, "updated_client_order_id", str) or order.client_id
        if renamed != order.client_id and renamed in self._used:
            raise refuse(409, "order_already_exists")
        if total <= order.filled:
            raise refuse(400, "invalid_order_size", details="count must exceed what is filled")
        self._trading(market)
        self._on_grid(market, price)
        expires = self._expiry(body) if body.get("expiration_time") else None
        left = total - order.filled
        in_place = price == order.price and left <= order.remaining
        if in_place:
            market.book.reduce(order, order.remaining - left)
        else:
            self._reprice(market, order, price, left)
        order.initial, order.client_id = total, renamed
        self._used.add(renamed)
        order.reason, order.updated = "Amend", self.venue.now
        if "expiration_time" in body:
            order.expires = expires
        if in_place:
            fills = []
            self._until_expiry(market, order)
            self._reduced(market, order)
        else:
            fills = self._enter(market, order)
        counts = {"remaining_count": wire.count(order.remaining), "fill_count": wire.count(order.filled)}
        return self._answer(order, fills, counts)

    def _reprice(self, market: VenueMarket, order: VenueOrder, price: int, left: int) -> None:
        """Take an order out of the book for a new price or size, unless the rules forbid the new one."""
        before = order.price, order.remaining
        order.price, order.remaining = price, left
        account, now = self.venue.account, self.venue.now
        crossing = order.post_only and market.book.crosses(order.side, price)
        levels = market.book.reach(order.side, price)
        fits = account.affords(market.ticker, market.charges, now, order, levels)
        order.price, order.remaining = before
        if crossing:
            raise refuse(400, "invalid_order", details="post only cross")
        if not fits:
            raise refuse(400, "insufficient_balance")
        market.book.remove(order)
        order.price, order.remaining = price, left

    def decrease(self, order_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make an order smaller in its place."""
        order = self._open_order(order_id)
        market = self.venue.markets[order.ticker]
        names = [name for name in ("reduce_by", "reduce_to") if body.get(name) is not None]
        if len(names) != 1:
            raise bad_body("exactly one of reduce_by and reduce_to is needed")
        lots = read_decimal(body, names[0], LOTS_PER_CONTRACT)
        by = lots if names[0] == "reduce_by" else order.remaining - lots
        if by <= 0:
            raise refuse(400, "invalid_order_size")
        self._cancelling(market)
        if by >= order.remaining:
            self.venue.cancel(market, order, "Decrease")
        else:
            market.book.reduce(order, by)
            order.reason, order.updated = "Decrease", self.venue.now
            self._reduced(market, order)
        return self._answer(order, [], {"remaining_count": wire.count(order.remaining)})

    def cancel_all(self) -> None:
        """Cancel everything open."""
        if not self.venue.exchange_active:
            raise refuse(400, "exchange_paused", details="EXCHANGE_PAUSED")
        self._swept = self.venue.now
        for order in [order for order in self.orders.values() if order.open]:
            market = self.venue.markets[order.ticker]
            if market.status in ("active", "inactive"):
                self.venue.cancel(market, order)

    # Groups

    def new_group(self, limit: int) -> VenueGroup:
        """Open an order group."""
        group = VenueGroup(self.venue.new_id(), limit)
        self.groups[group.id] = group
        self._told(group, "created", limit)
        return group

    def group(self, group_id: str) -> VenueGroup:
        """Find a group."""
        if group_id not in self.groups:
            raise refuse(404, "not_found")
        return self.groups[group_id]

    def change_group(self, group_id: str, action: str, limit: int = 0) -> None:
        """Reset, trigger or delete a group, or set its limit."""
        group = self.group(group_id)
        if action == "reset":
            group.reset()
            self._told(group, "reset")
        elif action == "limit":
            group.limit = limit
            self._told(group, "limit_updated", limit)
            if group.count(self.venue.now) >= limit:
                self._trigger(group)
        elif action == "trigger":
            self._trigger(group)
        else:
            self._clear(group)
            del self.groups[group_id]
            self._told(group, "deleted")

    def _count(self, fill: VenueFill) -> None:
        group = self.groups.get(fill.order.group or "")
        if group and group.count(fill.ts, fill.lots) >= group.limit and not group.triggered:
            self._trigger(group)

    def _trigger(self, group: VenueGroup) -> None:
        group.triggered = True
        self._clear(group)
        self._told(group, "triggered")

    def _clear(self, group: VenueGroup) -> None:
        for order in group.open_orders():
            if order.remaining:
                self.venue.cancel(self.venue.markets[order.ticker], order)

    def _told(self, group: VenueGroup, event: str, limit: int | None = None) -> None:
        message: dict[str, Any] = {"event_type": event, "order_group_id": group.id}
        if limit is not None:
            message["contracts_limit_fp"] = wire.count(limit)
        self.venue.feed.grouped({**message, "ts_ms": self.venue.now // wire.NS_PER_MS})

    # Rules

    def _read(self, body: dict[str, Any]) -> VenueOrder:
        ticker = body.get("ticker")
        if not isinstance(ticker, str) or not ticker:
            raise bad_body("ticker is required")
        side = SIDES[read_choice(body, "side", tuple(SIDES))]
        tif = read_choice(body, "time_in_force", _TIMES)
        stp = read_choice(body, "self_trade_prevention_type", _STP)
        lots = read_decimal(body, "count", LOTS_PER_CONTRACT)
        price = read_decimal(body, "price", TICKS_PER_DOLLAR)
        client_id = read_optional(body, "client_order_id", str)
        if client_id is not None and len(client_id) > 64:
            raise bad_body("client_order_id is longer than 64 characters")
        if not lots:
            raise refuse(400, "invalid_order", details="count must be at least 0.01")
        rests = tif == "good_till_canceled"
        flags = {name: bool(read_optional(body, name, bool)) for name in ("post_only", "reduce_only")}
        if flags["post_only"] and not rests:
            raise refuse(400, "invalid_order", details="post_only needs good_till_canceled")
        if flags["reduce_only"] and tif != "immediate_or_cancel":
            raise refuse(400, "invalid_order", details="reduce_only needs immediate_or_cancel")
        expires = self._expiry(body) if body.get("expiration_time") is not None else None
        if expires is not None and not rests:
            raise refuse(400, "invalid_order", details="expiration_time needs good_till_canceled")
        now, order_id = self.venue.now, self.venue.new_id()
        return VenueOrder(
            order_id, client_id or order_id, ticker, side, price, lots, now, stp=stp, rests=rests,
            all_or_none=tif == "fill_or_kill", post_only=flags["post_only"], expires=expires,
            cancel_on_pause=bool(read_optional(body, "cancel_order_on_pause", bool)),
            group=read_optional(body, "order_group_id", str), remaining=lots, updated=now,
        )  # fmt: skip

    def _expiry(self, body: dict[str, Any]) -> int:
        seconds = read_optional(body, "expiration_time", int)
        if seconds >= _LAST_SECOND:
            raise refuse(400, "invalid_order", details="expiration_time is not in Unix seconds")
        expires = seconds * NS_PER_SECOND
        if expires <= self.venue.now:
            raise refuse(400, "invalid_order", details="expiration_time is in the past")
        return expires

    def _market(self, ticker: str) -> VenueMarket:
        market = self.venue.markets.get(ticker)
        if market is None:
            raise refuse(404, "market_not_found", details="MARKET_NOT_FOUND")
        return market

    def _trading(self, market: VenueMarket) -> None:
        if not self.venue.exchange_active:
            raise refuse(400, "exchange_paused", details="EXCHANGE_PAUSED")
        if not self.venue.trading:
            raise refuse(400, "trading_paused", details="TRADING_PAUSED")
        if market.status != "active":
            raise refuse(400, "market_inactive", details="MARKET_INACTIVE")

    def _cancelling(self, market: VenueMarket) -> None:
        if not self.venue.exchange_active:
            raise refuse(400, "exchange_paused", details="EXCHANGE_PAUSED")
        if market.status not in ("active", "inactive"):
            raise refuse(400, "market_inactive", details="MARKET_INACTIVE")

    def _on_grid(self, market: VenueMarket, price: int) -> None:
        if not 0 < price < TICKS_PER_DOLLAR or not grid_mask(market.listing.grid)[price]:
            raise refuse(400, "invalid_price", details=f"{wire.price(price)} is not on grid {market.listing.grid}")

    def _joined(self, order: VenueOrder) -> VenueGroup | None:
        if order.group is None:
            return None
        group = self.group(order.group)
        if group.triggered:
            raise refuse(400, "invalid_order", details="EXCEEDED_ORDER_GROUP_RISK_LIMIT")
        return group

    def _whole(self, market: VenueMarket, order: VenueOrder) -> None:
        """A fill-or-kill order needs all its lots at once."""
        if not market.book.known or market.book.available(order.side, order.price) < order.remaining:
            raise refuse(400, "invalid_order", details="FOK_INSUFFICIENT_VOLUME")

    def _only_reduce(self, market: VenueMarket, order: VenueOrder) -> None:
        held = self.venue.account.positions.get(market.ticker)
        order.remaining = min(order.remaining, max(-held.lots * order.side, 0) if held else 0)

    def _affordable(self, market: VenueMarket, order: VenueOrder) -> None:
        levels = market.book.reach(order.side, order.price)
        if not self.venue.account.affords(market.ticker, market.charges, self.venue.now, order, levels):
            raise refuse(400, "insufficient_balance")

    def _open_order(self, order_id: str) -> VenueOrder:
        order = self.orders.get(order_id)
        if order is None or not order.open:
            raise refuse(404, "not_found")
        return order

    def _reduced(self, market: VenueMarket, order: VenueOrder) -> None:
        self.venue.rehold(market, order)
        self.venue.flush(market)
        self.venue.tell(order)

    def _until_expiry(self, market: VenueMarket, order: VenueOrder) -> None:
        if order.expires is not None and order.open:
            self.venue.at(order.expires, lambda: self._expire(market, order))

    def _expire(self, market: VenueMarket, order: VenueOrder) -> None:
        if order.open and order.expires is not None and order.expires <= self.venue.now:
            self.venue.cancel(market, order, "ExpiryCancel")

    def _sweep_one(self, order: VenueOrder) -> None:
        if order.open:
            self.venue.cancel(self.venue.markets[order.ticker], order)

    def _answer(self, order: VenueOrder, fills: list[VenueFill], counts: dict[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = {"order_id": order.id, "client_order_id": order.client_id, **counts}
        if "fill_count" in counts:
            answer["remaining_count"] = wire.count(order.remaining)
        lots = sum(fill.lots for fill in fills)
        if lots:
            answer["average_fill_price"] = wire.average(sum(f.lots * f.price for f in fills), lots)
            answer["average_fee_paid"] = wire.average(sum(f.fee for f in fills), lots)
        return {**answer, "ts_ms": self.venue.now // wire.NS_PER_MS}
