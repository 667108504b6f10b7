"""What a sweep without programs costs beside a tree from before them: ``python -m bench.rewards_off TREE [pairs]``.

Workload: W2 with 256 cells, or as many as are named after the pairs, the queue rule, one thread, CPU seconds. TREE is a
checkout with an environment ``.venv`` of its own. A process of each tree makes its blocks and compiles; then they walk
by turns, so that what else the machine does meets both. Fills and cash must be the same. Printed is this tree's time
over the other's: of the fastest turns, and the median of the pairs.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]


class Walker:
    """A process in a tree that walks the work once for each line it is sent."""

    def __init__(self, tree: Path, cells: int) -> None:
        python = tree / ".venv" / "bin" / "python"
        walk = (
            f"import runpy, sys; sys.argv[1:] = ['{cells}']; runpy.run_path({str(Path(__file__))!r}, run_name='walk')"
        )
        self._process = subprocess.Popen(
            [python, "-c", walk], cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.answer = self._line()

    def walk(self) -> float:
        """Walk once. Returns the CPU seconds of it."""
        assert self._process.stdin is not None
        self._process.stdin.write("walk\n")
        self._process.stdin.flush()
        return float(self._line())

    def end(self) -> None:
        """Let the process end."""
        self._process.communicate()

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def walks(cells: int) -> None:
    """Be such a process, in the tree that is the current folder."""
    sys.path.insert(0, str(Path.cwd()))
    from touchline.engine.simulator.kernel.rows import I, L
    from touchline.engine.simulator.prepare import ground

    from bench import tapes, work

    market = tapes.tape(tapes.common_rows("tape_200k") or tapes.synthetic_rows(200_000))
    grid, base = work.cells(cells), ground(market, work.QUEUE)

    def made() -> list[Any]:
        return work.blocks(market, grid, work.QUEUE, base)

    first = made()
    work.run_blocks(first, 1)  # compiles
    hashed = hashlib.sha256()
    for block in first:
        hashed.update(block.ints(I.fills).tobytes() + block.longs(L.cash).tobytes())
    sys.stdout.write(json.dumps(hashed.hexdigest()) + "\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        blocks = made()
        began = time.process_time()
        work.run_blocks(blocks, 1)
        sys.stdout.write(f"{time.process_time() - began}\n")
        sys.stdout.flush()


def main() -> None:
    """Run and print."""
    other, pairs, cells = Path(sys.argv[1]).resolve(), *(int(one) for one in (*sys.argv[2:], "7", "256")[:2])
    walkers = [Walker(tree, cells) for tree in (HERE, other)]
    if walkers[0].answer != walkers[1].answer:
        raise SystemExit("the two trees do not come to the same fills and cash")
    took: list[tuple[float, float]] = []
    for turn in range(pairs):
        order = (0, 1) if turn % 2 else (1, 0)
        seconds = {at: walkers[at].walk() for at in order}
        took.append((seconds[0], seconds[1]))
    for one in walkers:
        one.end()
    fastest = min(own for own, _ in took) / min(there for _, there in took)
    median = statistics.median(own / there for own, there in took)
    sys.stdout.write(f"W2, {cells} cells, {pairs} pairs: fastest {fastest:.3f}, median {median:.3f} (bar 1.02)\n")


if __name__ == "__main__":
    main()
if __name__ == "walk":
    walks(int(sys.argv[1]))
