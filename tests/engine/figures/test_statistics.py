"""The published examples of the Sharpe statistics, and the count of independent trials."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.engine.figures.statistics import (
    deflated_sharpe,
    effective_trials,
    expected_max,
    min_backtest_years,
    min_track_record,
    moments,
    probabilistic_sharpe,
)
from touchline.io.ground.errors import InputError


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "threshold", "probability"),
    [
        (100, -3, 10, 0.1131720, 0.9003968),
        (46, -3, 10, 0.1003624, 0.9505017),
        (88, 0, 3, 0.1111458, 0.9504908),
    ],
)
def test_deflated_sharpe_of_the_paper(trials, skew, kurtosis, threshold, probability):
    """Bailey and Lopez de Prado 2014: 2.5 a year over 1,250 days of 250 a year, variance of trials .5 a year."""
    done = deflated_sharpe(2.5 / math.sqrt(250), 1250, trials, 0.5 / 250, skew, kurtosis)
    assert done.threshold == pytest.approx(threshold, abs=1e-6)
    assert done.probability == pytest.approx(probability, abs=1e-6)


def test_probabilistic_sharpe_of_the_paper_uses_full_kurtosis():
    ratio = 1.585 / math.sqrt(12)
    assert probabilistic_sharpe(ratio, 24, -2.448, 10.164) == pytest.approx(0.9132343, abs=1e-6)
    assert probabilistic_sharpe(ratio, 24) == pytest.approx(0.9815912, abs=1e-6)
    # Taking the excess for the kurtosis a second time is a known mistake of another library.
    assert probabilistic_sharpe(ratio, 24, -2.448, 10.164 - 3) == pytest.approx(0.9198410, abs=1e-6)


@pytest.mark.parametrize(
    ("per_year", "ratio", "least", "skew", "kurtosis", "years"),
    [
        (250, 2, 1, 0, 3, 2.7311878),
        (52, 2, 1, 0, 3, 2.8288336),
        (12, 2, 1, 0, 3, 3.2398007),
        (12, 2, 1, -0.72, 5.78, 4.9912583),
        (12, 3, 2.5, -0.72, 5.78, 27.3529202),
    ],
)
def test_min_track_record_of_the_paper(per_year, ratio, least, skew, kurtosis, years):
    root = math.sqrt(per_year)
    periods = min_track_record(ratio / root, least / root, skew, kurtosis)
    assert periods is not None
    assert periods / per_year == pytest.approx(years, abs=1e-6)


def test_a_favourite_bought_at_95_cents_needs_178_bets_not_61():
    """It wins 98 times of 100; the rare loss makes the returns extreme."""
    win, loss, share = 5 / 95, -1.0, 0.98
    mean = share * win + (1 - share) * loss
    deviation = math.sqrt(share * (win - mean) ** 2 + (1 - share) * (loss - mean) ** 2)
    skew = (share * (win - mean) ** 3 + (1 - share) * (loss - mean) ** 3) / deviation**3
    kurtosis = (share * (win - mean) ** 4 + (1 - share) * (loss - mean) ** 4) / deviation**4
    assert (mean, deviation, skew, kurtosis) == pytest.approx((0.0316, 0.147, -6.86, 48.0), abs=0.05)
    assert round(min_track_record(mean / deviation, 0, skew, kurtosis) or 0) == 178
    assert round(min_track_record(mean / deviation) or 0) == 61


@pytest.mark.parametrize(("trials", "largest"), [(10, 1.5745983), (45, 2.2356402), (100, 2.5306029), (1000, 3.2551215)])
def test_expected_max(trials, largest):
    assert expected_max(trials) == pytest.approx(largest, abs=1e-6)


@pytest.mark.parametrize(("trials", "years"), [(45, 4.9980870), (100, 6.4039511), (1000, 10.5958161)])
def test_min_backtest_length(trials, years):
    assert min_backtest_years(trials) == pytest.approx(years, abs=1e-6)
    assert years < 2 * math.log(trials)


def test_degenerate_inputs_have_no_value():
    assert moments([0.1]) is None
    assert moments([0.1, 0.1, 0.1]) is None
    assert probabilistic_sharpe(0.5, 1) is None
    assert probabilistic_sharpe(2.0, 10, skew=3.0, kurtosis=3.0) is None  # moments no distribution has
    assert min_track_record(0.5, 0.5) is None
    assert min_backtest_years(10, 0) is None
    assert expected_max(1) == 0.0


def test_moments_of_normal_numbers():
    measured = moments(np.random.default_rng(2).normal(1, 2, 200_000))
    assert measured is not None
    assert measured.sharpe == pytest.approx(0.5, abs=0.01)
    assert (measured.skew, measured.kurtosis) == pytest.approx((0, 3), abs=0.05)


@given(st.floats(-0.5, 0.5), st.integers(10, 1000), st.integers(2, 1000))
def test_more_trials_never_raise_the_probability(ratio, periods, trials):
    few = deflated_sharpe(ratio, periods, trials, 0.01).probability
    many = deflated_sharpe(ratio, periods, trials * 2, 0.01).probability
    assert few is not None
    assert many is not None
    assert many <= few


def test_copies_with_noise_count_as_one_trial():
    rng = np.random.default_rng(5)
    leaders = rng.normal(0, 1, (300, 7))
    pnl = np.repeat(leaders, 20, axis=1) + rng.normal(0, 0.2, (300, 140))
    found = effective_trials(pnl)
    assert found.clusters == 7
    assert found.count == 121  # seven groups of twenty correlate by .137 on average
    assert all(len(set(found.cluster[start : start + 20])) == 1 for start in range(0, 140, 20))


def test_independent_cells_count_one_by_one():
    found = effective_trials(np.random.default_rng(6).normal(0, 1, (300, 100)))
    assert (found.count, found.clusters) == (100, 100)


def test_trials_follow_from_the_average_correlation():
    """Bailey and Lopez de Prado 2014: r + (1 - r) M. A factor that all share leaves one cluster, not one trial."""
    rng = np.random.default_rng(7)
    pnl = rng.normal(0, 1, (400, 1)) + rng.normal(0, 0.42, (400, 64))
    found = effective_trials(pnl)
    matrix = np.corrcoef(pnl.T)
    mean = (matrix.sum() - 64) / (64 * 63)
    assert found.count == round(mean + (1 - mean) * 64) == 12
    assert found.clusters == 1
    opposed = np.column_stack([pnl[:, 0], -pnl[:, 0]])
    assert effective_trials(opposed).count == 2  # less than no correlation is no more than two trials
    ratios = pnl.mean(axis=0) / pnl.std(axis=0, ddof=1)
    assert found.variance == pytest.approx(np.var(ratios, ddof=1))


def test_variance_of_trials_of_noise_is_one_over_periods():
    found = effective_trials(np.random.default_rng(8).normal(0, 1, (400, 500)))
    assert found.variance == pytest.approx(1 / 400, rel=0.15)


def test_cells_that_never_vary_are_no_trials():
    pnl = np.zeros((50, 3))
    pnl[:, 1] = np.arange(50) % 3
    found = effective_trials(pnl)
    assert found.cluster.tolist() == [-1, 0, -1]
    assert (found.count, found.clusters, found.variance) == (1, 1, 0.0)
    for nothing in (np.zeros((50, 3)), np.zeros((0, 3))):
        assert (effective_trials(nothing).count, effective_trials(nothing).clusters) == (0, 0)


def test_trials_need_a_matrix():
    with pytest.raises(InputError, match="matrix"):
        effective_trials(np.zeros(5))
