"""A year of short-lived markets, each alive for some days, as a betting panel of five minutes meets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

MINUTE = 60_000_000_000
DAY = 1_440 * MINUTE
START = 1_704_067_200_000_000_000  # 2024
MARKETS, DAYS = 2_056, 366


def year_of_markets(folder: Path, markets: int = MARKETS, days: int = DAYS, seed: int = 0) -> Store:
    """A store with quotes of four, trades of two a market and hour; a market lives from two to eight days."""
    rng = np.random.default_rng(seed)
    opened = START + np.sort(rng.integers(0, (days - 9) * 24, markets)) * 60 * MINUTE
    hours = rng.integers(48, 193, markets)
    quotes, trades = [], []
    for m in range(markets):
        n = int(hours[m]) * 4
        ts = opened[m] + np.sort(rng.integers(0, hours[m] * 60 * MINUTE, n))
        fair = np.clip(5_000 + 100 * np.cumsum(rng.integers(-1, 2, n)), 400, 9_500)
        own = pl.DataFrame({"ts": ts, "bid": fair - 100, "ask": fair + 100, "at": fair})
        size = rng.integers(100, 50_000, n)
        ticker = pl.lit(f"KX{m % 12:02d}-{m // 4:04d}-T{m}").alias("ticker")
        sizes = pl.Series("bid_size", size), pl.Series("ask_size", size[::-1])
        quotes.append(own.select(ticker, "ts", "bid", "ask").with_columns(*sizes))
        side = pl.Series("taker_side", rng.choice([-1, 1], n))
        sold = own.select(ticker, "ts", pl.col("at").alias("price")).with_columns(
            side, pl.Series("size", size // 7 + 1)
        )
        trades.append(sold.gather_every(2))
    closed = opened + hours * 60 * MINUTE
    paid = rng.choice([0, 10_000], markets)
    rows = pl.DataFrame(
        {
            "ticker": [f"KX{m % 12:02d}-{m // 4:04d}-T{m}" for m in range(markets)],
            "event": [f"KX{m % 12:02d}-{m // 4:04d}" for m in range(markets)],
            "series": [f"KX{m % 12:02d}" for m in range(markets)],
            "category": [("Weather", "Crypto")[m % 2] for m in range(markets)],
            "open_ts": opened,
            "close_ts": closed,
            "settled_ts": closed + 60 * MINUTE,
            "settlement": paid,
        }
    )
    store = Store(folder)
    chunk = Chunk({"markets": rows, "quotes": pl.concat(quotes).sort("ts"), "trades": pl.concat(trades).sort("ts")})
    store.ingest("made up", f"year {seed}", [chunk])
    return store
