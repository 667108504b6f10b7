"""One market of a session of bets: messages become events, events the bars that a pipeline scores."""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ....io.ground.units import TICKS_PER_DOLLAR
from ....io.store.schema import Side
from ....strategies.models.join_touch import JoinTouch
from ....strategies.quoting.model import QuotingModel
from ...bets.panel.book import STANDING, best_nb, empty_book
from ...bets.types import NO_PRICE, NO_SIZE
from ...live.feed import StreamFeed
from ...live.live import Quote, Taking, Told
from ...live.programs import StreamPrograms
from ...simulator.assumptions.venue import Assumptions
from ...simulator.state import F64, I64, Columns
from ...simulator.tape.events import BOOK, GAP, KIND, MOMENT, STATUS, TRADE
from ...simulator.tape.tape import Coverage, Tape, TapeMarket, kernel_grid
from ..ledger import TradeLedger
from ..market import Listed, OwnSides, TradedMarket
from .rows import BarRow, MarketRows

_NOTHING = Quote(0, None, 0, None, 0)
_TYPES = (np.int64, np.uint8, np.int8, np.int16, np.int32, np.int32, np.int16, np.int16)
_NO_EVENTS = Columns(*(np.zeros(0, kind) for kind in _TYPES))


@dataclass
class BetStand:
    """What a market wants to rest and to take, as orders are made of it; nothing of it is decided event by event."""

    market: TapeMarket
    quote: Quote = _NOTHING
    taking: Taking | None = None
    mid: int = 0  #: the last one there was, ticks
    assumptions: Assumptions = field(default_factory=Assumptions)
    model: type[QuotingModel] = JoinTouch
    programs: StreamPrograms = field(init=False)

    def __post_init__(self) -> None:
        self.programs = StreamPrograms(self.market, (), self.assumptions)

    def hold(self, held: bool = True) -> None:
        """Bars say what is wanted; whoever asks leaves it where nothing may be."""

    def rests(self, side: int, price: int, lots: int) -> None:
        """Let an order rest on one side."""
        own = (price, lots)
        self.quote = Quote(0, *own, None, 0) if side > 0 else Quote(0, None, 0, *own)

    def nothing(self) -> None:
        """Want nothing."""
        self.quote, self.taking = _NOTHING, None


class BetMarket(TradedMarket):
    """The bars of one market, and what its bets want of the exchange."""

    live: Any  # a BetStand: bars decide, not events

    def __init__(
        self, listed: Listed, ledger: TradeLedger, clock: Callable[[], int], rows: MarketRows, *,
        resting: Callable[[], Iterable[tuple[Side, int, int]]] = tuple, told: Callable[..., None],
    ) -> None:  # fmt: skip
        self.listed, self.ticker, self.event = listed, listed.market.ticker, listed.market.event
        self.live = BetStand(listed.market)
        opens = None if listed.is_open or (listed.market.open_ts or 0) <= clock() else listed.market.open_ts
        self.feed = StreamFeed(listed.market, clock, sides=OwnSides(ledger), resting=resting, opens=opens)
        self.rows, self.heard, self.closed, self.beside = rows, 0, False, []
        self.is_open = listed.is_open
        self._told = told
        self._grid = kernel_grid(listed.market.grid)
        self._book, self._best = empty_book(self._grid)
        self._pending: list[Columns] = []
        self._late, self._fresh = [], None
        self._booked, self._lost = len(rows) > 0, len(rows) > 0  # what came while nobody listened is not known
        self._placed: tuple[int, Columns] | None = None  # the book when an order came, and what happened since

    @property
    def stops(self) -> int | None:
        """From when on nothing of it is to rest: its close."""
        return self.close_ts

    def filled(self, ts: int, side: Side, price: int, lots: int, fee: int, *, taker: bool = False) -> None:
        """The exchange told a fill of an order of ours."""
        self._told(self.ticker, int(side), price, lots, fee)

    def gather(self) -> tuple[Columns, F64]:
        """Take the events of everything heard since the last time in."""
        events = self.feed.events()
        if len(events.ts):
            self._pending.append(events)
            top = int(self._grid.top)
            both = np.flatnonzero((events.best_bid > 0) & (events.best_ask < top))
            if len(both):
                bid, ask = (int(self._grid.ticks[levels[both[-1]]]) for levels in (events.best_bid, events.best_ask))
                self.live.mid = (bid + ask) // 2
        return events, self.feed.values()

    def decide(self, now: int) -> Told:
        """Nothing is decided between bars."""
        self.feed.moved_closes()
        return Told([], [])

    def gone(self, side: int, price: int) -> None:
        """The exchange refused or ended an order that rested: it is not sent again."""
        self.live.quote = _NOTHING

    def wind_down(self, ends: bool = True) -> None:
        """Bars enter nothing where a market is stopped, and leave what is held as they do anyway."""

    def withdraw(self) -> None:
        """Let nothing of this market rest until its next bar."""
        self.live.nothing()

    # Bars

    def bar(self, number: int, begin: int, end: int) -> tuple[BarRow | None, int]:
        """Walk on to a bar's end; its row once the market has begun, and how many events came too late for theirs."""
        events = self._events_to(end)
        if self._placed is not None:
            at, before = self._placed
            self._placed = at, Columns(*(np.concatenate(pair) for pair in zip(before, events, strict=True)))
        made = np.full((4, 1), STANDING, np.int64)
        c = (events.ts, events.kind, events.side, events.level, events.size)
        best_nb(c, self._grid.ticks, np.array([end], np.int64), self._book, self._best, made)
        kinds = events.kind & KIND
        told = events.side[kinds == STATUS]
        self.is_open = bool(told[-1] > 0) if len(told) else self.is_open
        trades = kinds == TRADE
        opens = self.listed.market.open_ts
        if opens is not None:
            trades &= events.ts >= opens
        changed = bool(np.isin(kinds, (BOOK, GAP)).any())
        if self._lost and not changed:
            made[:2], made[2:], changed = NO_PRICE, NO_SIZE, True
        self._lost = False
        self._booked |= changed
        if not len(self.rows) and not trades.any() and not (self._booked and (opens is None or opens <= end)):
            return None, 0
        inside = trades & (events.ts > begin)
        volume, buys = int(events.size[inside].sum()), int(events.size[inside & (events.side == 1)].sum())
        late = int((events.ts <= begin).sum()) if len(self.rows) else 0
        return self._row(made[:, 0].tolist(), volume, buys, bool(trades.any())), late

    def _row(self, best: list[int], volume: int, buys: int, traded: bool) -> BarRow:
        """Carry what stands from the bar before: the mark is the mid of a book, or the bound of half a book."""
        before = self.rows.last
        bid, ask, bid_lots, ask_lots = best
        since = -1 if before.age < 0 else before.age + 1
        if bid == STANDING:
            bid, ask, bid_lots, ask_lots = before.bid, before.ask, before.bid_lots, before.ask_lots
        else:
            since = 0
        mark = before.mark
        if bid != NO_PRICE or ask != NO_PRICE:
            mark = (max(bid, 0) + (ask if ask != NO_PRICE else TICKS_PER_DOLLAR)) // 2
        return BarRow(mark, bid, ask, bid_lots, ask_lots, volume, buys, 0 if traded else since)

    def _events_to(self, end: int) -> Columns:
        """The events up to a bar's end; those after it wait. After the close nothing counts."""
        whole = self._pending or [_NO_EVENTS]
        events = Columns(*(np.concatenate(columns) for columns in zip(*whole, strict=True)))
        stop = int(np.searchsorted(events.ts, end, side="right"))
        rest = Columns(*(column[stop:] for column in events))
        self._pending = [rest] if len(rest.ts) else []
        close = self.close_ts
        if close is not None:
            stop = min(stop, int(np.searchsorted(events.ts, close, side="left")))
        return Columns(*(column[:stop] for column in events))

    # Orders that rest, on paper

    def placed(self, ts: int) -> None:
        """An order joins the book as it stands."""
        self._placed = ts, self._snapshot(ts)

    def show(self, bid: int, ask: int) -> None:
        """Take a book of one level a side for the one that stands."""
        ticks, top = self._grid.ticks, int(self._grid.top)
        levels = int(np.searchsorted(ticks, bid)), top - int(np.searchsorted(ticks, ask))
        self._book[:] = 0
        for side, level in enumerate(levels):
            self._book[side, level], self._best[side] = 100, level

    def since_placed(self) -> Tape | None:
        """What happened since the order came, as a tape that begins with the book of that moment.

        None where the session began anew since: what came while nobody listened is not known.
        """
        if self._placed is None:
            return None
        market = replace(self.listed.market, open_ts=None, close_ts=self.close_ts, closes=())
        return Tape(market, self._placed[1], np.zeros(0), Coverage(), "placed")

    def left(self) -> None:
        """No order rests any more."""
        self._placed = None

    def _snapshot(self, ts: int) -> Columns:
        """The book as it stands, an event a level."""
        sides, levels = np.nonzero(self._book)
        n, top = len(sides), int(self._grid.top)
        kind = np.full(n, BOOK, np.uint8)
        kind[-1:] |= MOMENT
        best: tuple[I64, I64] = np.full(n, self._best[0]), np.full(n, top - self._best[1])
        values = (np.full(n, ts), kind, sides, levels, self._book[sides, levels], np.zeros(n), *best)
        return Columns(*(np.asarray(value).astype(kind) for value, kind in zip(values, _TYPES, strict=True)))
