from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest import transport as transport_module
from touchline.io.kalshi.rest.errors import (
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    RefusedRequestError,
    ServerError,
)
from touchline.io.kalshi.rest.orders import CancelAnswer, NewOrder, OrderAnswer
from touchline.io.kalshi.rest.settings import Settings

PATH = "/portfolio/events/orders"
ORDER = NewOrder("T", "bid", 5600, 300)
MISSING = (404, {"error": {"code": "not_found", "message": "not found"}})
EXISTS = (409, {"error": {"code": "order_already_exists", "message": "m"}})
LOST = (0, None)


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(transport_module, "_FIRST_PAUSE", 0.001)
    with Client(settings, requests_per_second=10_000) as made:
        made.orders._sleep = lambda seconds: None
        made.transport.budget.write.configure(1e6, 1e6)
        yield made


class Book:
    """The exchange's own memory of orders; ``before`` and ``after`` say what to answer instead, in turn."""

    def __init__(self, rest: Any) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.before: list[Any] = []  # answered without doing anything
        self.after: list[Any] = []  # done, and then answered with this
        self.creates = 0
        rest.answer = self.answer

    def answer(self, request: Any) -> Any:
        if request.method == "GET":
            return self.read(request)
        if self.before:
            return self.before.pop(0)
        answer = self.write(request)
        return self.after.pop(0) if self.after else answer

    def read(self, request: Any) -> Any:
        if request.path == "/portfolio/orders":
            return 200, {"orders": list(self.orders.values()), "cursor": ""}
        order = self.orders.get(request.path.rpartition("/")[2])
        return (200, {"order": order}) if order else MISSING

    def write(self, request: Any) -> Any:
        if request.path.endswith("/batched"):
            answers = [
                self.create(o) if request.method == "POST" else self.cancel(o["order_id"])
                for o in request.body["orders"]
            ]
            return 200, {"orders": [body if status < 300 else {"error": body["error"]} for status, body in answers]}
        if request.method == "POST" and request.path == PATH:
            return self.create(request.body)
        return self.cancel(request.path.rpartition("/")[2])

    def create(self, body: dict[str, Any]) -> Any:
        if any(order["client_order_id"] == body["client_order_id"] for order in self.orders.values()):
            return EXISTS
        self.creates += 1
        order_id = f"o{self.creates}"
        self.orders[order_id] = {
            "order_id": order_id, "ticker": body["ticker"], "client_order_id": body["client_order_id"],
            "status": "resting", "fill_count_fp": "1.00", "remaining_count_fp": "2.00",
        }  # fmt: skip
        return 201, {
            "order_id": order_id, "client_order_id": body["client_order_id"], "fill_count": "1.00",
            "remaining_count": "2.00", "average_fill_price": "0.5200", "average_fee_paid": "0.0175",
            "ts_ms": 1781159370164,
        }  # fmt: skip

    def cancel(self, order_id: str) -> Any:
        order = self.orders.get(order_id)
        if order is None or order["status"] != "resting":
            return MISSING
        order["status"] = "canceled"
        return 200, {"order_id": order_id, "reduced_by": "2.00", "ts_ms": 1781159370164}


@pytest.fixture
def book(rest: Any) -> Book:
    return Book(rest)


def test_an_order_is_written_in_the_exchanges_words_and_its_answer_in_whole_units(
    client: Client, book: Book, rest: Any
) -> None:
    answer = client.orders.create(
        NewOrder("T", "ask", 5650, 1411, "immediate_or_cancel", reduce_only=True, subaccount=2)
    )
    body = rest.requests[0].body
    assert body == {
        "ticker": "T", "side": "ask", "count": "14.11", "price": "0.5650", "time_in_force": "immediate_or_cancel",
        "self_trade_prevention_type": "taker_at_cross", "client_order_id": body["client_order_id"],
        "reduce_only": True, "subaccount": 2,
    }  # fmt: skip
    assert (answer.fill_count, answer.remaining_count, answer.average_fill_price, answer.average_fee) == (
        100, 200, 520_000, 17_500
    )  # fmt: skip
    assert answer.ts_ms == 1781159370164 * 10**6


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([LOST], []),
        ([], [LOST]),
        ([], [(500, {})]),
        ([], [(503, b"<html>")]),
        ([(429, {"error": "too many requests"})], []),
        ([], [LOST, LOST]),
        ([LOST], [(502, {}), LOST]),
        ([], [(201, {})]),
    ],
)
def test_a_create_whose_answer_is_lost_leaves_one_order_that_is_known(
    client: Client, book: Book, before: list[Any], after: list[Any]
) -> None:
    book.before, book.after = list(before), list(after)
    answer = client.orders.create(ORDER)
    assert book.creates == 1 and answer.order_id == "o1"
    assert (answer.fill_count, answer.remaining_count) == (100, 200)
    assert answer.client_order_id == book.orders["o1"]["client_order_id"]


def test_a_create_that_was_refused_is_an_error(client: Client, book: Book) -> None:
    book.before = [(400, {"error": {"code": "insufficient_balance", "message": "m"}})]
    with pytest.raises(RefusedRequestError, match="insufficient_balance"):
        client.orders.create(ORDER)
    client.orders.create(NewOrder("T", "bid", 5600, 300, client_order_id="mine"))
    with pytest.raises(ConflictError):
        client.orders.create(NewOrder("T", "bid", 5600, 300, client_order_id="mine"))
    assert book.creates == 1


def test_a_create_nobody_knows_of_is_said_to_be_unknown(client: Client, book: Book) -> None:
    book.before = [LOST] * 20
    with pytest.raises(OutcomeUnknownError, match="client id mine on T"):
        client.orders.create(NewOrder("T", "bid", 5600, 300, client_order_id="mine"))


def test_a_refusal_after_a_lost_answer_is_read_back_before_it_is_believed(client: Client, book: Book) -> None:
    book.before = [LOST, (400, {"error": {"code": "insufficient_balance", "message": "m"}})]
    with pytest.raises(RefusedRequestError):
        client.orders.create(ORDER)
    book.before, book.after = [], [LOST]
    original = book.write

    def poor(request: Any) -> Any:
        done = original(request)
        book.write = lambda request: (400, {"error": {"code": "insufficient_balance", "message": "m"}})  # type: ignore[method-assign]
        return done

    book.write = poor  # type: ignore[method-assign]
    assert client.orders.create(ORDER).order_id == "o1"


@pytest.mark.parametrize("status", ["canceled", "executed"])
def test_a_cancel_that_finds_nothing_tells_the_orders_fate(client: Client, book: Book, status: str) -> None:
    client.orders.create(ORDER)
    book.orders["o1"]["status"] = status
    answer = client.orders.cancel("o1", ticker="T")
    assert (answer.status, answer.reduced_by) == (status, None)


def test_a_cancel_is_confirmed_through_lost_answers(client: Client, book: Book, rest: Any) -> None:
    client.orders.create(ORDER)
    assert client.orders.cancel("o1", ticker="T").reduced_by == 200
    assert rest.requests[-1].query == {"market_ticker": ["T"]}, "without it the request goes to another shard"
    client.orders.create(ORDER)
    book.after = [LOST]
    assert client.orders.cancel("o2", ticker="T") == CancelAnswer(
        order_id="o2", client_order_id=book.orders["o2"]["client_order_id"], status="canceled"
    )
    with pytest.raises(NotFoundError):
        client.orders.cancel("never", ticker="T")


def test_a_cancel_that_shows_no_effect_is_unknown(client: Client, book: Book) -> None:
    client.orders.create(ORDER)
    book.before = [MISSING]
    with pytest.raises(OutcomeUnknownError, match="still shows as resting"):
        client.orders.cancel("o1", ticker="T")


def test_batches_answer_item_by_item(client: Client, book: Book) -> None:
    first = client.orders.create_batch(
        [ORDER, NewOrder("T", "bid", 1, 1, client_order_id="x"), NewOrder("T", "bid", 1, 1, client_order_id="x")]
    )
    assert (
        isinstance(first[0], OrderAnswer) and isinstance(first[1], OrderAnswer) and isinstance(first[2], ConflictError)
    )
    book.after = [LOST]
    again = client.orders.create_batch([ORDER, ORDER])
    assert [type(item) for item in again] == [OrderAnswer, OrderAnswer] and book.creates == 4
    done = client.orders.cancel_batch([("o1", "T"), ("o1", "T"), ("nothing", "T")])
    assert isinstance(done[0], CancelAnswer) and done[0].reduced_by == 200
    assert isinstance(done[1], CancelAnswer) and done[1].reduced_by is None
    assert isinstance(done[2], NotFoundError)


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        (lambda orders: orders.amend("o", ticker="T", side="bid", price=5000, count=300), 8),
        (lambda orders: orders.amend("o", ticker="T", side="bid", price=1, count=1, new_client_order_id="n"), 1),
        (lambda orders: orders.decrease("o", ticker="T", to=100), 8),
        (lambda orders: orders.decrease("o", ticker="T", by=100), 1),
    ],
)
def test_changes_are_repeated_only_where_twice_is_once(
    client: Client, rest: Any, call: Callable[[Any], Any], sent: int
) -> None:
    rest.answer = lambda request: (500, {})
    with pytest.raises(OutcomeUnknownError, match="read the order back"):
        call(client.orders)
    assert len(rest.requests) == sent


def test_a_decrease_is_by_or_to(client: Client) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        client.orders.decrease("o", ticker="T", by=1, to=1)


def test_cancel_all_has_no_answer_and_is_repeated(client: Client, rest: Any) -> None:
    answers = [(500, {}), (204, b"")]
    rest.answer = lambda request: answers.pop(0)
    client.orders.cancel_all()
    assert rest.paths() == [f"DELETE {PATH}"] * 2
    rest.answer = lambda request: (500, {})
    with pytest.raises(ServerError):
        client.orders.cancel_all()


def test_order_groups_speak_lots(client: Client, rest: Any) -> None:
    rest.answer = lambda request: (
        201 if request.method == "POST" else 200,
        {"order_group_id": "g", "contracts_limit_fp": "7.00", "is_auto_cancel_enabled": True, "orders": ["o"]},
    )
    assert client.order_groups.create(700) == "g"
    assert rest.requests[0].body == {"contracts_limit_fp": "7.00"}
    assert client.order_groups.get("g").contracts_limit == 700
    for act in (client.order_groups.reset, client.order_groups.trigger, client.order_groups.delete):
        act("g")
    client.order_groups.set_limit("g", 100)
    assert rest.paths()[2:] == [
        "PUT /portfolio/order_groups/g/reset", "PUT /portfolio/order_groups/g/trigger",
        "DELETE /portfolio/order_groups/g", "PUT /portfolio/order_groups/g/limit",
    ]  # fmt: skip


def test_the_accounts_limits_are_taken_but_politeness_stays(client: Client, rest: Any) -> None:
    limits = {
        "read": {"refill_rate": 200, "bucket_capacity": 400},
        "write": {"refill_rate": 100, "bucket_capacity": 100},
    }
    rest.answer = lambda request: (200, {"usage_tier": "basic", **limits})
    client.adopt_limits()
    assert (client.transport.budget.read.rate, client.transport.budget.write.rate) == (200, 100)
    with Client(client.settings, requests_per_second=5) as polite:
        polite.adopt_limits()
        assert polite.transport.budget.read.rate == 50
