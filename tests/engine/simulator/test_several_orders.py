"""Several orders a side, a state, taking and keeping still: a sweep's row, a replay and a stream are one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from touchline.engine.live import live as lives
from touchline.engine.live import memory
from touchline.engine.live.live import Live
from touchline.engine.simulator import lookahead, prepare
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.kernel.rows import I, L
from touchline.engine.simulator.lookahead import prove
from touchline.engine.simulator.prepare import new_block, run_block, signals_of
from touchline.engine.simulator.replay import replay, totals
from touchline.engine.simulator.tape.events import MOMENT
from touchline.features.signals.signal import Signal
from touchline.io.ground.errors import InputError
from touchline.io.store.schema import Side
from touchline.strategies.parameters import Parameter

from ..live.test_live import slices
from .quoters import Leaning, Places, Takes, Three
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
    "signals": (
        Leaning,
        Assumptions(
            queue="power@3", feed_ms=20, entry_ms=35, response_ms=15, requote_on="time+signal:lean+signal:pair_2",
            min_life_ms=200, requote_ms=2_000,
        ),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def tape():
    made = noise_tape(seconds=30)
    last = int(made.columns.ts[-1])
    return replace(made, market=replace(made.market, close_ts=last, closes=((0, last),)))


#: Compiled, what has signals is compared in test_kernel.py.
TRIED = [(name, "interpreted") for name in SETTINGS] + [
    pytest.param(name, "compiled", marks=pytest.mark.slow) for name in SETTINGS if name != "signals"
]


@pytest.fixture
def kernels(request, monkeypatch):
    if request.param == "interpreted":
        monkeypatch.setattr(prepare, "kernel", interpreted)


@pytest.mark.parametrize(("name", "kernels"), TRIED, indirect=["kernels"])
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


@pytest.mark.parametrize("name", ["all", pytest.param("signals", marks=pytest.mark.slow)])
def test_nothing_of_it_looks_ahead(tape, monkeypatch, name):
    monkeypatch.setattr(prepare, "kernel", interpreted)
    model, assumed = SETTINGS[name]
    with np.errstate(divide="ignore", invalid="ignore"):
        assert prove(tape, model, GIVEN, [assumed] * 2, cuts=2) == []


class Remembers(Three):
    """Nothing but its state, or with ``deeper`` its third order, knows of its signal."""

    name = "remembers"
    state = {"seen": 0.0}  # noqa: RUF012  # as a user writes it
    signals = {"next": Signal(None)}  # noqa: RUF012
    parameters = (*Three.parameters, Parameter("deeper", 0.0, 0.0, 1.0, "of the third order's size"))

    @staticmethod
    def quote(known, p, state):
        m, more = known.mid, p.deeper * known.signals.next
        sizes = (p.size, p.size, p.size + 0.01 * more)
        return (m - 1.0, m - 2.0, m - 3.0), (m + 1.0, m + 2.0, m + 3.0), sizes, sizes, (known.signals.next - more,)


@pytest.mark.parametrize(("deeper", "told"), [(0.0, "state seen"), (1.0, "size")])
def test_a_planted_look_ahead_is_found_where_only_a_state_or_a_deep_order_knows(tape, monkeypatch, deeper, told):
    """The signal is the next event's best bid, which a cut tape has not."""
    ahead = lambda tape, model: np.roll(tape.columns.best_bid, -1)[:, None].astype(float)  # noqa: E731
    monkeypatch.setattr(prepare, "kernel", interpreted)
    monkeypatch.setattr(prepare, "signals_of", ahead)
    monkeypatch.setattr(lookahead, "signal_leaks", lambda *_: [])
    given = [{**one, "deeper": deeper} for one in GIVEN]
    assumed = Assumptions(fees="none", requote_on="book+trade+time")
    found = prove(tape, Remembers, given, [assumed] * 2, cuts=3)
    assert found and all(one.what.endswith(told) for one in found)


@pytest.mark.parametrize(
    ("model", "on", "told"),
    [
        (Three, "signal", "requote_on=signal needs signals, and three declares none"),
        (Leaning, "time+signal:leen", "leaning has no signal 'leen' to decide on; did you mean 'lean'?"),
    ],
)
def test_a_signal_to_decide_on_that_is_not_there_is_one_line(tape, model, on, told, plain_kernels):
    with pytest.raises(InputError) as caught:
        replay(tape, model, GIVEN[0], Assumptions(requote_on=on))
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_a_model_decides_when_its_signal_is_another_and_not_otherwise(tape, plain_kernels):
    signals = signals_of(tape, Leaning)
    whole = (tape.columns.kind & MOMENT) > 0
    for on, column in (("signal:lean", 0), ("signal:pair_1", 1)):
        run = new_block(tape, Leaning, GIVEN, [Assumptions(requote_on=on, fees="none")] * 2, record=False)
        with np.errstate(divide="ignore", invalid="ignore"):
            run_block(run, Leaning)
        now, before = signals[1:, column], signals[:-1, column]
        moved = np.cumsum(np.r_[False, (now != before) & ((now == now) | (before == before))])[whole]
        quoted = (tape.columns.best_bid > 0) & (tape.columns.best_ask < tape.grid.top)
        due = int(((np.diff(moved, prepend=0) > 0) & quoted[whole]).sum())
        filled = run.ints(I.fills)  # own fills are decided on as well
        assert due > 10 and ((run.ints(I.requotes) >= due) & (run.ints(I.requotes) <= due + filled)).all()


def test_places_under_delays_are_those_of_the_last_event_seen(tape, plain_kernels, monkeypatch):
    """On a stream that forgets, too, and later than without delays."""
    assumed = Assumptions(queue="power@3", feed_ms=300, entry_ms=200, fees="none")
    run = replay(tape, Places, GIVEN[0], assumed)
    quotes = []
    for kept in (memory.KEPT, 16):
        for module in (memory, lives):
            monkeypatch.setattr(module, "KEPT", kept)
        live = Live(tape.market, Places, GIVEN[0], assumed)
        places, first = [], len(Places.columns())
        for events in slices(tape, [1, 5]):
            live.feed(events)
            places.append(live.block.state.params[first : first + len(Places.state), 0].tolist())
        quotes.append((places, live.position))
    assert repr(quotes[0]) == repr(quotes[1]) and quotes[0][1] == run.totals.position
    assert len({row[0] for row in quotes[0][0] if row[0] == row[0]}) > 3


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


def test_what_signals_are_decided_on_is_named():
    assert Assumptions(requote_on="signal:b,time,signal:a").requote_on == "time+signal:a+signal:b"
    assert Assumptions(requote_on="signal:b+signal").requote_on == "signal"


def test_a_reported_stream_says_what_is_to_be_taken_and_fills_nothing(tape, plain_kernels):
    """Whoever sends it clears it; a fill of it is told as a taker's and leaves the quotes alone."""
    live = Live(tape.market, Takes, {"half": 3.0}, Assumptions(fees="none"), fills="reported")
    taken, bought = [], 0
    for events in slices(tape, [1]):
        live.feed(events)
        if live.taking is not None:
            quote, taking = live.quote, live.taking
            best = int(events.best_ask[0]) if taking.side is Side.BID else int(events.best_bid[0])
            assert int(taking.side) * (taking.price - int(tape.grid.ticks[best])) >= 0  # it reaches the other side
            taken.append(taking)
            live.taking = None
            live.filled(int(events.ts[0]), taking.side, int(tape.grid.ticks[best]), 1, taker=True)
            bought += int(taking.side)
            assert replace(live.quote, ts=0) == replace(quote, ts=0)
    assert len(taken) > 5 and live.position == bought
    assert {one.side for one in taken} == {Side.BID, Side.ASK}
