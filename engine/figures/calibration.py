"""Whether probabilities were right: Brier score with its parts, log loss, reliability by band, logit slope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...io.ground.errors import InputError

_CLIP = 1e-6
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Scores of forecasts of outcomes. Brier = reliability - resolution + uncertainty, by forecast value."""

    count: int
    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    log_loss: float
    calibration_error: float  #: mean distance of forecast and frequency over bands, weighted by how many there are
    spiegelhalter_z: float | None
    slope: float | None  #: of logit(y) on logit(p); 1 is right, above 1 the forecasts are too near to 50 %
    intercept: float | None
    bands: tuple[tuple[float, float, int, float, float], ...]  #: low, high, count, mean forecast, frequency

    def as_dict(self) -> dict[str, Any]:
        """What is written to JSON."""
        names = ("low", "high", "count", "forecast", "frequency")
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "bands"}
        return {**plain, "bands": [dict(zip(names, band, strict=True)) for band in self.bands]}


def calibration(forecasts: npt.ArrayLike, outcomes: npt.ArrayLike, bands: int = 10) -> Calibration | None:
    """Score forecasts (0 to 1) against outcomes (0 to 1); None when there are none.

    The Murphy parts group equal forecasts when there are few different ones, else the bands.

    >>> found = calibration([0.1] * 10 + [0.8] * 10, [1] + [0] * 9 + [1] * 9 + [0])
    >>> round(found.brier, 4), round(found.reliability, 4)
    (0.095, 0.005)
    """
    p, y = np.asarray(forecasts, np.float64), np.asarray(outcomes, np.float64)
    if p.shape != y.shape or p.ndim != 1:
        raise InputError(f"as many outcomes as forecasts are needed, not {y.shape} and {p.shape}")
    if not p.size:
        return None
    if not (np.isfinite(p).all() and (p >= 0).all() and (p <= 1).all()):
        raise InputError("forecasts lie between 0 and 1")
    band = np.minimum((p * bands).astype(np.int64), bands - 1)
    values, group = np.unique(p, return_inverse=True)
    if len(values) > 50:
        group = band
    count = np.bincount(group).astype(np.float64)
    used = count > 0
    weight = count[used] / p.size
    forecast = np.bincount(group, p)[used] / count[used]
    frequency = np.bincount(group, y)[used] / count[used]
    rate = float(y.mean())
    clipped = np.clip(p, _CLIP, 1 - _CLIP)
    spread = float(np.sqrt(np.sum((1 - 2 * p) ** 2 * p * (1 - p))))
    slope, intercept = _logit_fit(clipped, y)
    rows = _bands(p, y, band, bands)
    return Calibration(
        count=p.size,
        brier=float(np.mean((p - y) ** 2)),
        reliability=float(np.sum(weight * (forecast - frequency) ** 2)),
        resolution=float(np.sum(weight * (frequency - rate) ** 2)),
        uncertainty=rate * (1 - rate),
        log_loss=float(-np.mean(y * np.log(clipped) + (1 - y) * np.log(1 - clipped))),
        calibration_error=float(sum(n / p.size * abs(a - b) for _, _, n, a, b in rows)),
        spiegelhalter_z=float(np.sum((y - p) * (1 - 2 * p)) / spread) if spread > 0 else None,
        slope=slope,
        intercept=intercept,
        bands=rows,
    )


def _bands(
    p: Floats, y: Floats, band: npt.NDArray[np.int64], bands: int
) -> tuple[tuple[float, float, int, float, float], ...]:
    return tuple(
        (b / bands, (b + 1) / bands, int(mask.sum()), float(p[mask].mean()), float(y[mask].mean()))
        for b in range(bands)
        if (mask := band == b).any()
    )


def _logit_fit(p: Floats, y: Floats) -> tuple[float | None, float | None]:
    """Logistic regression of outcomes on log odds, by Newton's method; None where it has no answer."""
    x = np.log(p / (1 - p))
    if np.ptp(x) < 1e-9 or y.min() == y.max():
        return None, None
    beta = np.array([0.0, 1.0])
    design = np.column_stack([np.ones_like(x), x])
    for _ in range(50):
        mean = 1 / (1 + np.exp(-np.clip(design @ beta, -40, 40)))
        hessian = (design * (mean * (1 - mean))[:, None]).T @ design
        if np.linalg.cond(hessian) > 1e12:
            return None, None
        step = np.linalg.solve(hessian, design.T @ (y - mean))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            return float(beta[1]), float(beta[0])
    return None, None
