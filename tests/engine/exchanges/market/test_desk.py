"""The rules of orders: what is accepted, refused, changed and cancelled, and what the owner is told."""

from __future__ import annotations

import time

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from touchline.engine.exchanges.faults import Faults
from touchline.engine.exchanges.market.charges import Charges
from touchline.engine.exchanges.wire import RefusalError
from touchline.io.store.schema import BookKind, Side

from ..conftest import SECOND, START, TICKER


def refused(action, status, code, details=None):
    with pytest.raises(RefusalError) as caught:
        action()
    assert caught.value.status == status
    error = caught.value.body.get("error", caught.value.body)
    assert error["code"] == code
    if details:
        assert error["details"] == details


def test_immediate_order_fills_at_the_makers_price(desktop):
    desk = desktop()
    answer = desk.order("bid", "0.9900", "1.00", time_in_force="immediate_or_cancel", client_order_id="c")
    assert answer == {
        "order_id": answer["order_id"],
        "client_order_id": "c",
        "fill_count": "1.00",
        "remaining_count": "0.00",
        "average_fill_price": "0.4800",
        "average_fee_paid": "0.0175",
        "ts_ms": START // 10**6,
    }
    trade = desk.heard.of("trade")[0]
    assert (trade.price, trade.lots, trade.taker) == (4800, 100, Side.BID)
    assert desk.venue.account.cash == 1_000_000_000 - 480_000 - 17_500


def test_averages_are_absent_when_nothing_filled(desktop):
    answer = desktop().order("bid", "0.4600", "5.00")
    assert "average_fill_price" not in answer
    assert answer["remaining_count"] == "5.00"


def test_partly_filled_then_cancelled_ends_as_canceled(desktop):
    desk = desktop()
    answer = desk.order("bid", "0.4800", "20.00", time_in_force="immediate_or_cancel")
    order = desk.desk.orders[answer["order_id"]]
    assert (answer["fill_count"], answer["remaining_count"]) == ("15.00", "0.00")
    assert (order.status, order.filled) == ("canceled", 1500)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"price": "0.4650"}, 400, "invalid_price"),
        ({"price": "0.46501"}, 400, "invalid_price"),
        ({"price": "1.0000"}, 400, "invalid_price"),
        ({"price": 0.46}, 400, "bad_request"),
        ({"count": 5}, 400, "bad_request"),
        ({"count": "0.00"}, 400, "invalid_order"),
        ({"count": "1.005"}, 400, "invalid_order"),
        ({"side": "yes"}, 400, "bad_request"),
        ({"time_in_force": "day"}, 400, "bad_request"),
        ({"ticker": "KXNONE"}, 404, "market_not_found"),
        ({"client_order_id": "x" * 65}, 400, "bad_request"),
        ({"reduce_only": True}, 400, "invalid_order"),
        ({"post_only": True, "time_in_force": "immediate_or_cancel"}, 400, "invalid_order"),
        ({"expiration_time": 5}, 400, "invalid_order"),
        ({"order_group_id": "none"}, 404, "not_found"),
        ({"count": "99999.00"}, 400, "insufficient_balance"),
    ],
)
def test_refused_orders(desktop, change, status, code):
    desk = desktop()
    order = {"side": "bid", "price": "0.4600", "count": "5.00", **change}
    refused(lambda: desk.order(**order), status, code)
    assert not desk.desk.orders


def test_client_order_id_is_used_up_forever(desktop):
    desk = desktop()
    answer = desk.order("bid", "0.4600", "5.00", client_order_id="once")
    desk.desk.cancel(answer["order_id"])
    refused(lambda: desk.order("bid", "0.4500", "1.00", client_order_id="once"), 409, "order_already_exists")


def test_cancelled_executed_and_unknown_orders_give_the_same_404(desktop):
    desk = desktop()
    done = desk.order("bid", "0.4800", "1.00")["order_id"]
    gone = desk.order("bid", "0.4600", "1.00")["order_id"]
    assert desk.desk.cancel(gone)["reduced_by"] == "1.00"
    bodies = []
    for order_id in (done, gone, "unknown"):
        with pytest.raises(RefusalError) as caught:
            desk.desk.cancel(order_id)
        bodies.append((caught.value.status, caught.value.body))
    assert bodies == [(404, {"error": {"code": "not_found", "message": "not found"}})] * 3


def test_post_only_that_would_cross_is_refused(desktop):
    refused(lambda: desktop().order("bid", "0.4800", "1.00", post_only=True), 400, "invalid_order", "post only cross")


def test_fill_or_kill_needs_all_of_it(desktop):
    desk = desktop()
    refused(
        lambda: desk.order("bid", "0.4800", "15.01", time_in_force="fill_or_kill"),
        400, "invalid_order", "FOK_INSUFFICIENT_VOLUME",
    )  # fmt: skip
    assert desk.order("bid", "0.4800", "15.00", time_in_force="fill_or_kill")["fill_count"] == "15.00"


def test_self_trade_leaves_the_resting_order_and_fills_nothing(desktop):
    desk = desktop()
    desk.order("ask", "0.4700", "3.00", client_order_id="resting")
    answer = desk.order("bid", "0.4700", "3.00")
    assert (answer["fill_count"], answer["remaining_count"]) == ("0.00", "0.00")
    assert [order.status for order in desk.desk.orders.values()] == ["resting", "canceled"]
    assert list(desk.desk.orders.values())[1].reason == "SelfTradeCancel"


def test_decrease_and_smaller_amend_keep_the_place(desktop):
    desk = desktop(book=[(5, BookKind.DELTA, 1, 4600, 900)])
    answer = desk.order("bid", "0.4600", "5.00")
    order = desk.desk.orders[answer["order_id"]]
    desk.seconds(10)
    desk.desk.decrease(order.id, {"reduce_by": "1.00"})
    desk.desk.amend(order.id, {"ticker": TICKER, "side": "bid", "price": "0.4600", "count": "3.00"})
    assert (order.ahead, order.remaining) == (1000, 300)
    desk.desk.amend(order.id, {"ticker": TICKER, "side": "bid", "price": "0.4600", "count": "4.00"})
    assert (order.ahead, order.remaining) == (1900, 400)
    desk.desk.amend(order.id, {"ticker": TICKER, "side": "bid", "price": "0.4500", "count": "4.00"})
    assert order.ahead == 2000


def test_amend_that_crosses_trades(desktop):
    desk = desktop()
    order_id = desk.order("bid", "0.4600", "5.00")["order_id"]
    answer = desk.desk.amend(order_id, {"ticker": TICKER, "side": "bid", "price": "0.4800", "count": "5.00"})
    assert (answer["fill_count"], answer["remaining_count"]) == ("5.00", "0.00")
    assert desk.desk.orders[order_id].status == "executed"


def test_amend_refuses_what_does_not_belong_to_the_order(desktop):
    desk = desktop()
    order_id = desk.order("bid", "0.4600", "5.00", client_order_id="a")["order_id"]
    right = {"ticker": TICKER, "side": "bid", "price": "0.4500", "count": "5.00"}
    for change, code in [
        ({"ticker": "X"}, "order_ticker_mismatch"),
        ({"side": "ask"}, "order_side_mismatch"),
        ({"client_order_id": "b"}, "order_id_and_client_order_id_mismatch"),
        ({"count": "9999999.00"}, "insufficient_balance"),
    ]:
        refused(lambda change=change: desk.desk.amend(order_id, {**right, **change}), 400, code)
    assert desk.desk.orders[order_id].price == 4600


def test_amend_to_exactly_what_is_filled_is_refused(desktop):
    desk = desktop(trades=[(3, 4600, 1200, -1)])
    order_id = desk.order("bid", "0.4600", "5.00")["order_id"]
    desk.seconds(5)
    terms = {"ticker": TICKER, "side": "bid", "price": "0.4600"}
    for count in ("2.00", "1.99"):
        refused(lambda count=count: desk.desk.amend(order_id, {**terms, "count": count}), 400, "invalid_order_size")
    assert desk.desk.orders[order_id].open
    assert desk.desk.amend(order_id, {**terms, "count": "2.01"})["remaining_count"] == "0.01"


@pytest.mark.parametrize(("side", "price", "cost"), [("bid", "0.4600", 460_000), ("ask", "0.4900", 510_000)])
def test_an_order_needs_its_cost_and_the_most_its_fees_can_be(desktop, side, price, cost):
    terms = {"fee_type": "quadratic_with_maker_fees", "fee_multiplier": 1.0}
    charges = desktop(**terms).market.charges
    needed = cost + charges.bound(START, int(price[2:]), 100)
    assert needed > cost
    refused(lambda: desktop(cash=needed - 1, **terms).order(side, price, "1.00"), 400, "insufficient_balance")
    desk = desktop(cash=needed, **terms)
    desk.order(side, price, "1.00")
    assert desk.venue.account.available == 0


def test_an_order_that_trades_at_once_needs_the_takers_fee_too(desktop):
    charges = desktop().market.charges
    needed = 480_000 + charges.bound(START, 4800, 100) + charges.bound(START, 4800, 100, taker=True, fills=1)
    refused(lambda: desktop(cash=needed - 1).order("bid", "0.4800", "1.00"), 400, "insufficient_balance")
    assert desktop(cash=needed).order("bid", "0.4800", "1.00")["fill_count"] == "1.00"


def test_an_immediate_fill_is_told_as_one_order(desktop):
    desk = desktop()
    answer = desk.order("bid", "0.4900", "20.00")
    assert len(desk.heard.of("fill")) == 2
    assert desk.heard.of("order") == [(answer["order_id"], "executed", 0, "Trade")]


def test_a_closed_market_shows_no_book_whatever_was_recorded_after(desktop):
    desk = desktop(
        book=[
            (1001.5, BookKind.DELTA, 1, 4400, 100),
            (1002, BookKind.CLEAR, 0, 0, 0),
            (1002, BookKind.LEVEL, 1, 4300, 9),
        ],
        result="yes",
        settlement=10_000,
        settled_ts=START + 1200 * SECOND,
    )
    desk.order("bid", "0.4600", "1.00")
    for at in (1001, 1010, 1300):
        desk.seconds(at - (desk.venue.now - START) / SECOND)
        assert (desk.market.book.shown(Side.BID), desk.market.book.shown(Side.ASK)) == ({}, {}), at
        assert desk.heard.books[TICKER] == {}


def test_reduce_only_never_opens(desktop):
    desk = desktop()
    desk.order("bid", "0.4800", "2.00")
    answer = desk.order("ask", "0.4600", "5.00", time_in_force="immediate_or_cancel", reduce_only=True)
    assert answer["fill_count"] == "2.00"
    assert desk.venue.account.position(TICKER).lots == 0
    again = desk.order("ask", "0.4600", "5.00", time_in_force="immediate_or_cancel", reduce_only=True)
    assert (again["fill_count"], desk.desk.orders[again["order_id"]].status) == ("0.00", "canceled")


def test_maker_fill_comes_from_the_recorded_trade(desktop):
    desk = desktop(trades=[(3, 4600, 1200, -1)], book=[(3, BookKind.DELTA, 1, 4600, -1000)])
    order_id = desk.order("bid", "0.4600", "5.00")["order_id"]
    desk.seconds(5)
    order = desk.desk.orders[order_id]
    assert (order.filled, order.remaining, order.maker_fees) == (200, 300, 0)
    assert [(fill.lots, fill.taker) for fill in desk.heard.of("fill")] == [(200, False)]
    assert desk.market.book.queue_position(order) == 0


def test_block_trades_do_not_touch_the_book(desktop, history):
    desk = desktop(trades=[(3, 4600, 9000, -1)])
    desk.venue.history._blocks = [True]
    order_id = desk.order("bid", "0.4600", "5.00")["order_id"]
    desk.seconds(5)
    assert desk.desk.orders[order_id].filled == 0


def test_gap_blocks_fills_until_the_next_snapshot(desktop):
    desk = desktop(
        trades=[(3, 4600, 5000, -1)],
        book=[(2, BookKind.GAP, 0, 0, 0), (6, BookKind.CLEAR, 0, 0, 0), (6, BookKind.LEVEL, 1, 4600, 100)],
    )
    order_id = desk.order("bid", "0.4600", "5.00")["order_id"]
    desk.seconds(4)
    assert desk.desk.orders[order_id].filled == 0
    assert desk.order("bid", "0.4800", "1.00", time_in_force="immediate_or_cancel")["fill_count"] == "0.00"
    desk.seconds(4)
    assert desk.desk.orders[order_id].ahead == 100


def test_expiry_cancels(desktop):
    desk = desktop()
    order_id = desk.order("bid", "0.4600", "5.00", expiration_time=START // SECOND + 7)["order_id"]
    desk.seconds(6)
    assert desk.desk.orders[order_id].open
    desk.seconds(2)
    assert (desk.desk.orders[order_id].status, desk.desk.orders[order_id].reason) == ("canceled", "ExpiryCancel")


def test_trading_pause_lets_cancel_and_exchange_pause_does_not(desktop):
    desk = desktop()
    stays = desk.order("bid", "0.4600", "1.00")["order_id"]
    goes = desk.order("bid", "0.4600", "1.00", cancel_order_on_pause=True)["order_id"]
    desk.venue.pause()
    assert [desk.desk.orders[key].open for key in (stays, goes)] == [True, False]
    refused(lambda: desk.order("bid", "0.4600", "1.00"), 400, "trading_paused", "TRADING_PAUSED")
    desk.venue.pause(exchange=True)
    refused(lambda: desk.desk.cancel(stays), 400, "exchange_paused", "EXCHANGE_PAUSED")
    desk.venue.resume()
    assert desk.desk.cancel(stays)["reduced_by"] == "1.00"


def test_reactivation_cancels_everything(desktop):
    desk = desktop()
    order_id = desk.order("bid", "0.4600", "1.00")["order_id"]
    desk.venue.deactivate(desk.market)
    refused(lambda: desk.order("bid", "0.4600", "1.00"), 400, "market_inactive", "MARKET_INACTIVE")
    assert desk.desk.orders[order_id].open
    desk.venue.activate(desk.market)
    assert not desk.desk.orders[order_id].open
    assert [m["event_type"] for m in desk.heard.of("lifecycle")] == ["deactivated", "activated"]
    assert [m["is_deactivated"] for m in desk.heard.of("lifecycle")] == [True, False]


def test_close_determination_and_settlement(desktop):
    desk = desktop(result="yes", settlement=10_000, settled_ts=START + 1200 * SECOND)
    desk.order("bid", "0.4800", "2.00")
    resting = desk.order("bid", "0.4600", "1.00")["order_id"]
    cash = desk.venue.account.cash
    desk.seconds(1000)
    refused(lambda: desk.desk.cancel(resting), 400, "market_inactive", "MARKET_INACTIVE")
    desk.seconds(1)
    assert desk.desk.orders[resting].reason == "CloseCancel"
    desk.seconds(150)
    assert desk.market.status == "determined"
    desk.seconds(60)
    assert desk.market.status == "finalized"
    assert desk.venue.account.cash == cash + 2_000_000
    assert [m["event_type"] for m in desk.heard.of("lifecycle")] == ["determined", "settled"]
    assert "result" not in desk.heard.of("lifecycle")[1]


def test_order_group_triggers_within_fifteen_seconds(desktop):
    desk = desktop(trades=[(3, 4600, 1100, -1), (17, 4600, 100, -1), (20, 4600, 300, -1)])
    group = desk.desk.new_group(300)
    order_id = desk.order("bid", "0.4600", "5.00", order_group_id=group.id)["order_id"]
    other_id = desk.order("bid", "0.4500", "5.00", order_group_id=group.id)["order_id"]
    order = desk.desk.orders[order_id]
    desk.seconds(19)
    assert (order.filled, order.open) == (200, True)
    desk.seconds(2)  # 100 at 17 s and 300 at 20 s are within 15 s; 100 at 3 s are not
    assert (order.filled, group.triggered) == (500, True)
    assert not desk.desk.orders[other_id].open
    body = {"order_group_id": group.id}
    refused(
        lambda: desk.order("bid", "0.4500", "1.00", **body), 400, "invalid_order", "EXCEEDED_ORDER_GROUP_RISK_LIMIT"
    )
    desk.desk.change_group(group.id, "reset")
    desk.order("bid", "0.4500", "1.00", **body)
    desk.desk.change_group(group.id, "delete")
    assert not any(order.open for order in desk.desk.orders.values())
    assert desk.heard.of("group") == ["created", "triggered", "reset", "deleted"]


@pytest.mark.parametrize(("limit", "triggered"), [(200, True), (201, False)])
def test_a_group_triggers_when_its_fills_reach_the_limit(desktop, limit, triggered):
    desk = desktop(trades=[(3, 4600, 1200, -1)])
    group = desk.desk.new_group(limit)
    order_id = desk.order("bid", "0.4600", "5.00", order_group_id=group.id)["order_id"]
    desk.seconds(5)
    assert desk.desk.orders[order_id].filled == 200
    assert (group.triggered, desk.desk.orders[order_id].open) == (triggered, not triggered)


@pytest.mark.parametrize(("limit", "triggered"), [(200, True), (201, False)])
def test_a_limit_lowered_to_what_was_filled_triggers_the_group(desktop, limit, triggered):
    desk = desktop(trades=[(3, 4600, 1200, -1)])
    group = desk.desk.new_group(1000)
    desk.order("bid", "0.4600", "5.00", order_group_id=group.id)
    desk.seconds(5)
    desk.desk.change_group(group.id, "limit", limit)
    assert group.triggered is triggered


def test_close_in_cancel_fault(desktop):
    desk = desktop(faults=Faults(close_in_cancel=1))
    order_id = desk.order("bid", "0.4600", "1.00")["order_id"]
    refused(lambda: desk.desk.cancel(order_id), 400, "market_inactive", "MARKET_INACTIVE")
    assert desk.heard.of("lifecycle")[0]["event_type"] == "close_date_updated"
    desk.seconds(2)
    assert desk.desk.orders[order_id].status == "canceled"


def test_cancel_all_may_hit_orders_of_the_next_minute(desktop):
    desk = desktop(faults=Faults(cancel_all=1))
    desk.order("bid", "0.4600", "1.00")
    desk.desk.cancel_all()
    later = desk.order("bid", "0.4600", "1.00")["order_id"]
    desk.seconds(2)
    assert not desk.desk.orders[later].open
    desk.seconds(60)
    safe = desk.order("bid", "0.4600", "1.00")["order_id"]
    desk.seconds(2)
    assert desk.desk.orders[safe].open


def test_orders_cost_the_same_however_many_are_open(desktop, monkeypatch):
    desk = desktop(cash=10**12)
    reckoned = []
    bound = Charges.bound
    monkeypatch.setattr(Charges, "bound", lambda *args, **more: reckoned.append(1) or bound(*args, **more))
    counts = []
    for number in range(10_000):
        desk.order("bid", f"0.{1 + number % 45:02d}00", "1.00")
        counts.append(len(reckoned))
    assert counts[-1] - counts[-2] == counts[1] - counts[0] == 2
    began = time.monotonic()
    desk.desk.cancel_all()
    assert time.monotonic() - began < 5  # 0.2 s on a quiet machine, 51 s where each change reckons all orders anew
    assert (desk.venue.account.reserved, len(reckoned)) == (0, counts[-1])
    assert not any(order.open for order in desk.desk.orders.values())


values = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**12), st.floats(allow_nan=False), st.text(max_size=5),
    st.sampled_from(["0.4600", "5.00", "bid", "ask", "maker", "good_till_canceled", "fill_or_kill", TICKER]),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)  # fmt: skip
NAMES = [
    "ticker", "side", "price", "count", "time_in_force", "self_trade_prevention_type", "client_order_id", "post_only",
    "reduce_only", "expiration_time", "order_group_id", "cancel_order_on_pause", "updated_client_order_id", "reduce_by",
    "reduce_to",
]  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(NAMES), values, max_size=5))
def test_any_body_is_answered_or_refused(desktop, change):
    desk = desktop()
    right = {
        "ticker": TICKER, "side": "bid", "price": "0.4600", "count": "5.00", "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "maker",
    }  # fmt: skip
    order_id = desk.desk.create(right)["order_id"]
    for action in (
        lambda: desk.desk.create({**right, **change}),
        lambda: desk.desk.amend(order_id, {**right, **change}),
        lambda: desk.desk.decrease(order_id, change),
        lambda: desk.desk.cancel(order_id, change.get("ticker")),
    ):
        try:
            action()
        except RefusalError as refusal:
            assert 400 <= refusal.status < 500
