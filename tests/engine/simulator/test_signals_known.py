"""A quote reads the signals as they were after the event that its agent has seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.kernel.rows import S
from touchline.engine.simulator.prepare import new_block, run_block
from touchline.features.signals.signal import Signal
from touchline.strategies.models.fixed_spread import FixedSpread

from .test_replay import noise_tape


class Shown(FixedSpread):
    """The bid tells the event that was seen, in levels; the ask tells it again, from the second value."""

    name = "shown"
    signals = {"seen": Signal(None), "pair": Signal(None, values=2)}  # noqa: RUF012  # as a user writes it

    @staticmethod
    def quote(known, p):
        return known.signals.seen, known.signals.pair[1], 1.0, 1.0


LATE = Assumptions(queue="touch@1", feed_ms=250.0, entry_ms=0.0, response_ms=0.0)


@pytest.mark.parametrize(
    ("feed_ms", "compiled"), [(0.0, False), pytest.param(0.0, True, marks=pytest.mark.slow), (250.0, True)]
)
def test_a_quote_reads_the_row_of_the_event_it_has_seen(feed_ms, compiled, request):
    if not compiled:
        request.getfixturevalue("plain_kernels")
    tape = noise_tape(seconds=60)
    rows = np.arange(len(tape), dtype=float)
    low, high = 10.0 + rows % 20, 80.0 + rows % 19
    signals = np.stack([low, np.full(len(tape), np.nan), high], axis=1)
    assumed = replace(LATE, feed_ms=feed_ms)
    block = new_block(tape, Shown, [{"half_spread": 1.0, "skew": 0.0, "size": 1.0}], [assumed], record=True,
                      signals=signals)  # fmt: skip
    run_block(block, Shown)
    count = int(block.state.scalars[S.quotes])
    assert count > 20
    ts, quotes = block.log.quote_ts[:count], block.log.quotes[:count]
    for at, row in zip(ts, quotes, strict=True):
        if row[1] and row[3]:
            seen = np.searchsorted(tape.columns.ts, at - int(feed_ms * 1e6), side="right") - 1
            assert row[1] == low[seen]
            assert 100 - row[3] == high[seen]


def test_the_plain_kernel_reads_the_same():
    tape = noise_tape(seconds=20)
    rows = np.arange(len(tape), dtype=float)
    signals = np.stack([10.0 + rows % 20, rows, 80.0 + rows % 19], axis=1)
    blocks = [
        new_block(tape, Shown, [{"half_spread": 1.0, "skew": 0.0, "size": 1.0}], [LATE], record=True,
                  signals=signals) for _ in range(2)
    ]  # fmt: skip
    flags = LATE.flags(tape.grid, new_fees(blocks[0]), cells=1, record=True)
    told = []
    blocks[1].kernel = interpreted(Shown, flags, lambda known, *rest: told.append(known.signals))
    for block in blocks:
        run_block(block, Shown)
    assert np.array_equal(blocks[0].log.quotes, blocks[1].log.quotes)
    assert len(told) > 10
    assert told[-1]._fields == ("seen", "pair")


def new_fees(block):
    from touchline.engine.simulator.assumptions.fees import FeeTable

    return FeeTable(*block.fees)
