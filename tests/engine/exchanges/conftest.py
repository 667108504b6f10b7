"""Small recorded markets, and an exchange around them without sockets."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pytest
from touchline.engine.exchanges.faults import Dice, Faults
from touchline.engine.exchanges.market.desk import OrderDesk
from touchline.engine.exchanges.market.history import History, from_frames
from touchline.engine.exchanges.market.portfolio import ShownPortfolio
from touchline.engine.exchanges.market.venue import TradingVenue
from touchline.io.store.schema import BookKind, Side

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
TICKER = "KXTEST-26SEP21-B50"


@dataclass
class Heard:
    """A feed that remembers."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    books: dict[str, dict[tuple[Side, int], int]] = field(default_factory=dict)

    def changed(self, market, changes):
        book = self.books.setdefault(market.ticker, {})
        for change in changes:
            key = (change.side, change.price)
            book[key] = book.get(key, 0) + change.lots
            if not book[key]:
                del book[key]
            assert book.get(key, 1) > 0, "a published level fell below zero"

    def snapshot(self, market):
        self.books[market.ticker] = {(s, p): n for s in (Side.BID, Side.ASK) for p, n in market.book.shown(s).items()}

    def trade(self, market, trade):
        self.events.append(("trade", trade))

    def ticker(self, market):
        pass

    def filled(self, market, fill):
        self.events.append(("fill", fill))

    def ordered(self, order):
        self.events.append(("order", (order.id, order.status, order.remaining, order.reason)))

    def positioned(self, market, held):
        pass

    def lifecycle(self, message):
        self.events.append(("lifecycle", message))

    def valued(self, value):
        pass

    def grouped(self, message):
        self.events.append(("group", message["event_type"]))

    def of(self, kind: str) -> list[Any]:
        return [what for name, what in self.events if name == kind]


@dataclass
class Desktop:
    """A venue and its desk, driven by hand."""

    venue: TradingVenue
    desk: OrderDesk
    heard: Heard

    @property
    def market(self):
        return self.venue.markets[TICKER]

    def order(self, side: str, price: str, count: str, **more: Any) -> dict[str, Any]:
        defaults = {
            "ticker": TICKER,
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
        }
        return self.desk.create({**defaults, "side": side, "price": price, "count": count, **more})

    def seconds(self, count: float) -> None:
        self.venue.advance(self.venue.now + int(count * SECOND))


BOOK = {"kind": pl.Int8, "side": pl.Int8, "price": pl.Int32, "size": pl.Int64}


def book_rows(rows: list[tuple[float, int, int, int, int]], ticker: str = TICKER) -> pl.DataFrame:
    """Rows (second, kind, side, price, size) as a frame of table ``book``."""
    return pl.DataFrame(
        [(START + int(at * SECOND), ticker, *rest) for at, *rest in rows],
        {"ts": pl.Int64, "ticker": pl.String, **BOOK},
        orient="row",
    )


def trade_rows(rows: list[tuple[float, int, int, int]], ticker: str = TICKER, block: bool = False) -> pl.DataFrame:
    """Rows (second, price, size, taker side) as a frame of table ``trades``."""
    named = [
        (START + int(at * SECOND), ticker, price, size, side, block, f"{ticker}-t{number}")
        for number, (at, price, size, side) in enumerate(rows)
    ]
    columns = {"ts": pl.Int64, "ticker": pl.String, "price": pl.Int32, "size": pl.Int64, "taker_side": pl.Int8}
    return pl.DataFrame(named, {**columns, "is_block": pl.Boolean, "trade_id": pl.String}, orient="row")


def market_row(ticker: str = TICKER, **more: Any) -> pl.DataFrame:
    """One row of table ``markets``."""
    base = {
        "ticker": ticker,
        "valid_from": 0,
        "series": "KXTEST",
        "event": "KXTEST-26SEP21",
        "title": "A test market",
        "open_ts": START - SECOND,
        "close_ts": START + 1000 * SECOND,
        "grid": "linear_cent",
        "status": "active",
    }
    return pl.DataFrame([{**base, **more}])


#: A quiet book: bids 46 (10) and 45 (20), asks 48 (15) and 49 (5).
OPENING = [
    (0, BookKind.CLEAR, 0, 0, 0),
    (0, BookKind.LEVEL, 1, 4600, 1000),
    (0, BookKind.LEVEL, 1, 4500, 2000),
    (0, BookKind.LEVEL, -1, 4800, 1500),
    (0, BookKind.LEVEL, -1, 4900, 500),
]


def make_history(book=(), trades=(), opening=OPENING, **market: Any) -> History:
    """A history of one market that starts from the quiet book."""
    return from_frames(market_row(**market), book_rows([*opening, *book]), trade_rows(list(trades)))


@pytest.fixture
def history() -> Callable[..., History]:
    return make_history


@pytest.fixture
def desktop() -> Callable[..., Desktop]:
    """Make a venue and desk around rows that follow the quiet book; the book is already there."""

    def make(book=(), trades=(), cash: int = 1_000_000_000, faults: Faults | None = None, **market: Any) -> Desktop:
        heard = Heard()
        venue = TradingVenue(make_history(book, trades, **market), heard, ShownPortfolio(), cash=cash)
        made = Desktop(venue, OrderDesk(venue, Dice(faults or Faults(), 0)), heard)
        venue.advance(START)
        return made

    return make


def random_day(seed: int, tickers: int = 2, rows: int = 150, step: float = 0.5, **market: Any) -> History:
    """A consistent recording."""
    return from_frames(*random_frames(seed, tickers, rows, step, **market))


def random_frames(
    seed: int, tickers: int = 2, rows: int = 150, step: float = 0.5, **market: Any
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Markets, books and trades of a consistent recording.

    Levels come and go without crossing, trades take from the best and shrink it.
    """
    rng = random.Random(seed)
    books, trades, markets = [], [], []
    for number in range(tickers):
        ticker = f"KXTEST-26SEP21-B{number}"
        markets.append(market_row(ticker, close_ts=START + int((rows + 60) * step * SECOND), **market))
        levels = {
            Side.BID: {4000 + 100 * k: 100 * (k + 1) for k in range(6)},
            Side.ASK: {4800 + 100 * k: 250 for k in range(6)},
        }
        found: list[Any] = [(0.0, BookKind.CLEAR, 0, 0, 0)]
        found += [(0.0, BookKind.LEVEL, side, p, n) for side, own in levels.items() for p, n in own.items()]
        prints: list[Any] = []
        for at in (step * (k + 1) for k in range(rows)):
            side = rng.choice([Side.BID, Side.ASK])
            mine, other = levels[side], levels[Side(-side)]
            best = (max if side is Side.BID else min)(mine, default=None)
            if rng.random() < 0.3 and best is not None:
                lots = min(mine[best], rng.choice([7, 50, 100, 300]))
                prints.append((at, best, lots, Side(-side)))
                found.append((at, BookKind.DELTA, side, best, -lots))
                mine[best] -= lots
            elif rng.random() < 0.04:
                found.append((at, BookKind.CLEAR, 0, 0, 0))
                found += [(at, BookKind.LEVEL, s, p, n) for s, own in levels.items() for p, n in own.items()]
                continue
            else:
                edge = (min if side is Side.BID else max)(other, default=10_000 if side is Side.BID else 0)
                price = edge - side * 100 * rng.randint(1, 6)
                if not 0 < price < 10_000:
                    continue
                lots = rng.choice([100, 250, 33]) if rng.random() < 0.6 else -mine.get(price, 0)
                if not lots:
                    continue
                found.append((at, BookKind.DELTA, side, price, lots))
                mine[price] = mine.get(price, 0) + lots
            for price in [p for p, n in mine.items() if not n]:
                del mine[price]
        books.append(book_rows(found, ticker))
        trades.append(trade_rows(prints, ticker))
    return pl.concat(markets), pl.concat(books), pl.concat(trades)


@pytest.fixture
def day() -> Callable[..., History]:
    return random_day
