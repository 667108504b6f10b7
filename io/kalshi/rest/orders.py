"""Orders: create, amend, decrease, cancel, singly or many. No lost answer leaves an order unaccounted for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import wire
from .errors import (
    AnswerError,
    ApiError,
    ConflictError,
    KalshiError,
    NetworkError,
    NotFoundError,
    OutcomeUnknownError,
    ServerError,
    item_error,
)
from .limits import CHEAP_COST, DEFAULT_COST
from .portfolio import OrderRecord, PortfolioCalls
from .transport import Transport
from .wire import Lots, Micros, Nanos, Wire, names, write_count, write_price

_PATH = "/portfolio/events/orders"
_READ_BACK_PAUSES = (0.0, 0.3, 0.6, 1.2)  # reads lag writes by some hundred ms


@dataclass(frozen=True)
class NewOrder:
    """An order to place: YES price in ticks, size in lots; ``side`` bid buys YES, ask sells YES (buys NO)."""

    ticker: str
    side: str
    price: int
    count: int
    time_in_force: str = "good_till_canceled"
    post_only: bool = False
    reduce_only: bool = False
    self_trade_prevention: str = "taker_at_cross"
    expiration: int | None = None  # ns UTC; whole seconds
    client_order_id: str | None = None
    order_group_id: str | None = None
    cancel_on_pause: bool = False
    subaccount: int | None = None

    def body(self) -> dict[str, Any]:
        """The request body, without what is left at its default."""
        extra = {
            "client_order_id": self.client_order_id,
            "expiration_time": None if self.expiration is None else self.expiration // 1_000_000_000,
            "post_only": self.post_only or None,
            "reduce_only": self.reduce_only or None,
            "cancel_order_on_pause": self.cancel_on_pause or None,
            "order_group_id": self.order_group_id,
            "subaccount": self.subaccount,
        }
        return {
            "ticker": self.ticker,
            "side": self.side,
            "count": write_count(self.count),
            "price": write_price(self.price),
            "time_in_force": self.time_in_force,
            "self_trade_prevention_type": self.self_trade_prevention,
            **{name: value for name, value in extra.items() if value is not None},
        }


class OrderAnswer(Wire, rename=names(average_fee="average_fee_paid")):
    """What a create, amend or decrease did."""

    order_id: str
    client_order_id: str | None = None
    fill_count: Lots | None = None
    remaining_count: Lots | None = None
    average_fill_price: Micros | None = None
    average_fee: Micros | None = None
    ts_ms: Nanos | None = None


class CancelAnswer(Wire):
    """What a cancel did. ``status`` executed: the order had traded before; ``reduced_by`` null: it was gone already."""

    order_id: str
    client_order_id: str | None = None
    reduced_by: Lots | None = None
    ts_ms: Nanos | None = None
    status: str = "canceled"


class Orders:
    """Writes about orders. Every create carries a client id, so that it can be sent again without doubling."""

    def __init__(
        self, transport: Transport, portfolio: PortfolioCalls, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._ask, self._portfolio, self._sleep = transport, portfolio, sleep

    def create(self, order: NewOrder) -> OrderAnswer:
        """Place an order. A lost answer is asked for again with the same client id, then read back."""
        order = _named(order)
        try:
            return self._ask.call("POST", _PATH, None, OrderAnswer, body=order.body(), private=True)
        except (AnswerError, NetworkError, ServerError):
            pass
        try:
            return self._ask.call("POST", _PATH, None, OrderAnswer, body=order.body(), private=True, repeatable=True)
        except KalshiError as error:  # even a refusal: the first sending may have taken the money or the id
            return self._placed(order, error)

    def create_batch(self, orders: Sequence[NewOrder]) -> list[OrderAnswer | KalshiError]:
        """Place several; each gets its own answer or error, for some may succeed while others fail."""
        orders = [_named(order) for order in orders]
        body = {"orders": [order.body() for order in orders]}
        cost = DEFAULT_COST * len(orders)
        lost: KalshiError | None = None
        try:
            items = self._batch("POST", body, cost)
        except (NetworkError, ServerError) as error:
            lost = error
            try:
                items = self._batch("POST", body, cost, repeatable=True)
            except (NetworkError, ServerError) as again:
                return [self._placed_or_error(order, again) for order in orders]
        return [self._created(order, item, lost) for order, item in _paired(orders, items)]

    def amend(
        self,
        order_id: str,
        *,
        ticker: str,
        side: str,
        price: int,
        count: int,
        client_order_id: str | None = None,
        new_client_order_id: str | None = None,
        expiration: int | None = None,
        subaccount: int | None = None,
    ) -> OrderAnswer:
        """Set price, total size (filled part included) or expiry (ns UTC, 0 for none)."""
        body: dict[str, Any] = {
            "ticker": ticker,
            "side": side,
            "price": write_price(price),
            "count": write_count(count),
        }
        if client_order_id is not None:
            body["client_order_id"] = client_order_id
        if new_client_order_id is not None:
            body["updated_client_order_id"] = new_client_order_id
        if expiration is not None:
            body["expiration_time"] = expiration // 1_000_000_000
        # The same amendment twice is the same as once, unless it renames the order.
        once = new_client_order_id is not None
        return self._change(f"{_PATH}/{order_id}/amend", body, repeatable=not once, subaccount=subaccount)

    def decrease(self, order_id: str, *, ticker: str, by: int | None = None, to: int | None = None) -> OrderAnswer:
        """Make an order smaller, keeping its place: by some lots, or to some lots (which may be repeated safely)."""
        if (by is None) == (to is None):
            raise ValueError("give exactly one of by and to")
        body = {"market_ticker": ticker}
        body |= {"reduce_by": write_count(by)} if by is not None else {"reduce_to": write_count(to or 0)}
        return self._change(f"{_PATH}/{order_id}/decrease", body, repeatable=to is not None)

    def cancel(self, order_id: str, *, ticker: str, subaccount: int | None = None) -> CancelAnswer:
        """Cancel an order. "Not found" says nothing by itself: the order is read back, and its fate is the answer."""
        params = {"market_ticker": ticker, "subaccount": subaccount}  # without the ticker it goes to shard 0
        try:
            return self._ask.call(
                "DELETE", f"{_PATH}/{order_id}", None, CancelAnswer,
                params=params, private=True, repeatable=True, cost=CHEAP_COST,
            )  # fmt: skip
        except (NotFoundError, NetworkError, ServerError) as error:
            return self._fate(order_id, error)

    def cancel_batch(self, orders: Sequence[tuple[str, str]]) -> list[CancelAnswer | KalshiError]:
        """Cancel several, given as (order id, ticker)."""
        body = {"orders": [{"order_id": order_id, "market_ticker": ticker} for order_id, ticker in orders]}
        try:
            items = self._batch("DELETE", body, CHEAP_COST * len(orders), repeatable=True)
        except (NetworkError, ServerError) as error:
            return [self._fate_or_error(order_id, error) for order_id, _ in orders]
        return [self._cancelled(order_id, item) for (order_id, _), item in _paired(orders, items)]

    def cancel_all(self, *, subaccount: int | None = None) -> None:
        """Cancel everything; orders placed within the next minute may be cancelled too."""
        params = {"subaccount": subaccount}
        self._ask.call("DELETE", _PATH, None, None, params=params, private=True, repeatable=True, cost=CHEAP_COST)

    def _change(self, path: str, body: dict[str, Any], repeatable: bool, subaccount: int | None = None) -> OrderAnswer:
        params = {"subaccount": subaccount}
        try:
            return self._ask.call(
                "POST", path, None, OrderAnswer, params=params, body=body, private=True, repeatable=repeatable
            )
        except (NetworkError, ServerError) as error:
            raise OutcomeUnknownError(f"the answer to {path} was lost; read the order back: {error}") from error

    def _batch(self, method: str, body: object, cost: float, repeatable: bool = False) -> list[dict[str, Any]]:
        return self._ask.call(
            method, f"{_PATH}/batched", "orders", list[dict[str, Any]],
            body=body, private=True, cost=cost, repeatable=repeatable,
        )  # fmt: skip

    def _created(self, order: NewOrder, item: dict[str, Any], lost: KalshiError | None) -> OrderAnswer | KalshiError:
        if not item.get("error"):
            return wire.convert(OrderAnswer, item)
        error = item_error(item["error"])
        # After a lost answer a refusal may mean that the first sending arrived.
        return self._placed_or_error(order, error) if lost else error

    def _cancelled(self, order_id: str, item: dict[str, Any]) -> CancelAnswer | KalshiError:
        if not item.get("error"):
            return wire.convert(CancelAnswer, {"order_id": order_id, **item})
        error = item_error(item["error"])
        return self._fate_or_error(order_id, error) if isinstance(error, NotFoundError) else error

    def _placed_or_error(self, order: NewOrder, error: KalshiError) -> OrderAnswer | KalshiError:
        try:
            return self._placed(order, error)
        except KalshiError as failure:
            return failure

    def _fate_or_error(self, order_id: str, error: KalshiError) -> CancelAnswer | KalshiError:
        try:
            return self._fate(order_id, error)
        except KalshiError as failure:
            return failure

    def _placed(self, order: NewOrder, error: KalshiError) -> OrderAnswer:
        """Find the order that a create with a lost answer left behind."""
        for pause in _READ_BACK_PAUSES:
            self._sleep(pause)
            found = next(self._with_client_id(order), None)
            if found:
                return OrderAnswer(
                    order_id=found.order_id,
                    client_order_id=found.client_order_id,
                    fill_count=found.fill_count,
                    remaining_count=found.remaining_count,
                    ts_ms=found.created_time,
                )
        if isinstance(error, ApiError) and not isinstance(error, ConflictError | ServerError):
            raise error
        raise OutcomeUnknownError(
            f"no answer to the order with client id {order.client_order_id} on {order.ticker}, "
            f"and it is not among the orders: {error}"
        ) from error

    def _with_client_id(self, order: NewOrder) -> Iterator[OrderRecord]:
        for page in self._portfolio.orders(ticker=order.ticker):
            yield from (found for found in page if found.client_order_id == order.client_order_id)

    def _fate(self, order_id: str, error: KalshiError) -> CancelAnswer:
        """Say what became of an order whose cancel was not confirmed."""
        for pause in _READ_BACK_PAUSES:
            self._sleep(pause)
            try:
                order = self._portfolio.order(order_id)
            except NotFoundError:
                raise error from None
            if order.status != "resting":
                return CancelAnswer(order_id=order_id, client_order_id=order.client_order_id, status=order.status)
        raise OutcomeUnknownError(
            f"order {order_id} still shows as resting after a cancel without answer: {error}"
        ) from error


def _named(order: NewOrder) -> NewOrder:
    return order if order.client_order_id else replace(order, client_order_id=str(uuid.uuid4()))


def _paired(asked: Sequence[Any], answered: list[dict[str, Any]]) -> Iterable[tuple[Any, dict[str, Any]]]:
    if len(asked) != len(answered):
        raise OutcomeUnknownError(f"a batch of {len(asked)} got {len(answered)} answers; read the orders back")
    return zip(asked, answered, strict=True)
