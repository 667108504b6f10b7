"""Window columns of a panel, compiled: ``change_24``, ``mean_20``, ``z_20`` … by name, for every market at once.

The same as the expressions of ``bars``, from whole-number running sums and without a temporary. N counts bars.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from ..io.jit import kept

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


def window(kind: str, bars: int, values: Matrix) -> npt.NDArray[np.float64]:
    """One window column for markets x bars; below zero a value is missing. NaN where there is no answer.

    Unit: as ``WINDOWS`` says. Warm-up: as of the same expression in ``bars``.

    >>> window("change", 1, np.array([[4500, 4600, -1]])).tolist()
    [[nan, 100.0, nan]]
    """
    made = np.empty(values.shape)
    if kind in ("lag", "change"):
        _lag_nb(values, bars, kind == "change", made)
    elif kind == "sigma":
        _sigma_nb(values, bars, made)
    else:
        _sums_nb(values, bars, ("sum", "mean", "deviation", "z").index("sum" if kind in _SOURCE else kind), made)
    return made


@kept()
def _lag_nb(values: Any, bars: int, difference: bool, made: Any) -> None:
    for m in range(values.shape[0]):
        made[m, :bars] = np.nan
        for t in range(bars, values.shape[1]):
            made[m, t] = np.nan
            before, now = np.int64(values[m, t - bars]), np.int64(values[m, t])
            if before >= 0 and (now >= 0 or not difference):
                made[m, t] = now - before if difference else before


@kept()
def _sums_nb(values: Any, bars: int, kind: int, made: Any) -> None:
    """Sum (0), mean (1), deviation (2) or z (3) of the last ``bars`` values."""
    for m in range(values.shape[0]):
        known = np.int64(0)
        first = np.int64(0)
        second = np.int64(0)
        for t in range(values.shape[1]):
            made[m, t] = np.nan
            x = np.int64(values[m, t])
            if x >= 0:
                known, first, second = known + 1, first + x, second + x * x
            if t >= bars:
                gone = np.int64(values[m, t - bars])
                if gone >= 0:
                    known, first, second = known - 1, first - gone, second - gone * gone
            if known < bars:
                continue
            if kind == 0:
                made[m, t] = first
            elif kind == 1:
                made[m, t] = first / bars
            else:
                spread = bars * second - first * first  # bars^2 x variance, exact
                if kind == 2:
                    made[m, t] = np.sqrt(np.float64(spread)) / bars
                elif spread > 0:
                    made[m, t] = (bars * x - first) / np.sqrt(np.float64(spread))


@kept()
def _sigma_nb(values: Any, bars: int, made: Any) -> None:
    for m in range(values.shape[0]):
        known = np.int64(0)
        total = np.int64(0)
        made[m, 0] = np.nan
        for t in range(1, values.shape[1]):
            made[m, t] = np.nan
            a, b = np.int64(values[m, t - 1]), np.int64(values[m, t])
            if a >= 0 and b >= 0:
                known, total = known + 1, total + (b - a) * (b - a)
            if t > bars:
                a, b = np.int64(values[m, t - bars - 1]), np.int64(values[m, t - bars])
                if a >= 0 and b >= 0:
                    known, total = known - 1, total - (b - a) * (b - a)
            if known == bars:
                made[m, t] = np.sqrt(total / bars)
