"""Calibration against the worked example and against unrelated ways to the same number."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from touchline.engine.figures.calibration import calibration
from touchline.io.ground.errors import InputError

FORECASTS = [0.1] * 10 + [0.3] * 10 + [0.8] * 10
OUTCOMES = [1] + [0] * 9 + [1, 1] + [0] * 8 + [1] * 9 + [0]


def test_the_worked_example():
    found = calibration(FORECASTS, OUTCOMES)
    assert found.brier == pytest.approx(0.12)
    assert found.reliability == pytest.approx(0.0066667, abs=1e-7)
    assert found.resolution == pytest.approx(0.1266667, abs=1e-7)
    assert found.uncertainty == pytest.approx(0.24)
    assert found.calibration_error == pytest.approx(0.0666667, abs=1e-7)
    assert found.log_loss == pytest.approx(0.404330159, abs=1e-9)
    assert found.spiegelhalter_z == pytest.approx(-0.819782295, abs=1e-9)


def test_brier_is_the_sum_of_its_parts_and_equals_scikit_learn():
    rng = np.random.default_rng(0)
    p = rng.integers(1, 20, 500) / 20
    y = (rng.random(500) < p**1.3).astype(int)
    found = calibration(p, y)
    assert found.brier == pytest.approx(found.reliability - found.resolution + found.uncertainty)
    assert found.brier == pytest.approx(brier_score_loss(y, p))
    assert found.log_loss == pytest.approx(log_loss(y, p))
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(np.log(p / (1 - p))[:, None], y)
    assert found.slope == pytest.approx(fit.coef_[0, 0], rel=1e-4)
    assert found.intercept == pytest.approx(fit.intercept_[0], abs=1e-4)


def test_degenerate_forecasts_have_no_slope():
    found = calibration([0.5, 0.5], [1, 1])
    assert (found.slope, found.spiegelhalter_z) == (None, None)
    assert calibration([], []) is None
    with pytest.raises(InputError, match="between 0 and 1"):
        calibration([1.2], [1])
