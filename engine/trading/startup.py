"""How a session that sends orders starts: in a fixed order, each step written down, nothing taken over unseen.

1. ``journal``: the account as the journal's lines leave it; every order without a known end is unknown.
2. ``cancel``: each of those is cancelled, read back, and its fills are booked, as often as it takes within a bound.
3. ``sweep``: whatever else rests with our name on it is cancelled, until two readings show nothing.
4. ``positions``: the exchange's positions are compared with ours; a market that does not come out even stays closed
   until a person says so.
5. ``groups``: each market has its order group, able to take orders.

What a lagging list still hides after that is not forgotten: the market goes on asking and quotes nothing meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ...io.ground.units import NS_PER_SECOND
from ...io.kalshi.client import Client
from ...io.kalshi.rest.errors import NotFoundError, RefusedRequestError
from .ledger import TradeLedger
from .orders.jobs import Job
from .orders.sending import Sender
from .orders.settling import settled
from .settings import TradeSettings

_TRIES, _PAUSE_S = 5, 0.2
Say = Callable[[str, dict[str, Any]], None]


class Startup:
    """The steps, in order; ``say`` writes a line into the journal."""

    def __init__(
        self, client: Client, sender: Sender, ledger: TradeLedger, settings: TradeSettings, say: Say,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._client, self._sender, self._ledger, self._settings = client, sender, ledger, settings
        self._say, self._sleep = say, sleep

    def run(self, tickers: list[str]) -> None:
        """Take every step."""
        self.journal()
        self.cancel()
        self.sweep()
        self.positions(tickers)
        self.groups(tickers)

    def journal(self) -> None:
        """Say what the journal left: nothing is believed of an order whose end it does not tell."""
        self._ledger.run += 1
        self._ledger.skip_names()
        unknown = [[order.client_id, order.ticker] for order in self._ledger.orders.values()]
        self._say("start", {"step": "journal", "run": self._ledger.run, "unknown": unknown})

    def cancel(self) -> None:
        """Cancel each unknown order, read its fills, and see it over."""
        for _ in range(_TRIES):
            tickers = dict.fromkeys(order.ticker for order in self._ledger.orders.values())
            if not tickers:
                break
            for ticker in tickers:
                self._settle(ticker)
            if self._ledger.orders:
                self._sleep(_PAUSE_S)
        left = list(self._ledger.orders)
        self._say("start", {"step": "cancel", "left": left})

    def sweep(self) -> None:
        """Cancel what rests with our name on it, whether the journal knows it or not, until twice nothing rests."""
        swept, clean = list[str](), 0
        for _ in range(2 * _TRIES):
            resting = self._sender.resting()
            clean = 0 if resting else clean + 1
            if clean == 2:
                break
            for order_id, ticker in resting:
                try:
                    self._client.orders.cancel(order_id, ticker=ticker, subaccount=self._settings.subaccount)
                    swept.append(order_id)
                except (NotFoundError, RefusedRequestError):  # over already, or its market is
                    swept.append(order_id)
            self._sleep(_PAUSE_S)
        self._say("start", {"step": "sweep", "cancelled": list(dict.fromkeys(swept)), "clean": clean == 2})

    def positions(self, tickers: list[str]) -> None:
        """Compare positions; a new market begins with what the account holds, an old one must come out even."""
        theirs = self._sender.positions()
        for _ in range(_TRIES):
            if all(theirs.get(ticker, 0) == held.position for ticker, held in self._ledger.holdings.items()):
                break
            self._sleep(_PAUSE_S)
            theirs = self._sender.positions()
        uneven = {
            ticker: [held.position, theirs.get(ticker, 0)]
            for ticker, held in self._ledger.holdings.items()
            if theirs.get(ticker, 0) != held.position and held.halted is None
        }
        self._say("start", {"step": "positions", "uneven": uneven})
        for ticker, (ours, there) in uneven.items():
            text = f"we hold {ours / 100:g} contracts and the exchange says {there / 100:g}"
            self._ledger.holding(ticker).halted = f"uneven: {text}"
            self._say("halt", {"market": ticker, "guard": "uneven", "text": text})
        self.held = {ticker: theirs.get(ticker, 0) for ticker in tickers}
        self.cash = self._sender.cash()

    def groups(self, tickers: list[str]) -> None:
        """Give each market its order group; one that was stopped takes orders again only where nothing is halted."""
        limit, own = self._settings.lots("group_contracts"), self._settings.subaccount
        if limit is None:
            return
        for ticker in tickers:
            held = self._ledger.holdings.get(ticker)
            group = held.group if held is not None else None
            if group is not None:
                try:
                    self._client.order_groups.set_limit(group, limit, subaccount=own)
                    if held is not None and held.halted is None and self._ledger.killed is None:
                        self._client.order_groups.reset(group, subaccount=own)
                except (NotFoundError, RefusedRequestError):
                    group = None
            if group is None:
                group = self._client.order_groups.create(limit, subaccount=own)
            self._say("group", {"market": ticker, "id": group})
            if ticker not in self._ledger.holdings:
                self._ledger.holding(ticker).position = self.held[ticker]
            self._ledger.holding(ticker).group = group

    def _settle(self, ticker: str) -> None:
        orders = self._ledger.of_market(ticker)
        since = min(order.created for order in orders) // NS_PER_SECOND - 60
        named = [(order.client_id, order.order_id or "", order.side) for order in orders]
        answer = self._sender.do(Job(0, "settle", ticker, since=max(since, 0), orders=named))
        if answer.is_ != "done":
            return
        for found in answer.orders:
            if found.client_id in self._ledger.orders:
                self._ledger.confirmed(found.client_id, found.order_id)
                self._say("found", {"client_id": found.client_id, "order_id": found.order_id})
        for fill in sorted(answer.fills, key=lambda one: (one.ts, one.trade)):
            order = self._ledger.by_order_id(fill.order)
            if order is None or self._ledger.is_booked(fill.trade):
                continue
            told: dict[str, Any] = {
                "side": order.side, "price": fill.price, "lots": fill.lots, "fee": fill.fee, "trade": fill.trade,
                "order": fill.order, "client_id": order.client_id,
            }  # fmt: skip
            self._ledger.book(ticker, told, self._client.now())
            held = self._ledger.holding(ticker)
            self._say("fill", {"market": ticker, **told, "position": held.position, "cash": held.cash})
        for order in settled(self._ledger, ticker, answer, self._client.now(), self._settings):
            self._ledger.end(order.client_id)
            self._say("end", {"client_id": order.client_id, "filled": order.filled, "why": "settled at the start"})
