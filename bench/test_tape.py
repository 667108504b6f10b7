"""Rows of one market into a tape: book rebuilt, best prices, trades matched to the changes they caused.

Workload: 2,000,000 merged rows of the common work (100,000 synthetic ones in short runs). The answer: one event a row
in order, no level below zero, no crossed book, and every trade found its change. Yardstick: a bare loop that only
rebuilds the book.
"""

from __future__ import annotations

import numpy as np
import pytest

from . import floor, work
from .tapes import SHORT, common_rows, synthetic_rows, tape

pytestmark = pytest.mark.bench


def test_compile(benchmark, tell):
    rows = common_rows("tape_2m") or synthetic_rows(100_000 if SHORT else 500_000)
    made = tape(rows)
    assert made.coverage.negative_levels == made.coverage.crossed_events == 0
    assert made.coverage.matched_lots == made.coverage.traded_lots > 0
    assert (np.diff(made.columns.ts) >= 0).all() and len(made) == len(rows.ts)
    took = work.fastest(lambda: rows, tape, benchmark=benchmark)
    columns = made.columns
    bare = floor.ns_an_event(columns.ts, columns.side, columns.level, columns.size)
    ns = took.cpu / len(made) * 1e9
    bytes_an_event = sum(column.itemsize for column in columns)
    tell("tape", {"tape_floor": bare / ns, "tape_bytes": bytes_an_event}, Mevents_s=1e3 / ns, bare_ns_event=bare)
