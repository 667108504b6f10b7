"""The order that joins the touch: the clock tells it when, and no price does."""

from __future__ import annotations

import pytest
from touchline.engine.simulator.tape import events
from touchline.strategies.models.join_touch import JoinTouch
from touchline.strategies.quoting.known import CLOCK

from .quotes import TOLD, quote


@pytest.mark.parametrize("underlying", [0.0, 1.0, 4_000.0])
def test_it_joins_at_the_clock_and_withdraws_otherwise_whatever_the_underlying(underlying: float):
    assert float(events.CLOCK) == CLOCK
    joined = quote(JoinTouch, {"trigger": CLOCK, "underlying": underlying}, size=3.0)
    assert joined == (TOLD.bid, TOLD.ask, 3.0, 3.0)
    for trigger in (events.BOOK, events.TRADE, events.UNDERLYING, events.STATUS, events.GAP):
        assert quote(JoinTouch, {"trigger": float(trigger), "underlying": underlying}, size=3.0)[2:] == (0.0, 0.0)
