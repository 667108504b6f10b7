"""Telling rows that are stored already by their natural key, such as ticker and trade id."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ...ground.units import NS_PER_SECOND
from ..files.intact import whole
from ..files.manifest import StoredFile
from ..files.place import Place
from ..schema import StoredTable

#: A row's key is looked for among stored rows this near in time.
REACH_NS = 2 * 86_400 * NS_PER_SECOND
#: Hashes that are kept in memory, 8 bytes each.
KEPT_HASHES = 1 << 25


class StoredKeys:
    """The keys in a place's files: hashes tell quickly that a key is new, the rows themselves that it is not."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._hashes: dict[str, pl.Series] = {}

    def fresh(self, table: StoredTable, rows: pl.DataFrame, files: Sequence[StoredFile]) -> pl.DataFrame:
        """The rows whose key is neither in ``files`` nor in an earlier row; rows without a key are all kept."""
        keyed = rows.select(_keyed(table)).to_series()
        if not keyed.any():
            return rows
        hashes = rows.select(_hash(table)).to_series()
        if hashes.filter(keyed).n_unique() < keyed.sum():
            first = rows.select(~_keyed(table) | pl.struct(table.key).is_first_distinct()).to_series()
            rows, keyed, hashes = rows.filter(first), keyed.filter(first), hashes.filter(first)
        asked = hashes.filter(keyed)
        held = [file for file in _near(table, rows, files) if self._of(table, file).is_in(asked.implode()).any()]
        if not held:
            return rows
        keys = rows.lazy().filter(_keyed(table)).select(table.key)
        known = self._scan(table, held).join(keys, on=table.key, how="semi").unique().collect(engine="streaming")
        return rows.join(known, on=table.key, how="anti", maintain_order="left")

    def _of(self, table: StoredTable, file: StoredFile) -> pl.Series:
        if file.name not in self._hashes:
            hashes = self._scan(table, [file]).filter(_keyed(table)).select(_hash(table)).collect().to_series()
            while self._hashes and sum(map(len, self._hashes.values())) + len(hashes) > KEPT_HASHES:
                del self._hashes[next(iter(self._hashes))]
            self._hashes[file.name] = hashes
        return self._hashes[file.name]

    def _scan(self, table: StoredTable, files: Sequence[StoredFile]) -> pl.LazyFrame:
        return pl.scan_parquet(
            whole(self._place, files),
            glob=False,
            hive_partitioning=False,
            storage_options=self._place.storage_options,
        ).select(table.key)


def _near(table: StoredTable, rows: pl.DataFrame, files: Sequence[StoredFile]) -> list[StoredFile]:
    who, when, *_ = table.sort
    first, last, low, high = rows.select(
        pl.col(who).min().alias("first"),
        pl.col(who).max().alias("last"),
        low=pl.col(when).min(),
        high=pl.col(when).max(),
    ).row(0)
    return [
        file
        for file in files
        if file.keyed
        and file.first[0] <= last
        and first <= file.last[0]
        and file.high[0] >= low - REACH_NS
        and file.low[0] <= high + REACH_NS
    ]


def _keyed(table: StoredTable) -> pl.Expr:
    return pl.all_horizontal(pl.col(column).is_not_null() for column in table.key)


def _hash(table: StoredTable) -> pl.Expr:
    hashes = [pl.col(column).hash(seed) for seed, column in enumerate(table.key)]
    return pl.reduce(lambda one, other: one ^ other, hashes).alias("hash")
