"""One fold: a model is fitted, calibrated, turned into ONNX, compared with it, and asked about rows it never saw."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ....io.ground.errors import CheckError
from ....strategies.pipeline.scorers.onnx import inputs_of
from ..kinds.graph import Platt, model_of
from ..kinds.kind import Fitted, Floats, Kind, Lesson, Told
from .calibrate import calibrated
from .folds import Fold, FoldRows
from .rows import CENTS, Rows

#: The largest difference between the trained model and its ONNX form that is let through: of probability, or dollars.
MOST_APART = 1e-6
_BATCH, CENTS_PER_DOLLAR = 65_536, 100
#: The feature from which a model of outcomes starts, if it is among the features: what the market itself says.
MARKET = "log_odds"


@dataclass(frozen=True)
class Trial:
    """What came of a fold: the model, its predictions for the rows it is judged on, and how true its ONNX form is."""

    model: bytes
    test: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.float32]
    native: npt.NDArray[np.float32]  #: of every panel row that it serves, in their order: the trained model's answer
    differ: bool  #: whether one of those is not the ONNX model's to the last bit
    apart: float  #: the largest difference over the rows that were learned from or judged
    facts: dict[str, Any]

    def packed(self) -> bytes:
        """The same as bytes; nothing of it is code."""
        file = io.BytesIO()
        told = json.dumps({"facts": self.facts, "differ": self.differ, "apart": self.apart}).encode()
        np.savez(
            file, model=np.frombuffer(self.model, np.uint8), test=self.test, predicted=self.predicted,
            native=self.native, told=np.frombuffer(told, np.uint8), allow_pickle=False,
        )  # fmt: skip
        return file.getvalue()


def unpacked(content: bytes) -> Trial:
    """Read a fold that was finished before."""
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        told = json.loads(found["told"].tobytes())
        return Trial(found["model"].tobytes(), found["test"], found["predicted"], found["native"], **told)


def run_fold(
    rows: Rows, fold: Fold, split: FoldRows, kind: Kind, gives: str, *, balance: bool, seed: int, told: Told
) -> Trial:
    """Train the model of a fold."""
    lesson = Lesson(
        rows.inputs(split.early), rows.y[split.early], rows.inputs(split.later), rows.y[split.later],
        rows.event[split.later], "edge" if gives == CENTS else gives, balance,
        seed, rows.names.index(MARKET) if gives == "probability" and MARKET in rows.names else None,
    )  # fmt: skip
    fitted = kind.fit(lesson, told)
    learned = np.concatenate([split.early, split.later])
    calibration = None
    if gives == "probability":
        raw = fitted.raw(lesson.later_x) if len(split.later) else np.zeros(0)
        calibration = calibrated(raw, lesson.later_y, rows.event[split.later])
    model = model_of(fitted.part(), len(rows.names), rows.window, calibration)
    run = opened(model)
    apart = 0.0
    predicted = np.full(len(split.test), np.nan, np.float32)
    place = np.full(len(rows), -1)
    place[split.test] = np.arange(len(split.test))
    compared = np.sort(np.concatenate([learned, split.test]))
    for numbers, x in _batches(rows, rows.at[compared]):
        some = compared[numbers]
        found, own = run(x), answer(fitted, calibration, x)
        apart = max(apart, float(np.abs(found - own).max()))
        mine = place[some] >= 0
        predicted[place[some][mine]] = found[mine]
    apart /= CENTS_PER_DOLLAR if gives == CENTS else 1
    if apart > MOST_APART:
        raise CheckError(
            f"the ONNX model differs from the trained one by {apart:.1e}, more than {MOST_APART:.0e}, on rows that it "
            "was trained on: it is not served"
        )
    native, differ = _served(rows, fold, fitted, calibration, run)
    facts = {
        **fitted.facts,
        **({} if calibration is None else {"slope": calibration.slope, "intercept": calibration.intercept}),
        "base_rate": float(rows.y[learned].mean()),
        "rows": len(learned),
        "events": len(np.unique(rows.event[learned])),
    }
    return Trial(model, split.test, predicted, native, differ, apart, facts)


def answer(fitted: Fitted, calibration: Platt | None, x: npt.NDArray[np.float32]) -> Floats:
    """Ask the trained model itself."""
    raw = fitted.raw(x)
    return raw if calibration is None else calibration(raw)


def opened(model: bytes) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    """Open an ONNX model as a function of its inputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads that wait leave the cores alone
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda x: np.asarray(session.run(None, {"x": x})[0]).reshape(-1)


def served_rows(rows: Rows, fold: Fold) -> npt.NDArray[np.int64]:
    """The panel rows that a fold's model serves: those from its cut to the next one's with all of their features."""
    after = rows.served & (rows.ts >= fold.cut)
    return np.flatnonzero(after if fold.stop is None else after & (rows.ts < fold.stop))


def _served(
    rows: Rows, fold: Fold, fitted: Fitted, calibration: Platt | None, run: Callable[..., Any]
) -> tuple[npt.NDArray[np.float32], bool]:
    """The trained model's answers where it serves, and whether one differs from the ONNX model's."""
    wanted = served_rows(rows, fold)
    made, differ = np.empty(len(wanted), np.float32), False
    for some, x in _batches(rows, wanted):
        found, own = run(x), answer(fitted, calibration, x).astype(np.float32)
        made[some] = own
        differ |= not np.array_equal(found, own)
    return made, differ


def _batches(rows: Rows, places: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], Any]]:
    for at in range(0, len(places), _BATCH):
        some = np.arange(at, min(at + _BATCH, len(places)))
        yield some, inputs_of(rows.x, places[some], rows.window)
