"""The process that the kill tests kill: imports made rows or compacts, in small batches, once it is told to go."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
from touchline.io.store import compaction
from touchline.io.store.chunk import BadRow, Chunk
from touchline.io.store.ingest import ingest
from touchline.io.store.store import Store

CHUNKS, ROWS = 24, 4_000
ingest.BATCH_ROWS = 3 * ROWS - 1
compaction.FULL_ROWS = 12 * ROWS


def made(seed: str, number: int) -> Chunk:
    """One chunk: trades of which a third have no id and some repeat, a market, a bad row."""
    dice = np.random.default_rng([*seed.encode(), number])
    trades = pl.DataFrame(
        {
            "ts": number * 10**12 + dice.integers(0, 2 * 10**12, ROWS),
            "ticker": dice.integers(0, 50, ROWS),
            "price": dice.integers(0, 10_000, ROWS),
            "size": dice.integers(1, 1_000, ROWS),
            "trade_id": dice.integers(0, ROWS * CHUNKS, ROWS),
        }
    ).with_columns(
        ticker=pl.format("T{}", "ticker"),
        trade_id=pl.when(pl.col("trade_id") % 3 > 0).then(pl.format("id{}", "trade_id")),
    )
    markets = pl.DataFrame({"ticker": [f"T{number}"], "status": [str(dice.choice(["active", "closed"]))]})
    return Chunk({"trades": trades, "markets": markets}, [BadRow(number, "made bad", f"raw {number}")])


def source(seed: str) -> Callable[[int], Iterator[Chunk]]:
    return lambda skip: (made(seed, number) for number in range(skip, CHUNKS))


def work(path: str, what: str) -> None:
    """Import the rows of a seed, or compact."""
    if what == "compact":
        Store(path).compact(keep_seconds=0)
    else:
        Store(path).ingest(what, what, source(what))


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    work(sys.argv[1], sys.argv[2])
