"""Delays: what a law, a recording and a constant give, and that no cell's delays depend on another cell."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.engine.simulator.assumptions.latency import BUCKET_NS, DRAWS, delay_lines
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel import orders
from touchline.engine.simulator.kernel.rows import DELAY
from touchline.engine.simulator.prepare import new_block, run_block
from touchline.engine.simulator.replay import replay, totals
from touchline.io.ground.errors import InputError
from touchline.io.ground.jit import inlined
from touchline.strategies.models.fixed_spread import FixedSpread

from .test_replay import noise_tape

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
arrival = inlined(orders.arrival_nb)


def lines(*given_, seed=1, first=START, last=START + 3_600 * SECOND):
    return delay_lines(given_, seed, first, last)


def test_a_constant_is_one_number():
    delay, lift = lines(50.0, 0, 12.5)
    assert delay.tolist() == [[50_000_000], [0], [12_500_000]]
    assert delay.shape == lift.shape


def test_laws_have_the_quantiles_that_they_name():
    delay, _ = lines("lognormal:50:0.5", "exponential:20", "uniform:10:80")
    ms = delay / 1e6
    assert ms.shape == (3, DRAWS)
    low, median, high = np.quantile(ms[0], [0.158655, 0.5, 0.841345])
    assert [low, median, high] == pytest.approx([50 * np.exp(-0.5), 50, 50 * np.exp(0.5)], rel=0.03)
    assert ms[1].mean() == pytest.approx(20, rel=0.03)
    assert 10 <= ms[2].min() < 10.1
    assert 79.9 < ms[2].max() <= 80


def test_a_seed_draws_the_same_and_each_line_its_own():
    one, _ = lines("exponential:20", "exponential:20", 0)
    assert (one == lines("exponential:20", "exponential:20", 0)[0]).all()
    assert (one != lines("exponential:20", "exponential:20", 0, seed=2)[0])[:2].mean() > 0.99
    assert (one[0] != one[1]).mean() > 0.99


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["lognormal:300:1", "exponential:1500", "uniform:0:4000", 700.0]), st.integers(0, 10**6),
       st.lists(st.integers(0, 600 * SECOND), min_size=2, max_size=20))  # fmt: skip
def test_messages_on_a_line_do_not_overtake_and_take_their_delay_at_least(law, seed, times):
    venue = Assumptions(entry_ms=law, seed=seed).numbers(
        START, [(0, START + 1)], np.array([START, START + 600 * SECOND])
    )
    sent = sorted(START + t for t in times)
    arrives = [arrival(venue, DELAY.entry, t) for t in sent]
    assert arrives == sorted(arrives)
    width = venue.delay.shape[1]
    for t, at in zip(sent, arrives, strict=True):
        own = t + venue.delay[DELAY.entry, t // BUCKET_NS % width]
        earlier = [
            (t // BUCKET_NS - k) * BUCKET_NS + venue.delay[DELAY.entry, (t // BUCKET_NS - k - 1) % width]
            for k in range(60)
        ]
        assert at == max(own, *earlier) or width == 1


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_recording_holds_until_its_next_row(tmp_path: Path, suffix: str):
    import polars as pl

    frame = pl.DataFrame({"ts": [START + 10 * SECOND, START + 12 * SECOND], "ms": [30.0, 5.5]})
    path = tmp_path / f"delays.{suffix}"
    (frame.write_csv if suffix == "csv" else frame.write_parquet)(path)
    given_ = Assumptions(entry_ms=str(path), feed_ms="uniform:1:2", response_ms=7)
    venue = given_.numbers(START, [(0, START + 1)], np.array([START, START + 20 * SECOND]))
    sent = [0, 10, 11, 12, 20]
    came = [(arrival(venue, DELAY.entry, START + t * SECOND) - START) / 1e6 - 1000 * t for t in sent]
    assert came == [
        30,
        30,
        30,
        30,
        5.5,
    ]
    assert (arrival(venue, DELAY.entry, START + 12 * SECOND + 1) - START - 12 * SECOND) == 30_000_000
    alone = Assumptions(feed_ms="uniform:1:2").numbers(START, [(0, START + 1)], np.array([START, START + 20 * SECOND]))
    times = START + np.arange(0, 20 * SECOND, SECOND // 3)
    assert [arrival(venue, 0, t) for t in times] == [arrival(alone, 0, t) for t in times]


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ("lognormal:50", "is not a delay; write a number of ms, lognormal:MEDIAN:SIGMA"),
        ("normal:50:1", "is not a delay"),
        ("uniform:9:1", "the wrong way round"),
        ("lognormal:5:50", "the sigma of a lognormal delay"),
        (float("nan"), "entry_ms is a number from 0 to 86400000"),
        ("exponential:-1", "entry_ms is a number from 0 to 86400000"),
    ],
)
def test_senseless_delays_are_named(given_, message: str):
    with pytest.raises(InputError, match=message):
        Assumptions(entry_ms=given_)


def test_an_unusable_recording_is_named(tmp_path: Path):
    path = tmp_path / "delays.csv"
    for text, message in (("a,b\n1,2\n", "has rows with columns ts and ms; it has a, b"),
                          ("ts,ms\n1790000000,-1\n", "a delay in ms is a number from 0"),
                          ("ts,ms\nsoon,1\n", "'soon' is not a time")):  # fmt: skip
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            lines(str(path), 0, 0)
    with pytest.raises(InputError, match="cannot read the delays"):
        lines(str(tmp_path / "none.csv"), 0, 0)


@pytest.mark.slow
def test_a_block_of_cells_is_the_replays_of_its_cells_under_drawn_delays():
    tape = noise_tape(seconds=200)
    assumed = Assumptions(
        queue="pessimistic@1", feed_ms="exponential:80", entry_ms="lognormal:300:1", response_ms="uniform:0:900",
        requote_ms=200, position_limit=20, seed=7,
    )  # fmt: skip
    cells = [{"half_spread": half, "skew": skew, "size": 5.0} for half in (1.0, 1.5, 2.5) for skew in (0.0, 0.1)]
    block = new_block(tape, FixedSpread, cells, [assumed] * len(cells), record=False)
    run_block(block, FixedSpread)
    together = totals(block, tape)
    for cell, total in zip(cells, together, strict=True):
        assert asdict(replay(tape, FixedSpread, cell, assumed).totals) == asdict(total)
    assert len({total.fills for total in together}) > 2
