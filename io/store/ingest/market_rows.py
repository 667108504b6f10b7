"""What rows of ``markets`` add to what is known: those that say nothing new are left out, a contradicted result too."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from ...ground.units import cents
from ...importers.base import BadRow
from ..files.manifest import StoredFile
from ..files.place import Place
from ..reading import merged, scan
from ..schema import MARKETS

_KEY = MARKETS.key
_VALUES = [column for column in MARKETS.columns if column not in _KEY]


def known_of(place: Place, files: Sequence[StoredFile], tickers: pl.Series) -> pl.DataFrame | None:
    """Read what is stored of some markets, one row for each ticker and moment; None if there is nothing."""
    names = tickers.unique()
    near = [f for f in files if f.first[0] <= names.max() and names.min() <= f.last[0]]  # pyright: ignore[reportOperatorIssue] - max of strings
    if not near:
        return None
    stored = scan(place, MARKETS, near).filter(pl.col("ticker").is_in(names.implode()))
    return merged(stored.select(list(MARKETS.columns)), _KEY).collect()


def learned(known: pl.DataFrame | None, fresh: pl.DataFrame) -> pl.DataFrame:
    """Add rows to what is known."""
    rows = fresh if known is None else pl.concat([known, fresh])
    return merged(rows.lazy(), _KEY).collect()


def changed(given: pl.DataFrame, known: pl.DataFrame | None) -> pl.DataFrame:
    """Leave out rows that say nothing new: every value they give is the one already known."""
    if known is not None:
        given = given.join(known, on=_KEY, how="left", suffix="_known", maintain_order="left")
    else:
        given = given.with_columns(pl.lit(None).alias(f"{column}_known") for column in _VALUES)
    same_again = pl.all_horizontal(
        pl.col(column).eq_missing(pl.col(column).shift(1).over(_KEY)) for column in _VALUES
    ) & (pl.int_range(pl.len()).over(_KEY) > 0)
    first = pl.int_range(pl.len()).over(_KEY) == 0
    known_already = pl.all_horizontal(
        pl.col(column).is_null() | pl.col(column).eq_missing(pl.col(f"{column}_known")) for column in _VALUES
    )
    exists = pl.any_horizontal(pl.col(f"{column}_known").is_not_null() for column in _VALUES)
    return given.filter(~same_again & ~(first & exists & known_already)).select(list(MARKETS.columns))


def without_contradictions(given: pl.DataFrame, known: pl.DataFrame | None) -> tuple[pl.DataFrame, list[BadRow]]:
    """Take back results that contradict the ones known first, stored or in these rows; the rest of a row stays."""
    facts = ("result", "settlement")
    if not any(given[name].null_count() < given.height for name in facts):
        return given, []
    first = given.lazy() if known is None else pl.concat([known.lazy().select(given.columns), given.lazy()])
    held = first.group_by("ticker").agg(pl.col(facts).drop_nulls().first().name.suffix("_held"))
    joined = given.join(held.collect(), on="ticker", how="left", maintain_order="left")
    wrong = pl.any_horizontal((pl.col(name) != pl.col(f"{name}_held")).fill_null(False) for name in facts)
    marked = joined.with_columns(wrong=wrong)
    if not marked["wrong"].any():
        return given, []
    taken = marked.with_columns(pl.when("wrong").then(None).otherwise(pl.col(name)).alias(name) for name in facts)
    bad = [_conflict(row) for row in marked.filter("wrong").iter_rows(named=True)]
    return taken.select(given.columns), bad


def _conflict(row: dict[str, object]) -> BadRow:
    name = "result" if row["result"] is not None and row["result"] != row["result_held"] else "settlement"
    values = [row[name], row[f"{name}_held"]]
    given, held = (f"{cents(value)}c" if isinstance(value, int) else value for value in values)
    shown = {column: row[column] for column in ("ticker", "result", "settlement")}
    return BadRow(
        0, f"{row['ticker']}: {name} {given} contradicts the {name} {held} known before; not applied", json.dumps(shown)
    )
