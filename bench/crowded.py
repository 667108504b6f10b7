"""A market alone, and the same market among sixty days of its underlying's ticks on either side.

Workload: the synthetic day, once as it is and once with a tick a second of its index for sixty days before and after.
A backtest and a sweep of 64 cells of one market on each, in turns and in one process whose kernels are compiled; every
turn opens the store anew, makes its tape and finds its files unchecked, as a first look does. Results must be equal. A
ratio is the middle one of those of the turns, by processor time; the bar is 1.1.

``python -m bench.crowded [TURNS]``
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from touchline import engine
from touchline.engine.simulator.tape import kept
from touchline.io.ground.cache import cache_dir
from touchline.io.store.chunk import Chunk
from touchline.io.store.files import intact
from touchline.io.store.store import Store

MARKET, SYMBOL = "SYNINX-26OCT06H1600-B6762", "SYNINX"
SECOND = 1_000_000_000
DAY, DAYS = 86_400 * SECOND, 60
BAR = 1.1


def ticks(first: int, last: int) -> Iterator[Chunk]:
    """A tick a second for sixty days before ``first`` and after ``last``, some days a chunk."""
    for begin in (first - DAYS * DAY, last + SECOND):
        for start in range(begin, begin + DAYS * DAY, 10 * DAY):
            ts = np.arange(start, start + 10 * DAY, SECOND)
            rows = {"ts": ts, "symbol": SYMBOL, "value": 6_700.0 + (ts // SECOND % 600) / 10}
            yield Chunk({"underlying": pl.DataFrame(rows)})


def stores(folder: Path) -> dict[str, Path]:
    """The two stores."""
    places = {name: folder / name for name in ("alone", "among")}
    engine.sample(places["alone"], scale=0.5)
    shutil.copytree(places["alone"], places["among"])
    known = next(table for table in Store(places["alone"]).tables() if table.name == "underlying")
    Store(places["among"]).ingest("ticks", "ticks", ticks(known.start or 0, known.end or 0))
    return places


def backtest(store: Path, out: Path) -> str:
    """A backtest's hash."""
    return engine.backtest("avellaneda-stoikov", MARKET, store, out=out).hash


def sweep(store: Path, out: Path) -> str:
    """A sweep's hash."""
    return engine.sweep("avellaneda-stoikov", MARKET, store, axes=["gamma=0.05:1:64"], out=out, pictures=False).hash


def turn(what: Callable[[Path, Path], str], store: Path, out: Path) -> tuple[float, float, str]:
    """Seconds on the clock and of the processor that one run takes, and its hash; nothing of it is remembered."""
    for name in ("tapes", "checked"):
        shutil.rmtree(cache_dir() / name, ignore_errors=True)
    for remembered in (intact._checked, kept._checked):  # what a new process does not know either
        remembered.cache_clear()
    shutil.rmtree(out, ignore_errors=True)
    began, used = time.perf_counter(), time.process_time()
    made = what(store, out)
    return time.perf_counter() - began, time.process_time() - used, made


def main(turns: int = 7) -> None:
    """Print a line for each command: the ratio of processor time, that of the clock, and seconds alone."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TOUCHLINE_CACHE"] = f"{folder}/cache"
        places, out = stores(Path(folder)), Path(folder) / "out"
        for what in (backtest, sweep):
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in places}
            hashes = {turn(what, place, out)[2] for place in places.values()}
            for at in range(turns):
                for name, place in list(places.items())[:: 1 if at % 2 else -1]:
                    wall, used, made = turn(what, place, out)
                    found[name].append((wall, used))
                    hashes.add(made)
            assert len(hashes) == 1, f"{what.__name__}: results differ"
            pairs = list(zip(found["among"], found["alone"], strict=True))
            clock, cpu = (median(among[at] / alone[at] for among, alone in pairs) for at in (0, 1))
            alone = min(used for _, used in found["alone"])
            told = f"among {2 * DAYS} days of ticks {cpu:.3f} times, {clock:.3f} by the clock; alone {alone:.3f} s"
            print(f"{what.__name__}: {told}; the bar is {BAR}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
