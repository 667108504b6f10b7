"""Rows that are stored more than once: again under their numbers, by two imports, or once with and once without ids.

It finds them for the doctor and takes nothing away; ``engine data forget`` does.
"""

from __future__ import annotations

import polars as pl

from ..store.store import Store

#: What a trade is besides its names: two imports that agree in this tell of one trade, if one of them has no ids.
_TRADE = ("ticker", "ts", "price", "size")


def doubled(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Give the superfluous rows with a ``detail`` that names the table and, of two imports, the later one.

    Equal rows of one import that has no numbers are kept: identical fills are real.
    """
    told = ("source", "import_id", "recv_ts")
    same = [name for name in frame.columns if name not in told]
    again = frame.filter(pl.len().over(same) > 1)
    if again.height:
        numbered = pl.col("seq").is_not_null()
        if table == "trades":
            numbered = numbered | pl.col("trade_id").is_not_null()
        again = again.filter(numbered | (pl.col("import_id").n_unique().over(same) > 1))
        other = pl.col("import_id") != pl.col("import_id").first().over(same)
        again = again.with_columns(other=other).filter(pl.int_range(pl.len()).over(same) > 0)
        detail = pl.when("other").then(_again(table)).otherwise(pl.lit(table))
        found = again.select("ticker", "ts", detail=detail)
    else:
        found = again.select("ticker", "ts", detail=pl.lit(table))
    return pl.concat([found, _without_ids(frame)]) if table == "trades" else found


def doubled_underlying(store: Store, symbols: list[str]) -> pl.DataFrame:
    """Give the values of underlyings that a later import stored again, the symbol as their ``ticker``."""
    found = pl.DataFrame(schema={"ticker": pl.String, "ts": pl.Int64, "detail": pl.String})
    for symbol in symbols:
        rows = store.underlying(symbol).select("ts", "value", "import_id").collect()
        if rows["import_id"].n_unique() > 1:
            first = pl.col("import_id").first().over("ts", "value")
            again = rows.filter(pl.col("import_id") != first).with_columns(ticker=pl.lit(symbol))
            found = pl.concat([found, again.select("ticker", "ts", detail=_again("underlying"))])
    return found


def _without_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """Trades without ids that another import has with them: as many of each as both have."""
    named = pl.col("trade_id").is_not_null()
    ids, bare = frame.filter(named), frame.filter(~named)
    held = ids.group_by(_TRADE).agg(pl.len().alias("held"), pl.col("import_id").alias("others"))
    met = bare.join(held, on=_TRADE, how="inner", maintain_order="left")
    other = pl.col("others").list.first().cast(pl.String) != pl.col("import_id").cast(pl.String)
    met = met.filter(other, pl.int_range(pl.len()).over(_TRADE) < pl.col("held"))
    return met.select("ticker", "ts", detail=_again("trades that another import has with their ids"))


def _again(what: str) -> pl.Expr:
    stored = pl.format(
        "stored again by import {} (engine data forget {} takes all of it back)",
        *[pl.col("import_id").cast(pl.String)] * 2,
    )
    return pl.concat_str(pl.lit(f"{what}: "), stored)
