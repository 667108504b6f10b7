"""Three orders a side: where they stand, how large they are, and that a step of the mid leaves two in their queues."""

from __future__ import annotations

from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.replay import replay
from touchline.strategies.models.ladder import Ladder

from ...engine.simulator.test_replay import noise_tape
from .quotes import TOLD, row


def test_orders_stand_a_step_apart_and_grow_outwards():
    p = row(Ladder, half_spread=1.0, step=1.5, growth=2.0, size=5.0, skew=0.1)
    bids, asks, bid_sizes, ask_sizes = Ladder.quote(TOLD._replace(position=10.0), p)
    assert (bids, asks) == ((48.0, 46.5, 45.0), (50.0, 51.5, 53.0))
    assert bid_sizes == ask_sizes == (5.0, 10.0, 20.0)


def test_a_run_rests_three_orders_a_side_and_keeps_places(plain_kernels):
    run = replay(noise_tape(seconds=150), Ladder, {"size": 1}, Assumptions(fees="none", queue="power@3"))
    whole = run.quotes.drop_nulls(["bid", "bid_2", "bid_3", "ask", "ask_2", "ask_3"])
    assert len(whole) > 10
    assert (whole["bid_2_size"] == 2 * whole["bid_size"]).sum() > len(whole) / 2
    later = whole.with_columns(first=whole["bid"].shift(-1), place=whole["bid_ahead"].shift(-1))
    became = later.filter((later["first"] == later["bid_2"]) & (later["first"] != later["bid"]))
    assert len(became) > 0 and (became["place"] <= became["bid_2_ahead"]).any()
