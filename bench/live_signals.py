"""How long a live run with five signals takes for one event, whether that stays so, and what memory it holds.

    python -m bench.live_signals --events 1000000

The model is that of ``test_signals.py``; events come one a call from a synthetic tape that is gone through again and
again, later each time. Prints the median and the 99th percentile, of the last tenth beside the first after warming up,
and the memory at both ends; CPU is the thread's own time, which others do not lengthen. Bars: 100 us and 1 ms, on a
quiet core.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

import numpy as np
import psutil
import typer
from touchline.engine.live.live import Live
from touchline.engine.simulator.state import Columns

from .tapes import synthetic_rows, tape
from .test_signals import Reader

SECOND = 1_000_000_000


def main(events: Annotated[int, typer.Option(help="How many, one a call.")] = 1_000_000) -> None:
    """Feed events one by one and print both figures."""
    made = tape(synthetic_rows(min(events, 100_000)))
    length, first = int(made.columns.ts[-1] - made.columns.ts[0]) + SECOND, len(made)
    ends = int(made.columns.ts[-1]) + (events // first + 2) * length
    live = Live(replace(made.market, close_ts=ends, closes=()), Reader)
    took, busy = np.full(events, np.nan), np.full(events, np.nan)  # pages that count from the start
    process, memory = psutil.Process(), list[float]()
    for i in range(events):
        turn, at = divmod(i, first)
        one = Columns(*(column[at : at + 1] for column in made.columns))
        one = one._replace(ts=one.ts + turn * length)
        began, used = time.perf_counter_ns(), time.thread_time_ns()
        live.feed(one, made.values if i == 0 else None)
        took[i], busy[i] = (time.perf_counter_ns() - began) / 1e3, (time.thread_time_ns() - used) / 1e3
        if i % (events // 10) == events // 10 - 1:
            memory.append(process.memory_info().rss / 1e6)
    tenth = events // 10
    named = {"first": took[tenth : 2 * tenth], "last": took[-tenth:], "all": took[tenth:], "CPU": busy[tenth:]}
    for name, part in named.items():
        print(f"{name:>5}: median {np.median(part):6.1f} us, 99 % within {np.quantile(part, 0.99):7.1f} us")
    print(f"memory: {memory[1]:.0f} MB after two tenths, {memory[-1]:.0f} MB at the end of {events:,} events")


if __name__ == "__main__":
    typer.run(main)
