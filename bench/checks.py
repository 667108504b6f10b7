"""What it costs that a store's files are checked before they are read: their share of a look-up.

Workload: four million trades of 500 tickers over 20 days, as an import leaves them. A look-up is of one ticker in a
window of six hours, of files that nobody on this machine has read yet; the second of a file is not checked any more.
Three kinds, each the middle one of its turns: in a process of its own, from its first import on, with the files not in
memory (cold) and in memory; and in a process that has looked up elsewhere before. The bar is 3 % of a cold look-up.

``python -m bench.checks [TURNS]``
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from touchline.io.ground.cache import cache_dir
from touchline.io.store.chunk import Chunk
from touchline.io.store.files import intact
from touchline.io.store.files.local import LocalPlace
from touchline.io.store.store import Store

HOUR = 3_600_000_000_000
START = 1_790_000_000_000_000_000
DAYS, TICKERS, ROWS = 20, 500, 4_000_000
BAR = 0.03
#: Prints the seconds of a process until its first look-up is there, and those of them that went into checksums.
FIRST = """
import sys, time
began = time.perf_counter()
from touchline.io.store.store import Store
from bench.checks import checksums_timed, look_up
with checksums_timed() as spent:
    look_up(Store(sys.argv[1]), int(sys.argv[2]))
print(time.perf_counter() - began, sum(spent))
"""


def trades() -> Iterator[Chunk]:
    """The rows, in the order of time, a million a chunk."""
    rng = np.random.default_rng(1)
    for at, ts in enumerate(np.array_split(np.sort(rng.integers(0, DAYS * 24 * HOUR, ROWS)) + START, 4)):
        n = len(ts)
        who = pl.Series("ticker", [f"KXMADE-{number:04d}" for number in range(TICKERS)])
        frame = pl.DataFrame(
            {
                "ts": ts, "ticker": who.gather(rng.integers(0, TICKERS, n)), "price": rng.integers(1, 99, n) * 100,
                "size": rng.integers(1, 500, n) * 100, "taker_side": rng.choice([-1, 1], n),
                "trade_id": pl.Series([f"{at}-{row}" for row in range(n)]),
            }
        )  # fmt: skip
        yield Chunk({"trades": frame})


class checksums_timed:  # noqa: N801 - used as a function
    """Gather the seconds that the checksums of files take."""

    def __enter__(self) -> list[float]:
        spent: list[float] = []
        self.before = LocalPlace.checksum

        def timed(place: LocalPlace, name: str) -> str:
            began = time.perf_counter()
            found = self.before(place, name)
            spent.append(time.perf_counter() - began)
            return found

        LocalPlace.checksum = timed  # type: ignore[method-assign]  # put back below
        return spent

    def __exit__(self, *raised: object) -> None:
        LocalPlace.checksum = self.before  # type: ignore[method-assign]  # as it was


def look_up(store: Store, number: int) -> int:
    """Read one ticker's rows in six hours and count them."""
    begin = START + number * 31 % (DAYS * 24 - 6) * HOUR
    return store.trades(f"KXMADE-{number * 37 % TICKERS:04d}", begin, begin + 6 * HOUR).collect().height


def forget_checks() -> None:
    """As if no file had been found whole before, here or in an earlier process."""
    shutil.rmtree(cache_dir() / "checked", ignore_errors=True)
    intact._checked.cache_clear()  # what a new process does not know either


def drop(folder: Path) -> None:
    """Ask the kernel to keep no page of the files."""
    for path in folder.rglob("*.parquet"):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def first(store: Path, number: int) -> tuple[float, float]:
    """Seconds of a first look-up in a process of its own, and those of its checksums."""
    done = subprocess.run([sys.executable, "-c", FIRST, store, str(number)], capture_output=True, text=True, check=True)
    whole, checks = map(float, done.stdout.split())
    return whole, checks


def here(store: Path, number: int) -> tuple[float, float]:
    """The same in this process."""
    with checksums_timed() as spent:
        began = time.perf_counter()
        look_up(Store(store), number)
        return time.perf_counter() - began, sum(spent)


def main(turns: int = 9) -> None:
    """Print a line for each kind of look-up."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TOUCHLINE_CACHE"] = f"{folder}/cache"
        store = Path(folder) / "store"
        Store(store).ingest("made", "made", trades())
        files = list(store.rglob("trades/*.parquet"))
        print(f"{len(files)} files of {sum(file.stat().st_size for file in files) / len(files) / 1e6:.1f} MB")
        for name, run, cold in (
            ("new process, files not in memory", first, True),
            ("new process, files in memory", first, False),
            ("process that looked up before", here, False),
        ):
            found = []
            for number in range(turns):
                forget_checks()
                if cold:
                    drop(store)
                found.append(run(store, number))
            share = median(checks / whole for whole, checks in found)
            whole = median(whole for whole, _ in found)
            print(f"{name}: checksums are {share:.1%} of {whole * 1e3:.1f} ms; the bar is {BAR:.0%} of a cold look-up")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
