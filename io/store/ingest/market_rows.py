"""What rows of ``markets`` add to what is known: those that say nothing new are left out, a contradicted result too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from ...ground.units import cents
from ..chunk import BadRow
from ..files.manifest import StoredFile
from ..files.place import Place
from ..reading import merged, scan
from ..schema import MARKETS

_KEY = MARKETS.key
#: What may stand only once, and in which states of a market the exchange may still change it.
_FACTS = ("result", "settlement")
_PAID = ("finalized", "settled")
_MAY_CHANGE, _DECIDES = ("determined", "disputed", "amended"), ("determined", "amended", *_PAID)
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
    """Take back results that contradict the ones known first, stored or in these rows; the rest of a row stays.

    While the exchange has not paid it may still change a result, and what it then says replaces what it said before.
    """
    if not any(given[name].null_count() < given.height for name in _FACTS):
        return given, []
    first = given.lazy() if known is None else pl.concat([known.lazy().select(given.columns), given.lazy()])
    several = first.group_by("ticker").agg(pl.col(_FACTS).drop_nulls().n_unique() > 1)
    names = several.filter(pl.any_horizontal(_FACTS)).select("ticker").collect().get_column("ticker").implode()
    doubted = given.filter(pl.col("ticker").is_in(names))
    if not doubted.height:
        return given, []
    lives = (
        {}
        if known is None
        else known.filter(pl.col("ticker").is_in(names)).sort(_KEY).partition_by("ticker", as_dict=True)
    )
    results = {
        name: _Result(lives[name,].rows(named=True) if (name,) in lives else ()) for name in doubted["ticker"].unique()
    }
    rows: list[dict[str, Any]] = []
    bad: list[BadRow] = []
    for row in doubted.iter_rows(named=True):
        kept, conflict = results[row["ticker"]].take(row)
        rows += kept
        bad += [conflict] if conflict is not None else []
    mended = pl.DataFrame(rows, schema=given.schema)
    return pl.concat([given.filter(~pl.col("ticker").is_in(names)), mended]), bad


class _Result:
    """What is known of a market's result while rows about it come."""

    def __init__(self, known: Iterable[dict[str, Any]]) -> None:
        self.held: dict[str, Any] = dict.fromkeys(_FACTS)
        self.since, self.status = 0, ""
        for row in known:
            self._learn(row)

    def _learn(self, row: dict[str, Any]) -> None:
        told = {name: row[name] for name in _FACTS if row[name] is not None}
        if told:
            self.held |= told
            self.since = max(self.since, row["valid_from"])
        if self.status not in _PAID:
            self.status = row["status"] or self.status

    def take(self, row: dict[str, Any]) -> tuple[list[dict[str, Any]], BadRow | None]:
        """Give a row as it is to be stored: without a result that contradicts; what was amended, from then on."""
        without = row | dict.fromkeys(_FACTS)
        if not any(row[name] is not None and self.held[name] not in (None, row[name]) for name in _FACTS):
            self._learn(row)
            return [row], None
        if self.status not in _MAY_CHANGE or row["status"] not in _DECIDES:
            return [without], self._conflict(row)
        if row["valid_from"] > self.since:
            self._learn(row)
            return [row], None
        told = {name: row[name] for name in ("ticker", "status", "settled_ts", *_FACTS)}
        amended = dict.fromkeys(row) | told | {"valid_from": max(self.since + 1, row["settled_ts"] or 0)}
        self._learn(amended)
        return [without, amended], None

    def _conflict(self, row: dict[str, Any]) -> BadRow:
        name = (
            "result" if self.held["result"] not in (None, row["result"]) and row["result"] is not None else "settlement"
        )
        given, held = (f"{cents(one)}c" if isinstance(one, int) else one for one in (row[name], self.held[name]))
        shown = {column: row[column] for column in ("ticker", *_FACTS)}
        reason = f"{row['ticker']}: {name} {given} contradicts the {name} {held} known before; not applied"
        return BadRow(0, reason, json.dumps(shown))
