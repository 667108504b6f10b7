"""A model that reads signals: the kernel, with a walk's columns, against plain Python with the naive definitions."""

from __future__ import annotations

import math
from collections import namedtuple
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.engine.simulator import block as blocks
from touchline.engine.simulator.assumptions.flags import Flags
from touchline.features.signals import bollinger, momentum, order_flow_imbalance, signed_flow
from touchline.strategies.models.fixed_spread import FixedSpread

from ... import oracle
from ...features.signals import naive
from ...features.signals.test_shipped import walked
from . import test_kernel
from .test_kernel import CENT, MANY, NO_JIT, SECOND, check, oracle_ticks, run_oracle, scenes

NAIVE = {
    "flow": (naive.signed_flow(2 * SECOND), 1), "imbalance": (naive.order_flow_imbalance(2 * SECOND, 2), 2),
    "moved": (naive.momentum(SECOND), 1), "bands": (naive.bollinger(3_000_000, 2.0, 0.0), 2),
}  # fmt: skip


class Leans(FixedSpread):
    """Leans by four signals, two of which are tuples; one that is not known yet says nothing."""

    name = "leans"
    signals = {  # noqa: RUF012  # as a user writes it
        "flow": signed_flow(2), "imbalance": order_flow_imbalance(2, levels=2), "moved": momentum(1),
        "bands": bollinger(3),
    }  # fmt: skip

    @staticmethod
    def quote(known, p):
        s = known.signals
        lean = 0.3 * s.flow + 0.2 * (s.imbalance[0] - s.imbalance[1])
        lean = lean + s.moved if not math.isnan(s.moved) else lean
        lean = lean + s.bands[1] if not math.isnan(s.bands[1]) else lean
        center = known.mid + lean - p.skew * known.position
        return center - p.half_spread, center + p.half_spread, p.size, p.size


def naive_signals(tape):
    """The signals after each event, by the naive definitions."""
    named = namedtuple("Signals", list(NAIVE))
    events = naive.seen_events(tape.columns, tape.values, oracle_ticks(tape.market.grid))
    rows = [naive.along(events, definition, columns) for definition, columns in NAIVE.values()]
    shaped = [[one if len(one) > 1 else one[0] for one in column] for column in rows]
    return [named(*row) for row in zip(*shaped, strict=True)]


def plain(tape, model, setting, params, samples):
    """The oracle with a model that is handed its signals, as of the event that a decision has seen."""
    told, seen, wishes = naive_signals(tape), [0], oracle.Run.wishes

    def looks(run, i, *rest):
        seen[0] = i
        return wishes(run, i, *rest)

    def quote(known, p):
        return model.quote(known._replace(signals=told[seen[0]]), p)

    shown = SimpleNamespace(columns=model.columns, row=model.row, state=model.state, quote=quote)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle.Run, "wishes", looks)
        return run_oracle(tape, shown, setting, params, samples)


FLAGS = {
    "replay": Flags(record=True, one=True, taker=True, fees=True, capital=True, risk=True, float_queue=True),
    "sweep": Flags(),
}


def compare(name, setting):
    """Check scenes whose tapes hold the market's own events alone."""

    @setting
    @given(scenes(FLAGS[name], CENT, (Leans,)), st.integers(1, 3))
    def test(scene, slices):
        tape = scene[0]
        whole, made = blocks.Block, walked(tape, Leans.signals)

        def block(*parts):
            return whole(*parts[:-1], signals=made)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(test_kernel.blocks, "Block", block)
            patch.setattr(test_kernel, "run_oracle", plain)
            check(FLAGS[name], scene, slices)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_kernel, "interrupted", lambda tape, reported: st.just(tape))
        test()


@pytest.mark.slow
@pytest.mark.skipif(NO_JIT, reason="the compiled kernel")
@pytest.mark.parametrize("name", FLAGS)
def test_the_kernel_with_signals_is_the_oracle_on_many_tapes(name):
    compare(name, MANY)
