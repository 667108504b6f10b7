"""Every estimator of volatility finds that of a Brownian path, whatever it was measured from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from touchline.engine.fitting.volatility import bipower, ewma, from_ewma, from_levels, on_a_clock, realised

SECOND = 10**9


def path(sigma: float, seconds: int, per_second: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = seconds * per_second
    ts = np.arange(n + 1, dtype=np.int64) * (SECOND // per_second)
    steps = rng.normal(0, sigma / math.sqrt(per_second), n)
    return ts, 50 + np.concatenate([[0.0], steps.cumsum()])


def test_each_estimator_finds_the_volatility_of_a_brownian_path():
    sigma = 0.4
    ts, x = path(sigma, 60_000, 10, 1)
    assert realised(ts, x) == pytest.approx(sigma, rel=0.005)
    assert bipower(ts, x) == pytest.approx(sigma, rel=0.01)
    assert from_levels(ts, x, 60 * SECOND) == pytest.approx(sigma, rel=0.05)
    assert from_ewma(ts, x, 60.0) == pytest.approx(sigma, rel=0.05)


def test_the_deviation_of_levels_is_not_the_volatility():
    ts, x = path(1.0, 30_000, 5, 2)
    windows = x[:-1].reshape(-1, 300)  # 60 s
    assert windows.var(axis=1).mean() == pytest.approx(10, rel=0.1)
    assert windows.var(axis=1).mean() == pytest.approx(from_levels(ts, x, 60 * SECOND) ** 2 * 10, rel=0.01)


def test_a_jump_moves_the_realised_but_hardly_the_bipower_volatility():
    ts, x = path(0.1, 3_000, 1, 3)
    jumped = x + np.where(np.arange(x.size) > 1_500, 20.0, 0.0)
    assert realised(ts, jumped) > 3 * realised(ts, x)
    assert bipower(ts, jumped) < 1.3 * bipower(ts, x)


def test_ewma_of_the_listed_observations():
    mean, variance = ewma(np.array([0, 2, 3, 10]) * SECOND, np.array([50.0, 51, 49, 52]), 5)
    assert mean[1:] == pytest.approx([50.329679954, 50.088649870, 51.528666861], abs=1e-8)
    assert variance[1:] == pytest.approx([0.220991082, 0.443329564, 0.788051453], abs=1e-8)


def test_levels_count_for_as_long_as_they_hold():
    # A step in the middle of a window of 60 s: variance 1/4 of the step squared, twice.
    ts = np.array([0, 30, 90, 120]) * SECOND
    x = np.array([50.0, 52, 50, 50])
    assert from_levels(ts, x, 60 * SECOND) == pytest.approx(math.sqrt(6 / 60))


def test_the_clock_takes_the_last_value_seen():
    at, x = on_a_clock(np.array([5, 6, 25]), np.array([1.0, 2, 3]), 10)
    assert (at.tolist(), x.tolist()) == ([5, 15, 25], [1, 2, 3])


@pytest.mark.parametrize("n", [0, 1])
def test_too_little_history_is_not_a_number(n: int):
    ts, x = np.arange(n, dtype=np.int64), np.full(n, 50.0)
    for value in (realised(ts, x), bipower(ts, x), from_levels(ts, x, 60), from_ewma(ts, x, 1.0)):
        assert math.isnan(value)


def test_a_price_that_stands_still_has_none():
    ts, x = np.arange(0, 1000 * SECOND, SECOND), np.full(1000, 50.0)
    assert (realised(ts, x), bipower(ts, x), from_levels(ts, x, 60 * SECOND), from_ewma(ts, x, 5.0)) == (0, 0, 0, 0)
