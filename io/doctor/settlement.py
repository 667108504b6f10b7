"""The check for one-sided settlement: markets kept because of how they settled, which any backtest would love.

It reads results and the prices traded before, and says how unlikely such results are by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ..ground.units import NS_PER_SECOND, TICKS_PER_DOLLAR

#: Results less likely than this, at the prices traded, are not chance.
UNLIKELY = 1e-3


@dataclass(frozen=True)
class OneSided:
    """A series that settled all one way."""

    series: str
    settled: int
    minutes: float
    detail: str


def prices(trades: pl.DataFrame) -> pl.DataFrame:
    """What YES cost on average over a ticker's trades, and for how long it traded."""
    return (
        trades.group_by(pl.col("ticker").cast(pl.String))
        .agg(
            price=pl.col("price").mean() / TICKS_PER_DOLLAR,
            minutes=(pl.col("ts").max() - pl.col("ts").min()) / (60 * NS_PER_SECOND),
        )
        .sort("ticker")
    )


def one_sided(history: pl.DataFrame, traded: pl.DataFrame | None) -> list[OneSided]:
    """Find series that settled all NO or all YES, and by chance hardly could have.

    Taken by its own price, a contract of an event settles NO with probability 1 - price. Contracts of one event hang
    together in unknown ways, so an event's chance to settle all NO is at most that of its dearest contract (all YES:
    of its cheapest). Events are independent: their product bounds the chance of the series.
    """
    if traded is None or not traded.height or not history.height:
        return []
    settled = (
        history.group_by("ticker", maintain_order=True)
        .agg(pl.col("series", "event", "result").drop_nulls().last())
        .filter(pl.col("result").is_in(["yes", "no"]))
        .with_columns(pl.col("event").fill_null(pl.col("ticker").str.replace(r"-[^-]*$", "")))
        .with_columns(pl.col("series").fill_null(pl.col("event").str.replace(r"-.*$", "")))
        .join(traded, on="ticker")
    )
    events = settled.group_by("series", "event").agg(
        (1 - pl.col("price").max()).alias("no"), pl.col("price").min().alias("yes")
    )
    chances = events.group_by("series").agg(pl.col("no", "yes").log().sum().exp(), pl.len().alias("events"))
    whole = settled.group_by("series").agg(
        pl.col("result").n_unique().alias("results"), pl.col("result").first(), pl.len().alias("settled"),
        pl.col("minutes").sum(), pl.col("price").mean().alias("price"),
    )  # fmt: skip
    found: list[OneSided] = []
    for row in whole.filter(pl.col("results") == 1).join(chances, on="series").sort("series").iter_rows(named=True):
        chance = row[row["result"]]
        if chance < UNLIKELY:
            detail = (
                f"all {row['settled']} markets of {row['events']} events settled {row['result'].upper()} "
                f"at a mean price of {100 * row['price']:.1f}c; the chance is below {max(chance, 1e-300):.0e}: "
                "they were picked by result"
            )
            found.append(OneSided(row["series"], row["settled"], row["minutes"], detail))
    return found
