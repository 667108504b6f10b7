"""A and kappa: recovered from draws, errors that mean what they say, steps and sides counted as by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize
from touchline.engine.fitting.intensity import Intensity, count_reaches, exponential, geometric, reach_rates
from touchline.io.ground.errors import InputError

SECOND = 10**9
ALWAYS_HALF = (np.array([0.5]), np.array([1.0]))


@pytest.mark.parametrize("kappa", [1.5, 0.4])
def test_kappa_is_recovered_from_exponential_reaches(kappa: float):
    rng, seconds = np.random.default_rng(1), 1e5
    reach = 0.5 + rng.exponential(1 / kappa, rng.poisson(2 * seconds * math.exp(-kappa * 0.5)))
    found = exponential(reach, 0.5, seconds)
    assert found.kappa == pytest.approx(kappa, abs=4 * found.kappa_se)
    assert abs(found.A - 2) < 4 * found.A_se


@pytest.mark.parametrize("kappa", [1.5, 0.4])
def test_kappa_is_recovered_from_reaches_on_a_grid(kappa: float):
    rng, seconds = np.random.default_rng(2), 1e5
    index = rng.geometric(1 - math.exp(-kappa), rng.poisson(3 * seconds * math.exp(-kappa * 0.5))) - 1
    found = geometric(index, 1.0, seconds, *ALWAYS_HALF)
    assert found.kappa == pytest.approx(kappa, abs=4 * found.kappa_se)
    assert abs(found.A - 3) < 4 * found.A_se


def test_the_estimate_on_a_grid_maximises_the_likelihood():
    index = np.array([0, 0, 1, 3, 0, 2, 0, 0, 1])

    def loss(kappa: float) -> float:
        return -sum(math.log1p(-math.exp(-kappa)) - kappa * i for i in index)

    best = optimize.minimize_scalar(loss, bounds=(0.01, 5), method="bounded", options={"xatol": 1e-10})
    found = geometric(index, 1.0, 10.0, *ALWAYS_HALF)
    assert found.kappa == pytest.approx(best.x, abs=1e-6)
    step = 1e-4  # Fisher information: the curvature of the likelihood
    curvature = (loss(best.x + step) - 2 * loss(best.x) + loss(best.x - step)) / step**2
    assert found.kappa_se == pytest.approx(1 / math.sqrt(curvature), rel=1e-3)


def test_the_tick_scales_the_answer():
    index = np.array([0, 1, 0, 3])
    cent = geometric(index, 1.0, 60.0, *ALWAYS_HALF)
    tenth = geometric(index, 0.1, 60.0, np.array([0.05]), np.array([1.0]))
    assert (tenth.kappa, tenth.kappa_se, tenth.A) == pytest.approx((10 * cent.kappa, 10 * cent.kappa_se, cent.A))


@pytest.mark.parametrize("way", ["exponential", "geometric"])
def test_the_errors_are_the_spread_of_the_estimates(way: str):
    rng, found = np.random.default_rng(3), list[Intensity]()
    for _ in range(400):
        n = rng.poisson(300 * math.exp(-0.5))
        if way == "exponential":
            found.append(exponential(0.5 + rng.exponential(1.0, n), 0.5, 300.0))
        else:
            found.append(geometric(rng.geometric(1 - math.exp(-1.0), n) - 1, 1.0, 300.0, *ALWAYS_HALF))
    for name in ("A", "kappa"):
        spread = np.std([getattr(one, name) for one in found])
        assert spread == pytest.approx(np.mean([getattr(one, f"{name}_se") for one in found]), rel=0.15)


def test_distances_of_half_and_whole_ticks_are_one_law():
    # Half of the time the nearest price is half a tick away, else a whole one: fewer fills, the same A and kappa.
    rng, kappa, a, seconds = np.random.default_rng(4), 0.8, 2.0, 1e5
    counts = [rng.poisson(seconds / 2 * a * math.exp(-kappa * near)) for near in (0.5, 1.0)]
    index = rng.geometric(1 - math.exp(-kappa), sum(counts)) - 1
    found = geometric(index, 1.0, seconds, np.array([0.5, 1.0]), np.array([0.5, 0.5]))
    assert found.kappa == pytest.approx(kappa, abs=4 * found.kappa_se)
    assert abs(found.A - a) < 4 * found.A_se


@pytest.mark.parametrize(
    ("index", "message"), [([], "0 trades"), ([1], "1 trades"), ([0, 0, 0], "kappa cannot be told")]
)
def test_too_little_says_so(index: list[int], message: str):
    with pytest.raises(InputError, match=message):
        geometric(np.array(index, np.int64), 1.0, 60.0, *ALWAYS_HALF)
    with pytest.raises(InputError, match=message):
        exponential(np.array(index, np.float64) + 0.5, 0.5, 60.0)


def test_steps_sides_and_exposure_by_hand():
    quote_ts = np.array([0, 10, 20, 30]) * SECOND
    mid = np.array([50.5, 50.0, np.nan, 50.0])  # 50/51 for 10 s, 49/51 for 10 s, then nobody
    trades = [
        (1.0, 51, 1),  # step 1, ask side, half a tick: index 0
        (1.2, 53, 1),  # the same step and side, deeper: index 2
        (1.4, 50, -1),  # the same step, bid side: index 0
        (3.0, 49, 0),  # taker not known, below the mid: bid side, index 1
        (12.0, 51, 1),  # one whole tick is the nearest now: index 0
        (25.0, 55, 1),  # nobody knows the mid
        (15.0, 52, -1),  # the taker sold above the mid: no reach
    ]
    ts = np.array([round(t * SECOND) for t, _, _ in trades])
    price, taker = np.array([float(p) for _, p, _ in trades]), np.array([k for _, _, k in trades], np.int8)
    found = count_reaches(quote_ts, mid, ts, price, taker, SECOND, 1.0)
    assert sorted(zip(found.is_ask.tolist(), found.reach.tolist(), found.index.tolist(), strict=True)) == [
        (False, 0.5, 0),
        (False, 1.5, 1),
        (True, 1.0, 0),
        (True, 2.5, 2),
    ]
    assert (found.nearest.tolist(), found.weight.tolist(), found.seconds) == ([0.5, 1.0], [0.5, 0.5], 20.0)


def test_the_mid_is_that_at_the_start_of_the_step():
    quote_ts = np.array([0, 1.5 * SECOND, 10 * SECOND]).astype(np.int64)
    mid = np.array([50.5, 60.5, 60.5])
    found = count_reaches(
        quote_ts, mid, np.array([round(1.8 * SECOND)]), np.array([61.0]), np.array([1], np.int8), SECOND, 1.0
    )
    assert found.reach.tolist() == [10.5]


def test_no_time_with_both_sides():
    with pytest.raises(InputError, match="no time with both"):
        count_reaches(
            np.array([0, 1]),
            np.array([np.nan, np.nan]),
            np.array([0]),
            np.array([50.0]),
            np.array([1], np.int8),
            1,
            1.0,
        )


def test_the_fitted_rates_tell_how_well_the_law_holds():
    rng = np.random.default_rng(5)
    quote_ts, mid = np.array([0, 10**5 * SECOND]), np.array([50.5, 50.5])
    rate, kappa = 0.02, 0.7
    n = rng.poisson(rate * 10**5)
    ts = np.sort(rng.integers(0, 10**5 * SECOND, n))
    price = 51.0 + rng.geometric(1 - math.exp(-kappa), n) - 1
    reaches = count_reaches(quote_ts, mid, ts, price, np.ones(n, np.int8), SECOND, 1.0)
    found = geometric(reaches.index, 1.0, reaches.seconds, reaches.nearest, reaches.weight)
    assert found.kappa == pytest.approx(kappa, abs=4 * found.kappa_se)
    for ticks, seen, fitted in reach_rates(reaches, found, 1.0, depth=4):
        assert seen == pytest.approx(rate * math.exp(-kappa * ticks), rel=0.2)
        assert fitted == pytest.approx(seen, rel=0.2)
