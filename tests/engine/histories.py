"""Recorded markets as a store, and small made-up ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

HOUR = 3_600_000_000_000


def imported(source: Path, folder: Path) -> Store:
    store, options = Store(folder), Options()
    for recognised in plan([source], options)[0]:
        import_file(store, recognised, options)
    return store


def made_up(folder: Path, seed: int = 0, markets: int = 12, hours: int = 200, scalar: bool = False) -> Store:
    """Quotes and trades at irregular times; events of three markets; some settle early, some never."""
    rng = np.random.default_rng(seed)
    quotes, trades, rows = [], [], []
    for m in range(markets):
        ticker = f"KX{'AB'[m % 2]}-{m // 3:02d}-T{m % 3}"
        opened = int(rng.integers(0, 20)) * HOUR
        closed = opened + int(rng.integers(30, hours)) * HOUR
        n = int(rng.integers(20, 400))
        ts = np.sort(rng.integers(opened, closed, n))
        fair = np.clip(50 + np.cumsum(rng.integers(-3, 4, n)), 3, 97)
        half = rng.integers(0, 3, n)
        bid, ask = (fair - half) * 100, (fair + half + 1) * 100
        quote = pl.DataFrame({"ts": ts, "ticker": ticker, "bid": bid, "ask": ask})
        size = pl.Series(rng.integers(1, 500, n) * 100)
        quotes.append(
            quote.with_columns(
                pl.when(pl.Series(rng.random(n) > 0.05)).then(pl.col("bid")).alias("bid"), bid_size=size, ask_size=size
            )
        )
        trades.append(
            pl.DataFrame(
                {
                    "ts": ts,
                    "ticker": ticker,
                    "price": np.where(rng.random(n) < 0.6, ask, bid),
                    "size": rng.integers(1, 900, n) * 100,
                    "taker_side": np.where(rng.random(n) < 0.6, 1, -1),
                }
            )
        )
        paid = int(rng.choice([0, 10_000])) if not (scalar and m % 4 == 0) else 3_700
        result = {0: "no", 10_000: "yes"}.get(paid, "scalar")
        settled = closed + HOUR if m % 5 else closed - 5 * HOUR
        rows.append(
            {
                "ticker": ticker,
                "series": ticker.split("-", maxsplit=1)[0],
                "event": ticker.rsplit("-", 1)[0],
                "category": ("Weather", "Crypto")[m % 2],
                "open_ts": opened,
                "close_ts": closed,
                "settled_ts": settled,
                "result": None if m == 7 else result,
                "settlement": None if m == 7 else paid,
            }
        )
    store = Store(folder)
    tables = {"markets": pl.DataFrame(rows), "quotes": pl.concat(quotes), "trades": pl.concat(trades)}
    store.ingest("made up", f"seed {seed}", [Chunk(tables)])
    return store
