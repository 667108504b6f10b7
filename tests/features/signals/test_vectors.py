"""Signals against figures worked out by hand and in the papers, and against Polars expressions on the same history."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from touchline.engine.simulator.signals.course import Course
from touchline.engine.simulator.tape.mids import mid_tape
from touchline.engine.simulator.tape.tape import TapeMarket, TapeRows, build
from touchline.features import bollinger as bands
from touchline.features import flow as flows
from touchline.features import momentum as momenta
from touchline.features.signals.flow import order_flow_imbalance, signed_flow, vpin
from touchline.features.signals.price import bollinger, momentum
from touchline.features.signals.volatility import ewma_volatility, realised_volatility

from ...engine.simulator.test_replay import noise_tape

SECOND, START = 10**9, 1_750_000_000 * 10**9
DELTA, PRINT, TICK = 0, 4, 5
#: Bid, its contracts, ask, its contracts, in cents: methods of order-flow imbalance, section 10.
STATES = [(45, 100, 47, 80), (45, 120, 47, 80), (46, 30, 47, 80), (46, 30, 47, 50), (46, 30, 48, 90), (45, 110, 48, 90),
          (45, 110, 47, 40)]  # fmt: skip


def columns(tape, signal):
    out = np.empty((len(tape), signal.columns))
    values = tape.values if len(tape.values) else np.full(1, np.nan)
    Course({"it": signal}, tape.grid, {}).take(tape.columns, values, out, 0, len(tape))
    return out


def touch_tape(states):
    """A second for each touch: what stood goes, what is to stand comes."""
    rows, before = [], None
    for k, state in enumerate(states):
        for side, at in ((1, 0), (-1, 2)):
            if before and before[at : at + 2] != state[at : at + 2]:
                rows.append((k, side, before[at], -before[at + 1]))
            if not before or before[at : at + 2] != state[at : at + 2]:
                rows.append((k, side, state[at], state[at + 1]))
        before = state
    k, side, price, size = (np.array(one) for one in zip(*rows, strict=True))
    table = TapeRows(START + k * SECOND, np.full(len(k), DELTA, np.uint8), side.astype(np.int8),
                     (price * 100).astype(np.int32), size.astype(np.int64) * 100)  # fmt: skip
    return build(TapeMarket("T"), table, np.zeros(0), empty_start=True)


def trade_tape(trades):
    side, size = (np.array(one) for one in zip(*trades, strict=True))
    rows = TapeRows(START + np.arange(len(trades)) * SECOND, np.full(len(trades), PRINT, np.uint8),
                    side.astype(np.int8), np.full(len(trades), 5_000, np.int32), size * 100)  # fmt: skip
    return build(TapeMarket("T"), rows, np.zeros(0), empty_start=True)


def ends(tape, values):
    """The values after each whole moment."""
    return values[(tape.columns.kind & 16) > 0]


def test_order_flow_imbalance_is_that_of_the_paper_s_states():
    tape = touch_tape(STATES)
    last = ends(tape, columns(tape, order_flow_imbalance(1)))[:, 0]
    assert last.tolist() == [0, 20, 30, 30, 50, -30, -40]
    total = ends(tape, columns(tape, order_flow_imbalance(1000)))[:, 0]
    assert total[-1] == 60


def test_vpin_of_three_buckets():
    tape = trade_tape([(1, 60), (-1, 40), (1, 20), (-1, 80), (1, 50), (-1, 50)])
    assert columns(tape, vpin(100, 3))[-1, 0] == pytest.approx(0.2666667, abs=1e-7)
    split = trade_tape([(1, 60), (-1, 40), (1, 20), (-1, 130), (1, 50)])
    assert np.isnan(columns(split, vpin(100, 3))[3, 0])
    assert columns(split, vpin(100, 3))[-1, 0] == pytest.approx(0.2666667, abs=1e-7)


def path(*at):
    ts, mids = zip(*at, strict=True)
    return mid_tape(START + np.array(ts) * SECOND, np.array(mids, np.float64))


def test_ewma_volatility_of_four_mids():
    tape = path((0, 50), (2, 51), (3, 49), (10, 52))
    got = ends(tape, columns(tape, ewma_volatility(5)))[:, 0]
    assert got**2 == pytest.approx([0, 0.220991082, 0.443329564, 0.788051453], abs=1e-9)


def test_bollinger_weighs_each_mid_by_how_long_it_stood():
    ticking = path((0, 50), (2, 51), (3, 49), (10, 52), (12, 52))
    percent, z = ends(ticking, columns(ticking, bollinger(12)))[-1]
    assert z == pytest.approx((52 - 49.833333) / 1.142609, abs=1e-5)
    assert percent == pytest.approx((z + 2) / 4)


def test_realised_volatility_is_the_root_of_squares_a_second():
    tape = path((0, 50), (2, 51), (3, 49), (10, 52))
    assert ends(tape, columns(tape, realised_volatility(100)))[-1, 0] == pytest.approx(math.sqrt((1 + 4 + 9) / 10))
    assert ends(tape, columns(tape, realised_volatility(8)))[-1, 0] == pytest.approx(math.sqrt((4 + 9) / 8))


@pytest.fixture(scope="module")
def frame():
    """A tape and its touch after each whole moment, as a frame."""
    tape = noise_tape(seconds=90)
    c, whole = tape.columns, (tape.columns.kind & 16) > 0
    from touchline.features.signals.price import touch

    named = dict(zip(("mid", "bid", "ask", "bid_size", "ask_size"), columns(tape, touch())[whole].T[:5], strict=True))
    lots = {name: np.rint(named.pop(name) * 100).astype(np.int64) for name in ("bid_size", "ask_size")}
    found = pl.DataFrame({"ticker": "A", "ts": c.ts[whole], **named, **lots}).fill_nan(None)
    return tape, found


def test_order_flow_is_the_expression_over_the_touch(frame):
    tape, touches = frame
    each = touches.with_columns(e=flows.order_flow_imbalance().fill_null(0))
    wanted = each.select(pl.col("e").rolling_sum_by("ts", f"{20 * SECOND}i"))["e"].to_numpy() * 0.01
    got = ends(tape, columns(tape, order_flow_imbalance(20)))[:, 0]
    assert np.array_equal(got, wanted)


def test_signed_flow_is_the_sum_over_the_trades(frame):
    tape, _ = frame
    c = tape.columns
    sold = pl.DataFrame({"ts": c.ts, "x": np.where((c.kind & 7) == 1, (2 * c.side - 1) * c.size.astype(np.int64), 0)})
    wanted = sold.select(pl.col("x").rolling_sum_by("ts", f"{15 * SECOND}i"))["x"].to_numpy() * 0.01
    got = columns(tape, signed_flow(15))[:, 0]
    assert np.array_equal(ends(tape, got), ends(tape, wanted))


def test_momentum_and_bands_are_the_expressions_over_the_mid(frame):
    tape, touches = frame
    lazy = momenta.momentum(touches.lazy(), "mid", {"20": 20 * SECOND})
    lazy = bands.time_weighted(lazy, "mid", 30 * SECOND)
    shown = lazy.with_columns(b=bands.percent_b(pl.col("mid"), pl.col("mid_mean"), pl.col("mid_sd"))).collect()
    got = ends(tape, columns(tape, momentum(20)))[:, 0]
    there = shown["mid"].is_not_null().to_numpy()
    assert there.mean() > 0.9
    moved = shown["momentum_20"].fill_null(math.nan).to_numpy()
    assert got[there] == pytest.approx(moved[there], abs=1e-9, nan_ok=True)
    percent = ends(tape, columns(tape, bollinger(30)))[:, 0]
    wanted = shown["b"].fill_null(math.nan).to_numpy()
    both = there & ~np.isnan(wanted) & ~np.isnan(percent)
    assert both.sum() > 100
    assert percent[both] == pytest.approx(wanted[both], abs=1e-5)
