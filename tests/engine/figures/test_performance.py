"""A curve sampled in periods, the table of figures, and the inventory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from touchline.engine.figures.performance import DAY_NS, inventory, performance, period_curve
from touchline.io.ground.errors import InputError


def days(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int64) * DAY_NS


def test_periods_are_whole_utc_days_and_flat_days_count():
    ts = np.array([DAY_NS // 2, DAY_NS + 5, 3 * DAY_NS + 1], dtype=np.int64)
    equity = np.array([100, 90, 130], dtype=np.int64)
    starts, pnl = period_curve(ts, equity, DAY_NS // 4, 5 * DAY_NS, 50)
    assert starts.tolist() == [0, DAY_NS, 2 * DAY_NS, 3 * DAY_NS, 4 * DAY_NS]
    assert pnl.tolist() == [50, -10, 0, 40, 0]


def test_a_point_on_the_boundary_belongs_to_the_next_period():
    _, pnl = period_curve(np.array([DAY_NS]), np.array([7]), 0, 2 * DAY_NS, 0)
    assert pnl.tolist() == [0, 7]


def test_no_points_is_a_flat_curve():
    empty = np.zeros(0, dtype=np.int64)
    assert period_curve(empty, empty, 0, 2 * DAY_NS, 5)[1].tolist() == [0, 0]


def test_period_sum_is_the_whole_pnl():
    rng = np.random.default_rng(1)
    ts = np.sort(rng.integers(0, 40 * DAY_NS, 500))
    equity = np.cumsum(rng.integers(-100, 100, 500))
    _, pnl = period_curve(ts, equity, 0, 40 * DAY_NS, 0)
    assert pnl.sum() == equity[-1]


def test_performance_states_its_assumptions_and_dates():
    pnl = np.array([10, -30, 5, 25, -1] * 8, dtype=np.int64)
    done = performance(days(40), pnl, 1_000, trade_results=[5, -2, 0], hold_seconds=[10, 20])
    assert done.assumptions == "365 periods a year, flat ones included; returns on constant capital"
    assert done.values["pnl"] == 72
    assert done.values["total_return"] == pytest.approx(0.072)
    assert done.values["max_drawdown"] == 30
    assert (done.values["drawdown_from_ts"], done.values["drawdown_to_ts"]) == (0, DAY_NS)
    assert done.values["drawdown_recovered_ts"] == 3 * DAY_NS
    assert (done.values["win_rate"], done.values["profit_factor"], done.values["mean_hold_seconds"]) == (0.5, 2.5, 15)
    assert done.notices == ()


def test_compounding_divides_by_what_the_capital_has_become():
    done = performance(days(2), np.array([100, 110], dtype=np.int64), 1_000, compound=True)
    assert done.values["annual_growth"] == pytest.approx(1.21 ** (365 / 2) - 1)
    assert done.values["sharpe"] is None


def test_every_missing_figure_is_explained():
    done = performance(days(3), np.zeros(3, dtype=np.int64), 1_000)
    explained = {notice.detail.split(":")[0] for notice in done.notices if notice.name == "degenerate-statistic"}
    missing = {name for name, value in done.values.items() if value is None and name != "drawdown_recovered_ts"}
    assert missing == explained
    assert "few-periods" in {notice.name for notice in done.notices}


def test_lost_capital_ends_growth():
    done = performance(days(3), np.array([-1_500, 10, 10], dtype=np.int64), 1_000)
    assert done.values["annual_growth"] == -1.0


def test_capital_must_be_positive():
    with pytest.raises(InputError, match="capital must be positive, got 0"):
        performance(days(1), np.zeros(1, dtype=np.int64), 0)


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
