"""What a quoter held along the way, weighted by time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .metrics import Floats, Integers


@dataclass(frozen=True)
class Inventory:
    """How much a quoter held, weighted by time."""

    mean_abs: float  #: lots
    deviation: float
    max_abs: int
    half_life_seconds: float | None  #: of an AR(1); None if the position does not revert
    lot_hours: float


def inventory(ts: Integers, position: Integers, end_ts: int) -> Inventory | None:
    """Measure a position that steps at ``ts`` and is held until ``end_ts``; None if no time passes."""
    held = np.diff(np.asarray(ts, dtype=np.int64), append=np.int64(end_ts)).astype(np.float64) / 1e9
    total = float(np.sum(held))
    if not len(ts) or total <= 0:
        return None
    lots = np.asarray(position, dtype=np.float64)
    mean_abs = float(np.sum(np.abs(lots) * held)) / total
    mean = float(np.sum(lots * held)) / total
    deviation = math.sqrt(float(np.sum((lots - mean) ** 2 * held)) / total)
    half_life = _half_life(ts, lots, end_ts)
    return Inventory(mean_abs, deviation, int(np.max(np.abs(lots))), half_life, mean_abs * total / 3600)


def _half_life(ts: Integers, lots: Floats, end_ts: int) -> float | None:
    """Time in which an AR(1) fitted to the position halves; one sample a second, at most 100,000 samples."""
    step = max((end_ts - int(ts[0])) // 100_000, 1_000_000_000)
    moments = np.arange(int(ts[0]), end_ts, step)
    samples = lots[np.searchsorted(ts, moments, side="right") - 1]
    before, after = samples[:-1] - samples.mean(), samples[1:] - samples.mean()
    power = float(before @ before)
    phi = float(before @ after) / power if power else 0.0
    return math.log(0.5) / math.log(phi) * step / 1e9 if 0.0 < phi < 1.0 else None
