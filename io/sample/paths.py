"""What the sample's contracts are worth, second by second: diffusing underlyings, a match, a slow opinion.

A value path is an exact conditional probability under the process that made its underlying, so the fair value is
a martingale that ends at the settled result. It is rounded to micros at once, which keeps every later step whole.
"""

from __future__ import annotations

from math import erf, exp, factorial

import numpy as np
from numpy.typing import NDArray

Path = NDArray[np.int64]
_normal = np.vectorize(lambda x: 0.5 * (1.0 + erf(x / 2**0.5)), otypes=[np.float64])


def underlying(rng: np.random.Generator, start: float, sigma: float, seconds: int) -> Path:
    """A diffusing value in hundredths of its unit, one a second; ``sigma`` is for one second."""
    steps = rng.standard_normal(seconds).cumsum() * sigma
    return np.round(100 * (start + np.concatenate([[0.0], steps]))).astype(np.int64)


def micros(probability: NDArray[np.float64]) -> Path:
    """Probabilities as whole micros of a dollar."""
    return np.round(np.clip(probability, 0.0, 1.0) * 1_000_000).astype(np.int64)


def above(path: Path, sigma: float, strike: float) -> NDArray[np.float64]:
    """The chance, each second, that the path's last value is at least ``strike``."""
    left = np.arange(path.size - 1, -1, -1, dtype=np.float64)
    distance = path / 100 - strike
    chance = _normal(distance[:-1] / (sigma * np.sqrt(left[:-1])))
    return np.append(chance, float(distance[-1] >= 0))


def mean_above(path: Path, sigma: float, strike: float, window: int = 60) -> NDArray[np.float64]:
    """The chance, each second, that the mean of the path's last ``window`` values is at least ``strike``."""
    value = path / 100
    left = np.arange(path.size - 1, -1, -1)
    open_ = np.minimum(left, window)  # values of the window still to come
    known = np.concatenate([np.zeros(path.size - window), value[-window:].cumsum()])
    mean = (known + open_ * value) / window
    spread = np.maximum(left - window, 0) + open_ * (open_ + 1.0) * (2.0 * open_ + 1.0) / 6 / window**2
    distance = mean - strike
    chance = _normal(distance[:-1] / (sigma * np.sqrt(spread[:-1])))
    return np.append(chance, float(round(mean[-1], 2) >= strike))


def goals(rng: np.random.Generator, rate: float, seconds: int) -> list[int]:
    """The seconds of play in which a side scores; ``rate`` goals are expected in the whole match."""
    return sorted(rng.integers(1, seconds, rng.poisson(rate)).tolist())


def match(
    clock: NDArray[np.int64], played: int, home: list[int], away: list[int], rates: tuple[float, float]
) -> dict[str, NDArray[np.float64]]:
    """The chances of home win, draw and away win, given for each second how much has been played of ``played``."""
    lead = np.searchsorted(home, clock, side="right") - np.searchsorted(away, clock, side="right")
    left = (played - clock) / played
    chances = {name: np.zeros(clock.size) for name in ("home", "draw", "away")}
    most = 11
    more = [_poisson(rate * left, most) for rate in rates]
    for x in range(most):
        for y in range(most):
            final = lead + x - y
            weight = more[0][x] * more[1][y]
            chances["home"] += np.where(final > 0, weight, 0.0)
            chances["draw"] += np.where(final == 0, weight, 0.0)
            chances["away"] += np.where(final < 0, weight, 0.0)
    total = chances["home"] + chances["draw"] + chances["away"]
    return {name: chance / total for name, chance in chances.items()}


def _poisson(mean: NDArray[np.float64], most: int) -> list[NDArray[np.float64]]:
    return [np.array([exp(-m) for m in mean]) * mean**k / factorial(k) for k in range(most)]


def half_spread(fair: Path, base: int, most: int) -> Path:
    """The makers' half spread in micros: a base, and more where the value has lately moved fast."""
    moved = np.abs(fair[5:] - fair[:-5])
    moved = np.concatenate([np.zeros(5, np.int64), moved]).cumsum()
    window = 60
    lately = moved.copy()
    lately[window:] = moved[window:] - moved[:-window]
    return np.minimum(base + lately // window * 6 // 10, most)


def opinion(rng: np.random.Generator, score: float, days: float, seconds: int) -> NDArray[np.float64]:
    """The chance of a question decided in ``days`` by a hidden diffusion that stands ``score`` deviations up."""
    elapsed = np.arange(seconds + 1) / 86_400
    hidden = score * days**0.5 + np.concatenate([[0.0], rng.standard_normal(seconds).cumsum() / 86_400**0.5])
    return _normal(hidden / np.sqrt(days - elapsed))
