"""Skill against the market's own price: how much of its error a model takes away, by time to close, by whole events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....strategies.pipeline.scorers.trained import ServedModel
from ..kinds.graph import SUREST
from ..learning.rows import CENTS

Floats = npt.NDArray[np.float64]
#: Hours to the close at which groups of lead times begin.
LEADS = (0.0, 1.0, 3.0, 6.0, 12.0, 24.0, 48.0, 168.0)
DRAWS = 1_000
_AT_ONCE = 50


@dataclass(frozen=True)
class Skill:
    """One minus the error of the model over that of a reference; its interval and error draw whole events again."""

    rows: int
    events: int
    error: float
    reference: float
    skill: float | None  #: None where the reference makes no error
    low: float | None
    high: float | None
    standard_error: float | None

    def as_dict(self) -> dict[str, Any]:
        """What is written of it; what is not known is left out."""
        return {name: value for name in self.__dataclass_fields__ if (value := getattr(self, name)) is not None}


def skill_of(errors: Floats, reference: Floats, event: npt.NDArray[Any], seed: int = 0) -> Skill:
    """Compare the errors of a model with those of a reference, row by row; rows of one event hang together.

    >>> made = skill_of(np.full(8, 0.1), np.full(8, 0.2), np.arange(8))
    >>> made.skill, made.events
    (0.5, 8)
    """
    _, code = np.unique(event, return_inverse=True)
    own, other = np.bincount(code, errors), np.bincount(code, reference)
    rows, events = len(errors), len(own)
    total = float(other.sum())
    plain = Skill(rows, events, float(errors.sum() / rows), total / rows, None, None, None, None)
    if total <= 0:
        return plain
    made = 1 - float(own.sum()) / total
    if events < 2:
        return Skill(rows, events, plain.error, plain.reference, made, None, None, None)
    rng = np.random.default_rng(seed)
    drawn = list[Floats]()
    for _ in range(0, DRAWS, _AT_ONCE):
        weight = rng.multinomial(events, np.full(events, 1 / events), size=_AT_ONCE)
        whole = weight @ other
        some = whole > 0  # a draw in which the reference never errs has no skill to tell
        drawn.append(1 - (weight @ own)[some] / whole[some])
    sampled = np.concatenate(drawn)
    low, high = (float(np.quantile(sampled, share)) for share in (0.025, 0.975))
    return Skill(rows, events, plain.error, plain.reference, made, low, high, float(sampled.std()))


def brier(p: Floats, y: Floats) -> Floats:
    """Squared errors of forecasts."""
    return (p - y) ** 2


def log_loss(p: Floats, y: Floats) -> Floats:
    """Minus the log of the probability of what happened, which is kept from 0 and 1."""
    sure = np.clip(p, SUREST, 1 - SUREST)
    return -(y * np.log(sure) + (1 - y) * np.log(1 - sure))


def skills(frame: pl.DataFrame, gives: str, seed: int = 0) -> dict[str, Any]:
    """Judge predictions that were made out of fold: in all, by time to close, and against the base rate.

    The reference of a probability is the mark, that of a move is that nothing moves, that of a fill the mid.
    """
    p, y, mark, event, base = (frame[name].to_numpy() for name in ("prediction", "label", "mark", "event", "base_rate"))
    if not len(p):
        return {"reference": "nothing to judge", "leads": []}
    if gives != "probability":
        squared, still = brier(p, y), y**2
        return {
            "reference": "the mid" if gives == CENTS else "no move",
            "squared": skill_of(squared, still, event, seed).as_dict(),
            "leads": _by_lead(frame, squared, still, seed),
        }
    errors, market = brier(p, y), brier(mark, y)
    return {
        "reference": "the mark",
        "brier": skill_of(errors, market, event, seed).as_dict(),
        "log_loss": skill_of(log_loss(p, y), log_loss(mark, y), event, seed).as_dict(),
        "base_rate": skill_of(errors, brier(base, y), event, seed).as_dict(),
        "leads": _by_lead(frame, errors, market, seed),
    }


def curve(frame: pl.DataFrame, models: Sequence[ServedModel], gives: str, seed: int = 0) -> list[dict[str, Any]]:
    """The skill of each model of a series on the rows that it served, and how many events it had learned from."""
    made = list[dict[str, Any]]()
    for one in models:
        own = frame.filter(pl.col("serves_from") == one.since)
        if own.height:
            found = skills(own, gives, seed)
            told = found.get("brier", found.get("squared", {}))
            made.append({"serves_from": one.serves_from, "learned_from": one.events, **told})
    return made


def has_skill(found: dict[str, Any]) -> bool:
    """Whether the interval of the skill against the market lies above zero."""
    return float(found.get("brier", found.get("squared", {})).get("low", -1.0)) > 0


def _by_lead(frame: pl.DataFrame, errors: Floats, reference: Floats, seed: int) -> list[dict[str, Any]]:
    hours = frame["hours_left"].to_numpy()
    event = frame["event"].to_numpy()
    ends = (*LEADS[1:], np.inf)
    made = list[dict[str, Any]]()
    for begin, end in zip(LEADS, ends, strict=True):
        chosen = (hours >= begin) & (hours < end)
        if chosen.any():
            name = f"{begin:g}-{end:g} h" if np.isfinite(end) else f"{begin:g} h and more"
            made.append({"hours": name, **skill_of(errors[chosen], reference[chosen], event[chosen], seed).as_dict()})
    return made
