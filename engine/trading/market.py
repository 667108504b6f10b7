"""One market of a session: messages become events, events a decision. It knows nothing of orders or accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from ...io.ground.units import NS_PER_SECOND
from ...io.kalshi.stream.frames import Frame
from ...io.kalshi.stream.stream import Gap
from ...io.store.schema import Side
from ...strategies.quoting.model import QuotingModel
from ..live.feed import StreamFeed
from ..live.live import Live, Told
from ..live.served import ServedSignals
from ..results.params import Params
from ..rewards.programs import Program
from ..simulator.state import F64, Columns
from ..simulator.tape.tape import TapeMarket
from .ledger import TradeLedger, side_of


class Listed(msgspec.Struct):
    """A market as the exchange listed it when the session began with it."""

    market: TapeMarket
    is_open: bool = True
    exclusive: bool = False  #: at most one outcome of its event pays
    held: int = 0  #: lots that the account held then
    others: dict[str, str] = {}  #: the market behind each signal of the model that is another market's
    programs: tuple[Program, ...] = ()  #: incentive programs, where the parameters count recorded ones


class OwnSides(Mapping[str, Side]):
    """The side of every order of ours by its client id."""

    def __init__(self, ledger: TradeLedger) -> None:
        self._ledger = ledger

    def __getitem__(self, client_id: str) -> Side:
        order = self._ledger.known(client_id)
        if order is None:
            raise KeyError(client_id)
        return Side.BID if order.side > 0 else Side.ASK

    def __iter__(self):
        return iter(self._ledger.orders)

    def __len__(self) -> int:
        return len(self._ledger.orders)


class ReadMarket:
    """A market that others read and nobody trades."""

    def __init__(self, market: TapeMarket, clock: Callable[[], int]) -> None:
        self.ticker, self.feed = market.ticker, StreamFeed(market, clock)

    def take(self, item: Frame | Gap, now: int) -> None:
        """Take one message or gap in."""
        self.feed.take(item)

    def gather(self) -> tuple[Columns, F64]:
        """The events of everything heard since the last time, and prices of the underlying among them."""
        return self.feed.events(), self.feed.values()


class Onlooker(Protocol):
    """Who is shown a market's events beside what decides on them."""

    def see(self, market: TradedMarket, events: Columns, values: F64) -> None:
        """Look at a batch of events."""
        ...


class TradedMarket:
    """The decisions of one market: paper assumes fills, otherwise the exchange tells them."""

    def __init__(
        self, listed: Listed, loaded: tuple[Params, type[QuotingModel]], ledger: TradeLedger,
        clock: Callable[[], int], *, assumed: bool, resting: Callable[[], Iterable[tuple[Side, int, int]]] = tuple,
        served: ServedSignals | None = None,
    ) -> None:  # fmt: skip
        self.listed, self.ticker, self.event = listed, listed.market.ticker, listed.market.event
        self.live = Live.of(
            *loaded, listed.market, is_open=listed.is_open, fills="assumed" if assumed else "reported",
            position=listed.held, programs=listed.programs,
        )  # fmt: skip
        self.live.served = served
        opens = None if listed.is_open or (listed.market.open_ts or 0) <= clock() else listed.market.open_ts
        self.feed = StreamFeed(listed.market, clock, sides=OwnSides(ledger), resting=resting, opens=opens)
        self._late: list[tuple[int, Side, int, int, int, bool]] = []  # fills that came before the first event
        self._fresh: tuple[Columns, F64] | None = None
        self.heard = 0
        self.closed = False
        self.beside: list[Onlooker] = []  #: they see the events too, without a say

    @property
    def close_ts(self) -> int | None:
        """When it closes, as far as the exchange told."""
        return self.feed.market.close_ts

    @property
    def stops(self) -> int | None:
        """From when on nothing of it is to rest: its close, or so long before as its parameters say."""
        close = self.close_ts
        return None if close is None else close - round(self.live.assumptions.stop_quoting_s * NS_PER_SECOND)

    def take(self, item: Frame | Gap, now: int) -> None:
        """Take one message or gap in."""
        self.heard = now
        self.feed.take(item)

    def tick(self, ts: int, value: float) -> None:
        """Take a price of the underlying in."""
        self.feed.tick(ts, value)

    def filled(self, ts: int, side: Side, price: int, lots: int, fee: int, *, taker: bool = False) -> None:
        """The exchange told a fill of an order of ours."""
        if not self.live.count:
            self._late.append((ts, side, price, lots, fee, taker))
        else:
            self._until(ts)
            self.live.filled(ts, side, price, lots, fee, taker=taker)

    def gather(self) -> tuple[Columns, F64]:
        """The events of everything heard since the last time, decided on next, and prices of the underlying in them."""
        self._fresh = self.feed.events(), self.feed.values()
        return self._fresh

    def decide(self, now: int) -> Told:
        """Decide on the events that were gathered."""
        for told_at, close in self.feed.moved_closes():
            self.live.close_moved(told_at, close)
        if self._fresh is not None:
            self.live.take(*self._fresh)
            for onlooker in self.beside:
                onlooker.see(self, *self._fresh)
            self._fresh = None
        while self._late and self.live.count:
            ts, side, price, lots, fee, taker = self._late.pop(0)
            self.live.filled(ts, side, price, lots, fee, taker=taker)
        if self.live.pending:
            self.live.wake(now)
        return self.live.told()

    def gone(self, side: int, price: int) -> None:
        """The exchange refused or ended an order: where a side has several, the one at its price."""
        own = side_of(side)
        self._until()
        self.live.gone(own, price if self.live.model.levels > 1 else None)

    def wind_down(self, ends: bool = True) -> None:
        """Quote nothing from now on but what makes the position smaller; or everything again."""
        self.live.only_reduce(ends)
        self.withdraw()

    def withdraw(self) -> None:
        """Let nothing of this market rest until its next decision."""
        self._until()
        for side in (Side.BID, Side.ASK):
            self.live.gone(side)

    def _until(self, ts: int | None = None) -> None:
        """Score what programs see until a moment, or until now, before what rests changes without an event."""
        if self.live.programs.counts:
            self.live.wait(self.feed.until(ts))
