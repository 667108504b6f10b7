"""A replay at any of its events: the book, the own queue and the money, as the plain simulator has them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from touchline.engine.page import timeline
from touchline.engine.page.strip import Strip
from touchline.engine.page.timeline import Market, Timeline
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.tape import Tape
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.quoting.model import QuotingModel

from ... import oracle
from ..simulator.quoters import Three
from ..simulator.test_kernel import oracle_ticks
from ..simulator.test_replay import noise_tape

#: Models with their parameters: one order a side, and three.
QUOTERS = {
    "one": (FixedSpread, {"half_spread": 1.5, "skew": 0.05, "size": 5.0}),
    "three": (Three, {"half": 1.5, "step": 1.0, "size": 5.0, "skew": 0.05}),
}
MOMENTS = 1_000


class Watched(oracle.Run):
    """The plain simulator, which writes down what stands after each event."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]  # the same arguments
        self.seen: list[tuple[dict[int, int], dict[int, int], list[list[tuple[int, int, float]]]]] = []

    def happen(self, i: int, event: oracle.Event) -> None:
        if i:
            self.keep()
        super().happen(i, event)

    def run(self) -> oracle.Outcome:
        out = super().run()
        self.keep()
        return out

    def keep(self) -> None:
        orders = [
            sorted(((one.level, one.lots, float(one.ahead)) for one in side if one), reverse=True)
            for side in self.orders
        ]
        self.seen.append((dict(self.book[0]), dict(self.book[1]), orders))


@pytest.fixture(scope="module")
def tape() -> Tape:
    return noise_tape(seconds=300)


@pytest.fixture(scope="module", params=["one", pytest.param("three", marks=pytest.mark.slow)])
def quoter(request: pytest.FixtureRequest) -> tuple[type[QuotingModel], dict[str, float]]:
    return QUOTERS[request.param]


@pytest.fixture(scope="module")
def plain(tape: Tape, quoter: tuple[type[QuotingModel], dict[str, float]]) -> Watched:
    model, given = quoter
    c = tape.columns
    events = [
        oracle.Event(int(c.ts[i]), int(c.kind[i] & 7), int(c.side[i]), int(c.level[i]), int(c.size[i]), int(c.aux[i]),
                     bool(c.kind[i] & 32), bool(c.kind[i] & 16))
        for i in range(len(tape))
    ]  # fmt: skip
    p = SimpleNamespace(**given)
    setting = oracle.Setting(
        rule="power", exponent=3.0, requote_ns=10**9, limit=100_000, session=tape.life, levels=model.levels
    )
    ticks = oracle_ticks(tape.market.grid)
    run = Watched(events, [], ticks, lambda known: model.quote(known, p), setting, [], [])
    run.run()
    return run


@pytest.fixture(scope="module")
def travelled(tape: Tape, quoter: tuple[type[QuotingModel], dict[str, float]]) -> Iterator[Timeline]:
    kept = timeline.STEP
    timeline.STEP = 512  # many kept states along a short tape
    try:
        assumed = Assumptions(queue="power@3", position_limit=1_000)
        yield Timeline(tape, quoter[0], quoter[1], assumed)
    finally:
        timeline.STEP = kept


def test_the_ladder_at_any_moment_is_the_oracles_book_and_queue(tape: Tape, plain: Watched, travelled: Timeline):
    rng = np.random.default_rng(0)
    ticks, top = tape.grid.ticks, int(tape.grid.top)
    bare = Market(tape)
    rested = 0
    for event in [0, len(tape) - 1, *rng.integers(0, len(tape), MOMENTS)]:
        bids, asks, orders = plain.seen[event]
        for book in (travelled.book(int(event)), bare.book(int(event))):
            for side, wanted in enumerate((bids, asks)):
                assert {int(level): int(book[side, level]) for level in np.flatnonzero(book[side])} == wanted
        standing = travelled.standing(int(event))
        for side, wanted in enumerate(orders):
            assert len(standing.orders[side]) == len(wanted)
            for own, (level, lots, ahead) in zip(standing.orders[side], wanted, strict=True):
                assert own.price == ticks[level if side == 0 else top - level]
                assert (own.lots, own.ahead) == (lots, ahead)
                assert own.behind == max((bids, asks)[side].get(level, 0) - ahead, 0)
                rested += 1
    assert rested > MOMENTS


def test_what_a_replay_stood_at_last_is_its_result(tape: Tape, travelled: Timeline):
    made = replay(tape, travelled.model, travelled.values, travelled.assumptions)
    last = travelled.standing(len(tape) - 1)
    assert (last.position, last.fills) == (made.totals.position, made.totals.fills)
    assert (last.spread_capture, last.drift) == (made.totals.spread_capture, made.totals.drift)
    assert last.pnl == made.equity["equity"][-1]
    assert travelled.fill_ts.tolist() == made.fills["ts"].to_list()


def test_looking_at_a_moment_changes_nothing(travelled: Timeline):
    before = travelled.standing(1_000)
    travelled.standing(3_700)
    travelled.standing(10)
    assert travelled.standing(1_000) == before


@pytest.mark.parametrize("none", [0, 7])
def test_a_strip_says_of_each_pixel_what_its_values_were(none: int):
    rng = np.random.default_rng(none)
    values = rng.integers(0, 12, 5_000).astype(np.int16)
    values[1_000:1_900] = none
    strip = Strip(values, none)
    for count in (1, 3, 40, 900):
        edges = np.sort(rng.integers(0, len(values) + 1, count + 1)).astype(np.int64)
        low, high, last = strip.between(edges)
        for p in range(count):
            begin, end = edges[p], edges[p + 1]
            seen = [v for v in values[max(begin - 1, 0) : end].tolist() if v != none]
            assert (low[p], high[p]) == ((min(seen), max(seen)) if seen else (-1, -1))
            assert last[p] == (values[end - 1] if end and values[end - 1] != none else -1)


@pytest.mark.slow
def test_messages_under_way_are_kept_with_a_state(tape: Tape, monkeypatch: pytest.MonkeyPatch):
    assumed = Assumptions(queue="power@3", entry_ms=700, response_ms=400)
    given = QUOTERS["one"][1]
    monkeypatch.setattr(timeline, "STEP", 64)
    often = Timeline(tape, FixedSpread, given, assumed)
    monkeypatch.setattr(timeline, "STEP", 1 << 20)
    once = Timeline(tape, FixedSpread, given, assumed)
    wanted = [once.standing(event) for event in range(0, len(tape), 37)]
    monkeypatch.setattr(timeline, "STEP", 64)
    assert [often.standing(event) for event in range(0, len(tape), 37)] == wanted
    assert wanted[-1].fills > 10
