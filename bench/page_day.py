"""How long a cell of a sweep takes from a click to its replay, once its market's tape and its kernel are there.

`python -m bench.page_day [EVENTS]` makes a market of 350,000 events unless given, a busy day, sweeps four cells on it
and opens each as the local page does: the replay walked with its states, its overview, a window and a moment. The first
one compiles and maps; the bar of one second is for the others.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from touchline import engine
from touchline.engine.page.columns import Question
from touchline.engine.page.folders import Folders, name_of
from touchline.engine.page.opening import OpenResults
from touchline.engine.page.views import replay
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from .page import month

BAR_S = 1.0


def opened(results: OpenResults, sweep: str, cell: int) -> float:
    """Open a cell's replay and say how long it took, s."""
    began = time.perf_counter()
    asked = [("id", sweep), ("cell", str(cell)), ("market", "MONTH")]
    about = replay.overview(results, Question(asked))
    replay.window(results, Question([*asked, ("from", "0"), ("to", str(about["span"])), ("px", "1200")]))
    replay.moment(results, Question([*asked, ("t", str(about["span"] // 2))]))
    return time.perf_counter() - began


def main() -> None:
    """Make, sweep, open, print."""
    events = int(float(sys.argv[1])) if len(sys.argv) > 1 else 350_000
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        Store(root / "store").ingest("bench", f"month {events}", [Chunk(month(events))])
        grid = {"half_spread": "0.5:2:4"}
        engine.sweep("fixed-spread", "MONTH", str(root / "store"), axes=grid, out=root / "sweep", pictures=False)
        results = OpenResults(Folders([root]))
        first, *warm = (opened(results, name_of(root / "sweep"), cell) for cell in range(4))
    middle = statistics.median(warm)
    print(f"{events:,} events: the first cell {first:.2f} s, the others {', '.join(f'{one:.2f}' for one in warm)} s")
    print(f"warm: {middle:.2f} s; bar {BAR_S:.0f} s, ratio {middle / BAR_S:.2f}")


if __name__ == "__main__":
    main()
