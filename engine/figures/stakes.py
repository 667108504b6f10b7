"""The time in which something was at stake, which is what figures of bets are taken over.

A history can be far longer than the bets in it: one market that settles weeks later stretches a day of bets to weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .metrics import DAYS_PER_YEAR, Integers
from .performance import DAY_NS
from .words import count, day


@dataclass(frozen=True)
class AtStake:
    """Bars and UTC days in which a position was held or money moved."""

    bars: npt.NDArray[np.bool_]
    days: Integers  #: their starts, ns
    first_ts: int | None  #: the first and the last bar with something at stake
    last_ts: int | None
    history_days: int  #: of the whole history

    @property
    def days_a_year(self) -> float:
        """How many such days a year has."""
        return days_a_year(self.days // DAY_NS)

    @property
    def text(self) -> str:
        """The days and how they lie in the history, for people."""
        days = f"{count(len(self.days), 'day')} of {self.history_days:,}"
        if not len(self.days):
            return f"{days}: nothing was"
        first, last = day(int(self.days[0])), day(int(self.days[-1]))
        return f"{days}, {first}" + ("" if first == last else f" to {last}")

    def as_row(self) -> dict[str, Any]:
        """Return what is written to JSON."""
        return {
            "days": len(self.days),
            "history_days": self.history_days,
            "days_a_year": self.days_a_year,
            "from_ts": self.first_ts,
            "to_ts": self.last_ts,
            "text": self.text,
        }


def days_a_year(days: Integers) -> float:
    """How many days a year has of which these are some, by number: 365 times their share of the first to the last."""
    return float(DAYS_PER_YEAR) * len(days) / (int(days[-1] - days[0]) + 1) if len(days) else float(DAYS_PER_YEAR)


def at_stake(times: Integers, equity: Integers, held: Integers, capital: int) -> AtStake:
    """Find the bars at whose start or end something was held, or in which equity changed.

    >>> times = np.array([1, 2, 3, 40]) * DAY_NS
    >>> found = at_stake(times, np.array([9, 9, 12, 12]), np.array([0, 1, 0, 0]), 9)
    >>> found.bars.tolist(), (found.days // DAY_NS).tolist(), found.text
    ([False, True, True, False], [1, 2], '2 days of 40, 1970-01-02 to 1970-01-03')
    """
    moved = np.diff(equity, prepend=np.int64(capital)) != 0
    bars = (held > 0) | (np.append(0, held[:-1]) > 0) | moved if len(times) else np.zeros(0, np.bool_)
    days = (times - 1) // DAY_NS
    own = times[bars]
    span = int(days[-1] - days[0]) + 1 if len(days) else 0
    ends = (int(own[0]), int(own[-1])) if len(own) else (None, None)
    return AtStake(bars, np.unique(days[bars]) * DAY_NS, *ends, span)
