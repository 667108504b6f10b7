"""When each market was to close, as it was known at every moment: an early close is not known before it is told."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from ....io.store.store import Store

#: In a panel's markets: what was known of the close from when on; null where ``close_ts`` was known all along.
HISTORY = "close_history"
#: In a panel's markets: whether nobody said the close, and the last recorded event stands in.
ASSUMED = "close_assumed"


def with_known_closes(store: Store, markets: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Add what was known of each market's close and when, and name the markets of which only its end is recorded.

    A row of ``markets`` with a time tells what was known from then on. One without was written afterwards, when the
    close may have been moved: the later of its close and its expiration stands for what was known before.
    """
    rows = store.markets(history=True, ticker=markets["ticker"].to_list()).filter(pl.col("close_ts").is_not_null())
    timed = rows.filter(pl.col("valid_from") > 0).select("ticker", since="valid_from", close="close_ts")
    timed = timed.sort("ticker", "since")
    first = timed.group_by("ticker", maintain_order=True).first()
    untimed = rows.filter(pl.col("valid_from") == 0).select("ticker", own="close_ts", expiration="expiration_ts")
    always = (
        markets.lazy()
        .select("ticker", "close_ts", "open_ts", assumed=pl.col(ASSUMED) if ASSUMED in markets.columns else False)
        .join(untimed, on="ticker", how="left")
        .join(first.rename({"since": "told_at", "close": "told"}), on="ticker", how="left")
        .with_columns(own=pl.when(pl.col("told").is_null()).then("close_ts").otherwise("own"))
        .filter(pl.col("own").is_not_null())
        .with_columns(since=pl.lit(0, pl.Int64), close=pl.max_horizontal("own", "expiration"))
        .collect()
    )
    steps = pl.concat([always.lazy().select("ticker", "since", "close"), timed]).sort("ticker", "since")
    steps = steps.filter(pl.col("close").ne_missing(pl.col("close").shift(1).over("ticker")))
    histories = steps.group_by("ticker", maintain_order=True).agg(pl.struct("since", "close").alias(HISTORY)).collect()
    joined = markets.join(histories, on="ticker", how="left", maintain_order="left")
    began = pl.col(HISTORY).list.first().struct
    plain = (
        (pl.col(HISTORY).list.len() == 1)
        & (began.field("close") == pl.col("close_ts"))
        & (began.field("since") <= pl.col("open_ts").fill_null(0))
    )
    joined = joined.with_columns(pl.when(~plain).then(HISTORY).alias(HISTORY))
    confirmed = (pl.col("told") == pl.col("close")) | (pl.col("told_at") <= pl.col("open_ts").fill_null(0))
    late = always.filter(~confirmed.fill_null(value=False), ~pl.col("assumed").fill_null(value=False))["ticker"]
    return (joined if joined[HISTORY].null_count() < joined.height else joined.drop(HISTORY)), late.to_list()


def known_closes(markets: pl.DataFrame, market: npt.NDArray[np.int32], now: npt.NDArray[np.int64]) -> pl.Series:
    """Return the close of each market as it was known at each moment, in ns; null where it was not known."""
    last = markets["close_ts"].gather(market)
    if HISTORY not in markets.columns:
        return last
    own = pl.DataFrame({"market": np.unique(market)})
    steps = own.with_columns(markets[HISTORY].gather(own["market"])).drop_nulls().explode(HISTORY).unnest(HISTORY)
    if not steps.height:
        return last
    asked = pl.DataFrame({"market": market, "since": now, "last": last}).lazy().with_row_index("row").sort("since")
    found = asked.join_asof(steps.lazy().sort("since"), on="since", by="market", check_sortedness=False).sort("row")
    stepped = pl.col("market").is_in(steps["market"].unique().implode())
    return found.select(pl.when(stepped).then("close").otherwise("last").alias("close_ts")).collect()["close_ts"]
