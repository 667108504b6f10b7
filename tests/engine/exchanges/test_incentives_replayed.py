"""What the local exchange pays a client that quotes is what the replay of the recording says, to the cent.

The client stands some cents behind: where its orders meet what is added to the book, the exchange takes that out of its
book, and a replay does not know.
"""

from __future__ import annotations

from typing import Any

import pytest
from touchline.engine.exchanges.faults import Dice, Faults
from touchline.engine.exchanges.incentives import Incentives, VenueProgram
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


def both(store: Store, ticker: str, half: float) -> tuple[list[VenueProgram], list[dict[str, Any]]]:
    """What the exchange's programs and the replay's periods came to."""
    made = replay(compile_tape(store, ticker), FixedSpread, CELL | {"half_spread": half}, RECORDED)
    history = from_store(store.path, [ticker])
    venue = TradingVenue(history, Heard(), ShownPortfolio(), cash=10**12, hours=False, queue="pessimistic@1")
    incentives = Incentives(venue, history.programs)
    QuotingClient(venue, ticker).follow(made)
    return incentives.programs, made.periods or []


@pytest.mark.slow
@pytest.mark.parametrize(("half", "markets"), [(6.0, 3), (10.0, 1)])
def test_the_exchange_pays_what_the_replay_of_the_recording_says(store: Store, half: float, markets: int) -> None:
    """Quarters of an hour of the sample day, from several distances."""
    for ticker in [name for name in store.tickers("book") if name.startswith("SYNBTC15M")][:markets]:
        exchange, periods = both(store, ticker, half)
        assert [one.paid for one in exchange] == [one["paid"] for one in periods]
        assert min(one.paid for one in exchange) > 1_000_000


@pytest.mark.slow
def test_a_whole_day_and_ninety_minutes_inside_it_are_paid_to_the_cent(store: Store) -> None:
    ticker = next(name for name in store.tickers("book") if name.startswith("SYNINX-") and "-B" in name)
    exchange, periods = both(store, ticker, 6.0)
    paid = {one.program.id.rpartition("-")[2]: one.paid for one in exchange}
    assert paid == {one["id"].rpartition("-")[2]: one["paid"] for one in periods if not one["is_part"]}
    assert min(paid["day"], paid["90m"]) > 1_000_000


@pytest.mark.slow
def test_near_the_mid_the_exchange_pays_hardly_more_for_it_takes_what_our_orders_meet_out_of_its_book(
    store: Store,
) -> None:
    ticker = next(name for name in store.tickers("book") if name.startswith("SYNBTC15M"))
    for half in (2.0, 4.0):
        [one], [period] = both(store, ticker, half)
        assert 0 <= one.paid - period["paid"] <= 0.002 * period["paid"]
