"""Money: after any sequence of orders, fills, pauses and settlements the account adds up to the micro."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from touchline.engine.exchanges.answers import views
from touchline.engine.exchanges.faults import Dice, Faults
from touchline.engine.exchanges.market.account import Account
from touchline.engine.exchanges.market.charges import Charges
from touchline.engine.exchanges.market.desk import OrderDesk
from touchline.engine.exchanges.market.order import VenueOrder, unit_cost
from touchline.engine.exchanges.market.portfolio import ShownPortfolio
from touchline.engine.exchanges.market.venue import TradingVenue
from touchline.engine.exchanges.wire import RefusalError
from touchline.engine.simulator.assumptions.fees import FeeChange, FeeSchedule
from touchline.io.store.schema import Side

from ..conftest import SECOND, TICKER, Heard, random_day


def fee_by_the_book(revenue, price, lots, rate, carried):
    """The six published steps in dollars, exactly: fee, what is carried on."""
    grid, p = Fraction(1, 10_000), Fraction(price, 10_000)
    model = rate * Fraction(lots, 100) * p * (1 - p)
    trade_fee = Fraction(ceil(model * 1_000_000), 1_000_000)
    change = Fraction(revenue, 1_000_000) - trade_fee
    rounding = change - floor(change / grid) * grid
    carried += rounding
    rebate = floor(min(carried, trade_fee + rounding) / grid) * grid
    return trade_fee + rounding - rebate, carried - rebate


def needed_plainly(orders, position, charges, ts):
    """The most cash that open orders can use up: every order counted anew, the cheapest lots close the position."""
    total = sum(charges.bound(ts, order.price, order.remaining) for order in orders)
    for side in (Side.BID, Side.ASK):
        free = max(-position * side, 0)
        for unit, lots in sorted((unit_cost(side, o.price), o.remaining) for o in orders if o.side is side):
            closing = min(free, lots)
            free -= closing
            total += unit * (lots - closing)
    return total


class Trading(RuleBasedStateMachine):
    """A client that does anything at any time; the exchange's books must add up after each step."""

    @initialize(
        seed=st.integers(0, 10_000),
        cash=st.sampled_from([2_000_000, 50_000_000, 5_000_000_000]),
        fee_type=st.sampled_from(["quadratic", "quadratic_with_maker_fees"]),
    )
    def open(self, seed, cash, fee_type):
        history = random_day(seed, tickers=2, rows=80, fee_type=fee_type, fee_multiplier=1.0, grid="deci_cent")
        self.maker_rate = Fraction(0) if fee_type == "quadratic" else Fraction(175, 10_000)
        self.heard = Heard()
        self.venue = TradingVenue(history, self.heard, ShownPortfolio(), cash=cash)
        self.desk = OrderDesk(self.venue, Dice(Faults(), 0))
        self.venue.advance(history.start)
        self.tickers = [listing.ticker for listing in history.listings]
        self.names = 0

    @rule(
        which=st.integers(0, 1),
        side=st.sampled_from(["bid", "ask"]),
        mills=st.one_of(st.integers(38, 56).map(lambda c: 10 * c), st.integers(380, 560)),
        lots=st.integers(1, 900),
        tif=st.sampled_from(["good_till_canceled", "good_till_canceled", "immediate_or_cancel", "fill_or_kill"]),
        stp=st.sampled_from(["taker_at_cross", "maker"]),
        flags=st.sampled_from([{}, {}, {"post_only": True}, {"reduce_only": True}, {"cancel_order_on_pause": True}]),
    )
    def create(self, which, side, mills, lots, tif, stp, flags):
        self.names += 1
        count = f"{lots // 100}.{lots % 100:02d}"
        body = {
            "ticker": self.tickers[which], "side": side, "price": f"0.{mills}", "count": count,
            "time_in_force": tif, "self_trade_prevention_type": stp, "client_order_id": f"c{self.names}", **flags,
        }  # fmt: skip
        try:
            answer = self.desk.create(body)
        except RefusalError as refusal:
            assert refusal.status == 400
            return
        order = self.desk.orders[answer["order_id"]]
        assert order.open == (tif == "good_till_canceled" and order.remaining > 0)

    @precondition(lambda self: self.desk.orders)
    @rule(
        pick=st.integers(0, 10**6),
        mills=st.one_of(st.integers(38, 56).map(lambda c: 10 * c), st.integers(380, 560)),
        lots=st.integers(1, 900),
    )
    def amend(self, pick, mills, lots):
        order = self._pick(pick)
        body = {"ticker": order.ticker, "side": "bid" if order.side is Side.BID else "ask", "price": f"0.{mills}"}
        self._try(lambda: self.desk.amend(order.id, {**body, "count": f"{lots // 100}.{lots % 100:02d}"}))

    @precondition(lambda self: self.desk.orders)
    @rule(pick=st.integers(0, 10**6), lots=st.integers(1, 300))
    def decrease(self, pick, lots):
        order = self._pick(pick)
        self._try(lambda: self.desk.decrease(order.id, {"reduce_by": f"{lots // 100}.{lots % 100:02d}"}))

    @precondition(lambda self: self.desk.orders)
    @rule(pick=st.integers(0, 10**6))
    def cancel(self, pick):
        order = self._pick(pick)
        self._try(lambda: self.desk.cancel(order.id))

    @rule(seconds=st.sampled_from([0.5, 1, 3, 10, 40]))
    def wait(self, seconds):
        self.venue.advance(self.venue.now + int(seconds * SECOND))

    @rule(what=st.sampled_from(["pause", "resume", "deactivate", "activate", "cancel_all"]), which=st.integers(0, 1))
    def disturb(self, what, which):
        market = self.venue.markets[self.tickers[which]]
        if what in ("pause", "resume"):
            getattr(self.venue, what)()
        elif what == "cancel_all":
            self._try(self.desk.cancel_all)
        else:
            getattr(self.venue, what)(market)

    def _pick(self, pick):
        return list(self.desk.orders.values())[pick % len(self.desk.orders)]

    def _try(self, action):
        try:
            action()
        except RefusalError as refusal:
            assert 400 <= refusal.status < 500

    @invariant()
    def cash_adds_up(self):
        account = self.venue.account
        held = account.positions.values()
        expected = account.deposited + sum(p.realized - p.cost - p.fees for p in held)
        assert account.cash == expected
        assert account.available >= 0
        markets = self.venue.markets.values()
        lots = {ticker: held.lots for ticker, held in account.positions.items()}
        assert account.reserved == sum(
            needed_plainly(list(m.book.own()), lots.get(m.ticker, 0), m.charges, self.venue.now) for m in markets
        )

    @invariant()
    def orders_are_the_sum_of_their_fills(self):
        lots: dict[str, int] = {}
        fees: dict[str, Fraction] = {}
        carried: dict[str, Fraction] = {}
        positions = dict.fromkeys(self.tickers, 0)
        for fill in self.venue.portfolio.fills:
            order = fill.order
            lots[order.id] = lots.get(order.id, 0) + fill.lots
            before = positions[order.ticker]
            positions[order.ticker] += fill.lots * order.side
            closing = min(max(-before * order.side, 0), fill.lots)
            unit = fill.price if order.side is Side.BID else 10_000 - fill.price
            revenue = closing * (10_000 - unit) - (fill.lots - closing) * unit
            rate = Fraction(7, 100) if fill.taker else self.maker_rate
            fee, carried[order.id] = fee_by_the_book(
                revenue, fill.price, fill.lots, rate, carried.get(order.id, Fraction(0))
            )
            assert fill.fee == fee * 1_000_000
            assert fill.position == positions[order.ticker]
            fees[order.id] = fees.get(order.id, Fraction(0)) + fee
        for order in self.desk.orders.values():
            assert order.filled == lots.get(order.id, 0)
            assert order.fees == fees.get(order.id, 0) * 1_000_000
            assert order.filled + order.remaining <= order.initial
            assert order.open == (order.remaining > 0)
        for ticker, position in positions.items():
            assert self.venue.account.position(ticker).lots == position

    @invariant()
    def shown_books_are_what_was_published(self):
        for market in self.venue.markets.values():
            shown = {(s, p): n for s in (Side.BID, Side.ASK) for p, n in market.book.shown(s).items()}
            assert self.heard.books.get(market.ticker, {}) == shown
            bid, ask = market.book.best(Side.BID), market.book.best(Side.ASK)
            if market.status == "active" and self.venue.trading:
                assert bid is None or ask is None or bid[0] < ask[0], "a crossed book"


TestTrading = Trading.TestCase
TestTrading.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def closing(side, price, lots, name="o"):
    return VenueOrder(name, name, "T", side, price, lots, 0, remaining=lots)


def test_closing_orders_hold_nothing():
    account, charges = Account(10_000_000), Charges(FeeSchedule())
    account.position("T").lots = 300
    now = 1_790_000_000 * SECOND
    orders = [closing(Side.ASK, 6000, 200, "a"), closing(Side.ASK, 7000, 200, "b")]
    account.hold("T", orders, charges, now)
    # 400 lots to sell, 300 held: the 100 that open are taken as the dearest ones, NO at 40 cents
    assert account.reserved == 100 * 4000


def test_what_orders_hold_back_follows_the_fees_of_the_day():
    later = 1_790_001_000 * SECOND
    change = FeeChange(later, "quadratic", None)
    account, charges = Account(10_000_000), Charges(FeeSchedule("quadratic_with_maker_fees", changes=(change,)))
    order, other = closing(Side.BID, 6000, 200, "a"), closing(Side.BID, 5000, 100, "b")
    for now in (later - SECOND, later + SECOND):
        account.hold("T", [order], charges, now)
        account.hold("T", [other], charges, now)
        assert account.reserved == needed_plainly([order, other], 0, charges, now)


@pytest.mark.parametrize(("value", "lots", "paid", "fee"), [(10_000, 300, 3_000_000, 0), (0, -300, 3_000_000, 0)])
def test_settlement_pays_the_winning_side(value, lots, paid, fee):
    account = Account(0)
    held = account.position("T")
    held.lots, held.cost = lots, 1_000_000
    record = account.settle("T", "E", "yes", value, 100, 5)
    assert record is not None
    assert (record.paid, record.fee, account.cash) == (paid, fee, paid)
    assert held.realized == 2_000_000


def test_scalar_settlement_rounds_down_to_the_balance_grid():
    account = Account(0)
    account.position("T").lots = 10_001
    record = account.settle("T", "E", "scalar", 3060, 100, 5)
    assert record is not None
    assert (record.paid, record.fee) == (30_603_000, 60)  # 100.01 x .3060 = 30.60306


def test_bound_covers_any_split_of_an_order():
    charges = Charges(FeeSchedule("quadratic_with_maker_fees"))
    now = 1_790_000_000 * SECOND
    for cuts in ([0, 7], [0, 1, 2, 3, 7], list(range(8))):
        fees, carried = 0, 0
        for low, high in pairwise(cuts):
            lots = high - low
            fee, carried = charges.fee(now, -lots * 5501, 5501, lots, False, carried)
            fees += fee
        assert fees <= charges.bound(now, 5501, 7)


def test_what_a_position_shows_is_what_its_fills_add_up_to(desktop):
    desk = desktop()
    desk.order("bid", "0.4800", "3.00")
    desk.order("ask", "0.4600", "1.00")
    held = desk.venue.account.positions[TICKER]
    fees = sum(fill.fee for fill in desk.heard.of("fill"))
    shown = views.position(TICKER, held)
    assert {name: shown[f"{name}_dollars"] for name in ("total_traded", "market_exposure", "realized_pnl")} == {
        "total_traded": "1.980000", "market_exposure": "0.960000", "realized_pnl": "-0.020000",
    }  # fmt: skip
    assert (shown["position_fp"], shown["fees_paid_dollars"]) == ("2.00", f"{fees / 1e6:.6f}")
    event = views.event_position("E", [held, held])
    assert (event["total_cost_dollars"], event["total_cost_shares_fp"]) == ("3.960000", "8.00")
    assert (event["event_exposure_dollars"], event["realized_pnl_dollars"]) == ("1.920000", "-0.040000")
    assert views.position_message(TICKER, held)["volume_fp"] == "4.00"


@pytest.mark.parametrize(
    ("lots", "value", "paid"), [(-300, 0, 3_000_000), (-300, 2500, 2_250_000), (300, 2500, 750_000)]
)
def test_a_position_is_paid_its_side_and_then_there_is_none(lots, value, paid):
    account = Account(10_000_000)
    held = account.position("T")
    held.lots, held.cost = lots, 1_200_000
    record = account.settle("T", "E", "no", value, 100, 5)
    assert record is not None
    assert (record.paid, record.lots, record.cost, account.cash) == (paid, lots, 1_200_000, 10_000_000 + paid)
    assert (held.lots, held.cost, held.realized) == (0, 0, paid - 1_200_000)
    assert account.settle("T", "E", "no", value, 100, 6) is None
