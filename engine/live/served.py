"""Trained models that a quoting model reads as signals, while they are served: how old they are, and what has moved."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...features.signals.outside import OnnxSignal
from ...features.signals.signal import column_names
from ...io.ground.errors import InputError
from ...strategies.quoting.model import QuotingModel
from ..simulator.state import F64, Columns
from ..simulator.tape.events import MOMENT


class ServedSignals:
    """Counts what trained signals are served, over all markets of a session."""

    def __init__(self, model: type[QuotingModel]) -> None:
        from ..bets.served import ServedInputs  # with the panels of bets
        from ..runs.trained_signals import trained_signals

        names = column_names(model.signals)
        self._served = [
            (ServedInputs(signal.file.name, trained), [names.index(one) for one in signal.inputs])
            for signal, trained in trained_signals(model.signals)
        ]

        self._last: dict[tuple[str, int], npt.NDArray[np.float32]] = {}  # what stood after the last moment

    def __len__(self) -> int:
        return len(self._served)

    def see(self, ticker: str, events: Columns, rows: F64) -> None:
        """Take in the values of signals after some events of a market, at moments like those that were learned from."""
        from ..runs.trained_signals import served_at

        for place, (inputs, columns) in enumerate(self._served):
            at, earlier = served_at(inputs.trained, events)
            inputs.count(rows[at[events.ts[at] >= inputs.since]][:, columns].astype(np.float32))
            last = self._last.get((ticker, place))
            if earlier and last is not None and int(events.ts[0]) >= inputs.since:
                inputs.count(last)
            whole = np.flatnonzero((events.kind & MOMENT) > 0)
            if len(whole):
                self._last[ticker, place] = rows[whole[-1:]][:, columns].astype(np.float32)

    def refusal(self, now: int) -> str | None:
        """Why a model may not serve any more, in a line; None if all may."""
        try:
            for inputs, _ in self._served:
                inputs.trained.check_live(now, inputs.name)
                inputs.check()
        except InputError as error:
            return str(error)
        return None


def served_signals(model: type[QuotingModel]) -> ServedSignals | None:
    """The trained models that a model reads; None where it reads none."""
    if not any(isinstance(one, OnnxSignal) for one in model.signals.values()):
        return None
    found = ServedSignals(model)
    return found if len(found) else None
