"""What to say of trained models that a quoting model reads as signals: warnings of a replay, refusal of a session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from ...features.signals.outside import OnnxSignal
from ...features.signals.signal import Signal, column_names
from ...io.ground.times import nanoseconds
from ...strategies.pipeline.scorers.trained import Trained
from ...strategies.quoting.model import QuotingModel
from ..bets.served import FEWEST_ROWS, moved_from, told_moves, told_skill, too_far
from ..figures.warnings import Notice
from ..simulator.signals.matrix import signal_matrix
from ..simulator.signals.onnx import trained_of
from ..simulator.state import Columns
from ..simulator.tape.events import CLOCK, KIND, MOMENT, TRADE
from ..simulator.tape.tape import Tape


def trained_signals(signals: Mapping[str, Signal]) -> Iterator[tuple[OnnxSignal, Trained]]:
    """The signals that read the folder of a trained model, with its record."""
    before = dict[str, Signal]()
    for name, signal in signals.items():
        if isinstance(signal, OnnxSignal) and (trained := trained_of(signal, before)) is not None:
            yield signal, trained
        before[name] = signal


def signal_notices(tape: Tape, model: type[QuotingModel]) -> Iterator[Notice]:
    """Warn of trained signals that have no skill, whose inputs have moved, or that served after they had expired."""
    for signal, trained in trained_signals(model.signals):
        name = signal.file.name
        if not trained.has_skill:
            yield Notice("no-skill", f"{name}: {told_skill(trained)}")
        if moved := too_far(drift(tape, model, signal, trained)):
            yield Notice("drift", f"{name}: {told_moves(moved)}")
        late = int((tape.columns.ts >= nanoseconds(trained.expires)).sum())
        if late:
            yield Notice("expired-model", f"{name} expired at {trained.expires}; {late:,} events came after")


def served_at(trained: Trained, columns: Columns) -> tuple[npt.NDArray[np.int64], int]:
    """The whole moments among events that are like those that were learned from.

    Of the value of a fill they are the ones before a trade. The second number counts trades before the first of them,
    whose moment came earlier.
    """
    kind = columns.kind & KIND
    whole = np.flatnonzero(((columns.kind & MOMENT) > 0) & (kind < CLOCK))
    if not trained.target.startswith("fill-value"):
        return whole, 0
    before = np.searchsorted(columns.ts[whole], np.unique(columns.ts[kind == TRADE]), side="left") - 1
    return whole[before[before >= 0]], int((before < 0).sum())


def drift(tape: Tape, model: type[QuotingModel], signal: OnnxSignal, trained: Trained) -> dict[str, float]:
    """How far each input has moved from what was learned from, over the moments after the newest model was trained."""
    at, _ = served_at(trained, tape.columns)
    at = at[tape.columns.ts[at] >= trained.models[-1].since]
    if not len(at):
        return {}
    columns = [column_names(model.signals).index(name) for name in signal.inputs]
    rows = signal_matrix(tape, model.signals)[at][:, columns].astype(np.float32)
    rows = rows[np.isfinite(rows).all(axis=1)]
    return moved_from(trained.drift["features"], rows) if len(rows) >= FEWEST_ROWS else {}


def check_live_signals(model: type[QuotingModel], now: int) -> None:
    """Refuse to quote with real money by a trained signal that has expired."""
    for signal, trained in trained_signals(model.signals):
        trained.check_live(now, signal.file.name)
