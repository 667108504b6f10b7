"""What a quoter held: averages over time, and how soon a position reverts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from touchline.engine.figures.inventory import inventory


def test_inventory_is_weighted_by_time():
    held = inventory(np.array([0, 3_600]) * 10**9, np.array([200, -100]), 4 * 3_600 * 10**9)
    assert held is not None
    assert (held.mean_abs, held.max_abs, held.lot_hours) == (125.0, 200, 500.0)
    assert held.deviation == pytest.approx(math.sqrt((225**2 + 3 * 75**2) / 4))


def test_half_life_of_a_position_that_halves():
    """phi = .9 a second halves in ln .5 / ln .9 = 6.58 s."""
    rng = np.random.default_rng(3)
    position = np.zeros(20_000)
    for index in range(1, position.size):
        position[index] = 0.9 * position[index - 1] + rng.normal()
    held = inventory(np.arange(20_000) * 10**9, position, 20_000 * 10**9)
    assert held is not None
    assert held.half_life_seconds == pytest.approx(6.58, rel=0.06)


def test_what_is_held_does_not_depend_on_when():
    """The step between samples is a share of the time that passes, not of the clock."""
    rng = np.random.default_rng(5)
    ts = np.sort(rng.integers(0, 3_600 * 10**9, 400))
    position = np.cumsum(rng.integers(-3, 4, 400))
    later = 1_790_000_000 * 10**9
    assert inventory(ts + later, position, later + 3_600 * 10**9) == inventory(ts, position, 3_600 * 10**9)


def test_no_time_no_inventory():
    empty = np.zeros(0, dtype=np.int64)
    assert inventory(empty, empty, 5) is None
    assert inventory(np.array([5]), np.array([1]), 5) is None
