"""When each market lives in a panel: a row a bar from its first to its last.

Columns that have a value a row are *rows*; they grow with what was alive, not with bars x markets. They stand market
after market, or, where every market lives in every bar, bar after bar, which is how the portfolio goes through them.
Outside its life nothing is known of a market yet, or nothing changes any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....io.ground.jit import kept


@dataclass(frozen=True)
class Lives:
    """The first bar of every market, its first row, and after all of them the number of rows."""

    bars: int  #: of the panel
    first: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    by_bar: bool = False  #: every market lives in every bar, and the rows stand bar after bar

    @property
    def base(self) -> npt.NDArray[np.int64]:
        """Of each market: its row of bar t is this plus t times ``stride``."""
        return np.arange(len(self.first)) if self.by_bar else self.start[:-1] - self.first

    @property
    def stride(self) -> int:
        """Rows from one bar of a market to its next."""
        return len(self.first) if self.by_bar else 1

    @property
    def total(self) -> int:
        """All rows."""
        return int(self.start[-1])

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Rows of each market."""
        return np.diff(self.start)

    def rows(self, block: slice) -> slice:
        """The places of some markets where one stands after the other."""
        return slice(int(self.start[block.start]), int(self.start[block.stop]))

    def take(self, column: npt.NDArray[Any], block: slice) -> npt.NDArray[Any]:
        """A column's values of some markets, one after the other."""
        if self.by_bar:
            return np.ascontiguousarray(column.reshape(self.bars, -1)[:, block].T).ravel()
        return np.ascontiguousarray(column[self.rows(block)])

    def put(self, column: npt.NDArray[Any], block: slice, values: npt.NDArray[Any]) -> None:
        """Write values of some markets, one after the other, into a column."""
        if self.by_bar:
            column.reshape(self.bars, -1)[:, block] = values.reshape(-1, self.bars).T
        else:
            column[self.rows(block)] = values

    def places(self, block: slice) -> npt.NDArray[np.int64]:
        """Of each row of some markets: how many of its market came before it."""
        rows = self.rows(block)
        return np.arange(rows.start, rows.stop) - np.repeat(self.start[block], self.counts[block])

    def bar(self, block: slice) -> npt.NDArray[np.int64]:
        """The bar of each row of some markets."""
        return self.places(block) + np.repeat(self.first[block], self.counts[block])

    def market(self, block: slice) -> npt.NDArray[np.int32]:
        """The market of each row of some markets."""
        return np.repeat(np.arange(block.start, block.stop, dtype=np.int32), self.counts[block])

    def blocks(self, rows: int) -> Iterator[slice]:
        """The markets, some at a time: of so many rows together at most, one at least."""
        begin, markets = 0, len(self.first)
        while begin < markets:
            stop = int(np.searchsorted(self.start, self.start[begin] + rows, side="right")) - 1
            stop = min(max(stop, begin + 1), markets)
            yield slice(begin, stop)
            begin = stop

    def until(self, bars: int) -> tuple[Lives, npt.NDArray[np.bool_]]:
        """The lives within the first bars, and which rows those are."""
        if self.by_bar:
            return whole_lives(bars, len(self.first)), np.arange(self.total) < bars * len(self.first)
        counts = np.clip(bars - self.first, 0, self.counts)
        kept = self.places(slice(0, len(self.first))) < np.repeat(counts, self.counts)
        return lives_of(bars, self.first, counts), kept

    def matrix(self, rows: npt.NDArray[Any], before: float = 0, after: float | None = 0) -> npt.NDArray[Any]:
        """Rows as bars x markets, with ``before`` and ``after`` outside the lives; None: the last row stands."""
        if self.by_bar:
            return np.array(rows).reshape(self.bars, -1)
        made = np.empty((self.bars, len(self.first)), rows.dtype)
        _spread_nb(rows, self.first, self.start, before, 0 if after is None else after, after is None, made)
        return made

    def flat(self, matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Bars x markets as rows."""
        if self.by_bar:
            return np.ascontiguousarray(matrix).ravel()
        every = slice(0, len(self.first))
        return np.ascontiguousarray(matrix[self.bar(every), self.market(every)])


def lives_of(bars: int, first: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> Lives:
    """Lives from each market's first bar and number of bars.

    >>> lives_of(9, np.array([0, 4]), np.array([3, 2])).start.tolist()
    [0, 3, 5]
    """
    return Lives(bars, np.asarray(first, np.int64), np.concatenate(([0], np.cumsum(counts))).astype(np.int64))


def whole_lives(bars: int, markets: int) -> Lives:
    """Every market in every bar, bar after bar."""
    return replace(lives_of(bars, np.zeros(markets, np.int64), np.full(markets, bars)), by_bar=True)


@kept()
def _spread_nb(rows: Any, first: Any, start: Any, before: Any, after: Any, stands: bool, made: Any) -> None:
    for m in range(len(first)):
        count = start[m + 1] - start[m]
        for t in range(made.shape[0]):
            at = t - first[m]
            if at < 0 or count == 0:
                made[t, m] = before
            elif at < count:
                made[t, m] = rows[start[m] + at]
            else:
                made[t, m] = rows[start[m + 1] - 1] if stands else after
