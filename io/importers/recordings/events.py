"""A day of one market as inserts and cancels, with the underlying's ticks: what crosses is a trade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...ground.errors import InputError
from ...ground.jit import kept
from ...ground.units import NS_PER_SECOND, TICKS_PER_DOLLAR
from ...store.chunk import BadRow, Chunk
from ...store.schema import BookKind, Side
from ..base import Options, Sample
from ..values.beginning import sample_of
from ..values.convert import SourceRows, conform
from ..values.flat import batches

_NEEDS = ("Time", "Operation", "OrderId", "Instrument", "Side", "Volume", "Price")
_INSERT, _CANCEL, _NOTHING = 1, 2, 0
_BAND = 50  # index points
#: Verdicts on an event.
_FINE, _CUT, _EMPTY, _REMAINDER = range(4)


class EventCsv:
    """Inserts, cancels and S&P ticks; a trade is an insert that crosses the book."""

    name = "events"
    title = "inserts and cancels of one market with ticks of its underlying (CSV)"

    def recognises(self, sample: Sample) -> str | None:
        """Say why the file is of this format, or None."""
        fits = sample.container == "csv" and not self.lacks(sample)
        return "columns Operation, Instrument, Side, Volume, Price" if fits else None

    def lacks(self, sample: Sample) -> set[str]:
        """Columns the format needs and the file does not have."""
        return {name for name in _NEEDS if name not in sample.columns}

    def beside(self, path: Path) -> list[Path]:
        """Files that are read together with this one."""
        return []

    def read(self, path: Path, options: Options, skip: int = 0) -> Iterator[Chunk]:
        """Read the day; the market's own row comes last, when its result is known."""
        renames = {column: name for name, column in options.columns.items()}
        day = _Day(path, options)
        parts = batches(sample_of(path, options), renames)
        read, index = next(parts, None), 0
        while read is not None:
            following = next(parts, None)
            batch = read()
            if batch.careful is not None and day.doubtful(batch.frame):
                batch = batch.careful()
            chunk = day.chunk(batch.frame, last=following is None)
            lines = batch.lines
            chunk.bad = [BadRow(lines[bad.line], bad.reason, batch.raw(bad.line)) for bad in chunk.bad] + batch.bad
            if index >= skip:
                yield chunk
            read, index = following, index + 1


class _Day:
    """What is known while the events of a day are read."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path, self.options = path, options
        self.levels = np.zeros((2, TICKS_PER_DOLLAR + 1), np.int64)
        self.symbol = options.underlying or "SPX"
        self.first: float | None = None
        self.last: float | None = None
        self.begin = self.end = self.count = 0
        self.ticker = options.ticker
        self.started = False

    def doubtful(self, frame: pl.DataFrame) -> bool:
        """Whether a row cannot be taken; then lines and raw texts are needed."""
        rows = SourceRows(frame, self.options)
        self._columns(rows)
        saved = self.levels.copy()
        verdict = self._book(rows)[0]
        self.levels = saved
        return bool(rows.bad.any() or (verdict == _EMPTY).any())

    def _columns(self, rows: SourceRows) -> None:
        self.ts = rows.time("Time")
        back = np.diff(np.maximum.accumulate(self.ts), prepend=self.ts[:1]) == 0
        rows.fail(back & (self.ts < np.maximum.accumulate(self.ts)), lambda row: "the time goes back")
        self.is_tick = rows.words("Instrument", {"0": 1, "1": 0}, what="0 (index tick) or 1 (the contract)") == 1
        operation = rows.words(
            "Operation", {"": _NOTHING, "insert": _INSERT, "cancel": _CANCEL}, what="Insert or Cancel"
        )
        rows.fail(~self.is_tick & (operation == _NOTHING), lambda row: "Operation is missing")
        self.value = rows.real("Price").fill_null(float("nan")).to_numpy()
        rows.fail(self.is_tick & ~(self.value > 0), lambda row: "the index tick has no price")
        self.side = rows.words("Side", {"": 0, "b": int(Side.BID), "a": int(Side.ASK)}, what="B or A").astype(np.int64)
        rows.fail(~self.is_tick & (self.side == 0), lambda row: "Side is missing")
        self.operation = np.where(self.is_tick, _NOTHING, operation).astype(np.int64)
        contract = ~self.is_tick
        self.price, self.size = np.zeros(contract.size, np.int64), np.zeros(contract.size, np.int64)
        events = SourceRows(rows.frame.filter(pl.Series(contract)), self.options)
        price, size = events.numbers("Price", 0), events.size("Volume", positive=True)
        events.fail(
            (price <= 0) | (price >= TICKS_PER_DOLLAR), lambda row: f"Price {events.frame['Price'][row]} is no price"
        )
        self.seq = self.count + np.arange(contract.size)  # OrderId runs backwards among events of one moment
        at = np.flatnonzero(contract)
        self.price[at], self.size[at] = price, size
        mask = np.zeros(contract.size, np.bool_)
        mask[at] = events.bad
        reasons = {int(at[row]): reason for row, reason in events.reasons.items()}
        rows.fail(mask, reasons.__getitem__)

    def _book(self, rows: SourceRows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        operation = np.where(rows.bad, _NOTHING, self.operation)
        price = np.where(rows.bad, 0, self.price)
        return _events_nb(operation, self.side, price, self.size, self.levels)

    def chunk(self, frame: pl.DataFrame, *, last: bool) -> Chunk:
        """Turn a batch of events into rows; bad rows carry the row of the batch as their line."""
        rows = SourceRows(frame, self.options)
        self._columns(rows)
        verdict, made = self._book(rows)
        rows.fail(verdict == _EMPTY, lambda row: f"a cancel at {self.price[row] / 100:g} cents, where nothing stands")
        tick = self.is_tick & ~rows.bad
        self._note(tick)
        self.count += frame.height
        chunk = Chunk(bad=[BadRow(row, reason, "") for row, reason in sorted(rows.reasons.items())])
        event = made[:, 0]
        shared = {"ts": self.ts[event], "ticker": self._name(), "seq": self.seq[event]}
        trade = made[:, 1] == 1
        trades = {name: value[trade] if isinstance(value, np.ndarray) else value for name, value in shared.items()}
        book = {name: value[~trade] if isinstance(value, np.ndarray) else value for name, value in shared.items()}
        taker = self.side[event][trade].astype(np.int8)
        trades |= {"price": made[trade, 3], "size": made[trade, 4], "taker_side": taker, "is_block": False}
        side, count = made[~trade, 2].astype(np.int8), int((~trade).sum())
        book |= {"kind": int(BookKind.DELTA), "side": side, "price": made[~trade, 3], "size": made[~trade, 4]}
        chunk.tables["trades"] = conform("trades", trades, int(trade.sum()))
        chunk.tables["book"] = conform("book", book, count)
        if not self.started and count:
            opening = {"ts": int(self.ts[event[0]]), "ticker": self._name(), "kind": int(BookKind.CLEAR)}
            cleared = conform("book", opening | {"side": 0, "price": 0, "size": 0, "seq": int(self.seq[event[0]])}, 1)
            chunk.tables["book"] = pl.concat([cleared, chunk.tables["book"]])
            self.started = True
            chunk.facts.append("the book is empty before the first event; an insert that crosses is a trade")
        ticks = {"ts": self.ts[tick], "symbol": self.symbol, "value": self.value[tick]}
        chunk.tables["underlying"] = conform("underlying", ticks, int(tick.sum()))
        if last:
            self._settle(chunk)
        counts = Counter(
            {
                "cancels larger than their level, cut to it": int((verdict == _CUT).sum()),
                "crossing inserts whose remainder rests": int((verdict == _REMAINDER).sum()),
            }
        )
        chunk.notes = dict(+counts)
        chunk.tables = {name: table for name, table in chunk.tables.items() if table.height}
        return chunk

    def _note(self, tick: NDArray[np.bool_]) -> None:
        values, times = self.value[tick], self.ts[tick]
        if values.size:
            if self.first is None:
                self.first, self.begin = float(values[0]), int(times[0])
            self.last, self.end = float(values[-1]), int(times[-1])

    def _name(self) -> str:
        """Name the market by the day and the middle of its band, unless the user did."""
        if self.ticker is None:
            if self.first is None:
                raise InputError(f"{self.path}: no index tick before the first event; pass ticker=")
            middle = self.first // _BAND * _BAND + _BAND // 2
            day = datetime.fromtimestamp(self.begin / NS_PER_SECOND, ZoneInfo("America/New_York"))
            self.ticker = f"INX-{day:%y%b%d}-B{middle:.0f}".upper()
        return self.ticker

    def _settle(self, chunk: Chunk) -> None:
        """Say what the market was: the 50-point band of the first tick; the last tick before the close decides it."""
        if self.first is None or self.last is None:
            return
        floor = self.first // _BAND * _BAND
        zone = ZoneInfo("America/New_York")
        close = datetime.combine(datetime.fromtimestamp(self.begin / NS_PER_SECOND, zone).date(), time(16), zone)
        close_ts = int(close.timestamp()) * NS_PER_SECOND
        row: dict[str, object] = {
            "ticker": self._name(), "valid_from": 0, "series": self._name().split("-")[0], "close_ts": close_ts,
            "strike_type": "between", "floor": floor, "cap": floor + _BAND - 0.01, "underlying": self.symbol,
            "grid": self.options.grid or "linear_cent",
        }  # fmt: skip
        chunk.facts.append(f"{self._name()}: the band {floor:g} to {floor + _BAND - 0.01:g} of the first index tick")
        if close_ts - self.end < 300 * NS_PER_SECOND:
            yes = floor <= self.last < floor + _BAND
            row |= {
                "result": "yes" if yes else "no",
                "settlement": TICKS_PER_DOLLAR if yes else 0,
                "status": "finalized",
            }
            chunk.facts.append(f"{self._name()}: settles {row['result']} by the last index tick, {self.last:g}")
        chunk.tables["markets"] = conform("markets", row, 1)


@kept()
def _events_nb(
    operation: NDArray[np.int64],
    side: NDArray[np.int64],
    price: NDArray[np.int64],
    size: NDArray[np.int64],
    levels: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Run events through a book: a verdict for each, and rows (event, is trade, side, price, size) in order."""
    verdict = np.zeros(operation.size, np.int64)
    made = np.empty((4 * operation.size + 2 * levels.shape[1], 5), np.int64)
    count = 0
    for event in range(operation.size):
        own = 0 if side[event] > 0 else 1
        at, left = price[event], size[event]
        if operation[event] == 2:
            standing = levels[own, at]
            if standing < left:
                verdict[event] = 2 if standing == 0 else 1
                left = standing
            if left > 0:
                levels[own, at] -= left
                made[count] = (event, 0, side[event], at, -left)
                count += 1
        elif operation[event] == 1:
            step = 1 if own == 0 else -1
            best = 0 if own == 0 else levels.shape[1] - 1
            while left > 0 and (at - best) * step >= 0:
                standing = levels[1 - own, best]
                taken = min(left, standing)
                if taken > 0:
                    if count + 3 > made.shape[0]:
                        made = np.concatenate((made, np.empty_like(made)))
                    made[count] = (event, 1, side[event], best, taken)
                    made[count + 1] = (event, 0, -side[event], best, -taken)
                    count += 2
                    levels[1 - own, best] -= taken
                    left -= taken
                best += step
            if left > 0:
                if left < size[event]:
                    verdict[event] = 3
                levels[own, at] += left
                made[count] = (event, 0, side[event], at, left)
                count += 1
    return verdict, made[:count]
