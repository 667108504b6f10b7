"""What holds on every tape: money adds up, nothing fills beyond what traded or before it rests, the future is unknown.

And: lots scale, a longer queue never fills earlier.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.rows import I, L
from touchline.engine.simulator.prepare import new_block
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.events import BOOK, KIND, TRADE
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.parameters import Parameter
from touchline.strategies.quoting.model import QuotingModel

from .test_kernel import tapes

WHOLE = ("touch@1", "through@1", "pessimistic@1", "optimistic@1")
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(QUICK, max_examples=800)


class Still(QuotingModel):
    """A bid and an ask that never move."""

    name = "still"
    parameters = (Parameter("half", 1.0, 0.0, 50.0, "cents from 50"), Parameter("size", 2.5, 0.01, 1e6, "contracts"))

    @staticmethod
    def quote(known, p):
        """The same at all times."""
        return 50.0 - p.half, 50.0 + p.half, p.size, p.size


def run(tape, queue, size=2.5, limit=20.0):
    assumed = Assumptions(queue=queue, requote_ms=500, position_limit=limit, fees="none", volatility="constant")
    return replay(tape, FixedSpread, {"half_spread": 1.0, "skew": 0.2 * 2.5 / size, "size": size}, assumed)


def inside(made, trades):
    """At each moment and price no more fills than traded at that price or through it."""
    pairs = made.fills.join(trades.cast({"side": pl.Int8}), on=["ts", "side"])
    reach = pairs.filter((pl.col("at") - pl.col("price")) * pl.col("side") <= 0).unique(["ts", "side", "price", "at"])
    lots = trades.cast({"side": pl.Int8}).group_by("ts", "side", "at").agg(pl.col("lots").sum())
    most = (
        reach.drop("lots").join(lots, on=["ts", "side", "at"]).group_by("ts", "side", "price").agg(pl.col("lots").sum())
    )
    filled = made.fills.group_by("ts", "side", "price").agg(pl.col("size").sum())
    both = filled.join(most, on=["ts", "side", "price"], how="left")
    assert both["lots"].null_count() == 0
    assert (both["size"] <= both["lots"]).all()


def rested(made):
    """Every fill is of an order that rested at its price, and is no larger than what had been posted."""
    for fill in made.fills.iter_rows(named=True):
        name = "bid" if fill["side"] > 0 else "ask"
        before = made.quotes.filter((pl.col("ts") <= fill["ts"]) & (pl.col(name) == fill["price"]))
        assert before.height and before[f"{name}_size"].max() >= fill["size"]


def holds(tape, queue, at):
    made = run(tape, queue)
    total = made.totals
    event(f"fills: {min(total.fills, 3)}")
    assert total.pnl == total.spread_capture + total.drift + total.settlement + total.rebates - total.fees
    columns = tape.columns
    traded = (columns.kind & KIND) == TRADE
    side = columns.side[traded]
    level = np.where(side == 0, columns.level[traded], tape.grid.top - columns.level[traded])
    trades = pl.DataFrame(
        {"ts": columns.ts[traded], "side": 1 - 2 * side, "at": tape.grid.ticks[level], "lots": columns.size[traded]}
    )
    inside(made, trades)
    rested(made)
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


@pytest.mark.slow
@pytest.mark.parametrize("setting", [MANY], ids=["many"])
def test_a_longer_queue_never_fills_earlier(setting):
    """Of two equal orders the one that got a longer queue never has the first fill.

    Only where the queue counts lots: under power and log a longer queue also loses more of what is cancelled.
    """

    @setting
    @given(
        tapes("linear_cent"), st.sampled_from(["pessimistic@1", "optimistic@1", "risk-averse@1"]),
        st.integers(0, 4), st.integers(1, 2_000),
    )  # fmt: skip
    def test(tape, queue, half, longer):
        assumed = Assumptions(queue=queue, requote_ms=1, fees="none", volatility="constant")
        block = new_block(tape, Still, [{"half": float(half), "size": 2.5}] * 2, [assumed] * 2, record=False)
        made_longer = np.zeros(2, bool)
        for stop in range(1, len(tape) + 1):
            volume = block.longs(L.volume).copy()
            block.run(stop)
            got = block.longs(L.volume) - volume
            assert got[1] <= got[0]
            if got[0] > got[1]:
                event("the shorter queue filled first")
                return
            for side in range(2):
                stands = block.ints(I.left + side).min() > 0
                if stands and not made_longer[side]:
                    block.state.ahead[side, 1] = block.ahead(side)[1] + longer
                made_longer[side] |= stands

    test()
