"""A trained model as a signal: one row at a time, along a tape as on a stream.

A runtime may add up a batch in another order than a single row, and so come to other bits. Therefore no batch is ever
made; a row that is equal to the one before it is not asked for again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....features.signals.outside import OnnxSignal
from ....io.ground.errors import InputError
from ..state import F64
from ..tape.events import CLOCK, KIND, MOMENT


class OnnxWalk:
    """A model under way: its session, and the last row that it was asked for."""

    def __init__(self, signal: OnnxSignal) -> None:
        self._session, self._input = _opened(signal)
        self._row = np.full((1, len(signal.inputs)), np.nan, np.float32)
        self._answer = np.nan
        self._file = signal.file

    def take(self, kinds: np.ndarray[Any, Any], inputs: F64, out: F64) -> None:
        """Write the model's answer after each event; it changes only when a moment is whole."""
        rows = inputs.astype(np.float32)
        asked = ((kinds & MOMENT) > 0) & ((kinds & KIND) < CLOCK)
        same = np.zeros(len(rows), bool)
        same[1:] = (rows[1:].view(np.int32) == rows[:-1].view(np.int32)).all(axis=1) & asked[:-1]
        at = 0
        for i in np.flatnonzero(asked & ~same).tolist():
            out[at:i] = self._answer
            self._ask(rows[i : i + 1])
            at = i
        out[at:] = self._answer

    def _ask(self, row: np.ndarray[Any, Any]) -> None:
        if (row.view(np.int32) == self._row.view(np.int32)).all():
            return
        self._row = row.copy()
        self._answer = np.nan
        if np.isfinite(row).all():
            given = self._session.run(None, {self._input: row})
            found = [np.asarray(one) for one in given if isinstance(one, np.ndarray) and one.dtype.kind == "f"]
            if not found or found[-1].size not in (1, 2):
                raise InputError(f"{self._file} gives no number a row, nor two; its last output of floats must")
            self._answer = float(found[-1].ravel()[-1])


def _opened(signal: OnnxSignal) -> tuple[Any, str]:
    """The session of a model's file and the name of its input, once it is known to take what is declared."""
    import onnxruntime

    if not signal.file.exists():
        raise InputError(f"there is no model file {signal.file}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(signal.file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InputError(f"{signal.file} is not a model: {str(error).splitlines()[0]}") from None
    inputs = session.get_inputs()
    told = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
    count = len(signal.inputs)
    shape = inputs[0].shape if inputs else []
    fits = len(inputs) == 1 and inputs[0].type == "tensor(float)" and len(shape) == 2
    if not fits or (isinstance(shape[1], int) and shape[1] != count) or (isinstance(shape[0], int) and shape[0] != 1):
        raise InputError(f"{signal.file} takes {told}; declared is a row of {', '.join(signal.inputs)}")
    return session, inputs[0].name
