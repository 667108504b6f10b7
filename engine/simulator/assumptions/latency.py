"""How long messages take on their way: a constant, a seeded law or what was recorded, the same for every cell.

A delay holds for a second of the clock; then the next one is drawn. Messages on one line never overtake each other:
one sent at t arrives at the largest s + delay(s) over all s up to t, whoever sent it. So when a message arrives depends
on the clock and the seed alone, never on what else is on the line.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ....io.ground.errors import InputError
from ..state import I64

MS = 1_000_000
BUCKET_NS = 1_000_000_000
DRAWS = 65_536  #: of a law, used in turn: 18 hours
LONGEST_MS = 86_400_000.0
LAWS = "a number of ms, lognormal:MEDIAN:SIGMA, exponential:MEAN, uniform:LOW:HIGH, or a file of ts, ms (csv, parquet)"

Delay = float | str


class Line(NamedTuple):
    """Delays in ns by bucket, in turn, and for each bucket's start how long what was sent before may still take."""

    delay: I64
    lift: I64


def check_delay(name: str, given: Delay) -> None:
    """Refuse what is neither a delay nor a law of delays; a file is looked at when it is used."""
    if not isinstance(given, str):
        _within(name, given)
    elif not _is_file(given):
        _law(name, given)


def is_delayed(given: Delay) -> bool:
    """Whether it may be more than nothing."""
    return isinstance(given, str) or given > 0


def delay_lines(given: tuple[Delay, ...], seed: int, first_ts: int, last_ts: int) -> tuple[I64, I64]:
    """Tables of delays and lifts, a row a line and a column a bucket in turn, for times between the two given."""
    first = first_ts // BUCKET_NS
    span = last_ts // BUCKET_NS - first + 1
    lines = [_line(text, [seed, index], first, span) for index, text in enumerate(given)]
    if any(isinstance(text, str) and _is_file(text) for text in given):
        bucket = first + (np.arange(span) - first) % span  # the one whose place it is
    else:
        bucket = np.arange(max(len(line.delay) for line in lines))
    delay, lift = ([row[bucket % len(row)] for row in rows] for rows in zip(*lines, strict=True))
    return np.array(delay, np.int64), np.array(lift, np.int64)


def _line(given: Delay, seed: list[int], first: int, span: int) -> Line:
    if isinstance(given, str) and _is_file(given):
        delay = _recorded(Path(given), first, span)
        return Line(np.roll(delay, first % span), np.roll(lift_of(delay), first % span))
    if isinstance(given, str):
        delay = np.rint(np.minimum(_draws(given, seed), LONGEST_MS) * MS).astype(np.int64)
    else:
        delay = np.array([round(given * MS)], np.int64)
    return Line(delay, lift_of(np.tile(delay, 2))[len(delay) :])


def lift_of(delay: I64, bucket_ns: int = BUCKET_NS) -> I64:
    """The largest s + delay(s) over the buckets before, counted from each bucket's start."""
    start = np.arange(len(delay)) * bucket_ns
    latest = np.maximum.accumulate(delay + start + bucket_ns)
    return np.concatenate([delay[:1], latest[:-1] - start[1:]])


def _draws(text: str, seed: list[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    name, numbers = _law("delay", text)
    random = np.random.default_rng(seed)
    if name == "lognormal":
        return numbers[0] * np.exp(numbers[1] * random.standard_normal(DRAWS))
    if name == "exponential":
        return random.exponential(numbers[0], DRAWS)
    return random.uniform(numbers[0], numbers[1], DRAWS)


def _law(name: str, text: str) -> tuple[str, list[float]]:
    law, *parts = text.split(":")
    counts = {"lognormal": 2, "exponential": 1, "uniform": 2}
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if counts.get(law) != len(numbers):
        raise InputError(f"{name} {text!r} is not a delay; write {LAWS}")
    for number in numbers:
        _within(name, number)
    if law == "lognormal" and numbers[1] > 10:
        raise InputError(f"{name}: the sigma of a lognormal delay is that of its logarithm, up to 10, not {parts[1]}")
    if law == "uniform" and numbers[0] > numbers[1]:
        raise InputError(f"{name}: {text!r} has its bounds the wrong way round")
    return law, numbers


def _is_file(text: str) -> bool:
    return text.endswith((".csv", ".parquet"))


def _recorded(path: Path, first: int, span: int) -> I64:
    """The recorded delay that held at the start of each bucket; before the first one, the first one."""
    import polars as pl

    from ....io.importers.values.convert import instants

    try:
        frame = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"cannot read the delays in {path}: {' '.join(str(error).split())}") from None
    if not {"ts", "ms"} <= set(frame.columns) or not len(frame):
        raise InputError(f"{path}: a file of delays has rows with columns ts and ms; it has {', '.join(frame.columns)}")
    ts, faults, _ = instants(frame["ts"])
    if faults.any():
        raise InputError(f"{path}: {frame['ts'][int(np.flatnonzero(faults)[0])]!r} is not a time")
    ms = frame["ms"].cast(pl.Float64, strict=False).to_numpy()
    if not (np.isfinite(ms) & (ms >= 0) & (ms <= LONGEST_MS)).all():
        raise InputError(f"{path}: a delay in ms is a number from 0 to {LONGEST_MS:.0f}")
    order = np.argsort(ts, kind="stable")
    starts = (first + np.arange(span)) * BUCKET_NS
    at = np.maximum(np.searchsorted(ts[order], starts, side="right") - 1, 0)
    return np.rint(ms[order][at] * MS).astype(np.int64)


def _within(name: str, given: float) -> None:
    if not (isinstance(given, int | float) and math.isfinite(given) and 0.0 <= given <= LONGEST_MS):
        raise InputError(f"{name} is a number from 0 to {LONGEST_MS:.0f}, or a law of delays: {LAWS}; not {given}")
