"""A model's signals: along a tape, and on a stream of single events.

Workload: the flow set, five signals (signed flow over 10, 60 and 300 seconds, order-flow imbalance over 10, VPIN of 50
buckets), on the common work's 2,000,000 events, on one core; without that tape, and in short runs, a synthetic one.
Before anything is timed the columns are compared with a walk in slices. Then a live run of a model that reads all
five: a million events, one a call (BENCH_DATA), each call timed; the last tenth beside the first one, and the memory
that it takes. Rates and times are of this machine; what is flat is a ratio.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import psutil
import pytest
from touchline.engine.live.live import Live
from touchline.engine.simulator.signals.walker import Walker
from touchline.engine.simulator.state import Columns
from touchline.features.signals.flow import order_flow_imbalance, signed_flow, vpin
from touchline.strategies.models.fixed_spread import FixedSpread

from . import work
from .tapes import SHORT, common_rows, synthetic_rows, tape

pytestmark = pytest.mark.bench

FLOW = {
    "flow_10": signed_flow(10), "flow_60": signed_flow(60), "flow_300": signed_flow(300),
    "imbalance": order_flow_imbalance(10), "toxic": vpin(100, 50),
}  # fmt: skip


class Reader(FixedSpread):
    """Leans on all five signals."""

    name = "flow-reader"
    signals = FLOW

    @staticmethod
    def quote(known, p):
        """Bid, ask, bid size, ask size."""
        s = known.signals
        lean = 0.001 * (s.flow_10 + s.flow_60 + s.flow_300 + s.imbalance)
        lean = lean if s.toxic > 0.3 else 0.0
        return known.mid + lean - p.half_spread, known.mid + lean + p.half_spread, p.size, p.size


@pytest.fixture(scope="module")
def market():
    made = tape(common_rows("tape_2m") or synthetic_rows(50_000 if SHORT else 400_000))
    return replace(made, market=replace(made.market, close_ts=int(made.columns.ts[-1]) + 60 * 10**9))


def test_the_flow_set_along_a_tape(benchmark, tell, market):
    out, again = (np.empty((len(market), len(FLOW))) for _ in range(2))

    def walk(into, slices=1):
        walker = Walker(FLOW, tuple(FLOW), market.grid)
        for part in range(slices):
            first, stop = (len(market) * at // slices for at in (part, part + 1))
            walker.take(market.columns, np.zeros(1), into[first:stop], first, stop)

    walk(again, 7)
    took = work.fastest(lambda: out, walk, turns=4, benchmark=benchmark)
    assert np.array_equal(out, again, equal_nan=True)
    rate = len(market) / took.cpu / 1e6
    tell("the flow set along a tape", {"signals_mevents": rate}, events=len(market))


def test_live_events_one_by_one(benchmark, tell, market):
    count = min(len(market), 20_000 if SHORT else 1_000_000)
    live = Live(market.market, Reader)
    live.warm(int(market.columns.ts[0]))
    took = np.zeros(count)
    took.fill(1.0)  # so that its memory is there before it is measured
    process, memory = psutil.Process(), []

    def run():
        columns = market.columns
        for i in range(count):
            one = Columns(*(column[i : i + 1] for column in columns))
            began = time.perf_counter_ns()
            live.feed(one)
            took[i] = time.perf_counter_ns() - began
            if i % (count // 10) == count // 10 - 1:
                memory.append(process.memory_info().rss / 1e6)

    benchmark.pedantic(run, rounds=1)
    assert live.block is not None and live.block.state.ints.any()
    tenth = count // 10
    median, late = float(np.median(took[tenth:])), float(np.quantile(took[tenth:], 0.99))
    flat = float(np.median(took[-tenth:]) / np.median(took[tenth : 2 * tenth]))
    ratios = {"live_median_us": median / 1e3, "live_p99_us": late / 1e3, "live_flat": flat}
    ratios["live_grown_mb"] = memory[-1] - memory[1]
    tell("live, an event a call", ratios, worst_ms=float(took[tenth:].max()) / 1e6, MB=memory, events=count)
