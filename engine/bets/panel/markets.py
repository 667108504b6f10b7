"""The markets of a panel: those that only quotes or trades tell of too, and closing times that nobody said."""

from __future__ import annotations

import polars as pl

from ....io.store.store import Store
from ....strategies.pipeline.pipeline import Pipeline, ask
from ...figures.warnings import Notice
from .closes import ASSUMED
from .panel import Panel

_EVENTS = ("quotes", "trades", "book")
_SHOWN = 3


def listed(store: Store) -> pl.DataFrame:
    """Return the store's markets, and a row for each ticker that has none: its event and series by its name."""
    markets = store.markets().collect()
    traded = {name for table in _EVENTS for name in store.tickers(table)}
    if not traded - set(markets["ticker"]):
        return markets
    missing = pl.DataFrame({"ticker": sorted(traded - set(markets["ticker"]))}, schema={"ticker": pl.String})
    named = missing.with_columns(
        event=pl.col("ticker").str.replace(r"-[^-]*$", ""),
        series=pl.col("ticker").str.split("-").list.first(),
        unlisted=pl.lit(True),
    )
    return pl.concat([markets, named], how="diagonal")


def with_closes(store: Store, markets: pl.DataFrame) -> pl.DataFrame:
    """Let a market with a result and no closing time close and pay at its last recorded event."""
    paid = pl.col("settlement").is_not_null() | pl.col("result").is_not_null()
    tickers = markets.filter(pl.col("close_ts").is_null() & paid)["ticker"].to_list()
    if not tickers:
        return markets
    ends = [store.table(name, tickers).select("ticker", "ts") for name in _EVENTS]
    last = pl.concat(ends).group_by("ticker").agg(pl.col("ts").max().alias("last_ts")).collect()
    joined = markets.join(last, on="ticker", how="left", maintain_order="left")
    assumed = pl.col("last_ts").is_not_null()
    closes = pl.min_horizontal("last_ts", "settled_ts", "expiration_ts")
    return joined.with_columns(
        assumed.alias(ASSUMED),
        close_ts=pl.when(assumed).then(closes).otherwise("close_ts"),
        settled_ts=pl.when(assumed).then(pl.coalesce("settled_ts", "expiration_ts", "last_ts")).otherwise("settled_ts"),
    ).drop("last_ts")


def market_notices(panel: Panel, pipeline: Pipeline) -> list[Notice]:
    """Warn of what was assumed of markets, and of those that could not be bet on for want of a closing time."""
    markets, found = panel.markets, list[Notice]()
    for column, name in (("unlisted", "unlisted-markets"), (ASSUMED, "assumed-close")):
        if column in markets.columns:
            named = markets.filter(pl.col(column).fill_null(False))["ticker"].to_list()
            found.append(Notice(name, _named(named)))
    filtered = {name for part in pipeline.filters for name in ask(part, "keep", pl.Expr).meta.root_names()}
    without = markets.filter(pl.col("close_ts").is_null())["ticker"].to_list()
    if without and "hours_left" in filtered:
        found.append(Notice("no-closing-time", _named(without)))
    if panel.late and (filtered | pipeline.scorer.reads()) & {"hours_left", "life_left"}:
        found.append(Notice("close-told-late", _named(list(panel.late))))
    return found


def _named(tickers: list[str]) -> str:
    shown = ", ".join(tickers[:_SHOWN])
    return f"{len(tickers):,}: {shown}{' …' if len(tickers) > _SHOWN else ''}"
