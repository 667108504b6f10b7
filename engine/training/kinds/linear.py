"""Logistic regression, and ridge regression for edges: standardised features, a penalty that is chosen in the fold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ....strategies.parameters import Parameter
from .graph import GraphPart, linear
from .kind import Fitted, Floats, Inputs, Kind, Lesson, Told, simplest
from .needed import version_of

#: Penalties a row from which a fold chooses; the strongest first, which leaves the market's price alone.
PENALTIES = (np.inf, 1.0, 1e-1, 1e-2, 1e-4)
_ROWS = 131_072
#: Rows that are looked at at once in a fit: what is made of them stays in the cache of a core.
_BLOCK = 8_192
#: The largest step after which a fit has arrived; what is left is of the order of its square.
_MOST_STEPS, _CLOSE = 50, 1e-6


@dataclass(frozen=True)
class LinearFit:
    """A weighted sum of the features as they come."""

    weights: Floats
    bias: float
    facts: dict[str, Any]

    def raw(self, x: Inputs) -> Floats:
        """Answer with log odds, or with an edge."""
        return x.astype(np.float64) @ self.weights + self.bias

    def part(self) -> GraphPart:
        """Say the same as ONNX nodes."""
        return linear(self.weights, self.bias)


class Logistic(Kind):
    """A weighted sum of the features, held near the market's own price: quick, and hard to fool."""

    name: ClassVar[str] = "logistic"
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "penalty",
            0.0,
            low=0,
            doc="of squared weights a row; 0: each fold chooses, from 1 to 0.0001 or no weights at all",
        ),
    )

    def versions(self) -> dict[str, str]:
        """The libraries that train it."""
        return version_of("numpy", "onnx", "threadpoolctl")

    def fit(self, lesson: Lesson, told: Told) -> Fitted:
        """Fit one model a penalty and keep the strongest that later rows have nothing clear against."""
        penalties = [self.values["penalty"]] if self.values["penalty"] else list(PENALTIES)
        mean, scale = _moments(lesson.x)
        market = np.zeros(lesson.x.shape[1])
        if lesson.market is not None:
            market[lesson.market] = 1.0
        found: list[LinearFit] = []
        for done, (weights, bias) in enumerate(_solved(lesson, mean, scale, penalties), 1):
            own = weights / scale
            found.append(LinearFit(own + market, float(bias - mean @ own), _facts(penalties[done - 1])))
            told(done, len(penalties))
        return found[simplest([lesson.losses(one.raw(lesson.later_x)) for one in found])]


def _facts(penalty: float) -> dict[str, Any]:
    return {"penalty": penalty if np.isfinite(penalty) else "no weights"}


def _moments(x: Inputs) -> tuple[Floats, Floats]:
    """Mean and deviation of each feature; one that never moves counts as it is."""
    mean = x.mean(axis=0, dtype=np.float64)
    squared = sum(((x[at : at + _ROWS] - mean) ** 2).sum(axis=0) for at in range(0, len(x), _ROWS))
    scale = np.sqrt(squared / len(x))
    return mean, np.where(scale > 0, scale, 1.0)


def _solved(lesson: Lesson, mean: Floats, scale: Floats, penalties: list[float]) -> Iterator[tuple[Floats, float]]:
    """LinearFit beside the market's own and bias on standardised features, a pair a penalty, by Newton's method."""
    width = lesson.x.shape[1]
    beta: Floats = np.zeros(width + 1)
    look = _Pass(lesson, mean, 1 / scale, lesson.weights, beta)
    with _alone(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for penalty in penalties:
            if np.isinf(penalty):
                yield np.zeros(width), 0.0 if lesson.market is not None else lesson.constant
                continue
            held = penalty * len(lesson.x)  # what starts from the market's price is held near it, base rate and all
            hold = np.append(np.full(width, held), 0.0 if lesson.market is None else held)
            for _ in range(_MOST_STEPS):
                gradient, hessian = hold * beta, np.diag(hold) + 1e-9 * np.eye(width + 1)
                blocks = pool.map(replace(look, beta=beta), range(0, len(lesson.x), _BLOCK))
                for slope, curve in blocks:  # in their order: so sums are the same on any number of threads
                    gradient, hessian = gradient + slope, hessian + curve
                step: Floats = np.linalg.solve(hessian, gradient).astype(np.float64)
                beta = beta - step
                if np.abs(step).max() < _CLOSE or lesson.gives == "edge":
                    break
            yield beta[:-1].copy(), float(beta[-1])


def _alone() -> AbstractContextManager[object]:
    """Let a product of small matrices be one thread's work: its blocks are what threads share."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


@dataclass(frozen=True)
class _Pass:
    """One look at all rows, a block that stays in the cache at a time: slope and curvature of the loss at ``beta``."""

    lesson: Lesson
    mean: Floats
    inverse: Floats
    weights: Floats | None
    beta: Floats

    def __call__(self, at: int) -> tuple[Floats, Floats]:
        """Look at the block from row ``at`` on."""
        lesson, rows = self.lesson, slice(at, at + _BLOCK)
        given, y = lesson.x[rows], lesson.y[rows]
        x = np.ones((len(given), len(self.beta)))
        own = x[:, :-1]
        np.subtract(given, self.mean, out=own)
        own *= self.inverse
        z = lesson.known(given) + x @ self.beta
        if lesson.gives == "edge":
            return x.T @ (z - y), x.T @ x
        mu = 1 / (1 + np.exp(-z))
        each = np.ones(len(y)) if self.weights is None else self.weights[rows]
        return x.T @ (each * (mu - y)), (x * (each * mu * (1 - mu))[:, None]).T @ x
