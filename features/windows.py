"""Window columns of a panel, compiled: ``change_24``, ``mean_20``, ``z_20`` … by name, for every market at once.

The same as the expressions of ``bars``, from whole-number running sums and without a temporary. N counts bars.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from ..io.ground.jit import kept

#: Name -> unit and meaning. Null in the first bars, and where a bar of the window has no value.
WINDOWS: dict[str, str] = {
    "lag_N": "mark N bars ago, ticks",
    "change_N": "change of the mark over N bars, ticks",
    "mean_N": "mean mark of the last N bars, ticks",
    "deviation_N": "population standard deviation of the mark over N bars, ticks",
    "z_N": "mark minus its mean, in standard deviations, over N bars; null where the deviation is 0",
    "sigma_N": "root mean square change a bar over N changes, ticks",
    "volume_N": "lots traded in the last N bars",
    "bought_N": "lots that YES buyers took in the last N bars",
}
_SOURCE = {"volume": "volume", "bought": "buys"}
_NAME = re.compile(r"([a-z]+)_([1-9]\d{0,4})")
Matrix = npt.NDArray[Any]


def parse_window(name: str) -> tuple[str, int] | None:
    """Kind and length of a window column, None if the name is none.

    >>> parse_window("z_20"), parse_window("mark")
    (('z', 20), None)
    """
    found = _NAME.fullmatch(name)
    return (found[1], int(found[2])) if found and f"{found[1]}_N" in WINDOWS else None


def source_of(kind: str) -> str:
    """The panel matrix that a kind of window reads."""
    return _SOURCE.get(kind, "mark")


def window(
    kind: str, bars: int, values: Matrix, first: Matrix | None = None, start: Matrix | None = None
) -> npt.NDArray[np.float64]:
    """One window column for markets x bars; below zero a value is missing. NaN where there is no answer.

    With ``first`` and ``start`` the values are rows, one market after the other, each from its bar ``first`` and its
    row ``start`` on: what came before counts as missing, and as no volume. Unit: as ``WINDOWS`` says. Warm-up: as of
    the same expression in ``bars``.

    >>> window("change", 1, np.array([[4500, 4600, -1]])).tolist()
    [[nan, 100.0, nan]]
    """
    if first is None or start is None:
        markets, long = values.shape
        flat = np.ascontiguousarray(values).ravel()
        return window(kind, bars, flat, np.zeros(markets, np.int64), long * np.arange(markets + 1)).reshape(
            values.shape
        )
    made = np.empty(len(values))
    if kind in ("lag", "change"):
        _lag_nb(values, start, bars, kind == "change", made)
    elif kind == "sigma":
        _sigma_nb(values, start, bars, made)
    else:
        known = first if kind in _SOURCE else np.zeros_like(first)
        what = ("sum", "mean", "deviation", "z").index("sum" if kind in _SOURCE else kind)
        _sums_nb(values, known, start, bars, what, made)
    return made


@kept()
def _lag_nb(values: Any, start: Any, bars: int, difference: bool, made: Any) -> None:
    for m in range(len(start) - 1):
        for t in range(start[m], start[m + 1]):
            made[t] = np.nan
            if t - bars >= start[m]:
                before, now = np.int64(values[t - bars]), np.int64(values[t])
                if before >= 0 and (now >= 0 or not difference):
                    made[t] = now - before if difference else before


@kept()
def _sums_nb(values: Any, quiet: Any, start: Any, bars: int, kind: int, made: Any) -> None:
    """Sum (0), mean (1), deviation (2) or z (3) of the last ``bars`` values; ``quiet`` zeros came before a market's."""
    for m in range(len(start) - 1):
        known = min(np.int64(quiet[m]), np.int64(bars))
        first = np.int64(0)
        second = np.int64(0)
        for t in range(start[m], start[m + 1]):
            made[t] = np.nan
            x = np.int64(values[t])
            if x >= 0:
                known, first, second = known + 1, first + x, second + x * x
            if t - bars >= start[m]:
                gone = np.int64(values[t - bars])
                if gone >= 0:
                    known, first, second = known - 1, first - gone, second - gone * gone
            elif t - bars >= start[m] - quiet[m]:
                known -= 1
            if known < bars:
                continue
            if kind == 0:
                made[t] = first
            elif kind == 1:
                made[t] = first / bars
            else:
                spread = bars * second - first * first  # bars^2 x variance, exact
                if kind == 2:
                    made[t] = np.sqrt(np.float64(spread)) / bars
                elif spread > 0:
                    made[t] = (bars * x - first) / np.sqrt(np.float64(spread))


@kept()
def _sigma_nb(values: Any, start: Any, bars: int, made: Any) -> None:
    for m in range(len(start) - 1):
        known = np.int64(0)
        total = np.int64(0)
        for t in range(start[m], start[m + 1]):
            made[t] = np.nan
            if t == start[m]:
                continue
            a, b = np.int64(values[t - 1]), np.int64(values[t])
            if a >= 0 and b >= 0:
                known, total = known + 1, total + (b - a) * (b - a)
            if t - bars > start[m]:
                a, b = np.int64(values[t - bars - 1]), np.int64(values[t - bars])
                if a >= 0 and b >= 0:
                    known, total = known - 1, total - (b - a) * (b - a)
            if known == bars:
                made[t] = np.sqrt(total / bars)
