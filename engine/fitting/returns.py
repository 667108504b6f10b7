"""Laws of a return by maximum likelihood: Student-t with given degrees of freedom (1 is Cauchy) and normal.

Laws have a location, a scale and ``nu``; 0 stands for the normal law, as in the band model's parameter. Errors are
those of the Fisher information.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.ground.errors import InputError

Floats = NDArray[np.float64]
NORMAL, CAUCHY = 0.0, 1.0
MOST_STEPS, TOLERANCE = 2_000, 1e-13


@dataclass(frozen=True)
class Law:
    """A fitted law of a return."""

    nu: float
    location: float
    scale: float
    location_se: float  #: 0 when the location was given
    scale_se: float
    n: int
    log_likelihood: float

    @property
    def name(self) -> str:
        """What people call it."""
        return {NORMAL: "normal", CAUCHY: "Cauchy"}.get(self.nu, f"Student-t({self.nu:g})")


@dataclass(frozen=True)
class ScaleLaw:
    """``scale x horizon^exponent``, from scales at several horizons."""

    scale: float
    exponent: float
    scale_se: float
    exponent_se: float
    horizons: int


def log_density(x: Floats, nu: float, location: float, scale: float) -> Floats:
    """Log of a law's density at each of ``x``.

    >>> round(float(log_density(np.array([0.0]), 1, 0.0, 1.0)[0]), 6)  # 1 / pi
    -1.14473
    """
    z = (x - location) / scale
    if nu == NORMAL:
        return -0.5 * z * z - math.log(scale) - 0.5 * math.log(2 * math.pi)
    constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi)
    return constant - math.log(scale) - (nu + 1) / 2 * np.log1p(z * z / nu)


def fit_law(x: Floats, nu: float, location: float | None = None) -> Law:
    """Fit a law to ``x``; a ``location`` that is given is held.

    The steps are those of expectation-maximisation, expanded by the weights' mean: each raises the likelihood.

    >>> law = fit_law(np.array([-3, -1, -0.5, 0, 0.2, 0.4, 1, 2, 10]), nu=1)
    >>> round(law.location, 6), round(law.scale, 6)
    (0.121541, 0.801675)
    """
    x = _usable(x, nu, location)
    m, s = start_values(x)
    m = m if location is None else location
    if nu == NORMAL:
        m = float(x.mean()) if location is None else location
        s = math.sqrt(float(np.mean((x - m) ** 2)))
    else:
        m, s = _student(x, nu, m, s, location is None)
    n = x.size
    information = (2.0, 1.0) if nu == NORMAL else (2 * nu / (nu + 3), (nu + 1) / (nu + 3))
    scale_se, location_se = (s / math.sqrt(n * one) for one in information)
    total = float(log_density(x, nu, m, s).sum())
    return Law(nu, m, s, location_se if location is None else 0.0, scale_se, n, total)


def start_values(x: Floats) -> tuple[float, float]:
    """Median and half the interquartile range, or the mean absolute deviation where that is 0."""
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    half = float(high - low) / 2
    return float(middle), half if half > 0 else float(np.mean(np.abs(x - middle)))


def _usable(x: Floats, nu: float, location: float | None) -> Floats:
    x = np.asarray(x, np.float64)
    if not np.isfinite(x).all():
        raise InputError("returns must be finite numbers")
    if x.size < 3:
        raise InputError(f"{x.size} returns are too few to fit a law; give a longer time or a shorter horizon")
    values, counts = np.unique(x, return_counts=True)
    tied = counts.max() if location is None else counts[values == location].sum()
    if tied / x.size >= (nu / (nu + 1) if nu else 1.0):
        where = "each other" if location is None else f"{location:g}"
        raise InputError(f"{tied} of {x.size} returns equal {where}: no scale fits; give a longer horizon")
    return x


def _student(x: Floats, nu: float, m: float, s: float, free: bool) -> tuple[float, float]:
    for _ in range(MOST_STEPS):
        d = x - m
        w = (nu + 1) / (nu + (d / s) ** 2)
        m_next = float(w @ x / w.sum()) if free else m
        d = x - m_next
        s_next = math.sqrt(float(w @ (d * d) / w.sum()))
        moved = abs(m_next - m) + abs(s_next - s)
        m, s = m_next, s_next
        if moved <= TOLERANCE * s:
            break
    return m, s


def fit_scale_law(horizons: Sequence[float], laws: Sequence[Law]) -> ScaleLaw:
    """Fit ``scale x horizon^exponent`` to the scales of laws: least squares of the logs, weighted by their errors.

    >>> laws = [Law(1, 0, 5e-6 * h**0.6, 0, 1e-8 * h**0.6, 100, 0) for h in (60, 300, 900)]
    >>> law = fit_scale_law((60, 300, 900), laws)
    >>> round(law.scale * 1e6, 9), round(law.exponent, 9)
    (5.0, 0.6)
    """
    if len({float(horizon) for horizon in horizons}) < 2:
        raise InputError("the growth of a scale needs at least two horizons")
    t = np.log(np.asarray(horizons, np.float64))
    y = np.log([law.scale for law in laws])
    w = np.array([(law.scale / law.scale_se) ** 2 for law in laws])
    center = float(w @ t / w.sum())
    spread = float(w @ (t - center) ** 2)
    exponent = float(w @ ((t - center) * y) / spread)
    constant = float(w @ y / w.sum()) - exponent * center
    scale = math.exp(constant)
    constant_se = math.sqrt(1 / float(w.sum()) + center * center / spread)
    return ScaleLaw(scale, exponent, scale * constant_se, 1 / math.sqrt(spread), len(laws))


def returns_over(
    ts: NDArray[np.int64], value: Floats, horizon_ns: int, stale_ns: int
) -> tuple[NDArray[np.int64], Floats]:
    """Relative changes over steps of ``horizon_ns`` that do not overlap, and the time each ends.

    A step's value is the last one seen. A step is left out when at either end that is older than ``stale_ns``: what
    happened meanwhile is not known.

    >>> returns_over(np.array([0, 5, 10, 20]), np.array([100.0, 101.0, 102.0, 104.0]), 10, 10)[1].round(4).tolist()
    [0.02, 0.0196]
    """
    if ts.size == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    edges = np.arange(ts[0], ts[-1] + 1, horizon_ns, dtype=np.int64)
    last = np.searchsorted(ts, edges, side="right") - 1
    fresh = (edges - ts[last] <= stale_ns) & (value[last] > 0)
    kept = fresh[1:] & fresh[:-1]
    before, after = value[last[:-1]][kept], value[last[1:]][kept]
    return edges[1:][kept], after / before - 1.0


def held_out_scores(x: Floats, nus: Sequence[float], share: float) -> list[tuple[Law, float]]:
    """Fit each law, location 0, to the first part of ``x``; its mean log density on the last ``share``, best first."""
    cut = round(x.size * (1 - share))
    train, test = x[:cut], x[cut:]
    if test.size == 0:
        raise InputError(f"holding out {share:g} of {x.size} returns leaves none to score")
    laws = [fit_law(train, nu, location=0.0) for nu in nus]
    scored = [(law, float(log_density(test, law.nu, 0.0, law.scale).mean())) for law in laws]
    return sorted(scored, key=lambda one: -one[1])
