"""Rows of a quoting model: the moments of its markets, with its signals as it reads them, and what a fill was worth.

The value of a fill is the mid some seconds later less the mid that stood when it was decided on, in cents of a YES. The
later mid is the one after the last event up to and with that nanosecond, the last one there was while a side is empty:
the rule of a replay's markouts. A ``markout`` has a row for every whole moment with a bid and an ask, and counts from
it. A ``fill-value`` has a row only where a trade comes next, which is when a resting quote fills, and counts from
that trade; its inputs are those of the moment before it, on which the quote stood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....features.signals.outside import OnnxSignal
from ....features.signals.signal import Signal, column_definitions, column_names
from ....io.ground.errors import CheckError, InputError
from ....io.ground.progress import Progress, silent
from ....io.ground.units import NS_PER_SECOND, TICKS_PER_CENT, TICKS_PER_DOLLAR
from ....io.store.store import Store
from ....strategies.parameters import nearest
from ....strategies.quoting.model import QuotingModel
from ...bets.panel.history import open_history
from ...simulator.lookahead import signal_leaks
from ...simulator.signals.matrix import signal_matrix
from ...simulator.tape.events import CLOCK, KIND, MOMENT, TRADE
from ...simulator.tape.later import mids_at, mids_later
from ...simulator.tape.source import compile_tape
from ...simulator.tape.tape import Tape
from ...sweeps.market_choice import MarketChoice, choose_markets
from .fold import Trial
from .folds import Fold, FoldRows
from .history import WantedRows
from .rows import Rows, Target

_VALUE = re.compile(r"(markout|fill-value):(\d+(?:\.\d+)?)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600}
HOUR_NS = 3_600 * NS_PER_SECOND
#: Markets whose tapes are cut to prove that no signal knows the future, and cuts of each.
PROVED, CUTS = 10, 2


@dataclass(frozen=True)
class FillMoments:
    """Whole moments of a tape: their events, and of those that are learned from the value of a fill and its time."""

    event: npt.NDArray[np.int64]
    learned: npt.NDArray[np.int64]  #: places among the events
    value: npt.NDArray[np.float64]  #: cents
    known: npt.NDArray[np.int64]  #: ns


def moments_of(tape: Tape, target: Target) -> FillMoments:
    """Find the rows of a tape and what fills were worth at them."""
    columns, top = tape.columns, tape.grid.top
    kind, ts = columns.kind & KIND, columns.ts
    whole = np.flatnonzero(((columns.kind & MOMENT) > 0) & (kind < CLOCK))
    sided = (columns.best_bid[whole] > 0) & (columns.best_ask[whole] < top)
    begins = ts[whole]
    if target.at_fills:
        traded = np.unique(ts[kind == TRADE])
        before = np.searchsorted(begins, traded, side="left") - 1
        traded, before = traded[before >= 0], before[before >= 0]
        learned, counted = before, traded
    else:
        learned, counted = np.arange(len(whole)), begins
    known = counted + round(target.seconds * NS_PER_SECOND)
    wanted = sided[learned] & (known <= ts[-1])
    learned, counted = learned[wanted], counted[wanted]
    moved = mids_later(tape, counted, target.seconds) - mids_at(tape, whole[learned])
    return FillMoments(whole, learned, moved / TICKS_PER_CENT, known[wanted])


@dataclass(frozen=True)
class MomentHistory:
    """The moments of some markets."""

    tapes: Sequence[Tape]
    signals: Mapping[str, Signal]
    rows: Rows

    def prove(self, seed: int, progress: Progress = silent) -> None:
        """Refuse signals that change when everything after a moment is cut away."""
        rng = np.random.default_rng(seed)
        some = rng.permutation(len(self.tapes))[:PROVED]
        for done, place in enumerate(some.tolist(), 1):
            for leak in signal_leaks(self.tapes[place], self.signals, CUTS, seed):
                raise CheckError(f"{leak}: it knows the future, and nothing is trained on it")
            progress(done, len(some))

    def parity(self, chosen: Sequence[tuple[Fold, FoldRows]], trials: Sequence[Trial]) -> str:
        """Say how what a quote reads compares."""
        if not any(trial.differ for trial in trials):
            return "equal: every answer that is served is the same to the last bit"
        return "not asked for: a quote reads answers in cents, and they differ in their last bits alone"

    def definitions(self) -> dict[str, str]:
        """What each input is."""
        told = column_definitions(self.signals)
        return {name: told[name] for name in self.rows.names}


@dataclass(frozen=True)
class ModelMoments:
    """A quoting model whose moments are rows."""

    strategy: str
    model: type[QuotingModel]
    markets: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """What is written of it."""
        return {"strategy": self.strategy, "markets": list(self.markets)}

    def target(self, text: str) -> Target:
        """Read what is to be learned.

        >>> ModelMoments("a", QuotingModel).target("fill-value:60s")
        Target(name='fill-value:60s', move_bars=None, seconds=60.0, at_fills=True)
        """
        found = _VALUE.fullmatch(text)
        if found is None or not float(found[2]):
            raise InputError(
                f"target= of a quoting model is fill-value:60s or markout:60s, or after another time, not {text!r}"
            )
        return Target(text, seconds=float(found[2]) * _SECONDS[found[3]], at_fills=found[1] == "fill-value")

    @property
    def read_by(self) -> tuple[dict[str, Signal], tuple[str, ...]]:
        """The signals that are known before the model's own ONNX signal, and that one's inputs: without one, all."""
        before = dict[str, Signal]()
        for name, signal in self.model.signals.items():
            if isinstance(signal, OnnxSignal):
                return before, signal.inputs
            before[name] = signal
        return before, tuple(column_names(before))

    def read(self, data: str | Path | Store, wanted: WantedRows, progress: Progress = silent) -> MomentHistory:
        """Walk the signals along every market and collect its moments."""
        signals, inputs = self.read_by
        names = tuple(wanted.features) or inputs
        known = column_names(signals)
        if not known:
            raise InputError(f"{self.strategy} declares no signals that a model could learn from")
        for name in names:
            if name not in known:
                raise InputError(f"there is no signal {name!r} of {self.strategy}; {nearest(name, known)}")
        if wanted.window > 1:
            raise InputError(
                "a signal is asked for one row at a time: train logistic, boosting, mlp or one of your own"
            )
        opened = open_history(data)
        choice = MarketChoice(markets=self.markets)
        tickers = choose_markets(opened.store, choice, wanted.start, wanted.until)
        tapes = list[Tape]()
        for done, ticker in enumerate(tickers, 1):
            tape = compile_tape(opened.store, ticker, wanted.start, wanted.until)
            if tape.book:
                tapes.append(tape)
            progress(done, 2 * len(tickers))
        rows = _rows(tapes, signals, names, wanted.target, lambda done: progress(len(tickers) + done, 2 * len(tickers)))
        return MomentHistory(tapes, signals, rows)


def _rows(
    tapes: Sequence[Tape], signals: Mapping[str, Signal], names: Sequence[str], target: Target, told: Any
) -> Rows:
    """All moments of all tapes, market after market, and those that are learned from in the order of time."""
    columns = [column_names(signals).index(name) for name in names]
    events = list(dict.fromkeys(tape.market.event or tape.market.ticker for tape in tapes))
    xs, times, parts, count = [], [], [], 0
    for number, tape in enumerate(tapes):
        found = moments_of(tape, target)
        xs.append(signal_matrix(tape, signals)[found.event][:, columns].astype(np.float32))
        times.append(tape.columns.ts[found.event])
        ticks = mids_at(tape, found.event[found.learned])
        close = tape.market.close_ts
        left = np.full(len(ticks), np.nan) if close is None else (close - times[-1][found.learned]) / HOUR_NS
        event = np.full(len(ticks), events.index(tape.market.event or tape.market.ticker))
        mark, own = ticks / TICKS_PER_DOLLAR, np.full(len(ticks), number)
        parts.append((count + found.learned, found.value, found.known, event, own, mark, left))
        count += len(found.event)
        told(number + 1)
    if not count or not sum(len(part[0]) for part in parts):
        raise InputError("no moment has a bid, an ask, and what a fill was worth later; import more history")
    x, ts = np.concatenate(xs), np.concatenate(times)
    at, value, known, event, market, mark, left = (np.concatenate(column) for column in zip(*parts, strict=True))
    served = np.asarray(np.isfinite(x).all(axis=1))
    for place, name in enumerate(names):
        if not np.isfinite(x[at, place]).any():
            raise InputError(f"signal {name!r} is not known in any row")
    wanted = served[at]
    if not wanted.any() or np.ptp(value[wanted]) == 0:
        raise InputError(
            f"no mid moves within {target.seconds:g} s of any row with all of its signals: nothing to learn"
        )
    order = np.flatnonzero(wanted)
    order = order[np.argsort(ts[at[order]], kind="stable")]
    missing = len(wanted) - len(order)
    notes = (f"{missing:,} rows without all of their signals were left out",) if missing else ()
    return Rows(
        tuple(names), 1, x, ts, served, at[order], value[order], known[order], event[order].astype(np.int32),
        market[order].astype(np.int32), mark[order], left[order].astype(np.float32), tuple(events),
        tuple(tape.market.ticker for tape in tapes), notes,
    )  # fmt: skip
