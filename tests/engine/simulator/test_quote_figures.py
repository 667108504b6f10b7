"""What a replay posted, how it stood and what it held, on frames small enough to count by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from touchline.engine.simulator.quote_figures import period_pnl, posted_lots, quote_figures, standing
from touchline.engine.simulator.tape.rebuild import DELTA
from touchline.engine.simulator.tape.tape import Tape, TapeMarket, TapeRows, build

SECOND = 1_000_000_000


def quotes(*rows: tuple[int, int | None, int, int | None, int]) -> pl.DataFrame:
    """Time in seconds, bid in ticks, lots, ask in ticks, lots."""
    schema = {"ts": pl.Int64, "bid": pl.Int64, "bid_size": pl.Int64, "ask": pl.Int64, "ask_size": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(pl.col("ts") * SECOND)


@pytest.fixture(scope="module")
def tape() -> Tape:
    """Bid 40, ask 60 cents from second 0; a better bid of 45 from second 10; the last event at second 20."""
    made = TapeRows(
        np.array([0, 0, 10, 20], np.int64) * SECOND,
        np.full(4, DELTA, np.uint8),
        np.array([1, -1, 1, 1], np.int8),
        np.array([4000, 6000, 4500, 3000], np.int32),
        np.full(4, 100, np.int64),
    )
    return build(TapeMarket("MADE-UP", "MADE", "MADE-UP"), made, np.zeros(0), empty_start=True)


def test_an_order_is_posted_when_its_price_changes_or_its_size_grows():
    frame = quotes((0, 4000, 100, None, 0), (1, 4000, 60, 6000, 50), (2, 4000, 90, 6000, 50), (3, 4100, 90, None, 0))
    assert posted_lots(frame) == (100 + 30 + 90) + 50


def test_shares_of_time_are_counted_by_the_clock(tape: Tape):
    frame = quotes((2, 4000, 100, None, 0), (5, 4000, 100, 7000, 100), (16, None, 0, 6000, 100))
    stood = standing(tape, frame)
    assert stood["at_touch"] == (8 + 4) / 20  # the bid until it is outbid at 10, the ask from 16
    assert stood["hours"] == 18 / 3600


def test_periods_without_a_change_count_as_flat():
    frame = pl.DataFrame({"ts": [SECOND, 8 * SECOND, 31 * SECOND], "equity": [5, 7, 4]})
    assert period_pnl(frame, 10 * SECOND).tolist() == [7, 0, 0, -3]


def test_figures_add_up(tape: Tape):
    fills = pl.DataFrame({"ts": [10 * SECOND], "size": [25], "position": [25]})
    equity = pl.DataFrame({"ts": [10 * SECOND, 20 * SECOND], "equity": [0, 100]})
    made = quote_figures(tape, fills, quotes((0, 4000, 100, 6000, 100)), equity, 10 * SECOND)
    assert made["fill_ratio"] == 25 / 200
    assert made["fills_a_quote_hour"] == pytest.approx(180)
    assert made["inventory"]["mean_abs"] == 12.5
    assert made["sharpe_period_s"] == 10
    assert made["sharpe"] == pytest.approx(50 / np.std([0, 100], ddof=1))


def test_nothing_quoted_is_nothing_and_not_an_error(tape: Tape):
    empty = pl.DataFrame(schema={"ts": pl.Int64, "size": pl.Int64, "position": pl.Int64})
    equity = pl.DataFrame({"ts": [20 * SECOND], "equity": [0]})
    made = quote_figures(tape, empty, quotes(), equity, 10 * SECOND)
    assert made["fill_ratio"] is None and made["fills_a_quote_hour"] is None and made["sharpe"] is None
    assert made["at_touch"] == 0
