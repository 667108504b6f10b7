"""Several orders a side, a state, taking and keeping still: a sweep's row, a replay and a stream are one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from touchline.engine.live.live import Live
from touchline.engine.simulator import prepare
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.kernel.rows import I, L
from touchline.engine.simulator.lookahead import prove
from touchline.engine.simulator.prepare import new_block, run_block
from touchline.engine.simulator.replay import replay, totals
from touchline.io.ground.errors import InputError

from .quoters import Takes, Three
from .test_replay import noise_tape

GIVEN = [{"half": 0.5, "step": 1.0, "size": 2.0, "skew": 0.02}, {"half": 1.0, "step": 1.0, "size": 3.0, "skew": 0.01}]
SETTINGS = {
    "levels": (Three, Assumptions(queue="power@3", fees="none", requote_ms=500)),
    "all": (
        Takes,
        Assumptions(
            queue="power@3", requote_on="time,trade,touch", tolerance=1, min_life_ms=300, position_limit=30,
            stop_quoting_s=5, capital=500, requote_ms=700,
        ),
    ),
    "delays": (Takes, Assumptions(queue="power@3", entry_ms=40, feed_ms=15, response_ms=30, tolerance=1)),
}  # fmt: skip


@pytest.fixture(scope="module")
def tape():
    made = noise_tape(seconds=30)
    last = int(made.columns.ts[-1])
    return replace(made, market=replace(made.market, close_ts=last, closes=((0, last),)))


@pytest.fixture(params=["interpreted", pytest.param("compiled", marks=pytest.mark.slow)])
def kernels(request, monkeypatch):
    if request.param == "interpreted":
        monkeypatch.setattr(prepare, "kernel", interpreted)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_sweeps_row_a_replay_and_a_stream_are_one(tape, name, kernels):
    model, assumed = SETTINGS[name]
    block = new_block(tape, model, GIVEN, [assumed] * 2, record=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        run_block(block, model)
        rows = totals(block, tape)
        for given, row in zip(GIVEN, rows, strict=True):
            run = replay(tape, model, given, assumed)
            assert run.totals == row
            assert run.totals.fills > 3
            parts = row.spread_capture + row.drift + row.settlement + row.rebates - row.fees
            assert row.pnl == parts
            live = Live(tape.market, model, given, assumed)
            for at in range(0, len(tape), 37):
                live.feed(type(tape.columns)(*(column[at : at + 37] for column in tape.columns)))
            assert live.block is not None
            log, count = live.block.log, run.quotes.height
            assert log.quote_ts[:count].tolist() == run.quotes["ts"].to_list()
            for level in range(model.levels):
                for side, word in enumerate(("bid", "ask")):
                    column = f"{word}_{level + 1}_size" if level else f"{word}_size"
                    assert log.quotes[:count, 4 * level + 2 * side + 2].tolist() == run.quotes[column].to_list()
            assert (live.position, live.cash) == (run.totals.position, run.totals.cash)


def test_deeper_levels_are_columns_of_their_own(tape, monkeypatch):
    monkeypatch.setattr(prepare, "kernel", interpreted)
    model, assumed = SETTINGS["levels"]
    with np.errstate(divide="ignore", invalid="ignore"):
        quotes = replay(tape, model, GIVEN[0], assumed).quotes
    assert quotes.columns[:7] == ["ts", "bid", "bid_size", "bid_ahead", "ask", "ask_size", "ask_ahead"]
    assert quotes.columns[7:10] == ["bid_2", "bid_2_size", "bid_2_ahead"]
    whole = quotes.drop_nulls()
    assert len(whole) > 5
    assert (whole["bid"] > whole["bid_2"]).all() and (whole["ask_2"] < whole["ask_3"]).all()


def test_a_ladder_that_shifts_by_a_level_keeps_the_orders_that_are_still_wanted(tape, monkeypatch):
    """Of two bids at 50 and 49, one at 49 is as wanted as before when 49 and 48 are: it keeps its place."""
    monkeypatch.setattr(prepare, "kernel", interpreted)
    block = new_block(tape, Three, GIVEN, [Assumptions(fees="none")] * 2, record=False)
    places = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        for stop in range(1, len(tape) // 2):
            before = {(c, w): int(block.ints(I.px + w)[c]) for c in range(2) for w in range(0, 6, 2)}
            ahead = {key: float(block.state.ahead[key[1], key[0]]) for key in before}
            block.run(stop)
            moved = any(int(block.ints(I.px + w)[c]) != px for (c, w), px in before.items() if px)
            for (c, w), px in before.items():
                if moved and px and int(block.ints(I.px + w)[c]) == px:
                    places += 1
                    assert float(block.state.ahead[w, c]) <= max(ahead[c, w], float(block.state.book[0, px]) + 1e-9)
    assert places > 3


def test_nothing_of_it_looks_ahead(tape, monkeypatch):
    monkeypatch.setattr(prepare, "kernel", interpreted)
    model, assumed = SETTINGS["all"]
    with np.errstate(divide="ignore", invalid="ignore"):
        assert prove(tape, model, GIVEN, [assumed] * 2, cuts=2) == []


def test_only_what_makes_the_position_smaller(tape, monkeypatch):
    monkeypatch.setattr(prepare, "kernel", interpreted)
    one_sided = {"reduce_only": True}, {"sides": "ask", "position_limit": 5}, {"stop_quoting_s": 1e9}
    with np.errstate(divide="ignore", invalid="ignore"):
        closing, selling, stopped = (
            new_block(tape, Three, GIVEN, [Assumptions(fees="none", **one)] * 2, record=False) for one in one_sided
        )
        for block in (closing, selling, stopped):
            block.run()
    assert closing.longs(L.volume).tolist() == stopped.longs(L.volume).tolist() == [0, 0]
    assert selling.ints(I.position).max() < 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"requote_on": "tide"}, "requote_on is one of time, trade, touch, book, signal, not 'tide'"),
        ({"sides": "left"}, "sides is one of both, bid, ask, not 'left'"),
        ({"tolerance": -1}, "tolerance is a number from 0 to 10000, not -1"),
        ({"reduce_only": "perhaps"}, "reduce_only is true or false, not 'perhaps'"),
    ],
)
def test_a_wrong_assumption_is_one_line(given, told):
    with pytest.raises(InputError, match=told):
        Assumptions(**given)


def test_what_is_decided_on_has_one_order():
    assert Assumptions(requote_on="touch, time").requote_on == "time+touch"


def test_a_reported_stream_refuses_what_takes(tape):
    with pytest.raises(InputError, match="takes takes at once"):
        Live(tape.market, Takes, fills="reported")
