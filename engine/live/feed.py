"""From the exchange's stream to the events of one market, as a tape of the same messages would have them."""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from operator import ne

import numpy as np

from ...io.book.stream import BookLevels
from ...io.ground.units import NS_PER_SECOND, TICKS_PER_DOLLAR
from ...io.kalshi.rest.wire import read_count, read_price
from ...io.kalshi.rows import taker_side
from ...io.kalshi.stream.frames import Delta, Frame, Lifecycle, Snapshot, TradeFrame
from ...io.kalshi.stream.stream import BOOK, Gap
from ...io.store.schema import BookKind, Side
from ..simulator.state import Columns
from ..simulator.tape import events
from ..simulator.tape import rebuild as kernel
from ..simulator.tape.tape import TapeMarket, TapeRows, build, kernel_grid, match_falls

NS_PER_MS = 1_000_000
_OPENS, _CLOSES = ("activated",), ("deactivated", "determined", "settled")
_TYPES = (np.int64, np.uint8, np.int8, np.int16, np.int32, np.int32, np.int16, np.int16)
Row = tuple[int, int, int, int, int]  # as in tape.Rows: time, what, side, price, size
_NOTHING = Columns(*(np.zeros(0, kind) for kind in _TYPES))
_NO_VALUES = np.zeros(0)


class StreamFeed:
    """Takes messages in and gives the events of whole batches of them: others' orders only, in the order of time.

    ``clock`` tells the exchange's time, for messages without one, and unless ``by_message`` for snapshots and changes
    of a market's life, which tell no more than the millisecond. ``sides`` holds the sides of own orders by client id,
    and ``resting`` gives own orders as (side, price, lots): the exchange shows them among the others'. ``opens`` is
    when a market that does not trade yet begins to.
    """

    def __init__(
        self, market: TapeMarket, clock: Callable[[], int], *, use_yes_price: bool = True,
        sides: Mapping[str, Side] | None = None, resting: Callable[[], Iterable[tuple[Side, int, int]]] = tuple,
        by_message: bool = True, opens: int | None = None,
    ) -> None:  # fmt: skip
        self.market, self._clock, self._yes_price = market, clock, use_yes_price
        self._by_message, self._opens = by_message, opens
        self._sides, self._resting = {} if sides is None else sides, resting
        self._rows: list[Row] = []
        self._seqs: dict[int, int] = {}
        self._book = BookLevels()
        self._last = 0
        self._over = False
        self._moved: list[tuple[int, int]] = []
        self._values: list[float] = []
        self._priced = 0  # prices of the underlying in all: events count them

    def tick(self, ts: int, value: float) -> None:
        """Take a price of the underlying in."""
        self._add(ts, kernel.TICK)
        self._values.append(value)

    def take(self, item: Frame | Gap) -> None:
        """Take one message or gap in."""
        if isinstance(item, Gap):
            if not item.numbered:
                self._seqs.clear()
            if item.channel == BOOK and self.market.ticker in item.tickers:
                self._add(self._clock(), int(BookKind.GAP))
        elif not self._seen(item):
            if isinstance(item, Lifecycle) and item.msg.market_ticker == self.market.ticker:
                self._live(item)
            elif isinstance(item, Snapshot) and item.msg.market_ticker == self.market.ticker:
                self._snapshot(item)
            elif isinstance(item, Delta) and item.msg.market_ticker == self.market.ticker:
                self._delta(item)
            elif isinstance(item, TradeFrame) and item.msg.market_ticker == self.market.ticker:
                self._trade(item)

    def until(self, ts: int | None = None) -> int:
        """The moment of what was told beside the messages, or now: no event that is still to come is before it."""
        now = self._clock()
        ts = min(now if ts is None else ts, now, *(row[0] for row in self._rows[:1]))
        self._last = max(self._last, ts)
        return ts

    def events(self) -> Columns:
        """What was taken in since the last time; each moment among it is whole, as far as its messages came."""
        close = self.market.close_ts
        if close is not None and not self._over and self._last and self._clock() >= close:
            self._over = True
            self._add(close, kernel.STATE)
        rows, self._rows = self._rows, []
        if not rows:
            return _NOTHING
        if self._values and len(rows) > 1:  # at one time prices come after the book and trades, as on a tape
            rows.sort(key=lambda row: (row[0], max(row[1] - kernel.PRINT, 0)))
        if (along := self._along(rows)) is not None:
            return along
        standing = self._standing(rows[0][0])
        tape = build(self.market, _columns([*standing, *rows]), np.zeros(0), named=False)
        fresh = Columns(*(column[max(len(standing) - 1, 0) :] for column in tape.columns))
        if self._values:
            fresh.aux[(fresh.kind & events.KIND) == events.UNDERLYING] += self._priced
        self._keep(fresh, rows)
        return fresh

    def values(self) -> np.ndarray:
        """The prices of the underlying among the events, since the last time."""
        if not self._values:
            return _NO_VALUES
        told, self._values = np.array(self._values), []
        self._priced += len(told)
        return told

    def moved_closes(self) -> list[tuple[int, int]]:
        """When the exchange told another close, and the close, since the last time; their events come after it."""
        moved, self._moved = self._moved, []
        return moved

    def _told(self, ts_ms: int) -> int:
        """The time of a message: its own in whole milliseconds, or the clock's where it tells none or that is finer."""
        return ts_ms * NS_PER_MS if ts_ms and self._by_message else self._clock()

    def _seen(self, frame: Frame) -> bool:
        """Whether a numbered message came before."""
        if frame.sid is None or frame.seq is None:
            return False
        if frame.seq <= self._seqs.get(frame.sid, 0):
            return True
        self._seqs[frame.sid] = frame.seq
        return False

    def _add(self, ts: int, what: int, side: int = 0, price: int = 0, size: int = 0) -> None:
        self._last = max(ts, self._last)  # channels may overtake each other; events never go back
        self._rows.append((self._last, what, side, price, size))
        if self._opens is not None and ts >= self._opens:  # no message need say so
            self._opens = None
            self._add(ts, kernel.STATE, 1)

    def _snapshot(self, frame: Snapshot) -> None:
        shown = {(Side.BID, read_price(price)): read_count(lots) for price, lots in frame.msg.yes}
        shown |= {(Side.ASK, self._ask(price)): read_count(lots) for price, lots in frame.msg.no}
        for side, price, lots in self._resting():
            shown[side, price] = shown.get((side, price), 0) - lots
        self._add(self._told(frame.msg.ts_ms), int(BookKind.CLEAR))
        for (side, price), lots in shown.items():
            if lots > 0:
                self._add(self._last, int(BookKind.LEVEL), side, price, lots)

    def _delta(self, frame: Delta) -> None:
        body = frame.msg
        side = Side.BID if body.side == "yes" else Side.ASK
        if body.client_order_id is not None and self._sides.get(body.client_order_id, side) is side:
            return  # an own order came, shrank or went; on the other side it took from others
        price = read_price(body.price) if side is Side.BID else self._ask(body.price)
        self._add(body.ts_ms * NS_PER_MS, int(BookKind.DELTA), side, price, read_count(body.delta))

    def _trade(self, frame: TradeFrame) -> None:
        body = frame.msg
        if not body.is_block_trade:
            size = read_count(body.count)
            self._add(body.ts_ms * NS_PER_MS, kernel.PRINT, taker_side(body), read_price(body.price), size)

    def _live(self, frame: Lifecycle) -> None:
        body = frame.msg
        told = self._told(body.ts_ms)
        if body.event_type in _OPENS + _CLOSES:
            self._add(told, kernel.STATE, int(body.event_type in _OPENS))
        elif body.event_type == "close_date_updated" and body.close_ts is not None:
            close = body.close_ts * NS_PER_SECOND
            self.market = replace(self.market, close_ts=close)
            self._moved.append((max(told, self._last), close))
            self._over = False

    def _ask(self, price: str) -> int:
        return read_price(price) if self._yes_price else TICKS_PER_DOLLAR - read_price(price)

    def _along(self, rows: list[Row]) -> Columns | None:
        """The events of changes, trades and prices in a known book, as most come; None for all others."""
        book, levels = self._book, self._levels()
        if book.stale:
            return None
        before = book.bids.copy(), book.asks.copy()
        top, priced = len(levels) + 1, self._priced
        bid = levels[max(book.bids)] if book.bids else 0
        ask = levels[min(book.asks)] if book.asks else top
        made: list[tuple[int, ...]] = []
        fallen: list[int] = []  # lots to be matched of each event
        matches = 0  # 1 with trades among them, 2 with falls, 3 with both
        for ts, what, side, price, lots in rows:
            if what == kernel.TICK:
                made.append((ts, events.UNDERLYING, 0, 0, 0, priced, bid, ask))
                fallen.append(0)
                priced += 1
                continue
            level = levels.get(price)
            if level is None or side == 0 or what not in (BookKind.DELTA, kernel.PRINT):
                book.bids, book.asks = before
                return None
            if what == kernel.PRINT:  # it meets the orders of the other side
                s, kind, size, falls = int(side > 0), events.TRADE, lots, lots
                matches |= 1
            elif lots:
                s, kind = int(side < 0), events.BOOK
                size = (book.bids if s == 0 else book.asks).get(price, 0) + lots
                if not 0 <= size <= kernel.MAX_LOTS:
                    book.bids, book.asks = before
                    return None
                book.put(side, price, size)
                bid = levels[max(book.bids)] if book.bids else 0
                ask = levels[min(book.asks)] if book.asks else top
                falls = max(-lots, 0)
                matches |= 2 * (falls > 0)
            else:
                continue
            made.append((ts, kind, s, level if s == 0 else top - level, size, 0, bid, ask))
            fallen.append(falls)
        if not made:
            return _NOTHING
        fresh = Columns(*(np.array(column, kind) for column, kind in zip(zip(*made, strict=True), _TYPES, strict=True)))
        if matches == 3:
            match_falls(fresh, np.array(fallen, np.int64), top)
        times = [row[0] for row in made]
        for at, last in enumerate(map(ne, times, [*times[1:], None])):
            if last:
                fresh.kind[at] |= events.MOMENT
        return fresh

    def _levels(self) -> dict[int, int]:
        """The grid's level of every price on it, between nothing and a dollar."""
        return _levels_of(self.market.grid)

    def _standing(self, ts: int) -> list[Row]:
        """The book before a batch, as the snapshot that its tape begins with; its levels make an event each."""
        if self._book.stale:
            return []
        sides = ((Side.BID, self._book.bids), (Side.ASK, self._book.asks))
        levels = [
            (ts, int(BookKind.LEVEL), int(side), price, lots) for side, own in sides for price, lots in own.items()
        ]
        return [(ts, int(BookKind.CLEAR), 0, 0, 0), *levels]

    def _keep(self, fresh: Columns, rows: list[Row]) -> None:
        """Remember the book after a batch."""
        book, gaps = self._book, 0
        ticks = kernel_grid(self.market.grid).ticks
        for k, side, level, size in zip(fresh.kind & events.KIND, fresh.side, fresh.level, fresh.size, strict=True):
            if k == events.GAP:
                book.lose()
                gaps += 1
            elif k == events.BOOK:
                if book.stale:
                    book.clear()
                price = ticks[level if side == 0 else len(ticks) - 1 - level]
                book.put(1 - 2 * int(side), int(price), int(size))
        turns = [row[1] for row in rows if row[1] in (BookKind.CLEAR, BookKind.GAP)]
        if book.stale and turns[-1:] == [BookKind.CLEAR] and gaps == turns.count(BookKind.GAP):
            book.clear()  # a snapshot without levels makes no events


@cache
def _levels_of(grid: str) -> dict[int, int]:
    return {int(price): level for level, price in enumerate(kernel_grid(grid).ticks[1:-1], 1)}


def _columns(rows: list[Row]) -> TapeRows:
    ts, what, side, price, size = zip(*rows, strict=True)
    return TapeRows(
        np.array(ts, np.int64), np.array(what, np.uint8), np.array(side, np.int8), np.array(price, np.int32),
        np.array(size, np.int64),
    )  # fmt: skip
