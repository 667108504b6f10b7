"""A sweep of many markets needs no more memory than one of few."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ..made_books import made_books

#: Sweeps the markets of a store; tells the megabytes of its own that it has at a quarter of the way and at the end.
CHILD = """
import sys
from touchline import engine
from touchline.io.store.store import Store

def own():
    return next(int(line.split()[1]) >> 10 for line in open("/proc/self/status") if line.startswith("RssAnon"))

at = []
def seen(done, total):
    at.append((done / total, own()))

engine.sweep("fixed-spread", Store(sys.argv[1]).tickers("book"), sys.argv[1], out=sys.argv[2], pictures=False,
             progress=seen, axes={"half_spread": "0.5:3:32", "skew": "0:0.3:32"})
print(next(mb for share, mb in at if share > 0.25), at[-1][1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read where Linux tells it")
def test_memory_does_not_grow_with_markets(tmp_path: Path):
    store = made_books(tmp_path / "data", markets=160, seconds=900, seed=5)
    told = subprocess.run(
        [sys.executable, "-c", CHILD, store.path, tmp_path / "out"], capture_output=True, text=True, check=True
    )
    quarter, end = map(int, told.stdout.split())
    assert end < 500
    assert end - quarter < 6  # 120 markets of 1,024 cells, 9 MB if only their parameters were kept in memory
