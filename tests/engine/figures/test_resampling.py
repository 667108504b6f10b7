"""Intervals that cover, and tests that do not cry wolf over noise but see an edge."""

from __future__ import annotations

import numpy as np
import pytest
from touchline.engine.figures.resampling import block_length, mean_interval, snooping_test, stationary_rows
from touchline.io.ground.errors import InputError


def test_blocks_have_the_mean_length_asked_for():
    rows = stationary_rows(1_000, 200, 8.0, np.random.default_rng(1))
    follows = (np.diff(rows, axis=1) % 1_000) == 1
    assert follows.mean() == pytest.approx(1 - 1 / 8, abs=0.01)
    assert np.bincount(rows.ravel()).std() / 200 < 0.3  # every row is drawn about equally often


def test_blocks_of_one_are_the_plain_bootstrap():
    rows = stationary_rows(50, 4_000, 1.0, np.random.default_rng(2))
    assert (np.diff(rows, axis=1) % 50 == 1).mean() == pytest.approx(1 / 50, abs=0.003)


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        found = mean_interval(rng.exponential(1.0, 60), level=0.9, draws=400, seed=seed)
        assert found is not None
        covered += found.low <= 1.0 <= found.high
    assert 0.82 <= covered / 200 <= 0.96


def test_dependent_rows_need_blocks():
    """An AR(1) of .9 makes the plain interval far too narrow."""
    rng = np.random.default_rng(4)
    series = np.zeros(2_000)
    for index in range(1, 2_000):
        series[index] = 0.9 * series[index - 1] + rng.normal()
    plain, blocks = mean_interval(series), mean_interval(series, mean_block=60.0)
    assert plain is not None
    assert blocks is not None
    assert blocks.high - blocks.low > 2.5 * (plain.high - plain.low)


def test_same_seed_same_interval_and_too_little_data_has_none():
    values = [1.0, -2.0, 4.0]
    assert mean_interval(values, seed=5) == mean_interval(values, seed=5)
    assert mean_interval([1.0]) is None
    assert block_length(1_000) == pytest.approx(10)
    with pytest.raises(InputError, match="at least one"):
        stationary_rows(0, 1, 1.0, np.random.default_rng(0))


def test_noise_passes_the_snooping_tests_as_often_as_it_should():
    rng = np.random.default_rng(6)
    found = [snooping_test(rng.normal(0, 1, (200, 50)), draws=200, mean_block=1.0, seed=s) for s in range(120)]
    p_values = np.array([[done.reality_check, done.spa] for done in found if done is not None])
    assert p_values.shape == (120, 2)
    assert (p_values < 0.1).mean(axis=0) == pytest.approx([0.1, 0.1], abs=0.09)
    assert p_values.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.1)


def test_an_edge_is_seen_and_the_bounds_are_ordered():
    rng = np.random.default_rng(7)
    pnl = rng.normal(-0.3, 1, (300, 40))
    pnl[:, 23] += 0.6
    done = snooping_test(pnl, seed=1)
    assert done is not None
    assert done.best == 23
    assert done.spa_lower <= done.spa <= done.spa_upper < 0.01


def test_bad_cells_do_not_hide_a_good_one_from_the_consistent_test():
    """Wild losing cells blow up the reality check; the studentised, recentred test is not moved by them."""
    rng = np.random.default_rng(8)
    pnl = np.hstack([rng.normal(0.15, 1, (300, 1)), rng.normal(-8, 30, (300, 60))])
    done = snooping_test(pnl, seed=1)
    assert done is not None
    assert done.spa < 0.05 < done.reality_check


def test_losing_everywhere_is_no_edge_and_nothing_to_test_is_none():
    done = snooping_test(np.random.default_rng(9).normal(-5, 1, (50, 5)))
    assert done is not None
    assert done.spa == 1.0
    assert snooping_test(np.zeros((50, 5))) is None
    assert snooping_test(np.zeros((0, 5))) is None
