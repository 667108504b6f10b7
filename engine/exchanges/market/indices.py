"""The reference values that a recording has of its underlyings, and the averages that the exchange tells with each."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from ....io.ground.units import NS_PER_SECOND
from ....io.store.schema import UNDERLYING

MINUTE_NS = 60 * NS_PER_SECOND
_QUARTER_NS = 15 * MINUTE_NS
_FIFTH_NS = NS_PER_SECOND // 5
_CHUNK = 8192


class Mean(NamedTuple):
    """The mean of the values after ``start`` and up to ``end``, ns."""

    value: float
    values: int
    start: int
    end: int


class IndexValue(NamedTuple):
    """A value of an index, and the values up to it of the last minute: (time, value)."""

    ts: int
    name: str
    value: float
    minute: tuple[tuple[int, float], ...]
    closes: int | None  #: the close of a quarter of an hour, if this is its last minute
    is_first: bool = True  #: of its second: the slow channel tells it, and averages count it

    @property
    def last_minute(self) -> Mean:
        """The mean of the minute that ends now."""
        return self._since(self.ts - MINUTE_NS, self.ts)

    @property
    def settling(self) -> Mean | None:
        """What the 15-minute markets settle at as far as it is known: the mean of the minute before their close."""
        return None if self.closes is None else self._since(self.closes - MINUTE_NS, self.closes)

    def _since(self, start: int, end: int) -> Mean:
        values = [value for ts, value in self.minute if ts > start]
        return Mean(math.fsum(values) / len(values), len(values), start, end)


@dataclass(frozen=True)
class Indices:
    """Reference values in order of time, five a second and index; ``moved``: by how much they were moved in time."""

    ticks: pl.DataFrame
    moved: int = 0

    @property
    def names(self) -> list[str]:
        """The indices there are."""
        return self.ticks["symbol"].unique().sort().to_list()

    def shifted(self, by: int) -> Indices:
        """The same values at another time; quarters of an hour move with them, as the closes of the markets do."""
        return Indices(self.ticks.with_columns(pl.col("ts") + by), self.moved + by)

    def values(self, start: int, end: int) -> Iterator[IndexValue]:
        """Yield what is told from ``start`` to ``end``, both included."""
        recent: dict[str, deque[tuple[int, float]]] = {}
        seconds: dict[str, int] = {}
        inside = self.ticks.filter(pl.col("ts").is_between(start - MINUTE_NS, end))
        for at in range(0, len(inside), _CHUNK):
            for ts, name, value in inside[at : at + _CHUNK].iter_rows():
                minute = recent.setdefault(name, deque())
                is_first = seconds.get(name) != (second := (ts - self.moved) // NS_PER_SECOND)
                seconds[name] = second
                if is_first:
                    minute.append((ts, value))
                while minute[0][0] <= ts - MINUTE_NS:
                    minute.popleft()
                if ts >= start:
                    yield IndexValue(ts, name, value, tuple(minute), self._closes(ts), is_first)

    def _closes(self, ts: int) -> int | None:
        left = -(ts - self.moved) % _QUARTER_NS
        return ts + left if left < MINUTE_NS else None


def indices_from(ticks: pl.DataFrame) -> Indices:
    """Reference values from rows of table ``underlying``: the first of each fifth of a second, as channels tell them.

    Values of the same thing from a faster channel (``BRTI@5hz``) and averages (``BRTI:60s``) are other symbols, and
    are left out: the channels make their own.
    """
    told = (
        ticks.filter(pl.col("value").is_finite() & ~pl.col("symbol").str.contains("[@:]"))
        .sort("ts", maintain_order=True)
        .group_by("symbol", pl.col("ts").floordiv(_FIFTH_NS).alias("fifth"), maintain_order=True)
        .first()
    )
    return Indices(told.select("ts", "symbol", "value").sort("ts", "symbol"))


def no_indices() -> Indices:
    """Of a recording without underlyings."""
    return Indices(pl.DataFrame(schema={name: UNDERLYING.columns[name] for name in ("ts", "symbol", "value")}))
