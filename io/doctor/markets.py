"""What is wrong with the rows of ``markets`` themselves: lives that end before they begin, results that contradict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from ..ground.units import TICKS_PER_DOLLAR, cents

_FACTS = ("series", "open_ts", "close_ts", "settled_ts", "expiration_ts", "result", "settlement")
_SHOWN = 5


@dataclass(frozen=True)
class MarketFinding:
    """One thing found in a market, or in the markets of a series."""

    check: str
    name: str
    count: int
    detail: str


def of_markets(history: pl.DataFrame, traded: Sequence[str]) -> Iterator[MarketFinding]:
    """Look at what is last known of each market, and at the tickers with rows that no market's row names."""
    by_name = pl.col("ticker").str.split("-").list.first()
    last = (
        history.group_by("ticker", maintain_order=True)
        .agg(pl.col(_FACTS).drop_nulls().last())
        .with_columns(series=pl.coalesce("series", by_name))
    )
    yield from _lives(last)
    yield from _results(last)
    ended = pl.col("result").is_not_null() | pl.col("settlement").is_not_null()
    timeless = last.filter(ended & pl.col("close_ts").is_null() & pl.col("ticker").is_in(traded))
    yield from _by_series("no closing time", timeless)
    unlisted = pl.DataFrame({"ticker": sorted(set(traded) - set(last["ticker"]))}, schema={"ticker": pl.String})
    yield from _by_series("unlisted market", unlisted.with_columns(series=by_name))


def _lives(last: pl.DataFrame) -> Iterator[MarketFinding]:
    moments = pl.col("open_ts", "close_ts", "settled_ts").cast(pl.Datetime("ns")).dt.to_string("%Y-%m-%d %H:%M:%S")
    for name, word in (("close_ts", "closes"), ("settled_ts", "settles")):
        wrong = last.filter(pl.col(name) <= pl.col("open_ts")).with_columns(moments)
        for ticker, opened, ended in wrong.select("ticker", "open_ts", name).iter_rows():
            yield MarketFinding("close before open", ticker, 1, f"opens {opened}, {word} {ended}")


def _results(last: pl.DataFrame) -> Iterator[MarketFinding]:
    pays = pl.col("result").replace_strict({"yes": TICKS_PER_DOLLAR, "no": 0}, default=None, return_dtype=pl.Int32)
    outside = ~pl.col("settlement").is_between(0, TICKS_PER_DOLLAR)
    wrong = last.filter((pl.col("settlement") != pays).fill_null(False) | outside.fill_null(False))
    for ticker, result, paid in wrong.select("ticker", "result", "settlement").iter_rows():
        yield MarketFinding("contradictory result", ticker, 1, f"result {result}, but one YES paid {cents(paid)}c")


def _by_series(check: str, markets: pl.DataFrame) -> Iterator[MarketFinding]:
    """One finding for all markets of a series: there may be thousands."""
    for (series,), part in markets.group_by("series", maintain_order=True):
        tickers = part["ticker"].to_list()
        more = f" and {len(tickers) - _SHOWN:,} more" if len(tickers) > _SHOWN else ""
        yield MarketFinding(check, str(series), len(tickers), ", ".join(tickers[:_SHOWN]) + more)
