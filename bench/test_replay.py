"""Replay of one market for one cell, everything recorded, on one core.

Workload: W1, 2,000,000 events under Avellaneda and Stoikov (gamma 0.1, kappa 0.5), re-quoting every second and after
every own fill; under the touch rule, touch and cross, and the queue rule, its fills, contracts, re-quotes, position
and P&L equal the anchors of the common work. Without that tape (and in short runs): 100,000 synthetic events, whose
answer must be the same in every turn and satisfy the P&L identity. Yardsticks, in the same run: hftbacktest on the
same work (BENCH_PEER), and a bare loop that only rebuilds the book. Seconds are CPU seconds of one core.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from touchline.engine.replay import ground, new_block, replay, run_block, totals

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
    took = work.fastest(lambda: block_of(market, assumed, shared), walk_along, benchmark=benchmark)
    check(market, took.answer, anchor)
    columns = market.columns
    bare = floor.ns_an_event(columns.ts, columns.side, columns.level, columns.size)
    ns = took.cpu / len(market) * 1e9
    ratios = {"replay_floor": bare / ns} if rule == "queue" else {}
    tell("replay from a tape", ratios, rule=rule, Mevents_s=1e3 / ns, ns_event=ns, bare_ns_event=bare)


def test_replay_from_rows(benchmark, tell, rows):
    """Everything: the book rebuilt, volatility, the walk, and the frames of fills, quotes and equity."""
    assumed, anchor = ANCHORS["queue"]

    def walk(_: object):
        market = tape(rows)
        block = block_of(market, assumed)
        run_block(block, work.MODEL)
        last[:] = [(market, block)]

    last: list = []
    took = work.fastest(lambda: None, walk, benchmark=benchmark)
    check(*last[0], anchor)
    framed = work.fastest(lambda: None, lambda _: replay(last[0][0], work.MODEL, work.CELL, assumed))
    rate = len(rows.ts) / took.cpu / 1e6
    ratios, facts = {}, {"Mevents_s": rate, "with_frames_from_a_tape_Mevents_s": len(rows.ts) / framed.cpu / 1e6}
    peer = work.peer("replay", 1)
    if isinstance(peer, str):
        facts["no_peer"] = peer
    else:
        assert (peer["answers"][0]["fills"], peer["answers"][0]["requotes"]) == (anchor[0], anchor[2])
        facts["hftbacktest_Mevents_s"] = peer["events"] / peer["cpu"] / 1e6
        ratios["replay_peer"] = rate / facts["hftbacktest_Mevents_s"]
    tell("replay from rows", ratios, **facts)


def test_replay_with_everything_on(benchmark, tell, market):
    """Delays, power@3, partial fills, exact fees: the answer satisfies the P&L identity and has fees in it."""
    assumed = replace(work.WHOLE, halt=None, shrink="none", calm=None, daily_loss=None)
    shared = ground(market, assumed)
    took = work.fastest(lambda: block_of(market, assumed, shared), walk_along, benchmark=benchmark)
    total = totals(took.answer, market)[0]
    assert total.fills > 100
    assert total.pnl == total.spread_capture + total.drift + total.settlement + total.rebates - total.fees
    columns = market.columns
    bare = floor.ns_an_event(columns.ts, columns.side, columns.level, columns.size)
    ns = took.cpu / len(market) * 1e9
    tell("replay, all on", {"replay_whole_floor": bare / ns}, Mevents_s=1e3 / ns, ns_event=ns, fills=total.fills)
