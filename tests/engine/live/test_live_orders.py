"""One order a side follows a quote on the local exchange, whatever is refused, ended or lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from touchline.engine.exchanges import Exchange, Faults
from touchline.engine.live.live import Quote
from touchline.engine.live.orders import Execution, QuoteOrders
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.stream.frames import FillFrame, OrderFrame
from touchline.io.kalshi.stream.stream import FILLS, ORDERS, Stream
from touchline.io.store.schema import Side

from ..exchanges.conftest import START, TICKER, make_history

BID, ASK = Side.BID, Side.ASK


@dataclass
class Desk:
    """Orders that follow quotes, and what their owner was told."""

    exchange: Exchange
    client: Client
    orders: QuoteOrders
    gone: list[Side] = field(default_factory=list)

    def want(self, bid: int | None, ask: int | None, size: int = 500) -> list[Execution]:
        return self.orders.want(Quote(0, bid, size, ask, size))

    def resting(self) -> list[tuple[int, int, int]]:
        def look() -> list[tuple[int, int, int]]:
            return [(int(o.side), o.price, o.remaining) for o in self.exchange.venue.markets[TICKER].book.own()]

        return sorted(self.exchange.call(look))

    def log(self) -> list[str]:
        return self.exchange.call(
            lambda: [order.reason or order.status for order in self.exchange.desk.orders.values()]
        )


@contextmanager
def desk(trades: Any = (), book: Any = (), faults: Faults | None = None, **options: Any) -> Iterator[Desk]:
    history = make_history(book=book, trades=list(trades))
    with Exchange(history, speed=0, faults=faults, tier="unlimited") as exchange:
        exchange.advance(0)
        with Client(Settings.from_env(exchange.environment, dotenv=None)) as client:
            gone: list[Side] = []
            made = Desk(exchange, client, QuoteOrders(client, TICKER, gone.append, **options), gone)
            assert sorted(made.orders.resting()) == made.resting() == []
            yield made


def test_orders_are_placed_amended_and_cancelled_as_the_quote_says():
    with desk() as made:
        made.want(4600, 4900)
        assert made.resting() == [(-1, 4900, 500), (1, 4600, 500)]
        made.want(4600, 4900)
        assert made.orders.sent == 2  # nothing changed, nothing was sent
        made.want(4700, 5000)  # up: the ask steps back before the bid follows
        made.want(4700, 5000, 300)
        assert made.resting() == [(-1, 5000, 300), (1, 4700, 300)] == sorted(made.orders.resting())
        made.want(None, 5000, 300)
        assert made.resting() == [(-1, 5000, 300)]
        made.orders.want(Quote(0, 4700, 0, 5000, 300))  # no size, no order
        assert (made.resting(), made.orders.sent) == ([(-1, 5000, 300)], 7)
        made.orders.cancel()
        assert (made.resting(), made.gone) == ([], [])
        assert (made.log(), made.orders.sent) == (["canceled", "canceled"], 8)


@pytest.mark.parametrize(("amends", "ahead", "sent"), [(True, 1000, 2), (False, 1500, 3)])
def test_a_smaller_size_keeps_its_place_if_it_may(amends: bool, ahead: int, sent: int):
    """Behind 10 contracts first; 5 more join behind us, and only who leaves goes behind those."""
    with desk(book=[(1, 0, 1, 4600, 500)], amends=amends) as made:
        made.want(4600, None)
        made.exchange.advance(2)
        made.want(4600, None, 200)
        order = made.orders.working[BID]
        assert made.client.portfolio.queue_position(order.order_id) == ahead
        assert made.orders.sent == sent


def test_fills_are_told_once_and_shrink_what_rests():
    with desk(trades=[(1, 4600, 1200, -1), (2, 4600, 900, -1)]) as made:
        made.want(4600, None)
        stream = Stream(made.client.settings, [TICKER], channels=(FILLS, ORDERS))
        told: list[Execution | None] = []
        for _ in range(4):
            for item in stream.poll(0.2):
                frame = getattr(item, "frame", None)
                if isinstance(frame, FillFrame):
                    told += [made.orders.filled(frame), made.orders.filled(frame)]
                elif isinstance(frame, OrderFrame):
                    made.orders.changed(frame)
            made.exchange.advance(1)
        stream.close()
        second = 1_000_000_000
        assert told == [
            Execution(START + 1 * second, BID, 4600, 200, 0),
            None,
            Execution(START + 2 * second, BID, 4600, 300, 0),
            None,
        ]
        assert made.orders.missed() == [] == list(made.orders.resting())
        made.want(4600, None)  # the same wish again is a new order
        assert made.resting() == [(1, 4600, 500)]


def test_what_nobody_told_is_read():
    with desk(trades=[(1, 4600, 1200, -1)]) as made:
        made.want(4600, None)
        made.exchange.advance(2)
        (fill,) = made.orders.missed()
        assert (fill.side, fill.price, fill.lots) == (BID, 4600, 200)
        assert list(made.orders.resting()) == [(BID, 4600, 300)]
        made.want(4600, None, 600)  # 200 filled: the whole order is now one of 800
        assert made.resting() == [(1, 4600, 600)]


def test_a_refused_order_is_gone_and_a_refused_amendment_leaves_nothing_behind():
    with desk() as made:
        made.want(4800, 5000)  # the bid would cross
        assert (made.gone, made.resting()) == ([BID], [(-1, 5000, 500)])
        made.want(None, 4600)  # so would the amended ask
        assert (made.gone, made.resting()) == ([BID, ASK], [])


def test_orders_that_the_exchange_ends_are_gone():
    with desk() as made:
        made.want(4600, 4900)
        stream = Stream(made.client.settings, [TICKER], channels=(ORDERS,))
        stream.poll(0.2)
        market = made.exchange.venue.markets[TICKER]
        made.exchange.call(lambda: made.exchange.venue.cancel_market(market, "HaltCancel"))
        for item in stream.poll(1) + stream.poll(0.2):
            if isinstance(frame := getattr(item, "frame", None), OrderFrame):
                made.orders.changed(frame)
        stream.close()
        assert sorted(made.gone) == [ASK, BID]
        assert not made.orders.working


def test_nothing_can_be_cancelled_after_the_close_and_nobody_minds():
    with desk() as made:
        made.want(4600, 4900)
        market = made.exchange.venue.markets[TICKER]
        made.exchange.call(lambda: made.exchange.venue.close(market, early=True))
        made.orders.cancel()
        assert len(made.orders.working) == 2  # until the exchange says that they are cancelled
        made.want(4500, 4900)
        assert made.gone == [BID]


@pytest.mark.parametrize("seed", range(2))
def test_lost_answers_leave_no_order_and_no_fill_unaccounted_for(seed: int):
    """Every third answer is lost; what the exchange has in the end is what the orders say."""
    trades = [(at + 1, 4800 if at % 2 else 4600, 300, 1 if at % 2 else -1) for at in range(20)]
    history = make_history(trades=trades)
    with Exchange(history, speed=0, faults=Faults(lost_ack=0.3), seed=seed, tier="unlimited") as exchange:
        exchange.advance(0)
        with Client(Settings.from_env(exchange.environment, dotenv=None)) as client:
            orders = QuoteOrders(client, TICKER, lambda side: None)
            told: list[Execution] = []
            for at in range(20):
                told += orders.want(Quote(0, *((4500, 500, 4700, 500) if at % 2 else (4700, 500, 4900, 500))))
                exchange.advance(1)
                told += orders.missed()
            exchange.call(exchange.dice.calm)
            told += orders.recover()
            assert exchange.call(lambda: list(exchange.venue.markets[TICKER].book.own())) == []
            true = exchange.call(
                lambda: [(f.ts, f.order.side, f.price, f.lots, f.fee) for f in exchange.venue.portfolio.fills]
            )
            assert sorted(told) == sorted(true)
            assert len(true) > 5
