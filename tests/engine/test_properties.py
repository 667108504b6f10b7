"""What holds on every tape: money adds up, nothing fills beyond what traded, the future is unknown, lots scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from touchline.engine.events import BOOK, KIND, TRADE
from touchline.engine.replay import replay
from touchline.engine.venue import Assumptions
from touchline.strategies.fixed_spread import FixedSpread

from .test_kernel import tapes

WHOLE = ("touch@1", "through@1", "pessimistic@1", "optimistic@1")
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(QUICK, max_examples=800)


def run(tape, queue, size=2.5, limit=20.0):
    assumed = Assumptions(queue=queue, requote_ms=500, position_limit=limit, fees="none", volatility="constant")
    return replay(tape, FixedSpread, {"half_spread": 1.0, "skew": 0.2 * 2.5 / size, "size": size}, assumed)


def holds(tape, queue, at):
    made = run(tape, queue)
    total = made.totals
    event(f"fills: {min(total.fills, 3)}")
    assert total.pnl == total.spread_capture + total.drift + total.settlement + total.rebates - total.fees
    columns = tape.columns
    traded = (columns.kind & KIND) == TRADE
    trades = pl.DataFrame(
        {"ts": columns.ts[traded], "side": 1 - 2 * columns.side[traded].astype(np.int8), "lots": columns.size[traded]}
    )
    filled = made.fills.group_by("ts", "side").agg(pl.col("size").sum())
    most = trades.group_by("ts", "side").agg(pl.col("lots").sum()).cast({"side": pl.Int8})
    both = filled.join(most, on=["ts", "side"], how="left")
    assert both.height == filled.height
    assert (both["size"] <= both["lots"]).all()
    moment = int(columns.ts[at % len(tape)])
    if moment > columns.ts[0]:
        before = run(tape.cut(moment), queue)
        names = ["ts", "side", "price", "size", "position", "mid"]
        assert before.fills.select(names).equals(made.fills.filter(pl.col("ts") < moment).select(names))
        assert before.quotes.equals(made.quotes.filter(pl.col("ts") < moment))
    if queue in WHOLE:
        sized = np.where((columns.kind & KIND) == BOOK, columns.aux * 3, columns.aux).astype(np.int32)
        larger = replace(tape, columns=columns._replace(size=columns.size * np.int32(3), aux=sized))
        scaled = run(larger, queue, size=7.5, limit=60.0)
        assert (scaled.totals.pnl, scaled.totals.volume) == (3 * total.pnl, 3 * total.volume)
        assert scaled.fills["ts"].equals(made.fills["ts"])


@pytest.mark.parametrize("setting", [QUICK, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
def test_what_holds_on_every_tape(setting):
    @setting
    @given(tapes("linear_cent"), st.sampled_from([*WHOLE, "power@2", "log@1"]), st.integers(1, 10_000))
    def test(tape, queue, at):
        holds(tape, queue, at)

    test()
