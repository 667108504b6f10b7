"""Orders at the touch, bar by bar: each one alone in plain Python, small and large, and what the future may not say."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.bets.panel.maker import rested, with_orders
from touchline.engine.bets.types import NO_ORDER, ORDER_LOTS
from touchline.engine.simulator.assumptions.queue import queue_model
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.simulator.tape.tape import open_at_start

from ... import oracle
from ..made_books import made_books
from ..simulator.test_kernel import oracle_ticks, tapes

SECOND = 10**9
QUEUES = ("touch@1", "touch+cross@1", "through@1", "pessimistic@1", "optimistic@1", "risk-averse@1", "power@3", "log@1")


def one_order(tape, queue, placed, until, side, lots):
    """Times and lots of the fills of one order that joins the touch after all events up to ``placed``, or None."""
    c, named = tape.columns, queue_model(queue)
    setting = oracle.Setting(
        rule=queue.partition("@")[0].removesuffix("+cross"), exponent=named.exponent, partial=named.partial,
        cross=named.cross, is_open=open_at_start(tape), requote_ns=10**18,
    )  # fmt: skip
    events = [
        oracle.Event(int(c.ts[i]), int(c.kind[i] & 7), int(c.side[i]), int(c.level[i]), int(c.size[i]), int(c.aux[i]),
                     bool(c.kind[i] & 32), False)
        for i in range(len(c.ts))
    ]  # fmt: skip
    ticks, values = oracle_ticks(tape.market.grid), [float(v) for v in tape.values]
    run = oracle.Run(events, values, ticks, lambda _: (), setting, [], [])
    before = [i for i, event in enumerate(events) if event.ts <= placed]
    for i in before:
        run.happen(i, events[i])
    bid, ask = run.best(run.book)
    if not before or not run.is_quotable(run.book) or bid >= ask:
        return None
    level = max(run.book[side])
    run.place(before[-1], placed, side, 0, level, lots, version=0)
    for i, event in enumerate(events):
        if placed < event.ts <= until:
            run.happen(i, event)
    assert all(fill[2] == side and fill[3] == level for fill in run.out.fills)
    return [(fill[0], fill[4]) for fill in run.out.fills]


def expected(tape, times, queue, bars, lots):
    after = np.full((2, len(times)), NO_ORDER)
    got = np.zeros((2, len(times)), int)
    for side in range(2):
        for b, placed in enumerate(times):
            fills = one_order(tape, queue, placed, times[min(b + bars, len(times) - 1)], side, lots)
            if fills is None:
                continue
            first = min((int(np.searchsorted(times, ts)) for ts, _ in fills), default=b)
            after[side, b] = first - b
            got[side, b] = sum(size for ts, size in fills if np.searchsorted(times, ts) == first)
    return after, got


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_order_fills_as_one_alone_in_plain_python_whatever_its_size(data):
    tape = data.draw(tapes("linear_cent"))
    queue, bars = data.draw(st.sampled_from(QUEUES)), data.draw(st.integers(1, 4))
    step = data.draw(st.sampled_from([SECOND, 3 * SECOND]))
    first = int(tape.columns.ts[0]) + data.draw(st.integers(-2, 2)) * SECOND
    count = max((int(tape.columns.ts[-1]) - first) // step + 2, 2)
    times = first + step * np.arange(count, dtype=np.int64)
    lots = data.draw(st.sampled_from([1, 40, 300, 1_000_000]))
    after, got = rested(tape, times, queue, bars)
    small_after, small = rested(tape, times, queue, bars, lots)
    wanted_after, wanted = expected(tape, times.tolist(), queue, bars, lots)
    assert small_after.tolist() == wanted_after.tolist()
    assert small.tolist() == wanted.tolist()
    assert after.tolist() == wanted_after.tolist()
    assert np.minimum(got, lots).tolist() == wanted.tolist()


def test_fills_come_and_the_position_never_limits_an_order(tmp_path):
    """With ``risk-averse`` every fill is whole: 100,000 contracts a bar, far beyond any limit together."""
    store = made_books(tmp_path / "store", markets=1, seconds=3_000)
    panel = build_panel(store, step_ns=10 * SECOND)
    tape = compile_tape(store, "MADE-00", None, int(panel.times[-1]) + 1)
    after, lots = rested(tape, panel.times, "risk-averse@1", 1)
    assert (lots[after > 0] == ORDER_LOTS).all()
    assert (after > 0).sum() > 60
    assert lots.sum() > 4 * 10**8
    after, lots = rested(tape, panel.times, "power@3", 3)
    assert set(np.unique(after)) == {NO_ORDER, 0, 1, 2, 3}
    closed = panel.times >= panel.markets["close_ts"][0]
    assert (after[:, closed] == NO_ORDER).all()


def test_a_panel_holds_the_orders_of_its_markets_and_none_of_the_future(tmp_path):
    store = made_books(tmp_path / "store", markets=3, seconds=900)
    whole = with_orders(store, build_panel(store, step_ns=60 * SECOND), "power@3", 2)
    assert whole.resting is not None
    assert build_panel(store, step_ns=60 * SECOND).resting is None

    def by_bar(panel, rows, outside):
        return panel.lives.matrix(rows, outside, outside)

    for m, ticker in enumerate(whole.markets["ticker"]):
        tape = compile_tape(store, ticker, None, int(whole.times[-1]) + 1)
        after, lots = rested(tape, whole.times, "power@3", 2)
        for side in range(2):
            found = by_bar(whole, whole.resting.after[side], NO_ORDER), by_bar(whole, whole.resting.lots[side], 0)
            np.testing.assert_array_equal(found[0][:, m], after[side])
            np.testing.assert_array_equal(found[1][:, m], lots[side])
            prices = whole.matrices[("bid", "ask")[side]][:, m]
            assert (prices[after[side] != NO_ORDER] > 0).all()
    cut = 40
    early = with_orders(
        store,
        build_panel(store, int(whole.times[0]) - 60 * SECOND, int(whole.times[cut - 1]), 60 * SECOND),
        "power@3",
        2,
    )
    assert early.resting is not None
    cut_off = whole.until(cut)
    kept = cut_off.resting
    assert kept is not None
    assert (early.shape[0], cut_off.shape[0]) == (cut, cut)
    bars = np.arange(cut)[:, None]
    for side in range(2):
        after, lots = by_bar(cut_off, kept.after[side], NO_ORDER), by_bar(cut_off, kept.lots[side], 0)
        inside = (after > 0) & (bars + after < cut)
        np.testing.assert_array_equal(
            by_bar(early, early.resting.after[side], NO_ORDER), np.where(inside | (after < 0), after, 0)
        )
        np.testing.assert_array_equal(by_bar(early, early.resting.lots[side], 0), np.where(inside, lots, 0))
