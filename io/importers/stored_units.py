"""A file's price unit, held against what the store has of its markets: 100 times apart, the user is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from ..ground.errors import InputError
from ..ground.units import cents
from ..store.schema import BookKind, Side
from .base import Options
from .recognise import Recognised
from .recordings.level_files import LevelFile
from .recordings.polled import PolledBooks
from .tables.layout import Layout
from .values.beginning import sample_of
from .values.convert import SourceRows
from .values.flat import batches
from .values.price_unit import BY_VALUES

if TYPE_CHECKING:
    from ..store.store import Store

_DAY_NS = 86_400 * 1_000_000_000
#: One reading is the other times this; how far from it, in powers of ten, the stored prices may be.
_TIMES, _NEAR = 100, 0.5


@dataclass(frozen=True)
class _Guess:
    """A file whose values alone told its unit: the unit, and its first prices in ticks by market and time."""

    file: Recognised
    unit: str
    prices: pl.DataFrame


def ask_where_stored_differs(
    store: Store, files: Sequence[Recognised], options: Options, imported: Callable[[Recognised], bool]
) -> None:
    """Raise if prices, in the unit that a file's values suggest, are 100 times those that the store has near them.

    A file that was ``imported`` already, as it is asked for now, brings nothing and is not asked about.
    """
    if options.price_unit is not None or not store.records():
        return
    guesses = [guess for one in files if (guess := _guess(one, options)) is not None]
    if not guesses:
        return
    tickers = pl.concat([guess.prices["ticker"] for guess in guesses]).unique()
    times = pl.concat([guess.prices["ts"] for guess in guesses])
    stored = _stored(store, tickers, int(times.min()) - _DAY_NS, int(times.max()) + _DAY_NS)  # pyright: ignore[reportArgumentType] - ts is never empty here
    for guess in guesses if stored.height else ():
        asked = _differs(guess, stored)
        if asked is not None and not imported(guess.file):
            raise asked


def _guess(one: Recognised, options: Options) -> _Guess | None:
    own = replace(options, unit_beside=one.unit_beside)
    try:
        unit, tables = _head(one, own)
    except InputError:  # said when the file is read
        return None
    prices = _prices(tables) if unit is not None else None
    return _Guess(one, unit, prices) if unit is not None and prices is not None and prices.height else None


def _head(one: Recognised, options: Options) -> tuple[str | None, Mapping[str, pl.DataFrame]]:
    """Read the beginning of a file, if only its values tell its unit."""
    importer = one.importer
    if isinstance(importer, PolledBooks):
        return importer.guessed(one.path, options)
    if not isinstance(importer, Layout | LevelFile):
        return None, {}
    renames = {column: name for name, column in options.columns.items()}
    read = next(batches(sample_of(one.path, options), renames, head=True), None)
    if read is None:
        return None, {}
    batch = read()
    decided = importer.decide(SourceRows(batch.frame, options, [], one.path))
    if BY_VALUES not in decided:
        return None, {}
    return decided["unit"], importer.head(batch, options, decided)


def _prices(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return a price of each market at each time: of trades, quotes, or the best bid of whole books."""
    found = [pl.DataFrame(schema={"ticker": pl.String, "ts": pl.Int64, "price": pl.Float64})]
    if "trades" in tables:
        found.append(tables["trades"].select("ticker", "ts", pl.col("price").cast(pl.Float64)))
    if "quotes" in tables:
        side = pl.coalesce("bid", "ask").cast(pl.Float64).alias("price")
        found.append(tables["quotes"].select("ticker", "ts", side).drop_nulls())
    if "book" in tables:
        bids = tables["book"].filter(pl.col("kind") == int(BookKind.LEVEL), pl.col("side") == int(Side.BID))
        best = pl.col("price").max().cast(pl.Float64)
        found.append(bids.group_by("ticker", "ts").agg(best).select("ticker", "ts", "price"))
    return pl.concat(found).filter(pl.col("price") > 0)


def _stored(store: Store, tickers: pl.Series, start: int, end: int) -> pl.DataFrame:
    names = tickers.to_list()
    tables = {name: store.table(name, names, start, end).collect() for name in ("trades", "quotes", "book")}
    return _prices(tables).sort("ts")


def _differs(guess: _Guess, stored: pl.DataFrame) -> InputError | None:
    near = guess.prices.sort("ts").join_asof(
        stored, on="ts", by="ticker", strategy="nearest", tolerance=_DAY_NS, suffix="_stored", check_sortedness=False
    )
    apart = pl.col("price").log10() - pl.col("price_stored").log10()
    found = near.drop_nulls("price_stored").group_by("ticker", maintain_order=True).agg(
        apart.median().alias("apart"), pl.col("price").median(), pl.col("price_stored").median()
    )  # fmt: skip
    wrong = math.log10(_TIMES) * (1 if guess.unit == "dollars" else -1)
    for ticker, distance, price, held in found.iter_rows():
        if abs(distance - wrong) < _NEAR:
            return InputError(
                f"{guess.file.name}: in {guess.unit} the prices of {ticker} are about {cents(round(price))} cents, and "
                f"the store holds it at about {cents(round(held))} cents then: cents or dollars? "
                "Pass price_unit='cents' or price_unit='dollars'"
            )
    return None
