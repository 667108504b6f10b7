"""Incentive programs as last told: each is stored again when something about it changes."""

from __future__ import annotations

import polars as pl

from ..ground.units import NS_PER_SECOND
from .schema import PROGRAMS

#: What is seen again unchanged is stored again after this time at the earliest.
SEEN_AGAIN_NS = 3_600 * NS_PER_SECOND
_FACTS = [name for name in PROGRAMS.columns if name not in ("id", "first_seen", "last_seen")]


def as_last_told(rows: pl.LazyFrame, start: int | None, end: int | None) -> pl.LazyFrame:
    """Merge rows to one an id, a null never hiding a value, and keep those whose period touches start … end."""
    merged = (
        rows.group_by("id", maintain_order=True)
        .agg(
            pl.col(_FACTS).drop_nulls().last(),
            pl.col("first_seen").min(),
            pl.col("last_seen").max(),
        )
        .select(list(PROGRAMS.columns))
    )
    if start is not None:
        merged = merged.filter(pl.col("end_ts").is_null() | (pl.col("end_ts") > start))
    if end is not None:
        merged = merged.filter(pl.col("start_ts") < end)
    return merged.sort("ticker", "start_ts", "id")


def news(told: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Leave out what says nothing new of a program, unless it was last seen long ago."""
    pair = told.join(known, on="id", how="left", suffix="_known")
    same = pl.all_horizontal(
        pl.col(name).is_null() | pl.col(name).eq_missing(pl.col(f"{name}_known")) for name in _FACTS
    )
    recent = (pl.col("last_seen") - pl.col("last_seen_known") < SEEN_AGAIN_NS).fill_null(value=False)
    return pair.filter(~(same & recent)).select(list(PROGRAMS.columns))
