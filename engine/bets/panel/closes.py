"""A panel's markets with their closes as they were known at every bar."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from ....io.store.closes import told_closes
from ....io.store.store import Store

#: In a panel's markets: what was known of the close from when on; null where ``close_ts`` was known all along.
HISTORY = "close_history"
#: In a panel's markets: whether nobody said the close, and the last recorded event stands in.
ASSUMED = "close_assumed"


def with_known_closes(store: Store, markets: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Add what was known of each market's close and when, and name the markets of which only its end is recorded."""
    told, late = told_closes(store, markets, ASSUMED if ASSUMED in markets.columns else None)
    histories = told.group_by("ticker", maintain_order=True).agg(pl.struct("since", "close").alias(HISTORY))
    joined = markets.join(histories, on="ticker", how="left", maintain_order="left")
    began = pl.col(HISTORY).list.first().struct
    plain = (
        (pl.col(HISTORY).list.len() == 1)
        & (began.field("close") == pl.col("close_ts"))
        & (began.field("since") <= pl.col("open_ts").fill_null(0))
    )
    joined = joined.with_columns(pl.when(~plain).then(HISTORY).alias(HISTORY))
    return (joined if joined[HISTORY].null_count() < joined.height else joined.drop(HISTORY)), late


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
