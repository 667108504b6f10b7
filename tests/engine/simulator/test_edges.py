"""The edges of rules, where one more lot, tick or nanosecond decides: each on the smallest tape that tells."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from touchline.engine.simulator import prepare
from touchline.engine.simulator.assumptions.fees import ROUNDINGS, fill_fee_nb
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.kernel.rows import I, L
from touchline.engine.simulator.prepare import new_block
from touchline.engine.simulator.replay import Replay, replay
from touchline.engine.simulator.tape import rebuild as kernel
from touchline.engine.simulator.tape.events import BOOK, KIND, LATER, TRADE
from touchline.engine.simulator.tape.tape import Tape, TapeMarket, TapeRows, build
from touchline.strategies.parameters import Parameter
from touchline.strategies.quoting.model import QuotingModel

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND  # in September 2026
DELTA, PRINT = kernel.DELTA, kernel.PRINT
FINEST = "center_centi_edge_centi_cent"
Given = tuple[float, int, int, float, float]  # seconds, what, side, cents, contracts


class Stands(QuotingModel):
    """Quotes the same whatever happens; a price of 0 is no quote."""

    name = "stands"
    parameters = (
        Parameter("bid", 45.0, 0.0, 100.0, "cents"),
        Parameter("ask", 0.0, 0.0, 100.0, "cents"),
        Parameter("size", 5.0, 0.01, 100.0, "contracts"),
    )

    @staticmethod
    def quote(known: Any, p: Any) -> tuple[float, float, float, float]:
        return p.bid if p.bid > 0.0 else math.nan, p.ask if p.ask > 0.0 else math.nan, p.size, p.size


def tape_of(*given: Given, window_ns: int = SECOND, **market: Any) -> Tape:
    """A tape of (seconds, what, side, cents, contracts), its book known from the start."""
    table = np.array(given)
    columns = TapeRows(
        START + np.rint(table[:, 0] * 1e9).astype(np.int64), table[:, 1].astype(np.uint8), table[:, 2].astype(np.int8),
        np.rint(table[:, 3] * 100).astype(np.int32), np.rint(table[:, 4] * 100).astype(np.int64),
    )  # fmt: skip
    return build(TapeMarket("M", **market), columns, np.zeros(0), empty_start=True, window_ns=window_ns)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Replay]:
    """Replay a tape uncompiled, deciding at every moment and without fees, if nothing else is said."""
    monkeypatch.setattr(prepare, "kernel", interpreted)

    def made(tape: Tape, given: dict[str, float] | None = None, **assumed: Any) -> Replay:
        return replay(tape, Stands, given, Assumptions(**({"requote_ms": 0.0, "fees": "none"} | assumed)))

    return made


BOOK_45_50 = ((0, DELTA, 1, 45, 10), (0, DELTA, -1, 50, 10))


def sizes(found: Replay) -> list[int]:
    return found.fills["size"].to_list()


def test_a_whole_fill_needs_a_lot_more_than_what_is_ahead(run):
    """risk-averse@1: ten contracts ahead and ten traded fill nothing, a lot more fills all."""
    exact = tape_of(*BOOK_45_50, (1, PRINT, -1, 45, 10))
    assert sizes(run(exact, queue="risk-averse@1")) == []
    more = tape_of(*BOOK_45_50, (1, PRINT, -1, 45, 10.01))
    assert sizes(run(more, queue="risk-averse@1")) == [500]
    later = tape_of(*BOOK_45_50, (1, PRINT, -1, 45, 10), (2, PRINT, -1, 45, 0.01))
    assert sizes(run(later, queue="risk-averse@1")) == [500]


def test_a_partial_fill_begins_with_the_first_lot_behind_what_is_ahead(run):
    for queue in ("pessimistic@1", "power@3"):
        exact = tape_of(*BOOK_45_50, (1, PRINT, -1, 45, 10))
        assert sizes(run(exact, queue=queue)) == []
        more = tape_of(*BOOK_45_50, (1, PRINT, -1, 45, 10.01))
        assert sizes(run(more, queue=queue)) == [1]


@pytest.mark.parametrize("queue", ["pessimistic@1", "power@3"])
@pytest.mark.parametrize("price", [45, 44])
def test_a_partial_fill_is_no_larger_than_the_order(run, queue: str, price: int):
    """Five contracts rest behind ten: thirty traded there, or below, fill these five."""
    tape = tape_of(*BOOK_45_50, (0, DELTA, 1, 44, 50), (1, PRINT, -1, price, 30))
    assert sizes(run(tape, {"size": 5}, queue=queue)) == [500]


@pytest.mark.parametrize("apart", [0, 1])
def test_an_order_that_moves_begins_its_fees_anew(run, apart: int):
    """Fills of one order carry the rounding on; those of the order that took its place do not."""
    tape = tape_of(
        *BOOK_45_50, (1, PRINT, -1, 45, 0.37), (1 + apart, PRINT, -1, 45, 0.41),
        fee_history=((0, "quadratic_with_maker_fees", 1.0),),
    )  # fmt: skip
    found = run(tape, {"size": 1}, queue="touch@1", fees="exchange")
    rule = ROUNDINGS[-1]
    grid, rebate = rule.grid["direct"], rule.rebate_step["direct"]

    def fee(lots: int, carried: int) -> tuple[int, int]:
        return fill_fee_nb(-4_500 * lots, 4_500, lots, 175_000, rule.trade_step, grid, rebate, 0, carried)

    first, carried = fee(37, 0)
    second = {0: fee(41, carried)[0], 1: fee(41, 0)[0]}
    assert second[0] != second[1]
    assert (found.fills["fee"] - found.fills["rebate"]).to_list() == [first, second[apart]]


def test_lots_are_taken_once_until_the_book_changes(run):
    """A crossing quote of one contract takes the three that stand there, one at a decision, and no fourth."""
    still = [(second, DELTA, 1, 40, 1) for second in range(1, 7)]
    book = ((0, DELTA, 1, 45, 10), (0, DELTA, -1, 50, 3))
    taken = run(tape_of(*book, *still), {"bid": 50, "size": 1}, post_only=False)
    assert sizes(taken) == [100, 100, 100]
    assert taken.fills["taker"].to_list() == [True] * 3
    whole = run(tape_of(*book, *still), {"bid": 50, "size": 5}, post_only=False)
    assert sizes(whole) == [300]
    sold = (8, PRINT, -1, 50, 1)  # to what rests of the quote, which is then renewed and looks for more
    same = run(tape_of(*book, *still, sold), {"bid": 50, "size": 5}, post_only=False)
    assert sizes(same) == [300, 100]
    renewed = run(tape_of(*book, *still, (7, DELTA, -1, 50, 2), sold), {"bid": 50, "size": 5}, post_only=False)
    assert sizes(renewed) == [300, 100, 500]


def test_levels_that_were_taken_through_are_taken_once(run):
    book = ((0, DELTA, 1, 45, 10), (0, DELTA, -1, 50, 1), (0, DELTA, -1, 51, 2))
    still = [(second, DELTA, 1, 40, 1) for second in range(1, 4)]
    found = run(tape_of(*book, *still), {"bid": 51, "size": 5}, post_only=False)
    assert sizes(found) == [100, 200]
    assert found.fills["price"].to_list() == [5_000, 5_100]


@pytest.mark.parametrize(("daily_loss", "stops"), [(0.05, True), (0.1, True), (0.1001, False)])
def test_the_daily_stop_holds_at_the_loss_itself(run, daily_loss: float, stops: bool):
    """Ten contracts bought at 45, and the mid falls to 44: ten cents."""
    tape = tape_of(
        *BOOK_45_50, (1, PRINT, -1, 45, 10), (2, DELTA, 1, 45, -10), (2, DELTA, 1, 43, 10), (2, DELTA, -1, 45, 10),
        (3, DELTA, 1, 40, 1), settlement=0,
    )  # fmt: skip
    found = run(tape, {"size": 10}, queue="touch@1", daily_loss=daily_loss)
    assert sizes(found) == [1_000]
    assert found.equity["equity"][-1] == -100_000
    assert (found.quotes["bid_size"][-1] == 0) == stops


def test_the_daily_stop_ends_with_the_day(run):
    """Stopped on the first day; on the second one it counts from the equity that it begins with."""
    day = 86_400 - START // SECOND % 86_400
    fall = ((2, DELTA, 1, 45, -10), (2, DELTA, 1, 43, 10), (2, DELTA, -1, 45, 10))
    for second, stands in ((day - 0.000000001, False), (day, True)):
        tape = tape_of(*BOOK_45_50, (1, PRINT, -1, 45, 10), *fall, (second, DELTA, 1, 40, 1), settlement=0)
        found = run(tape, {"size": 10}, queue="touch@1", daily_loss=0.1)
        assert (found.quotes["bid_size"][-1] > 0) == stands


def test_limits_are_the_nearest_lot_and_micro(monkeypatch: pytest.MonkeyPatch):
    """0.29 contracts are 29 lots, though the float says a little less; so is half a cent of loss and capital."""
    monkeypatch.setattr(prepare, "kernel", interpreted)
    assumed = Assumptions(position_limit=1.15, halt=0.29, daily_loss=0.000_057, capital=4.350_001)
    block = new_block(tape_of(*BOOK_45_50), Stands, [{"bid": 45, "ask": 0, "size": 1}], [assumed], record=True)
    assert [int(block.ints(row)[0]) for row in (I.limit, I.halt)] == [115, 29]
    assert [int(block.longs(row)[0]) for row in (L.loss, L.capital)] == [57, 4_350_001]


@pytest.mark.parametrize(("held", "quotes"), [(0.28, True), (0.29, False), (0.3, False)])
def test_a_halt_holds_from_its_position_on(run, held: float, quotes: bool):
    tape = tape_of(*BOOK_45_50, (1, PRINT, -1, 45, held), (2, DELTA, 1, 40, 1))
    found = run(tape, {"size": 1}, queue="touch@1", halt=0.29)
    assert sizes(found) == [round(held * 100)]
    assert (found.quotes["bid_size"][-1] > 0) == quotes


@pytest.mark.parametrize(("late", "matched"), [(0, 1_000), (1, 0)])
def test_a_decrease_a_whole_window_after_its_trade_is_matched(late: int, matched: int):
    tape = tape_of(
        (0, DELTA, 1, 45, 30), (1, PRINT, -1, 45, 10), (1.5 + late * 1e-9, DELTA, 1, 45, -10), window_ns=SECOND // 2
    )  # fmt: skip
    assert tape.coverage.matched_lots == matched
    assert tape.columns.aux[-1] == matched


@pytest.mark.parametrize(("late", "matched"), [(0, 1_000), (1, 0)])
def test_a_decrease_a_whole_window_before_its_trade_is_matched(late: int, matched: int):
    tape = tape_of(
        (0, DELTA, 1, 45, 30), (1, DELTA, 1, 45, -10), (1.5 + late * 1e-9, PRINT, -1, 45, 10), window_ns=SECOND // 2
    )  # fmt: skip
    assert tape.coverage.matched_lots == matched
    assert bool(tape.columns.kind[1] & LATER) == bool(matched)


def test_two_decreases_at_the_end_of_the_window_share_their_trade():
    tape = tape_of(
        (0, DELTA, 1, 45, 30), (1, PRINT, -1, 45, 10), (2, DELTA, 1, 45, -4), (2, DELTA, 1, 45, -6), window_ns=SECOND
    )  # fmt: skip
    assert tape.columns.aux.tolist() == [0, 0, 400, 600]


def test_sides_that_meet_at_one_price_are_crossed():
    assert tape_of((0, DELTA, 1, 50, 1), (0, DELTA, -1, 50, 1)).coverage.crossed_events == 1
    assert tape_of((0, DELTA, 1, 49, 1), (0, DELTA, -1, 50, 1)).coverage.crossed_events == 0
    assert tape_of((0, DELTA, 1, 50, 1), (1, DELTA, 1, 40, 1)).coverage.crossed_events == 0


@pytest.mark.parametrize(
    ("prices", "sides"),
    [
        ([50], [1]),  # at the ask: bought
        ([52], [1]),
        ([45], [0]),  # at the bid: sold
        ([44], [0]),
        ([47, 48], [1, 1]),  # between them: the first one counts as no lower than the one before
        ([48, 48], [1, 1]),
        ([48, 47], [1, 0]),
        ([45, 46], [0, 1]),
        ([52, 50], [1, 1]),  # at the ask, though lower than the one before
        ([44, 45], [0, 0]),
    ],
)
def test_who_took_is_guessed_from_the_touch_and_then_from_the_trade_before(prices: list[int], sides: list[int]):
    tape = tape_of(*BOOK_45_50, *((1 + at, PRINT, 0, price, 1) for at, price in enumerate(prices)))
    trades = (tape.columns.kind & KIND) == TRADE
    assert tape.columns.side[trades].tolist() == sides
    assert tape.coverage.guessed_sides == len(prices)


def test_a_guess_needs_a_side_of_the_book_to_go_by():
    """Without asks no price is at the ask, and without bids none at the bid."""
    for side, price in ((1, 99), (-1, 1)):
        book = (0, DELTA, side, 50, 1)
        tape = tape_of(book, (1, PRINT, 1, 98, 1), (2, PRINT, 0, price, 1))
        assert tape.columns.side[-1] == (1 if price > 98 else 0)
    assert tape_of((0, DELTA, -1, 50, 1), (1, PRINT, 1, 20, 1), (2, PRINT, 0, 30, 1)).columns.side[-1] == 1


@pytest.mark.parametrize(("side", "value"), [(1, 13_501), (-1, -13_502)])
def test_an_open_position_is_worth_the_mid_to_half_a_tick(run, side: int, value: int):
    """Three lots at a mid of 45.005 cents are worth 13,501.5 micros, rounded down; the whole tick alone 13,500."""
    tape = tape_of(
        (0, DELTA, 1, 45.00, 10), (0, DELTA, -1, 45.01, 10), (1, PRINT, -side, 45.00 if side > 0 else 45.01, 0.03),
        grid=FINEST,
    )  # fmt: skip
    given = {"bid": 45.0, "ask": 0} if side > 0 else {"bid": 0, "ask": 45.01}
    total = run(tape, {**given, "size": 0.03}, queue="touch@1").totals
    price = 4_500 if side > 0 else 4_501
    assert (total.position, total.cash) == (3 * side, -3 * side * price)
    assert total.pnl == total.cash + value
    assert total.settlement == value - 3 * side * 4_500
    assert total.pnl == total.spread_capture + total.drift + total.settlement


def test_a_change_of_the_book_ends_at_the_level_it_names(run):
    """Of a level's lots none go below nothing, and the book stays known."""
    tape = tape_of(*BOOK_45_50, (1, DELTA, 1, 45, -10), (2, DELTA, -1, 50, -10))
    assert (tape.columns.kind & KIND).tolist() == [BOOK] * 4
    assert tape.coverage.negative_levels == 0


@pytest.mark.parametrize(("held", "quotes"), [(0.28, True), (0.29, False)])
def test_a_halt_holds_for_what_is_owed_too(run, held: float, quotes: bool):
    tape = tape_of(*BOOK_45_50, (1, PRINT, 1, 50, held), (2, DELTA, 1, 40, 1))
    found = run(tape, {"bid": 0, "ask": 50, "size": 1}, queue="touch@1", halt=0.29)
    assert found.totals.position == -round(held * 100)
    assert (found.quotes["ask_size"][-1] > 0) == quotes


@pytest.mark.parametrize(("capital", "refused"), [(0.45, 0), (0.4499, 2)])
def test_an_order_may_take_all_of_the_capital(run, capital: float, refused: int):
    found = run(tape_of(*BOOK_45_50, (1, DELTA, 1, 40, 1)), {"size": 1}, capital=capital)
    assert found.totals.refused == refused


def test_a_trade_at_the_level_touches_and_does_not_go_through(run):
    tape = tape_of(*BOOK_45_50, (1, PRINT, -1, 45, 1))
    assert [sizes(run(tape, queue=queue)) for queue in ("touch@1", "through@1")] == [[100], []]


@pytest.mark.parametrize(("since", "is_paid"), [(SECOND, True), (SECOND + 1, False)])
def test_a_fee_holds_from_the_moment_at_which_it_begins(run, since: int, is_paid: bool):
    fees = ((0, "quadratic", 1.0), (START + since, "quadratic_with_maker_fees", 1.0))
    tape = tape_of(*BOOK_45_50, (1, PRINT, -1, 45, 30), (2, PRINT, -1, 30, 0.01), fee_history=fees)
    found = run(tape, {"size": 5}, queue="touch@1", fees="exchange")
    assert (found.fills["fee"][0] > 0) is is_paid
