"""Training on made rows: seconds and memory of each kind, against the bars of two million rows of twenty features.

Run by hand on a quiet machine, with two cores: ``python -m bench.train [ROWS]``. Rows are made in memory, so that only
the training is timed: five folds in time and the newest model, with calibration and parity over every row. The exit
code is 1 if a bar is missed at two million rows. The LSTM line is one epoch over 200,000 windows of 24 bars.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
from touchline.engine.training.kinds.kind import Lesson
from touchline.engine.training.kinds.registry import kind_of
from touchline.engine.training.learning.fold import run_fold
from touchline.engine.training.learning.folds import cuts, first_usable
from touchline.engine.training.learning.rows import Rows

FEATURES, EVENTS = 20, 20_000
FULL = 2_000_000
#: Kind -> seconds for five folds of two million rows; the last is an epoch of 200,000 windows.
BARS = {"logistic": 20.0, "boosting": 60.0}
LSTM_BAR, GIGABYTES = 60.0, 4.0


def made(rows: int) -> Rows:
    """Events one after the other, whose results follow a price and three of the other features."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    event = (np.arange(rows) * EVENTS // rows).astype(np.int32)
    z = x[:, 0] + 0.5 * x[:, 1] + 0.5 * x[:, 2] * x[:, 3]
    y = (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(np.float64)
    ts = np.arange(rows, dtype=np.int64) * 1_000_000_000
    known = np.repeat(ts[np.searchsorted(event, np.arange(EVENTS), side="right") - 1], np.bincount(event)) + 1
    names = ("log_odds", *(f"f{place}" for place in range(1, FEATURES)))
    mark = 1 / (1 + np.exp(-x[:, 0].astype(np.float64)))
    every, all_rows = np.ones(rows, np.bool_), np.arange(rows)
    return Rows(
        names, 1, x, ts, every, all_rows, y, known, event, event, mark, np.ones(rows, np.float32),
        tuple(map(str, range(EVENTS))), tuple(map(str, range(EVENTS))),
    )  # fmt: skip


def folds(rows: Rows, name: str) -> tuple[float, float]:
    """Seconds for five folds and the newest model, by the clock and of CPU."""
    kind, _ = kind_of(name, {})
    began, used = time.perf_counter(), time.process_time()
    for fold, split in first_usable(rows, cuts(rows, int(rows.ts[-1]) + 10**12, 5), 0, move=False):
        trial = run_fold(rows, fold, split, kind, "probability", balance=False, seed=0, told=lambda done, of: None)
        assert trial.apart <= 1e-6
    return time.perf_counter() - began, time.process_time() - used


def lstm(windows: int = 200_000) -> tuple[float, float]:
    """Seconds for one epoch, by the clock and of CPU."""
    rng = np.random.default_rng(0)
    kind, _ = kind_of("lstm", {"epochs": 1})
    x = rng.normal(size=(windows, 24, FEATURES)).astype(np.float32)
    y = (rng.random(windows) < 0.5).astype(np.float64)
    few = slice(0, 100)
    lesson = Lesson(x, y, x[few], y[few], np.arange(100, dtype=np.int32), "probability", False, 0, 0)
    began, used = time.perf_counter(), time.process_time()
    kind.fit(lesson, lambda done, of: None)
    return time.perf_counter() - began, time.process_time() - used


def told(name: str, what: str, took: tuple[float, float], bar: float) -> None:
    """Print a line: the ratio is of the clock, on a quiet machine."""
    wall, cpu = took
    print(f"{name}: {what}: {wall:.1f} s, {cpu:.1f} s of CPU; bar {bar:.0f} s, ratio {wall / bar:.2f}", flush=True)


def main() -> None:
    """Print a line a kind."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FULL
    rows, missed = made(count), False
    for name, bar in BARS.items():
        took = folds(rows, name)
        missed |= count == FULL and took[0] > bar
        told(name, f"{count:,} rows x {FEATURES}, 5 folds and the newest", took, bar)
    high = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"memory: {high:.2f} GB; bar {GIGABYTES:.0f} GB, ratio {high / GIGABYTES:.2f}")
    missed |= high > GIGABYTES
    took = lstm()
    told("lstm", "an epoch of 200,000 windows of 24", took, LSTM_BAR)
    sys.exit(int(missed or took[0] > LSTM_BAR))


if __name__ == "__main__":
    main()
