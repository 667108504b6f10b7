"""Platt on later rows: two numbers that make a probability of a raw answer, where those rows ask for them."""

from __future__ import annotations

import numpy as np

from ..kinds.graph import Platt
from ..kinds.kind import Floats, by_event, clearly_worse

#: What is taken for granted of slope and intercept: near 1 and 0, as sure of it as of so many events.
_PRIOR = 2.0
#: By how many standard errors calibration must help the rows that it was fitted on.
_ERRORS = 2.0
_STEPS = 100


def calibrated(raw: Floats, y: Floats, event: np.ndarray) -> Platt:
    """Fit the sigmoid by penalised likelihood in which each event counts once, and keep it if it is clearly better.

    A slope below zero would say that the model is wrong all along: then it is zero, and the base rate is left.

    >>> z = np.linspace(-2, 2, 2_000)
    >>> made = calibrated(z, (np.arange(2_000) % 10 < 10 / (1 + np.exp(-2 * z))).astype(float), np.arange(2_000))
    >>> 1.8 < made.slope < 2.2
    True
    """
    if not len(raw):
        return Platt()
    _, code, counts = np.unique(event, return_inverse=True, return_counts=True)
    weight = 1 / counts[code]
    found = _fitted(raw, y, weight, free=True)
    if found[0] < 0:
        found = _fitted(raw, y, weight, free=False)
    made = Platt(float(found[0]), float(found[1]))
    plain, fitted = (by_event(_loss(one.slope * raw + one.intercept, y), event) for one in (Platt(), made))
    return made if clearly_worse(plain, fitted, _ERRORS) else Platt()


def _loss(z: Floats, y: Floats) -> Floats:
    return np.logaddexp(0, z) - y * z


def _fitted(raw: Floats, y: Floats, weight: Floats, free: bool) -> Floats:
    """Newton's method with halved steps; ``free`` lets the slope move, else it is zero."""
    design = np.column_stack([raw if free else np.zeros_like(raw), np.ones_like(raw)])
    prior = np.array([1.0 if free else 0.0, 0.0])
    beta: Floats = prior.copy()

    def cost(at: Floats) -> float:
        z = design @ at
        return float(np.sum(weight * _loss(z, y)) + _PRIOR / 2 * np.sum((at - prior) ** 2))

    now = cost(beta)
    for _ in range(_STEPS):
        mean = Platt(1.0, 0.0)(design @ beta)
        gradient = design.T @ (weight * (mean - y)) + _PRIOR * (beta - prior)
        hessian = (design * (weight * mean * (1 - mean))[:, None]).T @ design + _PRIOR * np.eye(2)
        step: Floats = np.linalg.solve(hessian, gradient).astype(np.float64)
        share = 1.0
        while (after := cost(beta - share * step)) > now and share > 1e-6:
            share /= 2
        beta, before, now = beta - share * step, now, min(after, now)
        if before - now <= 1e-12 * abs(now):
            break
    return beta
