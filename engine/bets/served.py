"""What to say of trained models that are served: warnings of a backtest, and the refusal of a live run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.times import nanoseconds
from ...strategies.pipeline.pipeline import Pipeline, Scorer, ask
from ...strategies.pipeline.scorers.onnx import OnnxScorer, feature
from ...strategies.pipeline.scorers.trained import AGAIN, Trained
from ..figures.drift import MOVED, shares, stability_index
from ..figures.warnings import Notice
from .panel.panel import Panel

#: Fewer rows say nothing of drift.
FEWEST_ROWS = 500


def trained_scorers(scorer: Any) -> Iterator[OnnxScorer]:
    """The trained models among a scorer and its members."""
    if isinstance(scorer, OnnxScorer):
        if scorer.trained is not None:
            yield scorer
        return
    for one in getattr(scorer, "members", None) or [getattr(scorer, "inner", None)]:
        if isinstance(one, Scorer):
            yield from trained_scorers(one)


def model_notices(panel: Panel, pipeline: Pipeline, passed: npt.NDArray[np.int8] | None) -> list[Notice]:
    """Warn of trained models that have no skill, whose inputs have moved, or that served after they had expired."""
    found = list[Notice]()
    for one, trained, moved in _served(panel, pipeline, passed):
        if not trained.has_skill:
            found.append(Notice("no-skill", f"{one.path.name}: {told_skill(trained)}"))
        if moved:
            found.append(Notice("drift", f"{one.path.name}: {told_moves(moved)}"))
        late = int((panel.times >= nanoseconds(trained.expires)).sum())
        if late:
            found.append(
                Notice("expired-model", f"{one.path.name} expired at {trained.expires}; {late:,} bars came after")
            )
    return found


def check_live(pipeline: Pipeline, now: int, panel: Panel | None = None) -> None:
    """Refuse to bet real money on a trained model that has expired, or whose inputs have moved over the bars given.

    ``panel`` are the bars that the model is served, up to now, with or without the columns of the pipeline's tables;
    without a panel only its age counts.
    """
    for one in trained_scorers(pipeline.scorer):
        assert one.trained is not None
        one.trained.check_live(now, one.path.name)
    for one, _, moved in _served(panel, pipeline, None) if panel is not None else ():
        if moved:
            raise InputError(f"{one.path.name} reads what has moved: {told_moves(moved)}: {AGAIN}")


class ServedInputs:
    """What a trained model is served, as how many rows fell into each group of each of its inputs."""

    def __init__(self, name: str, trained: Trained) -> None:
        self.name, self.trained, self.since = name, trained, trained.models[-1].since
        self._reference = trained.drift["features"]
        self.counts = [np.zeros(len(told["edges"]) + 1, np.int64) for told in self._reference]

    def begin(self, counts: list[list[int]] | None) -> None:
        """Go on from counts of before."""
        if counts is not None and [len(one) for one in counts] == [len(one) for one in self.counts]:
            self.counts = [np.array(one, np.int64) for one in counts]

    def count(self, rows: npt.NDArray[np.float32]) -> None:
        """Count rows of inputs in which nothing is missing."""
        rows = rows[np.isfinite(rows).all(axis=1)]
        for place, told in enumerate(self._reference if len(rows) else ()):
            where = np.searchsorted(np.asarray(told["edges"], np.float64), rows[:, place], side="right")
            self.counts[place] += np.bincount(where, minlength=len(self.counts[place]))

    def check(self) -> None:
        """Refuse a model whose inputs have moved too far since it was trained."""
        total = int(self.counts[0].sum()) if self.counts else 0
        if total < FEWEST_ROWS:
            return
        pairs = zip(self._reference, self.counts, strict=True)
        moved = too_far({told["name"]: stability_index(told["shares"], group / total) for told, group in pairs})
        if moved:
            raise InputError(f"{self.name} reads what has moved: {told_moves(moved)}: {AGAIN}")


class Moves:
    """How far what trained models read has moved, counted bar by bar: a bar costs as much after a year as at first.

    ``counts`` are those of before: of each model by its folder, of each of its inputs, how many rows fell where.
    """

    def __init__(self, pipeline: Pipeline, counts: Mapping[str, list[list[int]]]) -> None:
        self._pipeline, self._scorers = pipeline, list(trained_scorers(pipeline.scorer))
        self._inputs = [ServedInputs(one.path.name, one.trained) for one in self._scorers if one.trained is not None]
        for one, inputs in zip(self._scorers, self._inputs, strict=True):
            inputs.begin(counts.get(str(one.path)))

    def state(self) -> dict[str, list[list[int]]]:
        """The counts so far."""
        pairs = zip(self._scorers, self._inputs, strict=True)
        return {str(one.path): [group.tolist() for group in inputs.counts] for one, inputs in pairs}

    def see(self, panel: Panel) -> None:
        """Count the rows of a panel's last bar; refuse a model whose inputs have moved too far since it was trained."""
        for part in self._pipeline.tables if self._scorers and not panel.extras else ():
            panel = panel.with_extras(ask(part, "prepare", Mapping, panel))
        for one, inputs in zip(self._scorers, self._inputs, strict=True):
            assert one.trained is not None
            inputs.count(_inputs(panel, one.trained, max(inputs.since, int(panel.times[-1])), None))
            inputs.check()


def _served(
    panel: Panel, pipeline: Pipeline, passed: npt.NDArray[np.int8] | None
) -> Iterator[tuple[OnnxScorer, Trained, dict[str, float]]]:
    """Each trained scorer with what of its inputs has moved too far."""
    scorers = list(trained_scorers(pipeline.scorer))
    for part in pipeline.tables if scorers and not panel.extras else ():
        panel = panel.with_extras(ask(part, "prepare", Mapping, panel))
    for one in scorers:
        assert one.trained is not None
        yield one, one.trained, too_far(drift(panel, one, one.trained, passed))


def too_far(moved: Mapping[str, float]) -> dict[str, float]:
    """The inputs whose stability index says that they have moved, the farthest first."""
    return {name: index for name, index in sorted(moved.items(), key=lambda one: -one[1]) if index > MOVED}


def told_moves(moved: Mapping[str, float]) -> str:
    """Write how far inputs have moved.

    >>> told_moves({"spread": 0.314})
    'spread 0.31; 0.25 is the limit'
    """
    return f"{', '.join(f'{name} {index:.2f}' for name, index in moved.items())}; {MOVED} is the limit"


def told_skill(trained: Trained) -> str:
    """Write a model's skill with its interval."""
    told = trained.skill.get("brier", trained.skill.get("squared", {}))
    if "low" not in told:
        return "nothing was judged out of fold"
    return f"skill {told['skill']:+.3f}, from {told['low']:+.3f} to {told['high']:+.3f}"


def drift(panel: Panel, scorer: OnnxScorer, trained: Trained, passed: npt.NDArray[np.int8] | None) -> dict[str, float]:
    """How far each input has moved from what was learned from, over the bars after the newest model was trained."""
    rows = _inputs(panel, trained, trained.models[-1].since, passed)
    if len(rows) < FEWEST_ROWS:
        return {}
    return moved_from(trained.drift["features"], rows)


def _inputs(panel: Panel, trained: Trained, since: int, passed: npt.NDArray[np.int8] | None) -> npt.NDArray[np.float32]:
    """What a model is served from a moment on, where nothing of it is missing: a row a bar and market."""
    names = trained.features
    wanted = [feature(name).cast(pl.Float32).alias(f"_{place}") for place, name in enumerate(names)]
    if panel.times[-1] < since:
        return np.zeros((0, len(names)), np.float32)
    roots = sorted({root for expression in wanted for root in expression.meta.root_names()})
    parts = [np.zeros((0, len(names)), np.float32)]
    for block in panel.blocks():
        frame = panel.frame(block, [*roots, "ts"])
        chosen = frame["ts"].to_numpy() >= since
        if passed is not None:
            chosen &= panel.lives.take(passed, block) == 0
        parts.append(frame.lazy().select(wanted).collect().to_numpy()[chosen])
    rows = np.concatenate(parts)
    return rows[np.isfinite(rows).all(axis=1)]


def moved_from(reference: Sequence[dict[str, Any]], rows: npt.NDArray[Any]) -> dict[str, float]:
    """The population stability index of each column against what was learned from."""
    return {
        one["name"]: stability_index(one["shares"], shares(rows[:, place], one["edges"]))
        for place, one in enumerate(reference)
    }
