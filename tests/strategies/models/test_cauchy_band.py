"""Band probabilities against SciPy and the listed values; the quoting rules of the recorded reference runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from touchline.strategies.models.cauchy_band import CauchyBand

from .quotes import quote, row


def probability(spot: float, tau: float, **given: float) -> float:
    """The fair value, read from a quote with no spread and hardly any rounding."""
    bid, ask, *_ = quote(
        CauchyBand, {"underlying": spot, "tau": tau}, half_spread=0.0, step=1e-9, exponent=0.5, **given
    )
    return (bid if not math.isnan(bid) else ask) / 100


def law(nu: int):
    return stats.norm if nu == 0 else stats.t(nu)


@pytest.mark.parametrize("nu", [0, 1, 2, 3, 4, 5, 8, 17, 30, 100])
def test_the_share_in_the_band_is_that_of_the_law(nu: int):
    rng = np.random.default_rng(nu)
    for _ in range(100):
        scale, tau, spot = 10 ** rng.uniform(-6, -3), rng.uniform(1, 3600), rng.uniform(3900, 4100)
        low, high = (edge / spot - 1 for edge in (3980, 4020))
        unit = scale * math.sqrt(tau)
        exact = law(nu).cdf(high / unit) - law(nu).cdf(low / unit)
        found = probability(spot, tau, scale=scale, nu=nu, floor=3980, cap=4020)
        if 1e-10 < exact < 1 - 1e-10:
            assert found == pytest.approx(exact, abs=2e-11)


def test_an_open_band_has_one_edge():
    spot, tau, scale = 4000.0, 100.0, 1e-4
    above = stats.cauchy.sf(10 / spot / (scale * 10))
    assert probability(spot, tau, scale=scale, floor=4010) == pytest.approx(above, abs=1e-10)
    assert probability(spot, tau, scale=scale, cap=4010) == pytest.approx(1 - above, abs=1e-10)


#: minutes: normal, Cauchy scale x tau, Cauchy scale x sqrt(tau), t3 with the same sd, t3 with the same quartiles
BAND_TABLE = {
    1: (0.9876, 0.8322, 0.8322, 0.9773, 0.9341),
    5: (0.7364, 0.4061, 0.6544, 0.8518, 0.7057),
    15: (0.4814, 0.1542, 0.4860, 0.6550, 0.4828),
    60: (0.2531, 0.0393, 0.2841, 0.3848, 0.2614),
}
SPOT = 1e5


def band(tau: float, nu: int, scale: float, exponent: float, floor: float = -125, cap: float = 125) -> float:
    edges = {"floor": SPOT + floor, "cap": SPOT + cap}
    told = {"underlying": SPOT, "tau": tau}
    bid, *_ = quote(CauchyBand, told, scale=scale / SPOT, exponent=exponent, nu=nu, half_spread=0, step=1e-9, **edges)
    return bid / 100


@pytest.mark.parametrize("minutes", BAND_TABLE)
def test_the_law_and_its_growth_matter_more_than_anything_else(minutes: int):
    quartile = stats.norm.ppf(0.75) * 50
    t3 = (50 * math.sqrt(1 / 3), quartile / stats.t(3).ppf(0.75))
    found = (
        band(minutes, 0, 50, 0.5),
        band(minutes, 1, quartile, 1.0),
        band(minutes, 1, quartile, 0.5),
        band(minutes, 3, t3[0], 0.5),
        band(minutes, 3, t3[1], 0.5),
    )
    assert found == pytest.approx(BAND_TABLE[minutes], abs=6e-5)


def test_far_bands_show_the_tails():
    quartile = stats.norm.ppf(0.75) * 50
    found = [band(5, nu, scale, power, 300, 550) for nu, scale, power in ((0, 50, 0.5), (1, quartile, 1.0))]
    assert found == pytest.approx([0.0036, 0.0683], abs=6e-5)


@pytest.mark.parametrize(("tau", "left"), [(60, 20.5028), (90, 50.5028), (300, 260.5028), (900, 860.5028)])
def test_settling_on_an_average_leaves_less_variance(tau: int, left: float):
    assert tau - row(CauchyBand, average=60).shorter == pytest.approx(left, abs=5e-5)
    rng = np.random.default_rng(tau)
    prices = rng.normal(size=(5_000, tau)).cumsum(axis=1)
    assert prices[:, -60:].mean(axis=1).var() == pytest.approx(left, rel=0.08)


def test_nothing_is_quoted_once_the_average_has_begun_or_nothing_is_known():
    for told in ({"tau": 60.0}, {"tau": 0.0}, {"underlying": math.nan}, {"underlying": 0.0}, {"tau": math.nan}):
        bid, ask, *sizes = quote(CauchyBand, {"tau": 600.0, **told}, floor=3990, cap=4010, average=60)
        assert math.isnan(bid) and math.isnan(ask) and sizes == [0, 0]


def reference(spot: float, seconds: float, held: int, bid: int, ask: int, trigger: int) -> tuple[int, int, int, int]:
    """The published rules, word by word, in plain Python; its ``round`` takes halves to even."""
    scale = 5e-6 * seconds**0.6
    fair = (math.atan((4010 - spot) / spot / scale) - math.atan((3990 - spot) / spot / scale)) / math.pi
    shift = round(abs(held) / 10) * (1 if held > 0 else -1)
    mine, yours = round(100 * fair) - 1 - shift, round(100 * fair) + 1 - shift
    if trigger == 2:
        if mine >= ask and held > -20:
            mine = ask - 1
        if yours <= bid and held < 20:
            yours = bid + 1
    return mine, yours, max(min(10, 40 - held), 0), max(min(10, 40 + held), 0)


def test_the_rules_of_the_reference_runs():
    rng, p, seen = np.random.default_rng(3), {"floor": 3990, "cap": 4010}, set()
    for _ in range(1500):
        spot, seconds, held = rng.normal(4000, 12), rng.uniform(1, 23_000), int(rng.integers(-40, 41))
        bid = int(rng.integers(1, 98))
        ask, trigger = int(rng.integers(bid + 1, 100)), int(rng.choice([0, 2]))
        expected = reference(spot, seconds, held, bid, ask, trigger)
        told = {"underlying": spot, "tau": seconds, "position": held, "bid": bid, "ask": ask, "trigger": trigger}
        found = quote(CauchyBand, told, **p)
        assert found[0] == expected[0] if expected[0] >= 1 else math.isnan(found[0])
        assert found[1] == expected[1] if expected[1] <= 99 else math.isnan(found[1])
        assert found[2:] == expected[2:]
        seen.add((trigger, found[0] >= ask, found[1] <= bid))
    assert seen == {
        (0, True, False),
        (0, False, True),
        (0, False, False),
        (2, False, False),
        (2, True, False),
        (2, False, True),
    }


def test_halves_are_rounded_to_even():
    shift = [quote(CauchyBand, {"tau": 600.0, "position": held}, floor=0)[0] for held in (5.0, 15.0, 25.0)]
    assert shift == [99 - 0, 99 - 2, 99 - 2]
