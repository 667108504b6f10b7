"""Programs along a stream: quotes and scores are the replay's, however the events come and programs are laid out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from touchline.engine.live import programs as laid_out
from touchline.engine.live.live import Live
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.prepare import new_block, run_block
from touchline.engine.simulator.replay import replay, totals
from touchline.engine.simulator.state import Columns
from touchline.engine.simulator.tape.tape import Tape
from touchline.io.store.schema import Side
from touchline.strategies.models.behind_best import BehindBest
from touchline.strategies.models.reward_maker import RewardMaker
from touchline.strategies.parameters import check

from ..simulator.test_rewards import QUIET, RULES, SECOND, START, paying, programs, random_tape, still_tape
from .test_live import slices

CELL = check(
    RewardMaker.parameters,
    {"size": 12.0, "loss": 0.2, "rate": 50.0, "decay": 0.7, "deep": 2, "least": 0.5, "most": 40.0},
)


def tape_of(seed: int) -> Tape:
    made = random_tape(seed, "linear_cent", 40)
    market = replace(made.market, close_ts=int(made.columns.ts[-1]) + 60 * SECOND)
    return Tape(**{**vars(made), "market": market, "programs": programs()})


def at(rules: str, reaction: str = "none") -> Assumptions:
    return Assumptions(
        rewards="recorded", reward_rules=rules, reaction=reaction, fees="none", queue="power@3",
        volatility="constant", requote_ms=700, position_limit=1000.0,
    )  # fmt: skip


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize(("seed", "sizes"), [(0, [1]), (1, [3, 1, 70]), (3, [9])])
def test_a_stream_scores_and_quotes_as_the_replay(seed: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    tape, assumed = tape_of(seed), at(RULES[1 + seed % 2], "step:3s")
    monkeypatch.setattr(laid_out, "AHEAD", 9 * SECOND)
    monkeypatch.setattr(laid_out, "NEAR", 2 * SECOND)
    run = replay(tape, RewardMaker, CELL, assumed)
    live = Live(tape.market, RewardMaker, CELL, assumed, programs=tape.programs)
    for events in slices(tape, sizes):
        live.feed(events)
    assert live.block is not None
    log, count = live.block.log, run.quotes.height
    assert log.quote_ts[:count].tolist() == run.quotes["ts"].to_list()
    assert log.quotes[:count, 2].tolist() == run.quotes["bid_size"].to_list()
    assert log.fills[: run.fills.height, 4].tolist() == run.fills["position"].to_list()
    kept: Any = ("id", "included", "bid_share", "ask_share", "bid_referred", "ask_referred", "earned",
                 "earned_unanswered")  # fmt: skip
    told = [{name: one[name] for name in kept} for one in live.programs.so_far()]
    assert told == [{name: one[name] for name in kept} for one in run.periods or ()]
    assert any(one["bid_share"] for one in told)


@pytest.mark.usefixtures("plain_kernels")
def test_a_sweeps_row_is_the_replay_of_the_reward_maker() -> None:
    cells = [CELL, CELL | {"size": 30.0}, CELL | {"loss": 2.0}]
    for seed in range(2):
        tape, assumed = tape_of(seed), at(RULES[seed], ("none", "step:3s")[seed])
        block = new_block(tape, RewardMaker, cells, [assumed] * 3, record=False)
        run_block(block, RewardMaker)
        assert totals(block, tape) == [replay(tape, RewardMaker, cell, assumed).totals for cell in cells]


def test_a_stream_without_programs_counts_none() -> None:
    tape = tape_of(0)
    live = Live(tape.market, RewardMaker, CELL, replace(at(RULES[1]), rewards="none"))
    assert live.programs.so_far() == []
    assert not live.programs.counts


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize("ends", ["filled", "gone"])
def test_an_order_scores_until_it_ends_though_nothing_happened_since(ends: str) -> None:
    """Ten contracts beside ten at the best price; they end seconds after the last event of the market."""
    tape, _ = paying(still_tape(seconds=20), 0, 15, target=1_000)
    live = Live(
        tape.market, BehindBest, {"distance": 0.0, "size": 10.0}, QUIET, fills="reported", programs=tape.programs
    )
    live.feed(Columns(*(column[tape.columns.ts < START + 2 * SECOND] for column in tape.columns)))
    live.wait(START + 8 * SECOND)
    if ends == "gone":
        live.gone(Side.BID)
    else:
        live.filled(START + 8 * SECOND, Side.BID, 4_600, 1_000)
    live.wait(START + 15 * SECOND)
    [one] = live.programs.so_far()
    assert one["included"] == 15
    assert one["bid_share"] * 15 == pytest.approx(7 * 0.5)  # nothing rests in the first second
    assert one["ask_share"] * 15 > 10 * one["bid_share"]
