"""What the local exchange pays a client that quotes is what the replay of the recording says, to the cent.

The client stands some cents behind: where its orders meet what is added to the book, the exchange takes that out of its
book, and a replay does not know.
"""

from __future__ import annotations

from typing import Any

import pytest
from touchline.engine.exchanges.faults import Dice, Faults
from touchline.engine.exchanges.incentives import Incentives
from touchline.engine.exchanges.market.desk import OrderDesk
from touchline.engine.exchanges.market.history import from_store
from touchline.engine.exchanges.market.portfolio import ShownPortfolio
from touchline.engine.exchanges.market.venue import TradingVenue
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.replay import Replay, replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io import sample
from touchline.io.store.schema import Side
from touchline.io.store.store import Store
from touchline.strategies.models.fixed_spread import FixedSpread

from .conftest import Heard

RECORDED = Assumptions(rewards="recorded", queue="pessimistic@1", position_limit=5000.0)
CELL = {"half_spread": 6.0, "skew": 0.0, "size": 1000.0}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("day")
    made = Store(folder / "store")
    sample.load(made, sample.make(7, 0.05, folder / "files"))
    return made


class QuotingClient:
    """Keeps at the exchange what rested in a replay, by its own orders."""

    def __init__(self, venue: TradingVenue, ticker: str) -> None:
        self.venue, self.market = venue, venue.markets[ticker]
        self.desk = OrderDesk(venue, Dice(Faults(), 0))

    def follow(self, made: Replay) -> None:
        rows = {row["ts"]: row for row in made.quotes.iter_rows(named=True)}
        quote: dict[str, Any] | None = None
        for ts in sorted({*rows, *made.fills["ts"].to_list()}):
            self.venue.advance(ts)
            quote = rows.get(ts, quote)
            if quote is not None and self.market.status == "active":
                self.rest({Side.BID: (quote["bid"], quote["bid_size"]), Side.ASK: (quote["ask"], quote["ask_size"])})
        self.venue.advance(self.venue.horizon)

    def rest(self, wanted: dict[Side, tuple[int | None, int]]) -> None:
        for order in list(self.market.book.own()):
            if (order.price, order.remaining) != wanted[order.side]:
                self.venue.cancel(self.market, order)
        standing = {order.side for order in self.market.book.own()}
        for side, (price, lots) in wanted.items():
            if price is not None and side not in standing:
                body = {"side": "bid" if side is Side.BID else "ask", "price": f"{price / 10_000:.4f}"}
                body |= {"ticker": self.market.ticker, "count": f"{lots / 100:.2f}", "post_only": True}
                body |= {"time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross"}
                self.desk.create(body)


@pytest.mark.slow
def test_the_exchange_pays_what_the_replay_of_the_recording_says(store: Store) -> None:
    paid = list[int]()
    for ticker in [name for name in store.tickers("book") if name.startswith("SYNBTC15M")][:3]:
        made = replay(compile_tape(store, ticker), FixedSpread, CELL, RECORDED)
        history = from_store(store.path, [ticker])
        venue = TradingVenue(history, Heard(), ShownPortfolio(), cash=10**12, hours=False, queue="pessimistic@1")
        incentives = Incentives(venue, history.programs)
        QuotingClient(venue, ticker).follow(made)
        assert [one.paid for one in incentives.programs] == [one["paid"] for one in made.periods or ()]
        paid += [one.paid or 0 for one in incentives.programs]
    assert len(paid) == 3 and min(paid) > 1_000_000
