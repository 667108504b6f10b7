"""A trained model as a signal: one row at a time, along a tape as on a stream.

A runtime may add up a batch in another order than a single row, and so come to other bits. Therefore no batch is ever
made; a row that is equal to the one before it is not asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
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


class OnnxWalk:
    """A model under way: its session, and the last row that it was asked for.

    ``before`` are the signals that are declared before it. Of the folder of a trained model the newest model that had
    learned from nothing after a moment is asked at it.
    """

    def __init__(self, signal: OnnxSignal, before: Mapping[str, Signal]) -> None:
        self._signal, self._trained = signal, trained_of(signal, before)
        self._opened: dict[int, tuple[Any, str]] = {}
        self._since = np.zeros(0, np.int64)
        if self._trained is None:
            self._opened[0] = _opened(signal, str(signal.file), str(signal.file))
        else:
            self._since = np.array([one.since for one in self._trained.models])
        self._row = np.full((1, len(signal.inputs)), np.nan, np.float32)
        self._answer, self._model = np.nan, 0

    def take(self, kinds: np.ndarray[Any, Any], ts: I64, inputs: F64, out: F64) -> None:
        """Write the model's answer after each event; it changes only when a moment is whole."""
        rows = inputs.astype(np.float32)
        which = np.searchsorted(self._since, ts, side="right") - 1 if self._trained else np.zeros(len(rows), np.int64)
        asked = ((kinds & MOMENT) > 0) & ((kinds & KIND) < CLOCK)
        same = np.zeros(len(rows), bool)
        same[1:] = (rows[1:].view(np.int32) == rows[:-1].view(np.int32)).all(axis=1) & asked[:-1]
        same[1:] &= which[1:] == which[:-1]
        at = 0
        for i in np.flatnonzero(asked & ~same).tolist():
            out[at:i] = self._answer
            self._ask(rows[i : i + 1], int(which[i]))
            at = i
        out[at:] = self._answer

    def _ask(self, row: np.ndarray[Any, Any], model: int) -> None:
        if model == self._model and (row.view(np.int32) == self._row.view(np.int32)).all():
            return
        self._row, self._model = row.copy(), model
        self._answer = np.nan
        if model >= 0 and np.isfinite(row).all():
            session, name = self._session(model)
            given = session.run(None, {name: row})
            found = [np.asarray(one) for one in given if isinstance(one, np.ndarray) and one.dtype.kind == "f"]
            if not found or found[-1].size not in (1, 2):
                raise InputError(f"{self._signal.file} gives no number a row, nor two; its last output of floats must")
            self._answer = float(found[-1].ravel()[-1])

    def _session(self, model: int) -> tuple[Any, str]:
        if model not in self._opened:
            assert self._trained is not None
            served, file = self._trained.models[model], self._signal.file
            self._opened[model] = _opened(self._signal, model_bytes(file, served), str(file / served.file))
        return self._opened[model]


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


def _opened(signal: OnnxSignal, source: str | bytes, file: str) -> tuple[Any, str]:
    """The session of a model's file and the name of its input, once it is known to take what is declared."""
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
    return session, inputs[0].name
