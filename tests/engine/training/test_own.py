"""Estimators of a user's own: scikit-learn's in a file, a torch module; what cannot be trained is one line."""

from __future__ import annotations

import importlib.util

import pytest
from touchline import engine
from touchline.io.ground.errors import InputError

from .made import FEATURES, made, pipeline

OWN = """
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class Plain(LogisticRegression):
    def __init__(self, C=1.0, random_state=None):
        super().__init__(C=C, random_state=random_state)


scaled = make_pipeline(StandardScaler(), LogisticRegression())
ridge = Ridge()


class Strange(ClassifierMixin, BaseEstimator):
    def fit(self, x, y):
        self.classes_ = [0, 1]
        return self

    def predict_proba(self, x):
        raise ValueError("not today")
"""
NETWORK = """
from torch import nn


class Small(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x):
        return self.layers(x)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("own")
    made(place / "store", beta=2.0, events=100)
    (place / "my.py").write_text(OWN)
    (place / "net.py").write_text(NETWORK)
    return place


def train(folder, out, name, **given):
    return engine.train(pipeline(folder), str(folder / name), folder / "store", out=out, features=FEATURES, **given)


def test_an_estimator_in_a_file_is_trained_and_served(folder, tmp_path):
    found = train(folder, tmp_path / "m", "my.py:scaled")
    assert found.has_skill
    assert found.record.kind == "own"
    assert found.record.parity["largest"] <= 1e-6
    served = pipeline(tmp_path, file=str(tmp_path / "m"))
    assert served.scorer.names == list(FEATURES)


def test_an_estimator_of_moves(folder, tmp_path):
    assert train(folder, tmp_path / "m", "my.py:ridge", target="move:1h").record.gives == "edge"


def test_what_cannot_be_trained_or_written_is_one_line(folder, tmp_path):
    with pytest.raises(InputError, match="has no 'Scaled'; did you mean 'scaled'"):
        train(folder, tmp_path / "m", "my.py:Scaled")
    with pytest.raises(InputError, match="cannot read the file"):
        train(folder, tmp_path / "m", "yours.py:Scaled")
    with pytest.raises(InputError, match="Strange does not answer: ValueError: not today"):
        train(folder, tmp_path / "m", "my.py:Strange")
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="without torch")
def test_a_torch_module_in_a_file_is_trained_and_served(folder, tmp_path):
    found = train(folder, tmp_path / "m", "net.py:Small")
    assert found.has_skill
    assert found.record.parity["largest"] <= 1e-6
