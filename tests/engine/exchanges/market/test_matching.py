"""The book with the client's orders in it: who trades with whom, and where an order stands in its queue."""

from __future__ import annotations

import pytest
from touchline.engine.exchanges.market.matching import VenueBook
from touchline.engine.exchanges.market.order import VenueOrder
from touchline.engine.exchanges.market.waiting import Waiting
from touchline.engine.simulator.assumptions.queue import queue_model
from touchline.io.store.schema import Side

BID, ASK = Side.BID, Side.ASK


def order(side, price, lots, name="o", stp="taker_at_cross"):
    return VenueOrder(name, name, "T", side, price, lots, 0, stp=stp, remaining=lots)


@pytest.fixture
def book():
    made = VenueBook(Waiting(queue_model("pessimistic")))
    made.snapshot([(BID, 4600, 1000), (BID, 4500, 2000), (ASK, 4800, 1500), (ASK, 4900, 500)])
    return made


def hits(found):
    return [(hit.order.id, hit.price, hit.lots, hit.taker) for hit in found]


def test_trade_moves_the_queue_before_it_fills(book):
    mine = order(BID, 4600, 500)
    book.rest(mine)
    assert book.queue_position(mine) == 1000
    assert book.trade(ASK, 4600, 400) == []
    assert book.queue_position(mine) == 600
    assert hits(book.trade(ASK, 4600, 700)) == [("o", 4600, 100, False)]
    assert (book.queue_position(mine), mine.remaining) == (0, 400)


def test_cancels_at_the_level_only_bound_the_queue(book):
    mine = order(BID, 4600, 500)
    book.rest(mine)
    book.delta(BID, 4600, 300)
    assert mine.ahead == 1000
    book.delta(BID, 4600, -500)
    assert mine.ahead == 800
    book.delta(BID, 4600, 200)
    assert mine.ahead == 800


def test_trade_beyond_the_price_fills_no_more_than_it_traded(book):
    mine = order(BID, 4600, 500)
    book.rest(mine)
    assert hits(book.trade(ASK, 4500, 200)) == [("o", 4600, 200, False)]
    assert book.trade(BID, 4600, 5000) == [], "a buyer takes asks, not bids"


def test_two_orders_share_one_trade_in_their_order(book):
    first, second = order(BID, 4600, 100, "first"), order(BID, 4600, 100, "second")
    book.rest(first)
    book.delta(BID, 4600, 50)
    book.rest(second)
    assert (second.ahead, book.queue_position(second)) == (1050, 1150)
    assert hits(book.trade(ASK, 4600, 1160)) == [("first", 4600, 100, False), ("second", 4600, 10, False)]


def test_a_recorded_ask_that_crosses_my_bid_trades_with_it(book):
    mine = order(BID, 4700, 300)
    book.rest(mine)
    book.changes.clear()
    assert hits(book.delta(ASK, 4600, 200)) == [("o", 4700, 200, False)]
    assert book.shown(ASK) == {4800: 1500, 4900: 500}
    assert hits(book.delta(ASK, 4600, 250)) == [("o", 4700, 100, False)]
    assert book.shown(ASK)[4600] == 150
    assert sum(change.lots for change in book.changes if change.side is BID) == -300


def test_what_i_take_stays_gone_until_the_level_shrinks_below_it(book):
    taker = order(BID, 4800, 600)
    assert hits(book.take(taker, [])) == [("o", 4800, 600, True)]
    assert book.outside(ASK, 4800) == 900
    book.delta(ASK, 4800, 100)
    assert book.outside(ASK, 4800) == 1000
    book.delta(ASK, 4800, -1100)
    assert book.outside(ASK, 4800) == 0
    book.delta(ASK, 4800, 40)
    assert book.outside(ASK, 4800) == 40


def test_taker_walks_the_book_at_the_makers_prices(book):
    taker = order(ASK, 4500, 2500)
    assert hits(book.take(taker, [])) == [("o", 4600, 1000, True), ("o", 4500, 1500, True)]
    assert taker.remaining == 0


def test_self_trade_cancels_the_rest_of_the_taker(book):
    mine, taker = order(ASK, 4800, 100, "mine"), order(BID, 4900, 5000, "taker")
    book.rest(mine)
    cancelled = []
    assert hits(book.take(taker, cancelled)) == [("taker", 4800, 1500, True)]
    assert cancelled == [taker]
    assert (mine.remaining, taker.remaining) == (100, 3500)


def test_self_trade_maker_cancels_the_resting_order_and_goes_on(book):
    mine, taker = order(ASK, 4800, 100, "mine"), order(BID, 4900, 1700, "taker", stp="maker")
    book.rest(mine)
    cancelled = []
    assert hits(book.take(taker, cancelled)) == [("taker", 4800, 1500, True), ("taker", 4900, 200, True)]
    assert cancelled == [mine]


def test_unknown_book_neither_fills_nor_takes(book):
    mine, taker = order(BID, 4600, 500, "mine"), order(BID, 4900, 100, "taker")
    book.rest(mine)
    book.known = False
    assert book.trade(ASK, 4500, 10_000) == []
    assert book.take(taker, []) == []
    assert hits(book.snapshot([(BID, 4400, 10), (ASK, 4500, 200)])) == [("mine", 4600, 200, False)]


def test_snapshot_bounds_the_queue_and_what_was_taken(book):
    mine = order(BID, 4600, 500)
    book.rest(mine)
    book.take(order(BID, 4800, 600, "taker"), [])
    book.snapshot([(BID, 4600, 70), (ASK, 4800, 1000)])
    assert (mine.ahead, book.outside(ASK, 4800)) == (70, 400)


@pytest.mark.parametrize(
    ("model", "after_cancel", "filled"),
    [
        ("touch", 800, 100),
        ("through", 800, 0),
        ("pessimistic", 800, 0),
        ("optimistic", 600, 0),
        ("log", 774, 0),
        ("power@1", 667, 0),
    ],
)
def test_queue_models_differ_in_cancels_and_trades(model, after_cancel, filled):
    made = VenueBook(Waiting(queue_model(model)))
    made.snapshot([(BID, 4600, 1000)])
    mine = order(BID, 4600, 500)
    made.rest(mine)
    made.delta(BID, 4600, 200)
    made.delta(BID, 4600, -400)
    assert made.queue_position(mine) == after_cancel
    assert sum(hit.lots for hit in made.trade(ASK, 4600, 100)) == filled


def test_a_decrease_that_a_trade_explains_moves_the_queue_once(book):
    mine = order(BID, 4600, 500)
    book.rest(mine)
    book.delta(BID, 4600, -300, explained=-300)  # its trade is still to come
    assert mine.ahead == 1000
    book.trade(ASK, 4600, 300)
    assert mine.ahead == 700
    book.trade(ASK, 4600, 200)
    book.delta(BID, 4600, -200, explained=200)
    assert mine.ahead == 500


@pytest.mark.parametrize("lots", [999, 1000, 1001])
def test_an_order_fills_from_the_first_lot_behind_its_queue(book, lots):
    mine = order(BID, 4600, 500)
    book.rest(mine)
    assert sum(hit.lots for hit in book.trade(ASK, 4600, lots)) == max(lots - 1000, 0)
    assert book.queue_position(mine) == max(1000 - lots, 0)


def test_a_taker_takes_what_stands_before_its_own_order_to_the_lot(book):
    mine, taker = order(ASK, 4800, 100, "mine"), order(BID, 4800, 5000, "taker")
    book.rest(mine)
    book.delta(ASK, 4800, 77)  # behind mine
    assert hits(book.take(taker, [])) == [("taker", 4800, 1500, True)]
    assert (mine.ahead, book.outside(ASK, 4800)) == (0, 77)


def test_queue_positions_of_all_orders_are_those_of_each(book):
    for number, price in enumerate((4600, 4500, 4600)):
        book.rest(order(BID, price, 100 + number, f"o{number}"))
    places = book.queue_positions()
    assert places == {"o0": 1000, "o2": 1100, "o1": 2000}
    assert places == {mine.id: book.queue_position(mine) for mine in book.own()}


def test_a_cleared_book_says_that_every_level_went(book):
    book.take(order(BID, 4800, 600, "taker"), [])
    book.changes.clear()
    book.clear()
    assert {(change.side, change.price): change.lots for change in book.changes} == {
        (BID, 4600): -1000, (BID, 4500): -2000, (ASK, 4800): -900, (ASK, 4900): -500,
    }  # fmt: skip
    assert (book.shown(BID), book.shown(ASK)) == ({}, {})


def test_a_trade_used_up_by_a_better_order_leaves_those_behind_as_they_are():
    made = VenueBook(Waiting(queue_model("touch")))
    made.snapshot([(BID, 4500, 1000)])
    for name, price in (("best", 4700), ("next", 4600), ("last", 4600)):
        made.rest(order(BID, price, 100, name))
    assert hits(made.trade(ASK, 4600, 100)) == [("best", 4700, 100, False)]
    assert made.shown(BID) == {4500: 1000, 4600: 200}


def test_a_snapshots_level_without_lots_is_none(book):
    book.snapshot([(BID, 4600, 1000), (ASK, 4700, 0), (ASK, 4800, 1500)])
    assert (book.best(ASK), book.crosses(BID, 4700), book.reach(BID, 4800)) == ((4800, 1500), False, 1)
