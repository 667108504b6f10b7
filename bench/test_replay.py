"""Replay of one market for one cell, everything recorded, on one core.

Workload: W1, 2,000,000 events under Avellaneda and Stoikov (gamma 0.1, kappa 0.5), re-quoting every second and after
every own fill; under the touch rule, touch and cross, and the queue rule, its fills, contracts, re-quotes, position
and P&L equal the anchors of the common work. Without that tape (and in short runs): 100,000 synthetic events, whose
answer must be the same in every turn and satisfy the P&L identity. Yardsticks, in the same run: hftbacktest on the
same work (BENCH_PEER), and a bare loop that only rebuilds the book. Seconds are CPU seconds of one core.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from touchline.engine.simulator.prepare import ground, new_block, run_block
from touchline.engine.simulator.replay import replay, totals
from touchline.engine.simulator.tape import rebuild as tape_kernel

from . import floor, work
from .tapes import SHORT, common_rows, synthetic_rows, tape

pytestmark = pytest.mark.bench

#: fills, contracts, re-quotes, position in contracts, P&L in cents
ANCHORS = {
    "touch": (work.TOUCH, (87_918, 801_408, 154_117, 60, 1_293_165)),
    "touch+cross": (work.CROSS, (88_855, 811_344, 155_091, 60, 1_292_963)),
    "queue": (work.QUEUE, (41_228, 412_280, 119_413, 80, 632_650)),
}


@pytest.fixture(scope="module")
def rows():
    return common_rows("tape_2m") or synthetic_rows(100_000 if SHORT else 500_000)


@pytest.fixture(scope="module")
def market(rows):
    return tape(rows)


def block_of(market, assumed, shared=None):
    return new_block(market, work.MODEL, [work.CELL], [assumed], record=True, shared=shared)


def walk_along(block) -> None:
    run_block(block, work.MODEL)


def check(market, block, anchor) -> None:
    total = totals(block, market)[0]
    assert total.pnl == total.spread_capture + total.drift + total.settlement + total.rebates - total.fees
    assert total.fills > 100
    if common_rows("tape_2m"):
        found = (total.fills, total.volume / 100, total.requotes, total.position / 100, round(total.pnl / 10_000))
        assert found == anchor


@pytest.mark.parametrize("rule", ANCHORS)
def test_replay_from_a_compiled_tape(benchmark, tell, market, rule):
    """The walk alone: book, volatility and what else is made once a tape is there."""
    assumed, anchor = ANCHORS[rule]
    shared = ground(market, assumed)
    took = work.fastest(lambda: block_of(market, assumed, shared), walk_along, turns=9, benchmark=benchmark)
    check(market, took.answer, anchor)
    columns = market.columns
    bare = floor.ns_an_event(columns.ts, columns.side, columns.level, columns.size)
    ns = took.cpu / len(market) * 1e9
    ratios = {"replay_floor": bare / ns} if rule == "queue" else {}
    tell("replay from a tape", ratios, rule=rule, Mevents_s=1e3 / ns, ns_event=ns, bare_ns_event=bare)


def test_replay_from_rows(benchmark, tell, rows, market):
    """Book, volatility and the walk, as the peer does; beside it, with trades matched to changes and frames."""
    assumed, anchor = ANCHORS["queue"]
    level = (rows.price // 100).astype(np.int16)
    out: list = []

    def rebuild() -> None:
        kinds = (np.int64, np.uint8, np.int8, np.int16, np.int32, np.int32, np.int16, np.int16)
        made = tuple(np.zeros(2 * len(level) + 16, kind) for kind in kinds)
        counts = np.zeros(tape_kernel.COUNTS, np.int64)
        room = np.zeros((3, 2, 101), np.int64), np.zeros(2, np.int64)
        n = tape_kernel.build_nb(rows.ts, rows.what, rows.side, level, rows.size, 100, True, *room, made, counts)
        out[:] = [column[:n] for column in made]

    def walk(_: object) -> None:
        rebuild()
        out.append(block_of(market, assumed))
        run_block(out[-1], work.MODEL)

    took = work.fastest(lambda: None, walk, benchmark=benchmark)
    assert all((one == other).all() for one, other in zip(out[6:8], market.columns[6:8], strict=True))
    check(market, out[-1], anchor)
    million = len(rows.ts) / 1e6
    facts: dict[str, object] = {"Mevents_s": million / took.cpu}
    whole = work.fastest(lambda: None, lambda _: replay(tape(rows), work.MODEL, work.CELL, assumed))
    facts["with_matching_and_frames_Mevents_s"] = million / whole.cpu
    ratios: dict[str, float] = {}
    peer = work.peer("replay", 1)
    if isinstance(peer, str):
        facts["no_peer"] = peer
    else:
        assert (peer["answers"][0]["fills"], peer["answers"][0]["requotes"]) == (anchor[0], anchor[2])
        facts["hftbacktest_Mevents_s"] = peer["events"] / peer["cpu"] / 1e6
        ratios["replay_peer"] = peer["cpu"] / took.cpu
    tell("replay from rows", ratios, **facts)


def test_replay_with_everything_on(benchmark, tell, market):
    """Delays, power@3, partial fills, exact fees: the answer satisfies the P&L identity and has fees in it."""
    assumed = replace(work.WHOLE, halt=None, shrink="none", calm=None, daily_loss=None)
    shared = ground(market, assumed)
    took = work.fastest(lambda: block_of(market, assumed, shared), walk_along, turns=9, benchmark=benchmark)
    total = totals(took.answer, market)[0]
    assert total.fills > 100
    assert total.pnl == total.spread_capture + total.drift + total.settlement + total.rebates - total.fees
    columns = market.columns
    bare = floor.ns_an_event(columns.ts, columns.side, columns.level, columns.size)
    ns = took.cpu / len(market) * 1e9
    tell("replay, all on", {"replay_whole_floor": bare / ns}, Mevents_s=1e3 / ns, ns_event=ns, fills=total.fills)
