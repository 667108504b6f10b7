"""What signals take from elsewhere than their market's events: tables of one's own, and other markets of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from ....features.signals.outside import TOUCH, OtherMarket, OtherSignal, TableSignal, content
from ....features.signals.price import touch
from ....features.signals.signal import Signal
from ....io.ground.errors import InputError
from ....io.store.store import Store
from ..state import F64
from ..tape.events import MOMENT
from ..tape.source import compile_tape
from ..tape.tape import Tape, TapeMarket
from .asof import AsOf
from .course import Course


def known_elsewhere(tape: Tape, signals: Mapping[str, Signal]) -> dict[str, AsOf]:
    """What a tape's events can ask for, by the signal's name."""
    found: dict[str, AsOf] = {}
    for name, signal in signals.items():
        if isinstance(signal, TableSignal):
            found[name] = _before(table_rows(signal, tape.market), tape)
        elif isinstance(signal, OtherSignal):
            found[name] = _before(_series(signal, _other_tape(signal.market, tape)), tape)
    return found


def versions(tape: Tape, signals: Mapping[str, Signal]) -> list[str]:
    """What tells that something from elsewhere is not what it was, in the order of the signals."""
    told: list[str] = []
    for signal in signals.values():
        if isinstance(signal, TableSignal):
            told += [content(signal.file), tape.market.ticker]
        if isinstance(signal, OtherSignal):
            told.append(_other_tape(signal.market, tape).digest)
    return told


def table_rows(signal: TableSignal, market: TapeMarket) -> AsOf:
    """The rows of a table that are about a market, by their times of publication."""
    from ....io.importers.dated import read_dated  # with the kernels of all importers

    rows = read_dated(signal.file, signal.known, [signal.value], signal.ticker, signal.tz)
    if signal.ticker is not None:
        rows = rows.filter(rows[signal.ticker] == market.ticker)
        if not len(rows):
            raise InputError(f"{signal.file}: no row's {signal.ticker} is {market.ticker}")
    rows = rows.drop_nulls(signal.value)
    return AsOf(1, rows["ts"].to_numpy().astype(np.int64), rows[signal.value].to_numpy().astype(np.float64))


def _before(series: AsOf, tape: Tape) -> AsOf:
    """What was known before the end of a tape that was cut off: nothing of what came from then on."""
    if tape.until is None:
        return series
    stop = int(np.searchsorted(series.ts, tape.until))
    return AsOf(series.values.shape[1], series.ts[:stop], series.values[:stop])


def _other_tape(market: OtherMarket, tape: Tape) -> Tape:
    """The events of another market in the time that was asked for."""
    origin = tape.origin
    if origin is None:
        raise InputError(f"signals of {market} need the store that {tape.market.ticker} comes from; compile its tape")
    store = Store(origin.store)
    ticker = market.ticker or _sibling(store, tape.market, market.step)
    if ticker == tape.market.ticker:
        raise InputError(f"other({ticker!r}) is the market itself; write its own signals without other")
    return compile_tape(store, ticker, origin.start, origin.end)


def _sibling(store: Store, market: TapeMarket, step: int) -> str:
    """The ticker so many strikes up the ladder of a market's event."""
    rows = store.markets().filter(pl.col("event") == market.event).select("ticker", "floor", "cap").collect()
    return sibling_of(market, step, rows.iter_rows(), "in the store")


def sibling_of(
    market: TapeMarket, step: int, event: Iterable[tuple[str, float | None, float | None]], where: str
) -> str:
    """The ticker so many strikes up the ladder of a market's event, whose tickers, floors and caps are given."""
    low, high = float("-inf"), float("inf")
    ladder = sorted(
        event, key=lambda row: (low if row[1] is None else row[1], high if row[2] is None else row[2], row[0])
    )
    names = [row[0] for row in ladder]
    at = names.index(market.ticker) + step if market.ticker in names else -1
    if not 0 <= at < len(names):
        raise InputError(
            f"{market.ticker} has no sibling({step:+d}): its event {market.event} has {len(names)} markets {where}"
        )
    return names[at]


def _series(signal: OtherSignal, tape: Tape) -> AsOf:
    """What another market's events say, after each whole moment."""
    own = signal.what if isinstance(signal.what, Signal) else touch()
    rows = np.empty((len(tape), own.columns))
    Course({"it": own}, tape.grid, {}).take(tape.columns, values_of(tape), rows, 0, len(tape))
    whole = (tape.columns.kind & MOMENT) > 0
    values = rows[whole] if isinstance(signal.what, Signal) else rows[whole, TOUCH.index(signal.what)]
    return AsOf(signal.columns, tape.columns.ts[whole].copy(), np.ascontiguousarray(values))


def values_of(tape: Tape) -> F64:
    """The prices of the underlying; one that is no number where there are none."""
    return tape.values if len(tape.values) else np.full(1, np.nan)
