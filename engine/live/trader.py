"""From a parameter file to orders: the stream feeds the live driver, whose quote rests at the exchange."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from ...io.ground.errors import InputError
from ...io.ground.times import nanoseconds
from ...io.kalshi.client import Client
from ...io.kalshi.rest.errors import StreamError
from ...io.kalshi.stream.frames import FillFrame, Ok, OrderFrame
from ...io.kalshi.stream.price_mode import check_price_mode
from ...io.kalshi.stream.stream import BOOK, FILLS, LIFECYCLE, ORDERS, TRADES, Gap, Message, Stream
from ...strategies.own_file import Trust
from ..results.params import load_params
from ..simulator.tape.tape import TapeMarket
from .feed import StreamFeed
from .live import Live, Quote
from .orders import Execution, QuoteOrders

_PATIENCE_S = 10.0


class Trader:
    """One market, quoted live; call :meth:`step` again and again. Leaving its context cancels what rests.

    Orders go to the demo exchange or one on this machine; anywhere else only with ``production=True``. ``clock`` tells
    the exchange's time, ns UTC: the client's, unless a replay says it more exactly. ``trust`` names the file of a model
    of one's own, which is not imported for the parameter file's sake alone.

    Example:
        >>> from touchline import engine
        >>> from touchline.io.kalshi import Client
        >>> with Client() as client, engine.Trader("params.toml", "KXA-1", client) as trader:  # doctest: +SKIP
        ...     trader.step()
    """

    def __init__(
        self, params: str | Path, ticker: str, client: Client, *, clock: Callable[[], int] | None = None,
        production: bool = False, trust: Trust = (),
    ) -> None:  # fmt: skip
        if client.settings.is_production and not production:
            where = client.settings.rest_url
            raise InputError(f"{where} is neither the demo nor this machine: pass production=True to trade for real")
        client.adopt_limits()  # an answer with the exchange's time in it, too
        self._client, self._clock, self._ticker, self._checked = client, clock or client.now, ticker, False
        until = load_params(params).validity.valid_until
        if client.now() >= nanoseconds(until, "valid_until"):
            raise InputError(f"{params} was valid until {until}: sweep newer data and export anew")
        market, is_open = listed(client, ticker)
        held = sum(one.position for page in client.portfolio.positions(ticker=ticker) for one in page)
        self.live = Live.from_params(params, market, is_open=is_open, fills="reported", position=held, trust=trust)
        if self.live.model.needs_underlying:
            raise InputError(f"{self.live.model.name} needs the underlying's prices, which a trader does not follow")
        if self.live.model.levels > 1:
            raise InputError(f"{self.live.model.name} quotes several levels, and this trader keeps one order a side")
        if self.live.follows:
            raise InputError(
                f"{self.live.model.name} reads {self.live.follows[0]} of another market, which a trader does not follow"
            )
        assumed = self.live.assumptions
        self.orders = QuoteOrders(
            client, ticker, self.live.gone, post_only=assumed.post_only, amends=assumed.amend == "keep"
        )
        self.feed = StreamFeed(
            market, self._clock, sides=self.orders.sides, resting=self.orders.resting, by_message=False
        )
        self.live.warm(client.now())
        self.stream = Stream(client.settings, [ticker], channels=(BOOK, TRADES, FILLS, ORDERS, LIFECYCLE))

    def step(self, timeout: float = 1.0) -> Quote:
        """Take in what came, waiting up to ``timeout`` seconds, decide, and bring the orders to the decision."""
        return self._act(self.stream.poll(timeout))

    def catch_up(self) -> Quote:
        """Take in everything that the exchange sent before now, then decide: for a clock that waits for us."""
        deadline = time.monotonic() + _PATIENCE_S
        items = self.stream.poll(0)
        asked = self.stream.ask_list()
        while asked is not None and time.monotonic() < deadline:
            came = self.stream.poll(0.1)
            items += came
            if any(isinstance(m, Message) and isinstance(m.frame, Ok) and m.frame.id == asked for m in came):
                break
        return self._act(items)

    def close(self) -> None:
        """Cancel what rests and hang up."""
        try:
            self._book(self.orders.recover())
        finally:
            self.stream.close()

    def __enter__(self) -> Trader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _act(self, items: Iterable[Message | Gap]) -> Quote:
        missed = False
        for item in items:
            said = item.frame if isinstance(item, Message) else item
            if isinstance(said, FillFrame):
                fill = self.orders.filled(said)
                self._book([fill] if fill else [])
            elif isinstance(said, OrderFrame):
                self.orders.changed(said)
            else:
                missed |= isinstance(said, Gap) and said.channel == FILLS
                self.feed.take(said)
        if missed:
            self._book(self.orders.missed())
        if not self._checked and not self.stream.books[self._ticker].stale:
            self._check_prices()
        for told_at, close in self.feed.moved_closes():
            self.live.close_moved(told_at, close)
        self.live.feed(self.feed.events())
        self._decided()
        self._book(self.orders.want(self.live.quote))
        return self.live.quote

    def _check_prices(self) -> None:
        """Compare the first book with one read over REST: quotes on a mirrored book would be given away."""
        self._checked = True
        found = [self._client.market_data.orderbook(self._ticker)]
        if check_price_mode(self.stream.books, found) is False:
            raise StreamError("the NO side does not come in the prices that were asked for; nothing was ordered")

    def _decided(self) -> None:
        if self.live.pending:
            self.live.wake(self._clock())

    def _book(self, fills: Iterable[Execution]) -> None:
        for fill in fills:
            self.live.filled(*fill)


def listed(client: Client, ticker: str) -> tuple[TapeMarket, bool]:
    """A market as the exchange lists it, and whether it trades now."""
    found = client.market_data.market(ticker)
    event = client.market_data.event(found.event, nested=False)
    grid = found.price_level_structure or "linear_cent"
    market = TapeMarket(
        ticker, event.series or ticker.partition("-")[0], found.event, found.title or "", event.category or "",
        found.open_time or None, found.close_time or None, floor=found.floor_strike, cap=found.cap_strike, grid=grid,
    )  # fmt: skip
    return market, found.status == "active"
