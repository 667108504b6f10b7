"""When each market was to close, as it was known at every moment: an early close is not known before it is told."""

from __future__ import annotations

import polars as pl

from .store import Store

#: A market, from when on, and the close that was known then.
STEPS = ("ticker", "since", "close")


def told_closes(store: Store, markets: pl.DataFrame, assumed: str | None = None) -> tuple[pl.DataFrame, list[str]]:
    """Return what was known of each market's close and since when, and the markets of which only the end is recorded.

    A row of ``markets`` with a time tells what was known from then on. One without was written afterwards, when the
    close may have been moved: the later of its close and its expiration stands for what was known before. ``markets``
    has ``ticker``, ``open_ts`` and ``close_ts``; ``assumed`` names its column of markets whose close nobody said. The
    first step of a market of which only rows with a time are stored comes with the expiration that was told with it.
    """
    rows = store.markets(history=True, ticker=markets["ticker"].to_list()).filter(pl.col("close_ts").is_not_null())
    timed = rows.filter(pl.col("valid_from") > 0)
    timed = timed.select("ticker", since="valid_from", close="close_ts", expiration="expiration_ts")
    timed = timed.sort("ticker", "since")
    first = timed.group_by("ticker", maintain_order=True).first().select("ticker", told_at="since", told="close")
    untimed = rows.filter(pl.col("valid_from") == 0).select("ticker", own="close_ts", expiration="expiration_ts")
    always = (
        markets.lazy()
        .select("ticker", "close_ts", "open_ts", assumed=pl.lit(value=False) if assumed is None else pl.col(assumed))
        .join(untimed, on="ticker", how="left")
        .join(first, on="ticker", how="left")
        .with_columns(own=pl.when(pl.col("told").is_null()).then("close_ts").otherwise("own"))
        .filter(pl.col("own").is_not_null())
        .with_columns(since=pl.lit(0, pl.Int64), close=pl.max_horizontal("own", "expiration"))
        .collect()
    )
    begun = always.lazy().select(*STEPS, "expiration")
    steps = pl.concat([begun, timed]).sort("ticker", "since")
    steps = steps.filter(pl.col("close").ne_missing(pl.col("close").shift(1).over("ticker")))
    confirmed = (pl.col("told") == pl.col("close")) | (pl.col("told_at") <= pl.col("open_ts").fill_null(0))
    late = always.filter(~confirmed.fill_null(value=False), ~pl.col("assumed").fill_null(value=False))["ticker"]
    return steps.collect(), late.to_list()
