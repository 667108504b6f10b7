"""The recipe for a kind of model in docs/architecture.md, followed once: a constant on top of the market's price."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from touchline import engine
from touchline.engine.training.kinds import registry
from touchline.engine.training.kinds.graph import GraphPart, on_market
from touchline.engine.training.kinds.kind import Kind, market_of, simplest
from touchline.engine.training.kinds.needed import version_of
from touchline.strategies.parameters import Parameter

from .leaks import KINDS
from .made import made, pipeline


@dataclass(frozen=True)
class Shifted:
    """The market's log odds and a constant."""

    by: float
    market: int | None
    width: int
    facts: dict[str, Any] = field(default_factory=dict)

    def raw(self, x):
        return market_of(x, self.market) + self.by

    def part(self):
        return on_market(GraphPart(), self.market, self.by, self.width)


class Shift(Kind):
    """The market's price, with the one constant that earlier rows ask for."""

    name: ClassVar[str] = "shift"
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (Parameter("share", 1.0, low=0, high=1, doc="of the constant"),)

    def versions(self):
        return version_of("onnx")

    def fit(self, lesson, told):
        told(1, 1)
        mean = lesson.y.mean() - (1 / (1 + np.exp(-lesson.known(lesson.x)))).mean()
        found = [Shifted(by, lesson.market, lesson.x.shape[1]) for by in (0.0, 4 * mean * self.values["share"])]
        return found[simplest([lesson.losses(one.raw(lesson.later_x)) for one in found])]


def test_a_kind_that_follows_the_recipe_is_trained_and_served(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.KINDS, "shift", Shift)
    made(tmp_path / "store", beta=0.0, events=40)
    found = engine.train(
        pipeline(tmp_path), "shift", tmp_path / "store", out=tmp_path / "model", features=["log_odds"], folds=2,
        params={"share": 0.5}, embargo=0,
    )  # fmt: skip
    assert found.record.kind == "shift" and found.record.parity["largest"] <= 1e-6
    served = pipeline(tmp_path)
    assert served.scorer.names == ["log_odds"]
    assert engine.backtest(served, store=tmp_path / "store").trades is not None


def test_each_kind_stands_wherever_the_recipe_says():
    page = (Path(__file__).parents[3] / "docs/training.md").read_text()
    assert set(registry.KINDS) == set(KINDS)
    assert set(registry.KINDS) <= set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
