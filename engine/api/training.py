"""Training of scorers: from a pipeline and its history to a folder that the scorer ``onnx`` serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...io.ground.errors import InputError
from ...io.ground.progress import Progress
from ...io.ground.times import Moment
from ...io.store.store import Store
from ...strategies.own_file import Trust, trusting
from ...strategies.pipeline.pipeline import Pipeline, load_pipeline
from .showing import showing

if TYPE_CHECKING:
    import polars as pl

    from ...strategies.parameters import Setting
    from ...strategies.pipeline.scorers.trained import Trained
    from ..figures.warnings import Notice
    from ..training.audit import Audited


@dataclass(frozen=True)
class TrainedModel:
    """A folder of a trained model: what it learned from, what it is worth, and what to know before believing it."""

    folder: Path
    record: Trained

    @property
    def has_skill(self) -> bool:
        """Whether it beats the market's own price: the interval of its skill lies above zero."""
        return self.record.has_skill

    @property
    def skill(self) -> dict[str, Any]:
        """The skill against the market and the base rate, in all and by time to close, with intervals by event."""
        return self.record.skill

    @cached_property
    def warnings(self) -> list[Notice]:
        """What to know before believing it."""
        from ..training.judging.report import notices

        return notices(self.record)

    @cached_property
    def folds(self) -> pl.DataFrame:
        """The predictions for rows that no model had learned from."""
        from ..training.folder import read_folds

        return read_folds(self.folder, self.record)

    def __repr__(self) -> str:
        from ..training.judging.words import in_short

        return "\n".join(f"{name}: {value}" for name, value in in_short(self.record, self.folder).items())


def train(
    pipeline: str | Path | Pipeline | None = None, model: str = "logistic", store: Store | str | Path = "data", *,
    out: str | Path | None = None, update: str | Path | None = None, features: Sequence[str] = (),
    target: str = "outcome", start: Moment | None = None, until: Moment | None = None,
    every: str | float | None = None, folds: int = 5, embargo: str | float = "1h",
    params: Mapping[str, Setting] | None = None, balance: bool = False, seed: int = 0, force: bool = False,
    trust: Trust = (), progress: Progress | bool = False,
) -> TrainedModel:  # fmt: skip
    """Train an ONNX scorer on the rows in which a pipeline could have bet, each model judged on what came after it.

    Args:
        pipeline: A betting pipeline by name, as a TOML file or as a ``Pipeline``: its source, tables and filters say
            which rows there are. Not needed for an update.
        model: What is trained: ``logistic``, ``boosting``, ``mlp``, ``lstm``, or an estimator of your own as
            ``my.py:Estimator``.
        store: A store, the place of one, or a folder with ``markets.csv`` and ``trades.csv``.
        out: The folder of the model, which the scorer ``onnx`` takes as its ``file``.
        update: Instead of training anew, add the newest models to this folder, asked for as it was.
        features: Inputs by name, see docs/features.md; without them those that the pipeline's scorer reads.
        target: ``outcome``, or a move of the mark such as ``move:4h``.
        start: From this time on; without it from the first event.
        until: Nothing is used that was not known at this time; without it all of the history.
        every: Train a new model after so long: ``"7d"``, or hours; without it after equal shares of the rows.
        folds: Into how many shares the rows fall, after a first one for learning alone.
        embargo: What was known so shortly before a model serves is not learned from: ``"1h"``, or hours.
        params: Parameters of the model, or of the pipeline's parts, by name.
        balance: Let both results count alike, however rare one is.
        seed: The same seed gives the same models.
        force: Replace a model that was asked for otherwise.
        trust: Files of code that the folder of an update names and that may run.
        progress: ``True`` shows a bar; a function is told how much is done, and of how much.

    Returns:
        The folder with its skill against the market's own price. Training that was stopped goes on where it was.

    Example:
        >>> from touchline import engine
        >>> made = engine.train("quant", out="models/first", features=["log_odds", "hours_left"], embargo=0,
        ...     params={"penalty": 0.01, "step_minutes": 2, "min_hours": 0, "max_spread": 20})
        >>> made.record.made["events"], made.has_skill
        (13, False)
    """
    from ..training.expiry import hours
    from ..training.folder import claimed
    from ..training.kinds.registry import kind_of
    from ..training.series import Asked
    from ..training.series import train as run

    if update is not None:
        from ..training.update import update as renew

        place = Path(update)
        with trusting(trust, place), claimed(place), showing(progress, "training") as seen:
            return TrainedModel(place, renew(place, store, until, seen))
    if pipeline is None or out is None:
        raise InputError("training needs a pipeline and a folder: name them, with out=, or a folder with update=")
    if folds < 1:
        raise InputError(f"folds= is 1 or more, not {folds}")
    chosen = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(pipeline)
    kind, others = kind_of(model, params or {})
    asked = Asked(
        chosen.with_values(**others), kind, tuple(features), target, start, until, folds,
        None if every is None else hours(every, "every", above=0), hours(embargo, "embargo"), balance, seed,
        model=model,
    )  # fmt: skip
    place = Path(out)
    with claimed(place), showing(progress, "training") as seen:
        return TrainedModel(place, run(store, asked, place, force=force, progress=seen))


def audit_model(
    folder: str | Path, store: Store | str | Path | None = None, *, start: Moment | None = None,
    until: Moment | None = None, trust: Trust = (),
) -> Audited:  # fmt: skip
    """Compare each prediction of a trained series with its outcome once known: over time, by edge, and what moved.

    Args:
        folder: A folder of ``engine train``.
        store: Where the history is now; without it where it was in training.
        start: From this time on.
        until: Nothing is used that was not known at this time.
        trust: Files of code that the folder names and that may run.

    Returns:
        Skill, calibration over time, what a contract made by the edge seen in it, and how far each feature has moved.

    Example:
        >>> from touchline import engine
        >>> made = engine.train("quant", out="models/audited", features=["log_odds"],  # doctest: +SKIP
        ...     params={"penalty": 0.01, "step_minutes": 2, "min_hours": 0, "max_spread": 20})
        >>> found = engine.audit_model("models/audited")  # doctest: +SKIP
        >>> found.has_skill, len(found.by_edge)  # doctest: +SKIP
        (False, 10)
    """
    from ..training.audit import audit as run

    place = Path(folder)
    with trusting(trust, place):
        return run(place, store, start, until)
