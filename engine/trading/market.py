"""One market of a session: messages become events, events a decision. It knows nothing of orders or accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from ...io.kalshi.stream.frames import Frame
from ...io.kalshi.stream.stream import Gap
from ...io.store.schema import Side
from ...strategies.own_file import Trust
from ..live.feed import StreamFeed
from ..live.live import Live, Told
from ..simulator.state import F64, Columns
from ..simulator.tape.tape import TapeMarket
from .ledger import TradeLedger


class Listed(msgspec.Struct):
    """A market as the exchange listed it when the session began with it."""

    market: TapeMarket
    is_open: bool = True
    exclusive: bool = False  #: at most one outcome of its event pays
    held: int = 0  #: lots that the account held then


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


class TradedMarket:
    """The decisions of one market: paper assumes fills, otherwise the exchange tells them."""

    def __init__(
        self, listed: Listed, params: Path, ledger: TradeLedger, clock: Callable[[], int], *, assumed: bool,
        resting: Callable[[], Iterable[tuple[Side, int, int]]] = tuple, trust: Trust = (),
    ) -> None:  # fmt: skip
        self.listed, self.ticker, self.event = listed, listed.market.ticker, listed.market.event
        self.live = Live.from_params(
            params, listed.market, is_open=listed.is_open, fills="assumed" if assumed else "reported",
            position=listed.held, trust=trust,
        )  # fmt: skip
        self.feed = StreamFeed(listed.market, clock, sides=OwnSides(ledger), resting=resting)
        self._late: list[tuple[int, Side, int, int, int]] = []  # fills that came before the first event
        self.heard = 0
        self.closed = False
        self.beside: Callable[[Columns, F64], None] | None = None  #: sees the events too, without a say

    @property
    def close_ts(self) -> int | None:
        """When it closes, as far as the exchange told."""
        return self.feed.market.close_ts

    def take(self, item: Frame | Gap, now: int) -> None:
        """Take one message or gap in."""
        self.heard = now
        self.feed.take(item)

    def tick(self, ts: int, value: float) -> None:
        """Take a price of the underlying in."""
        self.feed.tick(ts, value)

    def filled(self, ts: int, side: Side, price: int, lots: int, fee: int) -> None:
        """The exchange told a fill of an order of ours."""
        if not self.live.count:
            self._late.append((ts, side, price, lots, fee))
        else:
            self.live.filled(ts, side, price, lots, fee)

    def decide(self, now: int) -> Told:
        """Decide on everything heard since the last time."""
        for told_at, close in self.feed.moved_closes():
            self.live.close_moved(told_at, close)
        events = self.feed.events()
        values = self.feed.values()
        self.live.feed(events, values)
        if self.beside is not None:
            self.beside(events, values)
        while self._late and self.live.count:
            self.live.filled(*self._late.pop(0))
        if self.live.pending:
            self.live.wake(now)
        return self.live.told()

    def withdraw(self) -> None:
        """Let nothing of this market rest until its next decision."""
        for side in (Side.BID, Side.ASK):
            self.live.gone(side)
