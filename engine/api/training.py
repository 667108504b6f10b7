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
from ...strategies.models.registry import quoting_model
from ...strategies.own_file import Trust, from_anywhere, trusting
from ...strategies.pipeline.pipeline import Pipeline, load_pipeline
from .asked import is_betting, not_for_bets
from .given import listed
from .showing import showing

if TYPE_CHECKING:
    import polars as pl

    from ...strategies.parameters import Setting
    from ...strategies.pipeline.scorers.trained import Trained
    from ..figures.warnings import Notice
    from ..training.audit import Audited
    from ..training.learning.history import RowSource


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
    strategy: str | Path | Pipeline | None = None, model: str = "logistic", store: Store | str | Path = "data", *,
    out: str | Path | None = None, update: str | Path | None = None, features: Sequence[str] = (),
    target: str = "outcome", market: str | Sequence[str] | None = None,
    start: Moment | None = None, until: Moment | None = None,
    every: str | float | None = None, folds: int = 5, embargo: str | float = "1h",
    params: Mapping[str, Setting] | None = None, balance: bool = False, seed: int = 0, force: bool = False,
    trust: Trust = (), progress: Progress | bool = False,
) -> TrainedModel:  # fmt: skip
    """Train an ONNX model on the rows of a strategy, each model judged on what came after it.

    Args:
        strategy: A betting pipeline by name, as a TOML file or as a ``Pipeline``: the bars in which it could have bet
            are rows. Or a quoting model with signals, by name or as ``file.py:ClassName``: moments of markets are. Not
            needed for an update.
        model: What is trained: ``logistic``, ``boosting``, ``mlp``, ``lstm``, or an estimator of your own as
            ``my.py:Estimator``.
        store: A store, the place of one, or a folder with ``markets.csv`` and ``trades.csv``.
        out: The folder of the model, which the scorer ``onnx`` takes as its ``file``.
        update: Instead of training anew, add the newest models to this folder, asked for as it was.
        features: Inputs by name, see docs/features.md; without them those that the pipeline's scorer reads, or those of
            the quoting model's ONNX signal.
        target: ``outcome``, or a move of the mark such as ``move:4h``; of a quoting model ``fill-value:60s`` or
            ``markout:60s``, the cents by which the mid is higher so long after a fill or moment.
        market: Quoting models only: the markets to learn from; without it all that are recorded.
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
    if strategy is None or out is None:
        raise InputError("training needs a strategy and a folder: name them, with out=, or a folder with update=")
    if folds < 1:
        raise InputError(f"folds= is 1 or more, not {folds}")
    kind, others = kind_of(model, params or {})
    asked = Asked(
        _source(strategy, listed(market), others), kind, tuple(features), target, start, until, folds,
        None if every is None else hours(every, "every", above=0), hours(embargo, "embargo"), balance, seed,
        model=model,
    )  # fmt: skip
    place = Path(out)
    with claimed(place), showing(progress, "training") as seen:
        return TrainedModel(place, run(store, asked, place, force=force, progress=seen))


def _source(strategy: str | Path | Pipeline, markets: tuple[str, ...], others: Mapping[str, Setting]) -> RowSource:
    """The rows of a strategy, with those parameters that are not the model's."""
    from ..training.learning.bars import PipelineBars
    from ..training.learning.moments import ModelMoments

    if is_betting(strategy):
        not_for_bets(strategy, market=markets)
        chosen = strategy if isinstance(strategy, Pipeline) else load_pipeline(strategy)
        return PipelineBars(chosen.with_values(**others))
    if not isinstance(strategy, str):
        raise InputError("a quoting model is trained by its name or as file.py:ClassName, so that an update finds it")
    for name in others:
        raise InputError(f"{strategy} has no parameter {name!r} that its rows depend on, nor has the model")
    return ModelMoments(from_anywhere(strategy), quoting_model(strategy), markets)


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
