"""Laws of returns: listed values, SciPy's optimiser, errors that mean what they say, growth, and sampling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from touchline.engine.fitting.returns import (
    CAUCHY,
    NORMAL,
    fit_law,
    fit_scale_law,
    held_out_scores,
    log_density,
    returns_over,
    start_values,
)
from touchline.io.ground.errors import InputError

X = np.array([-3, -1, -0.5, 0, 0.2, 0.4, 1, 2, 10])


@pytest.mark.parametrize(
    ("nu", "location", "scale", "total"),
    [
        (CAUCHY, 0.121541325, 0.801674987, -20.485326880),
        (3.0, 0.135802342, 1.453490399, -21.456188723),
        (NORMAL, 1.011111, 3.435903, -23.878965777),
    ],
)
def test_the_listed_maxima(nu: float, location: float, scale: float, total: float):
    law = fit_law(X, nu)
    assert (law.location, law.scale) == pytest.approx((location, scale), abs=1e-6)
    assert law.log_likelihood == pytest.approx(total, abs=1e-8)
    assert start_values(X) == (0.2, 0.75)


def test_the_cauchy_maximum_solves_its_two_equations():
    law = fit_law(X, CAUCHY)
    d = X - law.location
    assert np.sum(d / (law.scale**2 + d**2)) == pytest.approx(0, abs=1e-10)
    assert np.mean(law.scale**2 / (law.scale**2 + d**2)) == pytest.approx(0.5, abs=1e-10)


@pytest.mark.parametrize("nu", [0.5, 1, 2.5, 5, 30, NORMAL])
@pytest.mark.parametrize("location", [None, 0.0])
def test_no_optimiser_finds_more(nu: float, location: float | None):
    rng = np.random.default_rng(int(nu * 10))
    x = rng.standard_t(3, 400) * 2 + 0.1
    law = fit_law(x, nu, location)
    density = stats.norm(0) if nu == NORMAL else stats.t(nu)

    def loss(given: np.ndarray) -> float:
        m, s = (given[0], given[1]) if location is None else (location, given[0])
        return -float((density.logpdf((x - m) / np.exp(s)) - s).sum())

    start = [0.0, 0.5] if location is None else [0.5]
    best = optimize.minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11})
    assert law.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    assert law.scale == pytest.approx(np.exp(best.x[-1]), rel=1e-5)
    assert law.log_likelihood == pytest.approx(float(log_density(x, nu, law.location, law.scale).sum()))


@pytest.mark.parametrize("nu", [CAUCHY, 3.0, NORMAL])
def test_the_errors_are_the_spread_of_the_estimates(nu: float):
    rng = np.random.default_rng(7)
    draws = (rng.standard_t(nu, (300, 400)) if nu else rng.normal(size=(300, 400))) * 2 + 1
    laws = [fit_law(draw, nu) for draw in draws]
    assert np.std([law.scale for law in laws]) == pytest.approx(np.mean([law.scale_se for law in laws]), rel=0.15)
    assert np.std([law.location for law in laws]) == pytest.approx(np.mean([law.location_se for law in laws]), rel=0.15)
    if nu == CAUCHY:
        law = laws[0]
        assert law.scale_se == pytest.approx(law.scale * np.sqrt(2 / 400))
        assert law.location_se == pytest.approx(law.scale * np.sqrt(2 / 400))


@pytest.mark.parametrize(
    ("x", "nu", "location", "message"),
    [
        ([1.0, 2.0], 1, None, "2 returns are too few"),
        ([1.0, 2.0, np.nan], 1, None, "must be finite"),
        ([0.0, 0.0, 0.0, 1.0], 1, None, "3 of 4 returns equal each other"),
        ([0.0, 0.0, 1.0, 2.0], 1, 0.0, "2 of 4 returns equal 0"),
        ([5.0] * 4, 0, None, "4 of 4 returns equal each other"),
    ],
)
def test_returns_that_no_law_fits(x: list[float], nu: float, location: float | None, message: str):
    with pytest.raises(InputError, match=message):
        fit_law(np.array(x), nu, location)


def test_ties_below_the_limit_are_fitted():
    law = fit_law(np.array([0.0, 0.0, 1.0, -1.0, 3.0]), 1)
    assert law.scale > 0


def test_the_growth_of_a_scale_is_found_with_its_error():
    rng, found = np.random.default_rng(2), []
    horizons = (30, 60, 300, 900)
    for _ in range(150):
        laws = [fit_law(5e-6 * h**0.6 * rng.standard_cauchy(200), CAUCHY, 0.0) for h in horizons]
        found.append(fit_scale_law(horizons, laws))
    exponents, scales = np.array([one.exponent for one in found]), np.array([one.scale for one in found])
    assert exponents.mean() == pytest.approx(0.6, abs=4 * exponents.std() / np.sqrt(150))
    assert exponents.std() == pytest.approx(found[0].exponent_se, rel=0.2)
    assert np.median(scales) == pytest.approx(5e-6, rel=0.05)
    assert scales.std() == pytest.approx(np.mean([one.scale_se for one in found]), rel=0.25)


def test_one_horizon_says_nothing_about_growth():
    with pytest.raises(InputError, match="at least two horizons"):
        fit_scale_law((60, 60), [fit_law(X, 1), fit_law(X, 1)])


def test_a_step_across_a_pause_is_left_out():
    ts = np.array([0, 10, 20, 100, 110])
    ends, x = returns_over(ts, np.array([100.0, 110, 121, 50, 55]), 10, stale_ns=10)
    # At 30 the value of 20 still counts as seen; from 40 on nothing is known until 100.
    assert ends.tolist() == [10, 20, 30, 110]
    assert x == pytest.approx([0.1, 0.1, 0.0, 0.1])


def test_values_that_are_not_positive_give_no_return():
    _, x = returns_over(np.array([0, 10, 20]), np.array([1.0, 0.0, 2.0]), 10, 10)
    assert x.size == 0
    assert returns_over(np.zeros(0, np.int64), np.zeros(0), 10, 10)[1].size == 0


def test_the_true_law_scores_best_on_what_was_held_out():
    rng = np.random.default_rng(4)
    for nu, x in ((1.0, rng.standard_cauchy(4000)), (3.0, rng.standard_t(3, 4000)), (0.0, rng.normal(size=4000))):
        scored = held_out_scores(x, (1.0, 3.0, 0.0), 0.3)
        assert scored[0][0].nu == nu
        assert scored[0][0].n == 2800
        assert [score for _, score in scored] == sorted((score for _, score in scored), reverse=True)


def test_holding_everything_out_is_refused():
    with pytest.raises(InputError, match="leaves none to score"):
        held_out_scores(X, (1.0,), 0.01)
