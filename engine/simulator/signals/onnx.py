"""A trained model as a signal: asked in batches of one size, along a tape as on a stream.

A runtime adds up a batch in another order than a single row, and batches of some sizes in another one than of others,
and so comes to other bits. Therefore every call has the same number of rows: a tape's in turn, a stream's one row
again and again. When a model is opened, it is asked for rows alone and among others; one whose answers depend on
company or place, or that takes no more than one row, is asked for one row at a time, everywhere. A row that is equal to
the one before it is not asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....features.signals.outside import OnnxSignal
from ....features.signals.signal import Signal, column_definitions
from ....io.ground.errors import InputError
from ....strategies.pipeline.scorers.session import opened_session
from ....strategies.pipeline.scorers.trained import Trained, is_trained, model_bytes, read_trained
from ..state import F64, I64
from ..tape.events import CLOCK, KIND, MOMENT

#: What a model of a folder must give to be a signal: cents by which the fair value lies above the mid.
CENTS = "cents"
#: Rows of a call: so many that a call's own cost is shared, so few that a stream can afford them for one.
BATCH = 16


class OnnxWalk:
    """A model under way: its session, and the last row that it was asked for.

    ``before`` are the signals that are declared before it. Of the folder of a trained model the newest model that had
    learned from nothing after a moment is asked at it.
    """

    def __init__(self, signal: OnnxSignal, before: Mapping[str, Signal]) -> None:
        self._signal, self._trained = signal, trained_of(signal, before)
        self._opened: dict[int, OpenModel] = {}
        self._since = np.zeros(0, np.int64)
        if self._trained is None:
            self._opened[0] = opened(signal, str(signal.file), str(signal.file))
        else:
            self._since = np.array([one.since for one in self._trained.models])
        self._row = np.full(len(signal.inputs), np.nan, np.float32)
        self._answer, self._model = np.nan, 0

    def take(self, kinds: np.ndarray[Any, Any], ts: I64, inputs: F64, out: F64) -> None:
        """Write the model's answer after each event; it changes only when a moment is whole."""
        rows = inputs.astype(np.float32)
        which = np.searchsorted(self._since, ts, side="right") - 1 if self._trained else np.zeros(len(rows), np.int64)
        asked = ((kinds & MOMENT) > 0) & ((kinds & KIND) < CLOCK)
        same = np.zeros(len(rows), bool)
        same[1:] = (rows[1:].view(np.int32) == rows[:-1].view(np.int32)).all(axis=1) & asked[:-1]
        same[1:] &= which[1:] == which[:-1]
        at = np.flatnonzero(asked & ~same)
        if len(at) and which[at[0]] == self._model and (rows[at[0]].view(np.int32) == self._row.view(np.int32)).all():
            at = at[1:]
        if not len(at):
            out[:] = self._answer
            return
        answers = np.concatenate([[self._answer], self._ask(rows[at], which[at])])
        out[:] = answers[np.searchsorted(at, np.arange(len(rows)), side="right")]
        self._row, self._model, self._answer = rows[at[-1]].copy(), int(which[at[-1]]), float(answers[-1])

    def _ask(self, rows: np.ndarray[Any, Any], which: np.ndarray[Any, Any]) -> F64:
        """The answers to rows, each by its model; nan where there is none, or an input is none."""
        out = np.full(len(rows), np.nan)
        usable = np.isfinite(rows).all(axis=1) & (which >= 0)
        for model in np.unique(which[usable]).tolist():
            mine = np.flatnonzero(usable & (which == model))
            out[mine] = self._session(model).answers(rows[mine])
        return out

    def _session(self, model: int) -> OpenModel:
        if model not in self._opened:
            assert self._trained is not None
            served, file = self._trained.models[model], self._signal.file
            self._opened[model] = opened(self._signal, model_bytes(file, served), str(file / served.file))
        return self._opened[model]


@dataclass
class OpenModel:
    """A model's session: its input, and how many rows each call has."""

    session: Any
    input: str
    file: str
    batch: int = 1

    def answers(self, rows: np.ndarray[Any, Any]) -> F64:
        """One number a row, whatever rows are asked for together."""
        out = np.empty(len(rows))
        for at in range(0, len(rows), self.batch):
            part = rows[at : at + self.batch]
            whole = part if len(part) == self.batch else np.resize(part, (self.batch, part.shape[1]))
            out[at : at + self.batch] = self._call(whole)[: len(part)]
        return out

    def _call(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        given = self.session.run(None, {self.input: rows})
        found = [np.asarray(one) for one in given if isinstance(one, np.ndarray) and one.dtype.kind == "f"]
        if not found or found[-1].size not in (len(rows), 2 * len(rows)):
            raise InputError(f"{self.file} gives no number a row, nor two; its last output of floats must")
        return found[-1].reshape(len(rows), -1)[:, -1]

    def may_batch(self, inputs: int) -> bool:
        """Whether a row's answer in a batch is the same to the bit among whatever rows, and wherever it stands."""
        rng = np.random.default_rng(0)
        scale = np.array([[1e-3], [1.0], [30.0], [1e3]])
        rows = (rng.normal(size=(4 * BATCH, inputs)) * np.repeat(scale, BATCH, axis=0)).astype(np.float32)
        whole = replace(self, batch=BATCH)
        try:
            alone = np.concatenate([whole.answers(row[None]) for row in rows])
            return all(
                (np.roll(whole.answers(np.roll(rows, by, axis=0)), -by).view(np.int64) == alone.view(np.int64)).all()
                for by in (0, 1, 5, BATCH - 1)
            )
        except Exception:  # it takes no such batch, in the runtime's own words
            return False


def trained_of(signal: OnnxSignal, before: Mapping[str, Signal]) -> Trained | None:
    """The record of the folder that a signal names, None for a plain file; one that does not fit is an error."""
    if not is_trained(signal.file):
        return None
    trained = read_trained(signal.file)
    if trained.gives != CENTS:
        raise InputError(
            f"{signal.file} is a model of {trained.target}, which a betting pipeline serves; a signal is trained with "
            "a quoting model and a target such as fill-value:60s"
        )
    if list(signal.inputs) != trained.features:
        raise InputError(
            f"{signal.file} was trained with inputs {', '.join(trained.features)}; declared are "
            f"{', '.join(signal.inputs)}"
        )
    own = column_definitions(before)
    for name in signal.inputs:
        if own[name] != trained.definitions[name]:
            raise InputError(
                f"{signal.file} was trained with {trained.definitions[name]}, and the model declares {own[name]}: "
                "train it again, or declare the signal as it was"
            )
    return trained


def opened(signal: OnnxSignal, source: str | bytes, file: str) -> OpenModel:
    """The session of a model's file, once it is known to take what is declared, and in which batches."""
    if not signal.file.exists():
        raise InputError(f"there is no model file {signal.file}")
    session = opened_session(source, file, threads=1)
    inputs = session.get_inputs()
    told = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
    count = len(signal.inputs)
    shape = inputs[0].shape if inputs else []
    fits = len(inputs) == 1 and inputs[0].type == "tensor(float)" and len(shape) == 2
    if not fits or (isinstance(shape[1], int) and shape[1] != count) or (isinstance(shape[0], int) and shape[0] != 1):
        raise InputError(f"{file} takes {told}; declared is a row of {', '.join(signal.inputs)}")
    made = OpenModel(session, inputs[0].name, file)
    one_row = isinstance(shape[0], int)
    return made if one_row or not made.may_batch(count) else replace(made, batch=BATCH)
