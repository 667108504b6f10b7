"""The shipped signals against plain Python on random tapes, bit for bit, however the events are handed over."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from touchline.engine.simulator.signals import walker
from touchline.engine.simulator.signals.walker import Walker
from touchline.features.microprice import Microprice, Shape
from touchline.features.signals.flow import order_flow_imbalance, signed_flow, vpin
from touchline.features.signals.price import bollinger, learned_microprice, microprice, momentum, underlying_return
from touchline.features.signals.signal import column_names
from touchline.features.signals.volatility import ewma_volatility, realised_volatility
from touchline.io.ground.errors import InputError

from ...engine.simulator.test_kernel import GRID_CENTRES, NO_JIT, interrupted, oracle_ticks, tapes
from . import naive

SECOND = 10**9
FIT = Microprice(Shape(spreads=3, buckets=5), 1_767_225_601 * SECOND, np.arange(15.0).reshape(3, 5) - 7, np.zeros(15))
SHIPPED = {
    "flow": (signed_flow(2), naive.signed_flow(2 * SECOND)),
    "long_flow": (signed_flow(1000), naive.signed_flow(1000 * SECOND)),
    "ofi": (order_flow_imbalance(3), naive.order_flow_imbalance(3 * SECOND, 1)),
    "levels_2": (order_flow_imbalance(2, levels=2), naive.order_flow_imbalance(2 * SECOND, 2)),
    "levels_3": (order_flow_imbalance(2, levels=3), naive.order_flow_imbalance(2 * SECOND, 3)),
    "levels_4": (order_flow_imbalance(2, levels=4), naive.order_flow_imbalance(2 * SECOND, 4)),
    "levels_5": (order_flow_imbalance(2, levels=5), naive.order_flow_imbalance(2 * SECOND, 5)),
    "vpin": (vpin(1.5, 3), naive.vpin(150, 3)),
    "micro": (microprice(), naive.microprice),
    "learned": (learned_microprice(FIT), naive.learned_microprice(FIT)),
    "momentum": (momentum(1), naive.momentum(SECOND)),
    "momenta": (momentum(3, 1), naive.momentum(3 * SECOND, SECOND)),
    "momenta_3": (momentum(1, 2, 5), naive.momentum(SECOND, 2 * SECOND, 5 * SECOND)),
    "back": (underlying_return(2), naive.underlying_return(2 * SECOND)),
    "backs": (underlying_return(1, 4), naive.underlying_return(SECOND, 4 * SECOND)),
    "backs_3": (underlying_return(1, 2, 3), naive.underlying_return(SECOND, 2 * SECOND, 3 * SECOND)),
    "bands": (bollinger(3, floor=0.001), naive.bollinger(3_000_000, 2.0, 0.001)),
    "realised": (realised_volatility(2), naive.realised_volatility(2 * SECOND)),
    "ewma": (ewma_volatility(1.5), naive.ewma_volatility(1.5)),
}
#: The others differ from these in how many values they have.
FEW = ("flow", "ofi", "levels_5", "vpin", "micro", "learned", "momenta", "backs", "bands", "realised", "ewma")


@pytest.fixture(scope="module", autouse=True)
def _small_rings():
    """Rings begin with room for two rows, so that they grow again and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walker, "ROOM", 2)
        yield


def walked(tape, signals, sizes=(10**9,)):
    walk, at, turn = Walker(signals, tuple(signals), tape.grid), 0, 0
    out = np.full((len(tape), len(column_names(signals))), -1.0)
    while at < len(tape):
        stop = min(at + sizes[turn % len(sizes)], len(tape))
        walk.take(tape.columns, tape.values, out[at:stop], at, stop)
        at, turn = stop, turn + 1
    return out


def bits(value):
    return "nan" if math.isnan(value) else struct.pack("d", value)


def check(tape, names):
    shipped = {name: SHIPPED[name] for name in names}
    signals = {name: pair[0] for name, pair in shipped.items()}
    events = naive.seen_events(tape.columns, tape.values, oracle_ticks(tape.market.grid))
    got = walked(tape, signals)
    at = 0
    for name, (signal, definition) in shipped.items():
        wanted = naive.along(events, definition, signal.columns)
        for i, (row, right) in enumerate(zip(got[:, at : at + signal.columns].tolist(), wanted, strict=True)):
            assert [*map(bits, row)] == [*map(bits, right)], f"{name} after event {i}: {row}, not {right}"
        at += signal.columns
    for sizes in ([1], [3, 1, 7]):
        assert np.array_equal(walked(tape, signals, sizes).view(np.int64), got.view(np.int64))


@st.composite
def any_tapes(draw):
    tape = draw(tapes(draw(st.sampled_from([*GRID_CENTRES]))))
    return draw(interrupted(tape, reported=True))


@settings(max_examples=10 if NO_JIT else 40, deadline=None, suppress_health_check=[*HealthCheck])
@given(any_tapes())
def test_the_walk_is_the_definition(tape):
    check(tape, FEW)


@pytest.mark.slow
@settings(max_examples=20 if NO_JIT else 1500, deadline=None, suppress_health_check=[*HealthCheck])
@given(any_tapes())
def test_the_walk_is_the_definition_on_many_tapes(tape):
    check(tape, [*SHIPPED])


def test_parameters_that_make_no_sense_are_said_in_a_line():
    for wrong, told in [
        (lambda: signed_flow(0), "window is in seconds, above 0, not 0"),
        (lambda: order_flow_imbalance(1, levels=6), "levels of order_flow_imbalance is from 1 to 5, not 6"),
        (lambda: vpin(0), "vpin needs a bucket of 0.01 contracts or more"),
        (momentum, "momentum takes 1 to 3 horizons in seconds, not 0"),
        (lambda: bollinger(30_000), "at most 21600, not 30000"),
    ]:
        with pytest.raises(InputError, match=told):
            wrong()
