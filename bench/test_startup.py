"""What a person waits for before anything happens: help, the import, a first backtest.

Workload: processes of their own, the fastest of some turns, beside bare Python's own start. `engine backtest` and
`engine sweep` run on one market of the sample day, first with an empty kernel cache, then with a full one; both times
they must print the same.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from touchline.io.sample import load, make
from touchline.io.store.store import Store

from .tapes import SHORT

pytestmark = pytest.mark.bench
ENGINE = [str(Path(sys.executable).with_name("engine"))]
MARKET = "SYNINX-26OCT06H1600-B6737"


def seconds(command: list[str], turns: int = 5, **environment: str) -> tuple[float, float, str]:
    """Wall and CPU seconds of the fastest turn, and what it printed."""
    took: list[tuple[float, float]] = []
    out = ""
    for _ in range(turns):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        out = done.stdout
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        took.append((time.perf_counter() - began, used))
    return min(wall for wall, _ in took), min(cpu for _, cpu in took), out


def test_help_and_import(benchmark, tell):
    bare = seconds([sys.executable, "-c", ""], 9)
    helped = seconds([*ENGINE, "--help"], 9)
    imported = seconds([sys.executable, "-c", "from touchline import engine"], 9)
    assert "backtest" in helped[2]
    benchmark.pedantic(seconds, args=([*ENGINE, "--help"], 1), rounds=1)
    ratios = {"help_ms": helped[1] * 1e3, "import_ms": (imported[1] - bare[1]) * 1e3}
    tell("start-up", ratios, help_wall_ms=helped[0] * 1e3, import_wall_ms=(imported[0] - bare[0]) * 1e3)


@pytest.mark.skipif(SHORT, reason="compiling everything anew takes long")
@pytest.mark.parametrize("command", ["backtest", "sweep"])
def test_first(benchmark, tell, tmp_path: Path, command: str):
    load(Store(tmp_path / "store"), make(7, 1.0, tmp_path / "day"))
    words = [*ENGINE, command, "--strategy", "avellaneda-stoikov", "--market", MARKET]
    words += ["--store", str(tmp_path / "store"), "--out"]
    cache = {"TOUCHLINE_CACHE": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    cold = seconds([*words, str(tmp_path / "cold")], 1, **cache)
    warm = [seconds([*words, str(tmp_path / f"warm{turn}")], 1, **cache) for turn in range(3)]
    assert cold[2].replace("/cold", "") == warm[0][2].replace("/warm0", "")
    benchmark.pedantic(seconds, args=([*words, str(tmp_path / "last")], 1), kwargs=cache, rounds=1)
    ratios = {f"{command}_cold_s": cold[0], f"{command}_warm_s": min(one[0] for one in warm)}
    tell(f"first {command}", ratios, cold_cpu_s=cold[1], warm_cpu_s=min(one[1] for one in warm))
