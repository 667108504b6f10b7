"""The client against the exchange under faults: books agree, no order is doubled or lost, every gap is reported."""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import suppress

import pytest
from touchline.engine.exchanges import Exchange, Faults
from touchline.engine.exchanges.market.venue import VenueTrade
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.errors import KalshiError, OutcomeUnknownError
from touchline.io.kalshi.rest.orders import NewOrder, Orders
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.transport import Transport
from touchline.io.kalshi.stream.stream import BOOK, Gap, Stream
from touchline.io.store.schema import Side

from ..conftest import random_day

ROUNDS = 20
#: What leaves a gap that the sequence numbers or the connection show.
GAPS = ("gap", "drop", "overflow", "disconnect")


def drawn(seed: int) -> Faults:
    """A schedule of faults: each kind is on with even odds, and strikes some messages or calls in a hundred."""
    rng = random.Random(seed)

    def chance(most: float) -> float:
        return rng.choice([0.0, rng.uniform(0, most)])

    return Faults(
        gap=chance(0.02), drop=chance(0.02), dup=chance(0.05), overflow=chance(0.004), disconnect=chance(0.004),
        missing_side=rng.choice([0.0, 1.0]), too_many=chance(0.2), server_error=chance(0.2), lost_ack=chance(0.2),
        delay=rng.choice([0, 0, 5]), lag=rng.choice([0, 0, 30]), close_in_cancel=chance(0.1), cancel_all=chance(0.5),
    )  # fmt: skip


class Trader:
    """Places, changes and cancels orders at random and keeps book of what it knows."""

    def __init__(self, exchange: Exchange, settings: Settings, seed: int) -> None:
        self.rng = random.Random(f"trader{seed}")
        self.client = Client(settings)
        brief = lambda pause: time.sleep(min(pause / 20, 0.05))  # noqa: E731  # back off as always, only quicker
        self.client.transport = Transport(settings, self.client.transport.budget, sleep=brief)
        self.client.portfolio._ask = self.client.transport
        self.client.orders = Orders(self.client.transport, self.client.portfolio, sleep=brief)
        for bucket in (self.client.transport.budget.read, self.client.transport.budget.write):
            bucket.configure(1e9, 1e9)
        self.tickers = [listing.ticker for listing in exchange.venue.history.listings]
        self.placed: dict[str, str] = {}  # client id -> order id
        self.unsure: set[str] = set()
        self.refused: set[str] = set()

    def act(self) -> None:
        what = self.rng.choice(["create", "create", "create", "amend", "decrease", "cancel", "batch", "all"])
        with suppress(KalshiError):  # refused or unsure: what is read back at the end must agree all the same
            getattr(self, what)()

    def intent(self) -> NewOrder:
        name = f"c{len(self.placed) + len(self.unsure) + len(self.refused)}"
        side, price = self.rng.choice(["bid", "ask"]), 100 * self.rng.randint(40, 54)
        tif = self.rng.choice(["good_till_canceled", "immediate_or_cancel"])
        return NewOrder(self.rng.choice(self.tickers), side, price, self.rng.randint(1, 500), tif, client_order_id=name)

    def create(self) -> None:
        order = self.intent()
        try:
            answer = self.client.orders.create(order)
        except OutcomeUnknownError:
            self.unsure.add(order.client_order_id or "")
        except KalshiError:
            self.refused.add(order.client_order_id or "")
        else:
            self.placed[order.client_order_id or ""] = answer.order_id

    def batch(self) -> None:
        order = self.intent()
        (answer,) = self.client.orders.create_batch([order])
        if isinstance(answer, OutcomeUnknownError):
            self.unsure.add(order.client_order_id or "")
        elif isinstance(answer, KalshiError):
            self.refused.add(order.client_order_id or "")
        else:
            self.placed[order.client_order_id or ""] = answer.order_id

    def known(self):
        order_id = self.rng.choice(list(self.placed.values()) or [""])
        return next((o for page in self.client.portfolio.orders() for o in page if o.order_id == order_id), None)

    def amend(self) -> None:
        if order := self.known():
            price, count = (
                order.price + self.rng.choice([-100, 0, 100]),
                order.initial_count + self.rng.randint(-50, 50),
            )
            self.client.orders.amend(
                order.order_id, ticker=order.ticker, side=order.book_side or "bid", price=price, count=count
            )

    def decrease(self) -> None:
        if order := self.known():
            self.client.orders.decrease(order.order_id, ticker=order.ticker, to=max(order.remaining_count - 10, 1))

    def cancel(self) -> None:
        if order := self.known():
            self.client.orders.cancel(order.order_id, ticker=order.ticker)

    def all(self) -> None:
        if self.rng.random() < 0.3:
            self.client.orders.cancel_all()


def nudge(exchange: Exchange) -> None:
    """Two changes of the book and a trade in every market, so that a lost last message shows."""

    def step() -> None:
        for market in exchange.venue.listed:
            for lots in (100, -100):
                market.book.delta(Side.BID, 100, lots)
                exchange.venue.flush(market)
            last = VenueTrade("last", market.ticker, 5_000, 100, Side.BID, False, exchange.venue.now)
            exchange.venue.feed.trade(market, last)

    exchange.call(step)


def heard(stream: Stream, gaps: list[Gap]) -> bool:
    """Take in what came, without a pause before the next connection; says whether anything came."""
    stream._next_attempt = 0.0
    came = stream.poll(0.01)
    gaps += [each for each in came if isinstance(each, Gap)]
    return bool(came)


def run(seed: int) -> int:
    """One schedule from start to end; returns the number of orders placed."""
    history = random_day(seed, tickers=3, rows=120)
    with Exchange(history, speed=0, faults=drawn(seed), seed=seed, tier="unlimited") as exchange:
        exchange.advance(0)
        settings = Settings.from_env(exchange.environment, dotenv=None)
        trader = Trader(exchange, settings, seed)
        stream = Stream(settings, trader.tickers, use_yes_price=bool(seed % 2))
        gaps: list[Gap] = []
        for _ in range(ROUNDS):
            heard(stream, gaps)
            trader.act()
            exchange.advance(60 / ROUNDS)
        heard(stream, gaps)
        counts = Counter(exchange.call(lambda: exchange.dice.counts))
        exchange.call(exchange.dice.calm)
        nudge(exchange)
        until, quiet = time.monotonic() + 30, 0
        while quiet < 3 and time.monotonic() < until:
            quiet = (
                0 if heard(stream, gaps) or not stream.ready or exchange.call(lambda: pending(exchange)) else quiet + 1
            )
        assert stream.ready, "the stream did not heal"
        compare_books(exchange, stream)
        compare_orders(exchange, trader)
        compare_gaps(counts, gaps)
        stream.close()
        trader.client.close()
        return len(trader.placed)


def compare_gaps(counts: Counter[tuple[str, str]], gaps: list[Gap]) -> None:
    cut = any(fault == "disconnect" for fault, _ in counts)
    for channel in (BOOK, "trade"):
        struck = {fault for fault, where in counts if where == channel and fault in GAPS}
        told = [gap for gap in gaps if gap.channel == channel]
        assert told or not struck, f"{struck} on {channel}, but no gap was reported"
        assert struck or cut or not told, f"a gap on {channel} that nothing explains: {told[0].reason}"


def pending(exchange: Exchange) -> bool:
    return any(session.outbox for session in exchange._hub.sessions)


def compare_books(exchange: Exchange, stream: Stream) -> None:
    def shown():
        return {m.ticker: (m.book.shown(Side.BID), m.book.shown(Side.ASK)) for m in exchange.venue.listed}

    for ticker, (bids, asks) in exchange.call(shown).items():
        book = stream.books[ticker]
        assert (book.bids, book.asks) == (bids, asks), ticker


def compare_orders(exchange: Exchange, trader: Trader) -> None:
    time.sleep(exchange.dice.faults.lag / 1000)
    mine = [order for page in trader.client.portfolio.orders() for order in page]
    true = exchange.call(
        lambda: {o.id: (o.client_id, o.status, o.filled, o.remaining) for o in exchange.desk.orders.values()}
    )
    assert {o.order_id: (o.client_order_id, o.status, o.fill_count, o.remaining_count) for o in mine} == true
    by_name = Counter(name for name, *_ in true.values())
    assert not by_name or max(by_name.values()) == 1, "an order was doubled"
    for name, order_id in trader.placed.items():
        assert true[order_id][0] == name, "a placed order is not there"
    orphans = set(by_name) - set(trader.placed) - trader.unsure
    assert not orphans, f"orders the client thinks were refused: {orphans}"
    fills = [fill for page in trader.client.portfolio.fills() for fill in page]
    assert Counter(fill.order_id for fill in fills) == Counter(
        exchange.call(lambda: [fill.order.id for fill in exchange.venue.portfolio.fills])
    )


@pytest.mark.parametrize("seed", range(3))
def test_books_and_orders_survive_faults(seed):
    run(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(8))
def test_books_and_orders_survive_200_fault_schedules(block):
    placed = [run(seed) for seed in range(1000 + block * 25, 1000 + (block + 1) * 25)]
    assert sum(placed) > 50, "the trader hardly traded"
