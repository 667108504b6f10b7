"""Looks for leaks in training, kind of model by kind of model: ``python -m tests.engine.training.leaks 20 [KIND…]``.

Labels that were shuffled by event must give a skill of 0, within two standard errors, for every seed; a planted signal
the skill of who knows the truth, in closed form. The exit code is 1 if one does not.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline import engine
from touchline.engine.training.judging.skill import brier, skill_of

from .made import FEATURES, bayes_skill, made, pipeline

#: Kinds with the parameters that keep their trainings short.
KINDS: dict[str, dict[str, Any]] = {
    "logistic": {},
    "boosting": {"trees": 30, "min_rows": 20},
    "mlp": {"epochs": 8},
    "lstm": {"epochs": 8, "bars": 3},
}
TORCH = ("mlp", "lstm")


@dataclass(frozen=True)
class FoundSkill:
    """A skill beside what it should be."""

    skill: float
    error: float
    wanted: float

    @property
    def fits(self) -> bool:
        """Whether it lies within two standard errors; float32 inputs are worth 1e-6."""
        return abs(self.skill - self.wanted) <= 2 * self.error + 1e-6


def shuffled(name: str, seed: int, folder: Path) -> FoundSkill:
    """Train on labels of other events with the same prices: nothing but the price is right."""
    made(folder / "store", beta=0.0, events=100, seed=seed, shuffle=True)
    found = train(name, folder, seed)
    told = found.skill["brier"]
    if found.has_skill or [notice.name for notice in found.warnings] != ["no-skill"]:
        return FoundSkill(told["skill"], 0.0, 0.0)
    return FoundSkill(told["skill"], told["standard_error"], 0.0)


def planted(name: str, seed: int, folder: Path, beta: float = 1.0) -> FoundSkill:
    """Train on a signal of known strength; the newest half of the models have learned from most of the history."""
    made(folder / "store", beta=beta, events=900, seed=seed)
    found = train(name, folder, seed)
    late = found.folds.filter(found.folds["serves_from"] >= found.record.models[-3].since)
    p, y, mark = (late[column].to_numpy() for column in ("prediction", "label", "mark"))
    skill = skill_of(brier(p, y), brier(mark, y), late["event"].to_numpy())
    assert skill.skill is not None and skill.standard_error is not None
    return FoundSkill(skill.skill, skill.standard_error if found.has_skill else 0.0, bayes_skill(beta))


def train(name: str, folder: Path, seed: int) -> engine.TrainedModel:
    return engine.train(
        pipeline(folder), name, folder / "store", out=folder / "model", features=FEATURES, seed=seed, params=KINDS[name]
    )


def main() -> None:
    """Print a line a kind: how many seeds fit, the farthest of them, and the skill of the planted signal."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    kinds = sys.argv[2:] or [name for name in KINDS if name not in TORCH or importlib.util.find_spec("torch")]
    print(f"{'':10} shuffled labels: within 2 s.e. of 0    planted signal: skill, s.e., of who knows the truth")
    missed = False
    for name in kinds:
        none = [_alone(shuffled, name, seed) for seed in range(seeds)]
        whole = _alone(planted, name, 0)
        most = max(none, key=lambda one: abs(one.skill))
        fit = sum(one.fits for one in none)
        missed |= fit < seeds or not whole.fits
        told = f"{fit} of {seeds}; farthest {most.skill:+.4f}, s.e. {most.error:.4f}"
        print(f"{name:10} {told:38} {whole.skill:.4f} {whole.error:.4f} {whole.wanted:.4f}", flush=True)
    sys.exit(int(missed))


def _alone(what: Any, name: str, seed: int) -> FoundSkill:
    with tempfile.TemporaryDirectory() as folder:
        return what(name, seed, Path(folder))


if __name__ == "__main__":
    main()
