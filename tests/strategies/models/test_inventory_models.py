"""The formulas of Avellaneda-Stoikov, its horizonless form, GLFT and CARA against published and exact values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import eigh_tridiagonal, expm
from scipy.stats import norm
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.binary_cara import BinaryCara
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.models.glft import Glft
from touchline.strategies.models.stationary import Stationary

from .quotes import TOLD, quote, row


@pytest.mark.parametrize(("gamma", "spread"), [(0.1, 1.290770), (0.01, 1.328909), (0.5, 1.150728), (1.0, 1.021651)])
def test_the_spread_at_the_end_of_the_session(gamma: float, spread: float):
    bid, ask, *_ = quote(AvellanedaStoikov, {"tau": 0.0, "position": 30.0}, gamma=gamma)
    assert ask - bid == pytest.approx(spread, abs=1e-6)
    assert (ask + bid) / 2 == 50


def test_the_quotes_of_the_paper_by_its_own_equations():
    g, k, variance, tau, s = 0.1, 1.5, 4.0, 0.7, 50.0
    for q in (-3, 0, 2):
        bid, ask, *_ = quote(AvellanedaStoikov, {"tau": tau, "position": q, "mid": s}, gamma=g, kappa=k, size=1)
        margin = math.log(1 + g / k) / g
        assert ask == pytest.approx(s + margin + (1 - 2 * q) * g * variance * tau / 2, abs=1e-12)
        assert bid == pytest.approx(s - margin - (1 + 2 * q) * g * variance * tau / 2, abs=1e-12)


def test_a_trader_who_does_not_mind_risk_quotes_one_over_kappa_around_the_mid():
    bid, ask, *_ = quote(AvellanedaStoikov, {"position": 10.0}, gamma=1e-6, kappa=1.5)
    assert (50 - bid, ask - 50) == pytest.approx((1 / 1.5, 1 / 1.5), abs=1e-5)


@pytest.mark.parametrize("mid", [50.0, 98.0, 100.0, 101.0, 4000.0, -3.0])
def test_without_the_cap_the_floats_are_those_of_the_plain_formula(mid: float):
    p, rng = row(AvellanedaStoikov, gamma=0.37, kappa=0.9, size=7), np.random.default_rng(0)
    for _ in range(200):
        variance, tau, position = rng.exponential(1e3), rng.uniform(0, 1e4), rng.normal(0, 50)
        told = TOLD._replace(mid=mid, variance=variance, tau=tau, position=position)
        risk = p.gamma * variance * tau
        center = mid - position * (1.0 / p.size) * risk
        half = risk * 0.5 + math.log(1.0 + p.gamma / p.kappa) / p.gamma
        assert AvellanedaStoikov.quote(told, p) == (center - half, center + half, 7, 7)


def test_the_cap_holds_the_variance_left_to_that_of_the_outcome():
    told = {"mid": 90.0, "variance": 4.0, "position": 10.0}
    for tau in (0.1, 225.0, 1e4):
        bid, ask, *_ = quote(AvellanedaStoikov, {**told, "tau": tau}, gamma=0.001, capped=1)
        left = min(4.0 * tau, 100.0**2 * 0.9 * 0.1)
        assert (bid + ask) / 2 == pytest.approx(90 - 0.001 * left, abs=1e-9)


def test_unknown_variance_gives_no_quote_in_either_form():
    for capped in (0, 1):
        told = {"variance": math.nan, "sigma": math.nan, "position": 5.0}
        bid, ask, *_ = quote(AvellanedaStoikov, told, capped=capped)
        assert math.isnan(bid) and math.isnan(ask)


@pytest.mark.parametrize(
    ("q", "ask", "bid"),
    [(-5, 1.084806430, 0.896121587), (0, 0.082304991, -0.082988028), (5, -0.984400728, -1.216969350)],
)
def test_reservation_prices_without_a_horizon(q: int, ask: float, bid: float):
    p = row(Stationary, gamma=0.1, most=10, size=1)
    shown = Stationary.quote(TOLD._replace(position=float(q)), p)
    assert shown[0] + p.half - 50 == pytest.approx(bid, abs=1e-9)
    assert shown[1] - p.half - 50 == pytest.approx(ask, abs=1e-9)


def test_at_the_bound_the_side_that_would_exceed_it_is_not_quoted():
    bid, ask, *_ = quote(Stationary, {"position": 100.0}, most=10, size=10)
    assert math.isnan(bid) and math.isfinite(ask)
    bid, ask, *_ = quote(Stationary, {"position": -100.0}, most=10, size=10)
    assert math.isfinite(bid) and math.isnan(ask)
    bid, ask, *_ = quote(Stationary, {"position": 90.0}, most=10, size=10)
    assert math.isfinite(bid) and math.isfinite(ask)


def glft_matrix(sigma: float, a: float, k: float, g: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Diagonal and off-diagonal of the linear system behind the exact solution."""
    q = np.arange(-most, most + 1)
    eta = a * (1 + g / k) ** -(1 + k / g)
    return k * g * sigma**2 / 2 * q.astype(float) ** 2, np.full(2 * most, -eta)


def exact_distance(v: np.ndarray, q: int, step: int, k: float, g: float) -> float:
    most = (len(v) - 1) // 2
    return math.log(v[q + most] / v[q + most + step]) / k + math.log(1 + g / k) / g


def test_glft_prints_the_numbers_of_its_public_tutorial():
    told = {"sigma": 10.69, "position": 1.0}
    bid, ask, *_ = quote(Glft, told, A=2.986162360812285, kappa=0.04235741115084049, gamma=0.05, size=1)
    assert (ask - bid) / 2 == pytest.approx(20.47208533844371, abs=1e-9)
    assert 50 - (ask + bid) / 2 == pytest.approx(9.76326865029227, abs=1e-9)


def test_glft_is_near_the_exact_solution_of_its_equations():
    sigma, a, k, g, most = 0.3, 0.9, 0.3, 0.01, 30
    _, vectors = eigh_tridiagonal(*glft_matrix(sigma, a, k, g, most), select="i", select_range=(0, 0))
    v = np.abs(vectors[:, 0])
    listed = {
        (0, 1): (3.313045419, 3.312915199),
        (1, 1): (3.381168101, 3.380781031),
        (1, -1): (3.244919146, 3.245049366),
        (10, 1): (3.992932747, 3.991573524),
        (10, -1): (2.632801825, 2.634256873),
    }
    for (q, step), (exact, closed) in listed.items():
        bid, ask, *_ = quote(Glft, {"sigma": sigma, "position": q}, A=a, kappa=k, gamma=g, size=1)
        assert exact_distance(v, q, step, k, g) == pytest.approx(exact, abs=1e-9)
        assert (50 - bid if step > 0 else ask - 50) == pytest.approx(closed, abs=1e-9)
        assert closed == pytest.approx(exact, rel=1e-3)


def test_the_exact_solution_over_a_finite_horizon_tends_to_the_stationary_one():
    sigma, a, k, g, most = 0.3, 0.9, 0.3, 0.01, 30
    diagonal, beside = glft_matrix(sigma, a, k, g, most)
    matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    bid, *_ = quote(Glft, {"sigma": sigma, "position": 1.0}, A=a, kappa=k, gamma=g, size=1)
    gaps = [
        abs(exact_distance(expm(-matrix * tau) @ np.ones(2 * most + 1), 1, 1, k, g) - (50 - bid))
        for tau in (1, 30, 900)
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-3


@pytest.mark.parametrize(("g", "half", "skew"), [(0.1, 0.671243819, 0.051717216), (1.0, 0.603228671, 0.184806094)])
def test_glft_under_the_parameters_of_the_classic_simulation(g: float, half: float, skew: float):
    bid, ask, *_ = quote(Glft, {"sigma": 2.0, "position": 1.0}, A=140, kappa=1.5, gamma=g, size=1)
    assert (ask - bid) / 2 == pytest.approx(half, abs=1e-9)
    assert 50 - (ask + bid) / 2 == pytest.approx(skew, abs=1e-9)


def test_glft_is_the_same_per_quote_whatever_the_size_of_a_quote():
    one = quote(Glft, {"position": 3.0}, size=1)
    ten = quote(Glft, {"position": 30.0}, size=10)
    assert one[:2] == ten[:2]


@pytest.mark.parametrize(
    ("p", "q", "bid", "ask", "marginal"),
    [
        (0.5, 0, 0.487505205, 0.512494795, 0.5),
        (0.5, 10, 0.259263624, 0.278921872, 0.268941421),
        (0.9, 10, 0.758964135, 0.776779064, 0.768030683),
        (0.05, -20, 0.270073957, 0.290230635, 0.280004562),
    ],
)
def test_cara_prices_of_one_contract_more_and_less(p: float, q: int, bid: float, ask: float, marginal: float):
    values = row(BinaryCara, gamma=0.001, size=1)  # 0.1 per dollar
    shown = BinaryCara.quote(TOLD._replace(mid=100 * p, position=float(q)), values)
    assert (shown[0] + values.half) / 100 == pytest.approx(bid, abs=1e-8)
    assert (shown[1] - values.half) / 100 == pytest.approx(ask, abs=1e-8)
    logit = math.log(p / (1 - p)) - 0.1 * q
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(marginal, abs=1e-8)
    assert shown[0] + values.half < 100 * marginal < shown[1] - values.half


def test_cara_equals_the_change_of_the_certainty_equivalent_it_is_defined_by():
    g, rng = 0.1, np.random.default_rng(5)
    values = row(BinaryCara, gamma=g / 100, size=1)
    for p, q in zip(rng.uniform(0.02, 0.98, 50), rng.integers(-30, 30, 50), strict=True):
        worth = [-math.log(1 - p + p * math.exp(-g * held)) / g for held in (q - 1, q, q + 1)]
        bid, ask, *_ = BinaryCara.quote(TOLD._replace(mid=100 * p, position=float(q)), values)
        assert bid + values.half == pytest.approx(100 * (worth[2] - worth[1]), abs=1e-9)
        assert ask - values.half == pytest.approx(100 * (worth[1] - worth[0]), abs=1e-9)


def test_cara_prices_stay_between_nothing_and_a_dollar_whatever_is_held():
    values = row(BinaryCara, gamma=1.0, size=0.01)
    for held in (-1e9, -1e3, 0.0, 1e3, 1e9):
        for mid in (0.01, 50.0, 99.99):
            bid, ask, *_ = BinaryCara.quote(TOLD._replace(mid=mid, position=held), values)
            assert -1e-9 <= bid + values.half <= ask - values.half <= 100 + 1e-9


def test_to_first_order_cara_is_the_inventory_rule_with_the_outcome_s_variance():
    cara = quote(BinaryCara, {"mid": 30.0, "position": 1.0}, gamma=1e-5, size=1)
    capped = quote(AvellanedaStoikov, {"mid": 30.0, "position": 1.0, "tau": 1e9}, gamma=1e-5, size=1, capped=1)
    assert cara[:2] == pytest.approx(capped[:2], abs=1e-4)


def test_the_price_of_a_digital_moves_by_p_times_one_minus_p_in_all():
    # sigma of the price is phi(z)/sqrt(tau); what it moves until settlement must add up to the outcome's variance
    for p, minute in ((0.5, 10.30), (0.9, 4.53)):
        assert 100 * norm.pdf(norm.ppf(p)) / math.sqrt(15) == pytest.approx(minute, abs=0.01)
    rng, paths, clock = np.random.default_rng(11), 20_000, np.linspace(0, 6, 301)  # clock = -ln(time left)
    spent = -np.diff(np.exp(-clock))
    walk = (rng.normal(size=(paths, 300)) * np.sqrt(spent)).cumsum(axis=1)
    z = np.hstack([np.zeros((paths, 1)), walk]) / np.sqrt(np.exp(-clock))
    moved = np.trapezoid(norm.pdf(z) ** 2, clock, axis=1)
    last = norm.cdf(z[:, -1])
    total = moved + last * (1 - last)
    assert total.mean() == pytest.approx(0.25, abs=3 * total.std() / math.sqrt(paths))


def test_a_fixed_spread_shifts_in_a_line():
    assert quote(FixedSpread, {"position": 20.0}, half_spread=2, skew=0.1, size=5) == (46, 50, 5, 5)
    assert quote(FixedSpread, {"position": -20.0}, half_spread=2, skew=0.1, size=5) == (50, 54, 5, 5)
