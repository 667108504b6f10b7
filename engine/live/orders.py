"""One resting order a side, kept as a live quote wants it; every fill of them told once, whatever got lost."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ...io.ground.units import MICROS_PER_DOLLAR, NS_PER_SECOND, exact
from ...io.kalshi.client import Client
from ...io.kalshi.rest.errors import (
    ConflictError,
    NetworkError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitError,
    RefusedRequestError,
    ServerError,
)
from ...io.kalshi.rest.orders import NewOrder
from ...io.kalshi.rest.wire import read_count, read_price
from ...io.kalshi.stream.frames import FillFrame, OrderFrame
from ...io.store.schema import Side
from .live import Quote

_WORDS = {Side.BID: "bid", Side.ASK: "ask"}
_REFUSED = (RefusedRequestError, ConflictError, NotFoundError)
_UNKNOWN = (OutcomeUnknownError, NetworkError, ServerError, RateLimitError)


@dataclass
class Working:
    """An order of ours that rests: YES ticks and lots."""

    order_id: str
    price: int
    left: int
    filled: int = 0


class Execution(NamedTuple):
    """A fill of one of our orders: YES ticks, lots, fee in micros."""

    ts: int
    side: Side
    price: int
    lots: int
    fee: int


class QuoteOrders:
    """Places, amends and cancels; ``gone`` is told when the exchange refuses or ends the order of a side.

    ``amends``: a smaller size at the same price keeps its place in the queue.
    """

    def __init__(
        self, client: Client, ticker: str, gone: Callable[[Side], None], *, post_only: bool = True, amends: bool = True
    ) -> None:
        self._client, self._ticker, self._gone = client, ticker, gone
        self._post_only, self._amends = post_only, amends
        self.sides: dict[str, Side] = {}  #: of every order of ours, by client id
        self.working: dict[Side, Working] = {}
        self._ours: dict[str, Side] = {}  # by order id
        self._told: set[str] = set()
        self._wish: dict[Side, tuple[int | None, int]] = {}
        self._since: int | None = None  # before our first order, s
        self.sent = 0  #: orders placed, amended and cancelled

    def resting(self) -> Iterator[tuple[Side, int, int]]:
        """Side, price and lots of what rests."""
        yield from ((side, order.price, order.left) for side, order in self.working.items())

    def want(self, quote: Quote) -> list[Execution]:
        """Bring what rests to the quote; what steps back goes first, so that our sides never meet.

        Returns fills that were found on the way, which happens where an answer was lost.
        """
        wish = {Side.BID: (quote.bid, quote.bid_size), Side.ASK: (quote.ask, quote.ask_size)}
        if wish == self._wish:
            return []
        self._wish = wish
        try:
            for side in sorted(wish, key=lambda side: self._advances(side, wish[side][0])):
                self._bring(side, *wish[side])
        except _UNKNOWN:
            return self.recover()
        return []

    def cancel(self) -> None:
        """Cancel what rests."""
        self.want(Quote(0, None, 0, None, 0))

    def filled(self, frame: FillFrame) -> Execution | None:
        """Take a fill of the stream in; None if it is not ours or was told before."""
        body = frame.msg
        ts, price, lots = body.ts_ms * 1_000_000, read_price(body.price), read_count(body.count)
        return self._fill(body.trade_id, body.order_id, ts, price, lots, exact(body.fee, MICROS_PER_DOLLAR, "fee"))

    def changed(self, frame: OrderFrame) -> None:
        """Take note of an order that the exchange ended."""
        if frame.msg.status == "canceled":
            for side, order in list(self.working.items()):
                if order.order_id == frame.msg.order_id:
                    self._lose(side)

    def missed(self) -> list[Execution]:
        """Read the fills that nobody told."""
        pages = self._client.portfolio.fills(ticker=self._ticker, min_ts=self._since)
        found = sorted((fill for page in pages for fill in page), key=lambda fill: fill.created_time or 0)
        told = [
            self._fill(
                fill.trade_id or "", fill.order_id, fill.created_time or 0, fill.price, fill.count, fill.fee or 0
            )
            for fill in found
        ]
        return [one for one in told if one is not None]

    def recover(self) -> list[Execution]:
        """After an answer was lost: cancel all of ours that may rest, and return the fills that nobody told."""
        for page in self._client.portfolio.orders(ticker=self._ticker):
            for order in page:
                side = self.sides.get(order.client_order_id or "")
                if side is None:
                    continue
                self._ours[order.order_id] = side
                if order.status == "resting":
                    with contextlib.suppress(RefusedRequestError):  # closed or paused: the exchange ends it
                        self._client.orders.cancel(order.order_id, ticker=self._ticker)
        for side in Side.BID, Side.ASK:
            self._lose(side)
        return self.missed()

    def _advances(self, side: Side, price: int | None) -> bool:
        old = self.working.get(side)
        return price is not None and (old is None or (price - old.price) * side > 0)

    def _bring(self, side: Side, price: int | None, lots: int) -> None:
        order = self.working.get(side)
        if price is None or lots <= 0:
            if order is not None:
                self._cancel(side, order)
        elif order is None:
            self._place(side, price, lots)
        elif (price, lots) != (order.price, order.left):
            smaller = price == order.price and lots < order.left
            if self._amends or not smaller:
                self._amend(side, order, price, lots)
            else:
                self._cancel(side, order)
                self._place(side, price, lots)

    def _place(self, side: Side, price: int, lots: int) -> None:
        known_as = str(uuid.uuid4())
        self.sides[known_as] = side
        order = NewOrder(
            self._ticker, _WORDS[side], price, lots, post_only=self._post_only, client_order_id=known_as,
            cancel_on_pause=True,
        )  # fmt: skip
        self.sent += 1
        try:
            answer = self._client.orders.create(order)
        except _REFUSED:
            self._lose(side)
        else:
            self._ours[answer.order_id] = side
            if self._since is None and answer.ts_ms:
                self._since = answer.ts_ms // NS_PER_SECOND - 60
            self.working[side] = Working(answer.order_id, price, lots)  # what filled at once is told as a fill

    def _amend(self, side: Side, order: Working, price: int, lots: int) -> None:
        self.sent += 1
        try:
            self._client.orders.amend(
                order.order_id, ticker=self._ticker, side=_WORDS[side], price=price, count=order.filled + lots
            )
        except NotFoundError:
            self._lose(side)
        except (RefusedRequestError, ConflictError):  # it still rests where it was
            self._cancel(side, order)
            self._gone(side)
        else:
            order.price, order.left = price, lots

    def _cancel(self, side: Side, order: Working) -> None:
        self.sent += 1
        try:
            self._client.orders.cancel(order.order_id, ticker=self._ticker)
        except RefusedRequestError:  # closed or paused: the exchange ends it, and says so
            return
        except NotFoundError:
            pass
        self.working.pop(side, None)

    def _fill(self, trade_id: str, order_id: str, ts: int, price: int, lots: int, fee: int) -> Execution | None:
        side = self._ours.get(order_id)
        if side is None or trade_id in self._told:
            return None
        self._told.add(trade_id)
        order = self.working.get(side)
        if order is not None and order.order_id == order_id:
            order.left, order.filled, self._wish = order.left - lots, order.filled + lots, {}
            if order.left <= 0:
                del self.working[side]
        return Execution(ts, side, price, lots, fee)

    def _lose(self, side: Side) -> None:
        self.working.pop(side, None)
        self._gone(side)
