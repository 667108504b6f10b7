"""What is stored of each market: rows in each table, from when to when, and how often something was missed."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from .schema import BookKind

#: The tables that hold history of markets.
HISTORY = ("trades", "book", "quotes")


def coverage(
    markets: pl.LazyFrame, table: Callable[[str], pl.LazyFrame], series: str | None, like: str | None
) -> pl.DataFrame:
    """List the markets with rows or facts stored, from the facts and the tables by name; see ``Store.coverage``."""
    known = markets.select("ticker", "series", "status", "result", listed=pl.lit(value=True)).collect()
    found = known
    for name in HISTORY:
        gaps = (pl.col("kind") == int(BookKind.GAP)).sum() if name == "book" else pl.lit(0)
        counted = (
            table(name)
            .group_by("ticker")
            .agg(
                pl.len().cast(pl.Int64).alias(name),
                pl.col("ts").min().alias(f"{name}_start"),
                pl.col("ts").max().alias(f"{name}_end"),
                gaps.cast(pl.Int64).alias(f"{name}_gaps"),
            )
        )
        found = found.join(counted.collect(engine="streaming"), on="ticker", how="full", coalesce=True)
    listed = found.select(
        "ticker",
        "series",
        "status",
        "result",
        pl.col("listed").fill_null(value=False),
        pl.min_horizontal(f"{name}_start" for name in HISTORY).alias("start"),
        pl.max_horizontal(f"{name}_end" for name in HISTORY).alias("end"),
        *(pl.col(name).fill_null(0) for name in HISTORY),
        pl.col("book_gaps").fill_null(0).alias("gaps"),
    )
    if series is not None:  # a market without facts is of the series its ticker begins with
        listed = listed.filter(pl.col("series").fill_null(pl.col("ticker").str.split("-").list.first()) == series)
    if like is not None:
        listed = listed.filter(pl.col("ticker").str.contains(f"^{_pattern(like)}$"))
    return listed.sort("ticker")


def _pattern(like: str) -> str:
    """Write an SQL pattern as a regular expression."""
    words = {"%": ".*", "_": "."}
    return "".join(words.get(part, re.escape(part)) for part in like)
