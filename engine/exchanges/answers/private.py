"""REST answers that need a key: orders, groups, portfolio, account."""

from __future__ import annotations

from typing import Any

from ....io.ground.units import LOTS_PER_CONTRACT, NS_PER_SECOND
from .. import wire
from ..limits import RateLimits
from ..market.desk import OrderDesk
from ..market.order import unit_cost
from ..wire import RefusalError, bad_body, bad_query, read_decimal, refuse
from . import views
from .query import Query, page

Answer = dict[str, Any]
_STATUSES = ("resting", "canceled", "executed")
_MAX_GROUP = 1_000_000 * LOTS_PER_CONTRACT


class Private:
    """The client's own side of the exchange."""

    def __init__(self, desk: OrderDesk, limits: RateLimits) -> None:
        self.desk = desk
        self.venue = desk.venue
        self.limits = limits

    # Orders

    def create(self, q: Query, body: Answer, **_: str) -> tuple[int, Answer]:
        """``POST /portfolio/events/orders``."""
        return 201, self.desk.create(body)

    def cancel(self, q: Query, order: str, **_: str) -> Answer:
        """``DELETE /portfolio/events/orders/{order}``."""
        return self.desk.cancel(order, q.text("market_ticker"))

    def amend(self, q: Query, body: Answer, order: str, **_: str) -> Answer:
        """``POST /portfolio/events/orders/{order}/amend``."""
        return self.desk.amend(order, body)

    def decrease(self, q: Query, body: Answer, order: str, **_: str) -> Answer:
        """``POST /portfolio/events/orders/{order}/decrease``."""
        return self.desk.decrease(order, body)

    def cancel_all(self, q: Query, **_: str) -> tuple[int, None]:
        """``DELETE /portfolio/events/orders``."""
        self.desk.cancel_all()
        return 204, None

    def create_batch(self, q: Query, body: Answer, **_: str) -> tuple[int, Answer]:
        """``POST /portfolio/events/orders/batched``: each order by itself."""
        answers = []
        for each in batch(body):
            try:
                answers.append(self.desk.create(each))
            except RefusalError as refusal:
                named = {"client_order_id": each["client_order_id"]} if each.get("client_order_id") else {}
                answers.append({**named, "error": inner(refusal)})
        return 201, {"orders": answers}

    def cancel_batch(self, q: Query, body: Answer, **_: str) -> Answer:
        """``DELETE /portfolio/events/orders/batched``."""
        answers = []
        for each in batch(body):
            order_id = each.get("order_id")
            if not isinstance(order_id, str):
                raise bad_body("order_id is required")
            try:
                answers.append(self.desk.cancel(order_id, each.get("market_ticker")))
            except RefusalError as refusal:
                answers.append({"order_id": order_id, "reduced_by": "0.00", "error": inner(refusal)})
        return {"orders": answers}

    def deprecated(self, q: Query, **_: str) -> Answer:
        """The order endpoints of before."""
        raise refuse(410, "deprecated_v1_order_endpoint")

    def orders(self, q: Query, **_: str) -> Answer:
        """``/portfolio/orders``: newest first."""
        tickers, events = q.commas("ticker"), q.commas("event_ticker", 10)
        status, low, high = q.word("status", _STATUSES), q.seconds("min_ts"), q.seconds("max_ts")
        rows = [
            (order.id, order)
            for order in reversed(self.venue.portfolio.orders.values())
            if (not tickers or order.ticker in tickers)
            and (not events or self._event(order.ticker) in events)
            and status in (None, order.status)
            and _within(order.created, low, high)
        ]
        chosen, cursor = page(rows, q, 100, 1000)
        return {"orders": [views.order(order) for order in chosen], "cursor": cursor}

    def order(self, q: Query, order: str, **_: str) -> Answer:
        """``/portfolio/orders/{order}``."""
        found = self.venue.portfolio.orders.get(order)
        if found is None:
            raise refuse(404, "not_found")
        return {"order": views.order(found)}

    def queue_position(self, q: Query, order: str, **_: str) -> Answer:
        """``/portfolio/orders/{order}/queue_position``."""
        found = self.desk.orders.get(order)
        if found is None or not found.open:
            raise refuse(404, "not_found")
        book = self.venue.markets[found.ticker].book
        return {"queue_position_fp": wire.count(book.queue_position(found))}

    def queue_positions(self, q: Query, **_: str) -> Answer:
        """``/portfolio/orders/queue_positions``."""
        tickers, event = q.commas("market_tickers"), q.text("event_ticker")
        if not tickers and event is None:
            raise bad_query("market_tickers or event_ticker is required")
        shown = [
            {"order_id": order, "market_ticker": market.ticker, "queue_position_fp": wire.count(before)}
            for market in self.venue.listed
            if market.ticker in tickers or market.listing.event == event
            for order, before in market.book.queue_positions().items()
        ]
        return {"queue_positions": shown}

    def _event(self, ticker: str) -> str:
        return self.venue.markets[ticker].listing.event

    # Portfolio

    def balance(self, q: Query, **_: str) -> Answer:
        """``/portfolio/balance``: what may be spent, and what positions are worth at the last price."""
        account, worth = self.venue.account, 0
        for ticker, held in account.positions.items():
            last = self.venue.markets[ticker].last
            worth += held.cost if last is None else held.lots * last + (10_000 * -held.lots if held.lots < 0 else 0)
        dollars = self._available()
        return {
            "balance": views.cents(account.available), "balance_dollars": dollars,
            "portfolio_value": views.cents(worth), "updated_ts": self.venue.now // NS_PER_SECOND,
            "balance_breakdown": [{"exchange_index": 0, "balance": dollars}],
        }  # fmt: skip

    def _available(self) -> str:
        micros = self.venue.account.available
        return f"{micros // 1_000_000}.{micros % 1_000_000 // 100:04d}"

    def positions(self, q: Query, **_: str) -> Answer:
        """``/portfolio/positions``."""
        settled = q.word("settlement_status", ("unsettled", "settled", "all")) or "unsettled"
        tickers, event, counted = q.commas("ticker"), q.text("event_ticker"), q.commas("count_filter")
        rows = []
        for ticker, held in self.venue.portfolio.positions.items():
            market = self.venue.markets[ticker]
            over = market.status == "finalized"
            fits = settled == "all" or over == (settled == "settled")
            named = (not tickers or ticker in tickers) and event in (None, market.listing.event)
            if fits and named and ("position" not in counted or held.lots):
                rows.append((ticker, (ticker, held)))
        chosen, cursor = page(rows, q, 100, 1000)
        by_event: dict[str, list[Any]] = {}
        for ticker, held in chosen:
            by_event.setdefault(self._event(ticker), []).append(held)
        return {
            "market_positions": [views.position(ticker, held) for ticker, held in chosen],
            "event_positions": [views.event_position(name, held) for name, held in by_event.items()],
            "cursor": cursor,
        }

    def fills(self, q: Query, **_: str) -> Answer:
        """``/portfolio/fills``: newest first."""
        tickers, order, low, high = (
            q.commas("ticker", 100),
            q.text("order_id"),
            q.seconds("min_ts"),
            q.seconds("max_ts"),
        )
        rows = [
            (fill.id, fill)
            for fill in reversed(self.venue.portfolio.fills)
            if (not tickers or fill.order.ticker in tickers)
            and order in (None, fill.order.id)
            and _within(fill.ts, low, high)
        ]
        chosen, cursor = page(rows, q, 100, 1000)
        return {"fills": [views.fill(fill) for fill in chosen], "cursor": cursor}

    def settlements(self, q: Query, **_: str) -> Answer:
        """``/portfolio/settlements``: newest first."""
        ticker, event, low, high = q.text("ticker"), q.text("event_ticker"), q.seconds("min_ts"), q.seconds("max_ts")
        rows = [
            (each.ticker, each)
            for each in reversed(self.venue.account.settlements)
            if ticker in (None, each.ticker) and event in (None, each.event) and _within(each.ts, low, high)
        ]
        chosen, cursor = page(rows, q, 100, 1000)
        return {"settlements": [views.settlement(each) for each in chosen], "cursor": cursor}

    def resting_value(self, q: Query, **_: str) -> Answer:
        """``/portfolio/summary/total_resting_order_value``."""
        total = sum(o.remaining * unit_cost(o.side, o.price) for o in self.desk.orders.values() if o.open)
        shards = [{"exchange_index": 0, "balance": wire.money(total)}]
        return {"total_resting_order_value": views.cents(total), "resting_order_value_breakdown": shards}

    def nothing_old(self, q: Query, **_: str) -> Answer:
        """The client's own archive: this exchange keeps everything live."""
        return {"fills": [], "orders": [], "positions": [], "market_positions": [], "event_positions": [], "cursor": ""}

    # Groups

    def new_group(self, q: Query, body: Answer, **_: str) -> tuple[int, Answer]:
        """``POST /portfolio/order_groups/create``."""
        group = self.desk.new_group(_limit(body))
        return 201, {"order_group_id": group.id, "subaccount": 0, "exchange_index": 0}

    def groups(self, q: Query, **_: str) -> Answer:
        """``/portfolio/order_groups``."""
        shown = [
            {"id": g.id, "contracts_limit_fp": wire.count(g.limit), "is_auto_cancel_enabled": True, "exchange_index": 0}
            for g in self.desk.groups.values()
        ]
        return {"order_groups": shown}

    def group(self, q: Query, group: str, **_: str) -> Answer:
        """``/portfolio/order_groups/{group}``."""
        found = self.desk.group(group)
        orders = [order.id for order in found.open_orders()]
        limit = wire.count(found.limit)
        return {"is_auto_cancel_enabled": True, "contracts_limit_fp": limit, "orders": orders, "exchange_index": 0}

    def reset_group(self, q: Query, group: str, **_: str) -> Answer:
        """``PUT …/reset``."""
        self.desk.change_group(group, "reset")
        return {}

    def trigger_group(self, q: Query, group: str, **_: str) -> Answer:
        """``PUT …/trigger``."""
        self.desk.change_group(group, "trigger")
        return {}

    def limit_group(self, q: Query, body: Answer, group: str, **_: str) -> Answer:
        """``PUT …/limit``."""
        self.desk.change_group(group, "limit", _limit(body))
        return {}

    def delete_group(self, q: Query, group: str, **_: str) -> Answer:
        """``DELETE /portfolio/order_groups/{group}``: its orders are cancelled."""
        self.desk.change_group(group, "delete")
        return {}

    # Account

    def account_limits(self, q: Query, **_: str) -> Answer:
        """``/account/limits``."""
        return self.limits.describe()

    def subaccount_balances(self, q: Query, **_: str) -> Answer:
        """``/portfolio/subaccounts/balances``: of the one there is."""
        balance = {"subaccount_number": 0, "balance": self._available(), "updated_ts": self.venue.now // NS_PER_SECOND}
        return {"subaccount_balances": [balance]}

    def netting(self, q: Query, **_: str) -> Answer:
        """``/portfolio/subaccounts/netting``: no collateral returns across markets."""
        return {"netting_configs": [{"subaccount_number": 0, "enabled": False}]}


def batch(body: Answer) -> list[Answer]:
    """The items of a batch."""
    orders = body.get("orders")
    if not isinstance(orders, list) or not orders or not all(isinstance(each, dict) for each in orders):
        raise bad_body("orders must be a list of objects")
    return orders


def inner(refusal: RefusalError) -> Answer:
    """The error of one item of a batch."""
    return refusal.body.get("error", refusal.body)


def _within(ts: int, low: int | None, high: int | None) -> bool:
    return (low is None or ts >= low) and (high is None or ts < high + NS_PER_SECOND)


def _limit(body: Answer) -> int:
    whole = body.get("contracts_limit")
    if isinstance(whole, int) and not isinstance(whole, bool):
        lots = whole * LOTS_PER_CONTRACT
    else:
        lots = read_decimal(body, "contracts_limit_fp", LOTS_PER_CONTRACT)
    if not 0 < lots <= _MAX_GROUP:
        raise bad_body("contracts_limit must be from 1 to 1000000")
    return lots
