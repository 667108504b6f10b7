"""What a session of bets keeps does not grow with its bars."""

from __future__ import annotations

from pathlib import Path

import pytest
from touchline.engine.trading.journal import JournalLine
from touchline.engine.trading.orders.jobs import encode

from bench.bets_live import BEGIN, NS, STEP, machine_of


@pytest.mark.slow
def test_what_is_kept_after_many_bars_is_what_was_kept_after_few(tmp_path: Path):
    machine = machine_of(tmp_path, 2)
    kept: list[int] = []
    for bar in range(80):
        now, mid = BEGIN + bar * STEP + NS, 4_000 + 100 * (bar % 7)
        for place in range(2):
            levels = {"yes_dollars_fp": [[f"{mid / 10_000:.4f}", "50.00"]], "no_dollars_fp": [["0.5500", "50.00"]]}
            body = {"market_ticker": f"KXBENCH-26-B{place}", "ts_ms": now // 1_000_000, **levels}
            machine.take(JournalLine("<", now, encode({"type": "orderbook_snapshot", "msg": body})))
        ends = BEGIN + (bar + 1) * STEP + 1
        machine.take(JournalLine("turn", ends, encode({"wall": ends})))
        machine.drain()
        kept.append(sum(map(len, machine.bets.rows.values())))
    assert machine.decider.keep == 20 + 1 + 2
    assert kept[20] == 2 * 21 and set(kept[30:]) == {2 * 23}
