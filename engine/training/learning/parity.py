"""Parity in bets: the trained models and their ONNX forms must choose the same trades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....io.ground.errors import CheckError
from ....strategies.pipeline.pipeline import DOLLAR, PanelView, Pipeline, Scorer
from ...bets.backtest import backtest
from ...bets.panel.panel import Panel
from .fold import Trial, opened, served_rows
from .folds import Fold, FoldRows
from .rows import Rows


class Answered(Scorer):
    """A scorer whose answers are known already, a row each."""

    def __init__(self, answers: npt.NDArray[np.float32], gives: str) -> None:
        super().__init__()
        self._answers, self._gives = answers, gives

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """The answers."""
        return {"answered": self._answers}

    def score(self) -> pl.Expr:
        """The edge."""
        answer = pl.col("answered").fill_nan(None)
        return answer if self._gives == "edge" else answer - pl.col("mark") / DOLLAR


def changed_bets(
    panel: Panel, pipeline: Pipeline, rows: Rows, chosen: Sequence[tuple[Fold, FoldRows]], trials: Sequence[Trial],
    gives: str,
) -> str:  # fmt: skip
    """Say how the bets of both compare; one that changes is an error. Equal answers need no bets to be made."""
    if not any(trial.differ for trial in trials):
        return "equal: every answer that is served is the same to the last bit"
    both = []
    for native in (True, False):
        answers = np.full(panel.lives.total, np.nan, np.float32)
        for (fold, _), trial in zip(chosen, trials, strict=True):
            places = served_rows(rows, fold)
            answers[in_panel(panel, places)] = trial.native if native else opened(trial.model)(inputs_for(rows, places))
        plain = replace(pipeline, scorer=Answered(answers, gives), tables=())
        plain = plain.with_values(**({"entry": "taker"} if plain.limits().get("entry") == "maker" else {}))
        both.append(backtest(panel, plain).run.trades)
    if not np.array_equal(*both):
        raise CheckError("a bet of the pipeline changes between the trained model and its ONNX form: it is not served")
    return f"equal: {len(both[0]):,} bets"


def inputs_for(rows: Rows, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """What a model is given for panel rows."""
    from ....strategies.pipeline.scorers.onnx import inputs_of

    return inputs_of(rows.x, places, rows.window)


def in_panel(panel: Panel, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where rows that stand market after market lie in the panel's columns."""
    lives = panel.lives
    if not lives.by_bar:
        return places
    market, bar = np.divmod(places, lives.bars)
    return bar * len(lives.first) + market
