"""What this account has: balance, positions, fills, orders, settlements, limits. All of it needs a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from . import models
from .limits import CHEAP_COST
from .transport import Transport
from .wire import CentMicros, Lots, Micros, Nanos, Ticks, Wire, names

_PAGE = 1000


class ShardBalance(Wire):
    """Cash on one shard."""

    exchange_index: int | None = None
    balance: CentMicros | None = None


class Balance(Wire, rename=names(exact="balance_dollars")):
    """Cash and the value of positions."""

    balance: CentMicros
    exact: Micros | None = None
    portfolio_value: CentMicros | None = None
    updated_ts: Nanos | None = None
    balance_breakdown: list[ShardBalance] | None = None

    @property
    def cash(self) -> int:
        """Cash in micros, as exactly as the exchange said."""
        return self.balance if self.exact is None else self.exact


_POSITION_DOLLARS = "total_traded market_exposure realized_pnl fees_paid"


class MarketPosition(Wire, rename=names(dollars=_POSITION_DOLLARS, fp="position")):
    """A position: positive is YES, negative is NO."""

    ticker: str
    position: Lots
    total_traded: Micros | None = None
    market_exposure: Micros | None = None
    realized_pnl: Micros | None = None
    fees_paid: Micros | None = None
    last_updated_ts: Nanos | None = None
    exchange_index: int | None = None


class EventPosition(
    Wire,
    rename=names(
        dollars="total_cost event_exposure realized_pnl fees_paid", fp="total_cost_shares", event="event_ticker"
    ),
):
    """The positions of one event together."""

    event: str
    total_cost: Micros | None = None
    total_cost_shares: Lots | None = None
    event_exposure: Micros | None = None
    realized_pnl: Micros | None = None
    fees_paid: Micros | None = None


class FillRecord(Wire, rename=names(count="count_fp", price="yes_price_dollars", fee="fee_cost")):
    """One execution of an own order, at a YES price."""

    order_id: str
    ticker: str
    count: Lots
    price: Ticks
    fill_id: str | None = None
    trade_id: str | None = None
    book_side: str | None = None
    outcome_side: str | None = None
    is_taker: bool | None = None
    fee: Micros | None = None
    created_time: Nanos | None = None
    subaccount_number: int | None = None
    exchange_index: int | None = None


_ORDER_DOLLARS = "taker_fill_cost maker_fill_cost taker_fees maker_fees"


class OrderRecord(
    Wire,
    rename=names(dollars=_ORDER_DOLLARS, fp="initial_count fill_count remaining_count", price="yes_price_dollars"),
):
    """An own order; ``status`` is resting, canceled or executed."""

    order_id: str
    ticker: str = ""
    client_order_id: str | None = None
    status: str = ""
    book_side: str | None = None
    outcome_side: str | None = None
    type: str | None = None
    price: Ticks | None = None
    initial_count: Lots | None = None
    fill_count: Lots | None = None
    remaining_count: Lots | None = None
    taker_fill_cost: Micros | None = None
    maker_fill_cost: Micros | None = None
    taker_fees: Micros | None = None
    maker_fees: Micros | None = None
    expiration_time: Nanos | None = None
    created_time: Nanos | None = None
    last_update_time: Nanos | None = None
    self_trade_prevention_type: str | None = None
    order_group_id: str | None = None
    cancel_order_on_pause: bool | None = None
    subaccount_number: int | None = None
    exchange_index: int | None = None


class SettlementRecord(
    Wire,
    rename=names(dollars="yes_total_cost no_total_cost", fp="yes_count no_count", event="event_ticker", fee="fee_cost"),
):
    """What a settled market paid; ``value`` is what one YES was worth."""

    ticker: str
    event: str | None = None
    market_result: str | None = None
    yes_count: Lots | None = None
    no_count: Lots | None = None
    yes_total_cost: Micros | None = None
    no_total_cost: Micros | None = None
    revenue: CentMicros | None = None
    value: CentMicros | None = None
    fee: Micros | None = None
    settled_time: Nanos | None = None
    exchange_index: int | None = None


class QueuePosition(Wire, rename=names(ahead="queue_position_fp")):
    """How much stands before a resting order; 0 is the front."""

    order_id: str
    ahead: Lots
    market_ticker: str | None = None


class PortfolioCalls:
    """Reads about the account. They lag what an order's own answer said by up to a second or so."""

    def __init__(self, transport: Transport) -> None:
        self._ask = transport

    def balance(self, **filters: Any) -> Balance:
        """Cash; all shards together unless ``exchange_index`` is given."""
        return self._ask.get("/portfolio/balance", None, Balance, params=filters, private=True)

    def positions(self, *, historical: bool = False, **filters: Any) -> Iterator[list[MarketPosition]]:
        """Positions by market; unsettled ones unless ``settlement_status`` says otherwise."""
        path = "/historical/positions" if historical else "/portfolio/positions"
        return self._pages(path, "market_positions", MarketPosition, filters)

    def event_positions(self, **filters: Any) -> Iterator[list[EventPosition]]:
        """Positions by event."""
        return self._pages("/portfolio/positions", "event_positions", EventPosition, filters)

    def fills(self, *, historical: bool = False, **filters: Any) -> Iterator[list[FillRecord]]:
        """Own executions; filters are ``ticker``, ``order_id``, ``min_ts``, ``max_ts``."""
        return self._pages("/historical/fills" if historical else "/portfolio/fills", "fills", FillRecord, filters)

    def orders(self, *, historical: bool = False, **filters: Any) -> Iterator[list[OrderRecord]]:
        """Own orders; ``status`` is resting, canceled or executed."""
        return self._pages("/historical/orders" if historical else "/portfolio/orders", "orders", OrderRecord, filters)

    def order(self, order_id: str) -> OrderRecord:
        """One own order."""
        path = f"/portfolio/orders/{order_id}"
        return self._ask.get(path, "order", OrderRecord, private=True, cost=CHEAP_COST)

    def settlements(self, **filters: Any) -> Iterator[list[SettlementRecord]]:
        """What settled markets paid, within the live window."""
        return self._pages("/portfolio/settlements", "settlements", SettlementRecord, filters)

    def queue_position(self, order_id: str) -> int:
        """Lots that stand before one resting order."""
        path = f"/portfolio/orders/{order_id}/queue_position"
        return self._ask.get(path, "queue_position_fp", Lots, private=True)

    def queue_positions(
        self, *, tickers: Sequence[str] | None = None, event: str | None = None, subaccount: int | None = None
    ) -> list[QueuePosition]:
        """What stands before every resting order of some markets or of an event."""
        params: dict[str, str | int | None] = {
            "market_tickers": ",".join(tickers) if tickers else None, "event_ticker": event, "subaccount": subaccount
        }  # fmt: skip
        path = "/portfolio/orders/queue_positions"
        return self._ask.get(path, "queue_positions", list[QueuePosition], params=params, private=True)

    def resting_value(self) -> int:
        """Money bound in resting orders, micros."""
        path = "/portfolio/summary/total_resting_order_value"
        return self._ask.get(path, "total_resting_order_value", CentMicros, private=True)

    def as_of(self) -> int:
        """How fresh these reads are, ns UTC."""
        return self._ask.get("/exchange/user_data_timestamp", "as_of_time", Nanos, private=True)

    def limits(self) -> models.AccountLimits:
        """The account's token buckets."""
        return self._ask.get("/account/limits", None, models.AccountLimits, private=True)

    def endpoint_costs(self) -> models.EndpointCosts:
        """What calls cost in tokens."""
        return self._ask.get("/account/endpoint_costs", None, models.EndpointCosts, private=True)

    def _pages(self, path: str, key: str, kind: type, filters: dict[str, Any]) -> Iterator[list[Any]]:
        return self._ask.pages(path, key, kind, params={"limit": _PAGE, **filters}, private=True)
