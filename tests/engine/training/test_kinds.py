"""Each kind of model: it finds a planted signal, finds none in shuffled labels, and equals its ONNX form to the bit."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from threadpoolctl import threadpool_limits
from touchline.engine.training.kinds.graph import Platt, model_of
from touchline.engine.training.kinds.kind import Lesson
from touchline.engine.training.kinds.registry import kind_of
from touchline.engine.training.learning.fold import answer, opened

from .leaks import KINDS, TORCH, planted, shuffled


def kinds(*, slow: bool):
    """Every kind; networks, or with ``slow`` all, among the slow tests."""
    skip = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="without torch")
    marks = {name: [pytest.mark.slow] * (slow or name in TORCH) + [skip] * (name in TORCH) for name in KINDS}
    return [pytest.param(name, marks=own) for name, own in marks.items()]


def lesson(kind, rows, gives="probability", seed=0, width=4):
    """Rows whose log odds are the first feature, and others that count straight, by a bend and by a product."""
    rng = np.random.default_rng(seed)
    window = kind.window
    shape = (rows, width) if window == 1 else (rows, window, width)
    x = rng.normal(size=shape).astype(np.float32)
    x[..., 1] = np.round(x[..., 1], 1)  # ties
    last = x if window == 1 else x[:, -1]
    z = last[:, 0] + np.abs(last[:, 1]) - 0.8 + last[:, 2] * (0.7 + last[:, 3])
    y = (z / 10 + rng.normal(0, 0.1, rows)) if gives == "edge" else (rng.random(rows) < 1 / (1 + np.exp(-z)))
    cut = rows * 3 // 4
    y = y.astype(np.float64)
    event = (np.arange(rows - cut) // 5).astype(np.int32)
    return Lesson(x[:cut], y[:cut], x[cut:], y[cut:], event, gives, False, seed, 0 if gives == "probability" else None)


def apart(name, rows, gives="probability", **given):
    kind, _ = kind_of(name, KINDS[name])
    taught = lesson(kind, rows, gives, **given)
    fitted = kind.fit(taught, lambda done, of: None)
    platt = Platt(1.1, -0.05) if gives == "probability" else None
    run = opened(model_of(fitted.part(), taught.x.shape[-1], kind.window, platt))
    every = np.concatenate([taught.x, taught.later_x])
    own, found = answer(fitted, platt, every).astype(np.float32), run(every)
    assert len(own) == rows
    return int((own != found).sum()), float(np.abs(own - found).max()), taught, fitted


@pytest.mark.parametrize("gives", ["probability", "edge"])
@pytest.mark.parametrize("name", kinds(slow=False))
def test_a_model_equals_its_onnx_form_and_learns(name, gives):
    differing, largest, taught, fitted = apart(name, 4_000, gives)
    assert largest <= 1e-6
    assert differing <= 2
    own = taught.losses(fitted.raw(taught.later_x)).sum()
    market = taught.losses(taught.known(taught.later_x)).sum()
    assert own < market * (0.999 if name == "logistic" else 0.97)


@pytest.mark.slow
@pytest.mark.parametrize("name", kinds(slow=True))
def test_parity_on_a_hundred_thousand_rows(name):
    differing, largest, _, _ = apart(name, 100_000)
    assert largest <= 1e-6
    assert differing <= 100_000 / 10_000


@pytest.mark.slow
@pytest.mark.parametrize("name", kinds(slow=True))
def test_the_skill_of_a_planted_signal_is_that_of_who_knows_the_truth(name, tmp_path):
    assert planted(name, 0, tmp_path).fits


@pytest.mark.parametrize("name", kinds(slow=False))
@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_labels_have_no_skill(name, seed, tmp_path):
    assert shuffled(name, seed, tmp_path).fits


def test_boosting_is_the_same_on_one_thread_and_on_all(monkeypatch):
    from touchline.engine.training.kinds import boosting

    made_by = []
    for few in (50_000, 10):
        monkeypatch.setattr(boosting, "_FEW_ROWS", few)
        made_by.append(apart("boosting", 3_000)[3])
    assert_alike("boosting", made_by, 1e-9)


def test_logistic_is_the_same_on_one_thread_and_on_two():
    made_by = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            made_by.append(apart("logistic", 20_000)[3])
    assert_alike("logistic", made_by, 1e-9)


@pytest.mark.parametrize("name", [one for one in kinds(slow=False) if one.values[0] in TORCH])
def test_a_network_is_the_same_on_the_same_number_of_threads(name):
    """Across numbers of threads it is not, and the page says so."""
    assert_alike(name, [apart(name, 3_000)[3] for _ in range(2)], 0.0)


def assert_alike(name, made_by, most):
    one, two = (fitted.raw(lesson(kind_of(name, KINDS[name])[0], 500).x) for fitted in made_by)
    np.testing.assert_allclose(one, two, rtol=0, atol=most)
