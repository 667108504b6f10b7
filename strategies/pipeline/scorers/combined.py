"""Scorers made of others: weighted by category, and ensembles with fixed or adapted weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....io.ground.errors import InputError
from ....io.ground.jit import kept
from ...parameters import Parameter
from ..pipeline import DOLLAR, PanelView, Scorer, ask, build, places, register

#: In a member's table ``weight`` is the member's; this is the scorer's own parameter of that name.
OWN_WEIGHT = "own_weight"


def _member(given: Mapping[str, Any], folder: Path | None) -> Scorer:
    if not isinstance(given, Mapping):
        raise InputError(f"a scorer inside another one is a table, not {given!r}")
    if "name" not in given:
        raise InputError("a scorer inside another one has no name")
    return build("scorer", given["name"], {k: v for k, v in given.items() if k != "name"}, folder)


def _own(member: Mapping[str, Any]) -> dict[str, Any]:
    """What a member's table says to the scorer itself: there its own ``weight`` is ``own_weight``."""
    own = {name: value for name, value in member.items() if name not in ("weight", "label", OWN_WEIGHT)}
    return own | ({"weight": member[OWN_WEIGHT]} if OWN_WEIGHT in member else {})


def _labels(members: Sequence[Mapping[str, Any]]) -> list[str]:
    """What settings and axes call the members: their labels, else their names, numbered where several share one."""
    plain = [str(member["name"]) for member in members]
    made: list[str] = []
    for place, member in enumerate(members):
        several, number = plain.count(plain[place]) > 1, plain[: place + 1].count(plain[place])
        label = member.get("label", f"{plain[place]}-{number}" if several else plain[place])
        if not isinstance(label, str) or not label or ("label" in member and (set(label) & set(". =,"))):
            raise InputError(f"ensemble: a label is a word without dots, commas and blanks, not {label!r}")
        if label in made:
            raise InputError(f"ensemble: two members are labelled {label!r}; give each a label of its own")
        made.append(label)
    return made


@register("category-weighted")
class CategoryWeighted(Scorer):
    """Another scorer, its edge weighted by the market's category.

    ``[scorer.inner]`` is the other scorer, ``[scorer.weights]`` category = weight.
    """

    PARAMETERS = (Parameter("other_weight", 1.0, low=-10, high=10, doc="weight of a category that is not named"),)

    def __init__(
        self,
        *,
        inner: Mapping[str, Any],
        weights: Mapping[str, float],
        folder: Path | None = None,
        **given: Any,
    ) -> None:
        super().__init__(folder, **given)
        self.inner = _member(inner, folder)
        if not isinstance(weights, Mapping):
            raise InputError(f"category-weighted: weights is a table of categories, not {weights!r}")
        for category, weight in weights.items():
            if not isinstance(weight, int | float):
                raise InputError(f"category-weighted: the weight of {category!r} is a number, not {weight!r}")
        self.weights = dict(weights)
        self.values |= {"inner": {"name": self.inner.name, **self.inner.values}, "weights": self.weights}

    def check(self) -> None:
        """Check the other scorer."""
        self.inner.check()

    def reads(self) -> set[str]:
        """What the other scorer reads."""
        return self.inner.reads()

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """The weight of each market, beside what the other scorer prepares."""
        categories = panel.markets["category"].to_list()
        weight = np.array([self.weights.get(c or "", self.other_weight) for c in categories], np.float32)
        return {**ask(self.inner, "prepare", Mapping, panel), self.own("weight"): weight}

    def score(self) -> pl.Expr:
        """The other scorer's edge times the weight."""
        return ask(self.inner, "score", pl.Expr) * pl.col(self.own("weight"))


@register("ensemble")
class Ensemble(Scorer):
    """Several scorers together, each a member with its weight.

    Members are ``[[scorer.members]]`` in the pipeline file; two of one kind may have a ``label``. With ``adapt`` the
    weights follow what each earned lately on moves that came after its scores.
    """

    PARAMETERS = (
        Parameter("adapt", "no", kind="choice", choices=("no", "yes"), doc="weights from trailing performance"),
        Parameter("horizon_bars", 4, low=1, kind="int", doc="bars after which a score is judged by the move since"),
        Parameter("memory_bars", 200, low=2, doc="bars after which a judgement counts half"),
        Parameter("temperature", 1.0, low=0.01, doc="how strongly better members are preferred; low: the best only"),
    )

    def __init__(self, *, members: Sequence[Mapping[str, Any]], folder: Path | None = None, **given: Any) -> None:
        super().__init__(folder, **given)
        if not members or not isinstance(members, list | tuple):
            raise InputError("ensemble: there is no member; write [[scorer.members]] above each")
        for member in members:
            if not isinstance(member, Mapping):
                raise InputError(f"a scorer inside another one is a table, not {member!r}")
        self.members = [_member(_own(member), folder) for member in members]
        for member in members:
            if not isinstance(member.get("weight", 1.0), int | float):
                raise InputError(f"ensemble: the weight of a member is a number, not {member['weight']!r}")
        self.weights = [float(member.get("weight", 1.0)) for member in members]
        self.values["members"] = [
            {"name": scorer.name}
            | ({} if label == scorer.name else {"label": label})
            | {OWN_WEIGHT if name == "weight" else name: value for name, value in scorer.values.items()}
            | {"weight": weight}
            for scorer, label, weight in zip(self.members, _labels(members), self.weights, strict=True)
        ]

    def check(self) -> None:
        """Check the members."""
        for member in self.members:
            member.check()

    def reads(self) -> set[str]:
        """What the members read."""
        return set[str]().union(*(member.reads() for member in self.members))

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """What the members prepare; with ``adapt`` also the combined edge."""
        made: dict[str, npt.NDArray[Any]] = {}
        for member in self.members:
            prepared = ask(member, "prepare", Mapping, panel)
            for name, values in prepared.items():
                if name in made and not np.array_equal(made[name], values, equal_nan=True):
                    raise InputError(f"ensemble: two members prepare a column {name!r}; name it self.own({name!r})")
            made |= prepared
        if self.adapt == "no":
            return made
        wanted = {f"member_{i}": _ticks(ask(member, "score", pl.Expr)) for i, member in enumerate(self.members)}
        scores = list(panel.with_extras(made).computed(wanted).values())
        weight = self.adapted(scores, panel)
        combined = panel.column("ensemble", np.float32)
        combined[:] = 0
        for score, column in zip(scores, weight.T, strict=True):
            _weigh_nb(score, column.astype(np.float32), places(panel), combined)
        combined /= np.float32(DOLLAR)
        return {**made, self.own("ensemble"): combined}

    def adapted(self, scores: Sequence[npt.NDArray[np.int16]], panel: PanelView) -> npt.NDArray[np.float64]:
        """Weights at each bar (bars x members), from moves that were over by then."""
        bars = len(panel.times)
        earned = np.zeros((bars, len(scores)))
        for i, score in enumerate(scores):
            made, staked = np.zeros((2, bars), np.int64)
            _judge_nb(score, panel.rows["mark"], places(panel), self.horizon_bars, made, staked)
            np.divide(made, staked, out=earned[:, i], where=staked > 0)
        keep = 0.5 ** (1 / self.memory_bars)
        mean, square = np.zeros(len(scores)), np.full(len(scores), 1.0)
        base, weight = np.asarray(self.weights), np.empty_like(earned)
        for t in range(bars):
            mean = keep * mean + (1 - keep) * earned[t]
            square = keep * square + (1 - keep) * earned[t] ** 2
            quality = mean / np.sqrt(square) * np.sqrt(self.memory_bars) / self.temperature
            share = base * np.exp(np.clip(quality - quality.max(), -50, 0))
            weight[t] = share * base.sum() / max(share.sum(), 1e-300)
        return weight

    def score(self) -> pl.Expr:
        """The weighted sum of the members' edges; a member without an opinion adds nothing."""
        if self.adapt == "yes":
            return pl.col(self.own("ensemble"))
        members = zip(self.members, self.weights, strict=True)
        edges = [ask(member, "score", pl.Expr).fill_null(0.0) * weight for member, weight in members if weight != 0]
        return pl.sum_horizontal(edges) if edges else pl.lit(0.0)


@kept()
def _judge_nb(score: Any, mark: Any, lives: Any, horizon: int, made: Any, staked: Any) -> None:
    """What scores made at each bar on the moves since ``horizon`` bars before, and what was staked, in whole ticks."""
    first, counts, base, stride = lives
    for m in range(len(first)):
        for t in range(first[m] + horizon, first[m] + counts[m]):
            row, before = base[m] + t * stride, base[m] + (t - horizon) * stride
            if mark[row] >= 0 and mark[before] >= 0:
                made[t] += np.int64(score[before]) * (np.int64(mark[row]) - np.int64(mark[before]))
                staked[t] += abs(np.int64(score[before]))


@kept()
def _weigh_nb(score: Any, weight: Any, lives: Any, combined: Any) -> None:
    """Add scores times the weight of their bar."""
    first, counts, base, stride = lives
    for m in range(len(first)):
        for t in range(first[m], first[m] + counts[m]):
            row = base[m] + t * stride
            combined[row] += np.float32(score[row]) * weight[t]


def _ticks(edge: pl.Expr) -> pl.Expr:
    return (edge * DOLLAR).fill_nan(None).fill_null(0.0).clip(-DOLLAR, DOLLAR).round().cast(pl.Int16)
