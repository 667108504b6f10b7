"""W2 of two versions in turns: a sweep of 1,024 cells with nothing new switched on, this checkout beside another one.

    BENCH_DATA=… python -m bench.pairs OTHER [TURNS]

OTHER is a folder with another commit and its environment in ``.venv``. Each version keeps a process of its own, which
compiles before it counts; the two run one after the other, in one order and then in the other. Prints CPU seconds of
each, the median of the pairs' ratios and that of the fastest turns. Refuses versions whose fills differ.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent.parent
#: What each version runs, in its own words: a line for each line that it is given.
WORKER = """
import sys, time
from bench import work
from bench.tapes import common_rows, synthetic_rows, tape
from touchline.engine.simulator.kernel.rows import I
from touchline.engine.simulator.prepare import ground
market = tape(common_rows("tape_200k") or synthetic_rows(200_000))
grid, shared = work.cells(1024), ground(market, work.QUEUE)
for line in sys.stdin:
    made = work.blocks(market, grid, work.QUEUE, shared)
    began = time.process_time()
    work.run_blocks(made, 1)
    took = time.process_time() - began
    print(took, sum(int(block.ints(I.fills).sum()) for block in made), flush=True)
"""


def worker(folder: Path) -> subprocess.Popen[str]:
    """A version's process."""
    python = folder / ".venv/bin/python"
    return subprocess.Popen([python, "-c", WORKER], cwd=folder, stdin=-1, stdout=-1, text=True)


def turn(of: subprocess.Popen[str]) -> tuple[float, int]:
    """Seconds and fills of a sweep."""
    assert of.stdin is not None
    assert of.stdout is not None
    of.stdin.write("go\n")
    of.stdin.flush()
    seconds, fills = of.stdout.readline().split()
    return float(seconds), int(fills)


def main() -> None:
    """Run the pairs and print what they took."""
    other, turns = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 15
    versions = {"this": worker(HERE), "other": worker(other)}
    warm = {name: turn(one)[1] for name, one in versions.items()}
    if len({*warm.values()}) > 1:
        raise SystemExit(f"the versions do not do the same work: fills {warm}")
    took: dict[str, list[float]] = {"this": [], "other": []}
    for at in range(turns):
        for name in sorted(versions, reverse=at % 2 == 0):
            took[name].append(turn(versions[name])[0])
    for one in versions.values():
        assert one.stdin is not None
        one.stdin.close()
        one.wait()
    ratios = [mine / theirs for mine, theirs in zip(took["this"], took["other"], strict=True)]
    print(f"W2, {warm['this']:,} fills, {turns} pairs, CPU seconds:")
    for name, seconds in took.items():
        print(f"  {name:6} fastest {min(seconds):.4f}, median {statistics.median(seconds):.4f}")
    fastest = min(took["this"]) / min(took["other"])
    print(f"  this / other: median of pairs {statistics.median(ratios):.3f}, fastest {fastest:.3f}")


if __name__ == "__main__":
    main()
