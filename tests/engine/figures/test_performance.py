"""A curve sampled in periods, and the table of figures."""

from __future__ import annotations

import numpy as np
import pytest
from touchline.engine.figures.performance import DAY_NS, performance, period_curve
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
