"""What other markets say while they go on, for the signals of those that read them, as their tapes would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from ...features.signals.outside import TOUCH, OtherSignal
from ...features.signals.price import touch
from ...features.signals.signal import Signal, places
from ..simulator.signals.course import Course
from ..simulator.state import F64, Columns
from ..simulator.tape.events import KIND, MOMENT, UNDERLYING
from ..simulator.tape.tape import TapeMarket, kernel_grid
from .live import Live


class Heard(NamedTuple):
    """A value of another market for a signal of somebody's."""

    live: Live
    signal: str
    ts: int
    values: tuple[float, ...]


class OtherMarkets:
    """Takes the events of markets in and gives what others read of them."""

    def __init__(self) -> None:
        self._read: dict[str, _Read] = {}

    def read(self, live: Live, named: Mapping[str, str], markets: Mapping[str, TapeMarket]) -> None:
        """Begin to read for a market: ``named`` tells the ticker behind each of its signals of other markets."""
        for name, ticker in named.items():
            signal = live.model.signals[name]
            if isinstance(signal, OtherSignal):
                self._read.setdefault(ticker, _Read(markets[ticker])).readers.append((live, name, signal))

    def take(self, ticker: str, events: Columns, values: F64) -> Iterator[Heard]:
        """Take events of a market in, before anybody decides on them. Returns what is read of it, after each moment."""
        if (read := self._read.get(ticker)) is not None and len(events.ts):
            yield from read.take(events, values)


class _Read:
    """A market that is read, and by whom."""

    def __init__(self, market: TapeMarket) -> None:
        self.readers: list[tuple[Live, str, OtherSignal]] = []
        self._market = market
        self._signals: dict[str, Signal] = {}
        self._course: Course | None = None

    def take(self, events: Columns, values: F64) -> Iterator[Heard]:
        if self._course is None:
            own = {f"own_{at}": one.what for at, (_, _, one) in enumerate(self.readers) if isinstance(one.what, Signal)}
            self._signals = {"touch": touch(), **own}
            self._course = Course(self._signals, kernel_grid(self._market.grid), {})
        rows = np.empty((len(events.ts), self._course.width))
        if len(prices := np.flatnonzero((events.kind & KIND) == UNDERLYING)):  # they count all that ever came
            aux = events.aux.copy()
            aux[prices] -= aux[prices[0]]
            events = events._replace(aux=aux)
        self._course.take(events, values if len(values) else np.full(1, np.nan), rows, 0, len(events.ts))
        columns = places(self._signals)
        for at in np.flatnonzero((events.kind & MOMENT) > 0).tolist():
            for reader, (live, name, signal) in enumerate(self.readers):
                what = signal.what
                where = (
                    [columns["touch"].start + TOUCH.index(what)] if isinstance(what, str) else columns[f"own_{reader}"]
                )
                yield Heard(live, name, int(events.ts[at]), tuple(rows[at, list(where)].tolist()))
