"""The bars of a session's markets: kept as far back as scores look, and laid out as the backtest's panel."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ...bets.panel.lives import lives_of
from ...bets.panel.panel import COLUMNS, Panel
from ...bets.panel.resting import Resting
from ...bets.types import NO_ORDER, NO_PRICE, NO_SIZE


class BarRow(NamedTuple):
    """A market's bar: prices in ticks, sizes in lots, the age in bars, as the columns of a panel have them."""

    mark: int = NO_PRICE
    bid: int = NO_PRICE
    ask: int = NO_PRICE
    bid_lots: int = NO_SIZE
    ask_lots: int = NO_SIZE
    volume: int = 0
    buys: int = 0
    age: int = -1


assert BarRow._fields == tuple(COLUMNS)


@dataclass
class MarketRows:
    """A market's last bars, one after the other, from bar ``first`` of the session on."""

    first: int = 0
    columns: list[array[int]] = field(default_factory=lambda: [array("i") for _ in COLUMNS])

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    def end(self) -> int:
        """The bar after its last one."""
        return self.first + len(self)

    @property
    def last(self) -> BarRow:
        """Its last bar."""
        return BarRow(*(column[-1] for column in self.columns)) if len(self) else BarRow()

    def append(self, bar: int, row: Iterable[int], keep: int | None) -> None:
        """Add a bar, and forget those before the last ``keep``."""
        if not len(self):
            self.first = bar
        for column, value in zip(self.columns, row, strict=True):
            column.append(value)
        gone = 0 if keep is None else max(len(self) - keep, 0)
        if gone:
            for column in self.columns:
                del column[:gone]
            self.first += gone

    def state(self) -> list[Any]:
        """All of it as a list."""
        return [self.first, *(column.tolist() for column in self.columns)]

    @classmethod
    def of(cls, state: Sequence[Any]) -> MarketRows:
        """Take it up from such a list."""
        return cls(state[0], [array("i", values) for values in state[1:]])


class BarsWindow(NamedTuple):
    """A panel of the last bars; its bar 0 is bar ``base`` of the session."""

    panel: Panel
    base: int


def window_of(
    markets: pl.DataFrame, rows: Mapping[str, MarketRows], fresh: Mapping[str, Sequence[int]], begin: int, step: int,
    bars: int, keep: int | None, held: Mapping[str, int], orders: tuple[str, int] | None = None,
) -> BarsWindow:  # fmt: skip
    """Lay the kept rows out as a panel that ends with the last of ``bars`` bars, of which the rows are ``fresh``.

    ``held`` tells the bar from which on time must be known of each market that is held, whose last row stands however
    old it is. ``orders`` is the queue model of orders that rest and how many bars they wait.
    """
    tickers = markets["ticker"].to_list()
    oldest = 0 if keep is None else max(bars - keep, 0)
    nothing = MarketRows(bars - 1)
    shown: list[tuple[MarketRows, Sequence[int] | None] | None] = []
    for ticker in tickers:
        one, now = rows.get(ticker, nothing), fresh.get(ticker)
        is_shown = now is not None or (len(one) and (one.end > oldest or ticker in held))
        shown.append((one if len(one) else nothing, now) if is_shown else None)
    base = min([oldest, *held.values(), *(one[0].first for one in shown if one is not None)])
    first = np.array([0 if one is None else one[0].first - base for one in shown], np.int64)
    counts = np.array([0 if one is None else len(one[0]) + (one[1] is not None) for one in shown], np.int64)
    lives = lives_of(bars - base, first, counts)
    columns: dict[str, Any] = {}
    for at, (name, kind) in enumerate(COLUMNS.items()):
        parts = [np.zeros(0, np.int32)]
        for one in shown:
            if one is not None:
                parts.append(np.frombuffer(one[0].columns[at], np.int32))
                parts += [] if one[1] is None else [np.array([one[1][at]], np.int32)]
        columns[name] = np.concatenate(parts).astype(kind)
    times = begin + step * np.arange(base + 1, bars + 1, dtype=np.int64)
    resting = None
    if orders is not None:
        both = (columns["bid"] != NO_PRICE) & (columns["ask"] != NO_PRICE)
        after = np.where(both, 0, NO_ORDER).astype(np.int16)
        none = np.zeros(len(after), np.int32)
        resting = Resting(*orders, (after, after.copy()), (none, none.copy()))
    panel = Panel(times, markets, lives, columns, np.ones(len(tickers), np.bool_), resting=resting)
    return BarsWindow(panel, base)
