"""Made-up markets with books and trades in a store: with an edge for whoever quotes inside the spread, or without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
HOUR = 3_600 * SECOND
CLEAR, DELTA = 2, 0


def made_books(
    folder: Path, markets: int = 2, seconds: int = 600, adverse: bool = False, seed: int = 0, series: str = "MADE",
    stretch: int = 1,
) -> Store:  # fmt: skip
    """A market an hour, each its own event: a touch four cents wide, takers at random.

    Without ``adverse`` the mid wanders by itself. With it, the mid moves after a trade in the taker's direction by
    nothing or four cents: whoever quotes inside the spread earns what he loses. ``stretch`` slows one market down.
    """
    rng = np.random.default_rng(seed)
    book: list[tuple[object, ...]] = []
    trades: list[tuple[object, ...]] = []
    listed = []
    for number in range(markets):
        ticker, begin = f"{series}-{number:02d}", START + number * HOUR
        mid = _market(rng, ticker, begin, seconds, adverse, book, trades)
        listed.append(
            {"ticker": ticker, "series": series, "event": ticker, "category": "Made up", "open_ts": begin}
            | {"close_ts": begin + (seconds + 1) * SECOND * stretch, "result": "scalar", "settlement": mid * 100}
        )
    names = ("ts", "ticker", "kind", "side", "price", "size")
    tables = {
        "markets": pl.DataFrame(listed),
        "book": pl.DataFrame(book, schema=dict.fromkeys(names), orient="row"),
        "trades": pl.DataFrame(trades, schema=("ts", "ticker", "price", "size", "taker_side"), orient="row"),
    }
    for name in ("book", "trades"):
        tables[name] = tables[name].with_columns((pl.col("ts") - START) * stretch + START)
    store = Store(folder)
    store.ingest("made up", f"{series} {markets} {seconds} {adverse} {seed} {stretch}", [Chunk(tables)])
    return store


def _market(
    rng: np.random.Generator, ticker: str, begin: int, seconds: int, adverse: bool, book: list, trades: list
) -> int:
    mid, rests = 50, {}
    book.append((begin, ticker, CLEAR, 0, 0, 0))

    def change(ts: int, side: int, price: int, lots: int) -> None:
        if lots:
            rests[side, price] = rests.get((side, price), 0) + lots
            book.append((ts, ticker, DELTA, side, price * 100, lots))

    def quote(ts: int) -> None:
        wanted = {(1, mid - 2): 1_000, (1, mid - 3): 2_000, (-1, mid + 2): 1_000, (-1, mid + 3): 2_000}
        for side, price in sorted({*rests, *wanted}):
            change(ts, side, price, wanted.get((side, price), 0) - rests.get((side, price), 0))

    quote(begin)
    for second in range(1, seconds):
        ts, side = begin + second * SECOND, int(rng.choice([-1, 1]))
        if rng.random() < 0.3:
            lots, price = int(rng.integers(1, 8)) * 100, mid + 2 * side
            trades.append((ts, ticker, price * 100, lots, side))
            change(ts + 1_000, -side, price, -lots)
            mid += side * int(rng.choice([0, 4])) if adverse else 0
        elif not adverse and rng.random() < 0.05:
            mid += side
        mid = min(80, max(20, mid))
        quote(ts + SECOND // 2)
    return mid
