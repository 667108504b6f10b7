"""A session as its guards see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from .guards import MarketSeen, Seen
from .ledger import TradeLedger
from .market import TradedMarket
from .orders.drift import Drift
from .orders.reconcile import Comparison
from .orders.room import at_stake
from .orders.side import VenueSide
from .orders.wished import wish_of


class Watched(Protocol):
    """What of a machine is looked at."""

    now: int
    heard: int
    disk_free: int | None
    collared: dict[str, int]
    unfit: str | None
    drift: Drift
    side: VenueSide
    comparison: Comparison
    ledger: TradeLedger

    @property
    def markets(self) -> Mapping[str, TradedMarket]: ...  # noqa: D102 - by ticker


def seen_of(machine: Watched) -> Seen:
    """The session as the guards see it."""
    if machine.side.assumed:  # on paper the quotes rest
        quotes = {ticker: wish_of(market.live.quote) for ticker, market in machine.markets.items()}
        rest = [(ticker, *place, lots) for ticker, wish in quotes.items() for place, lots in wish.items()]
    else:
        rest = [(one.ticker, one.side, one.price, one.left) for one in machine.ledger.orders.values()]
    stakes = at_stake(rest)
    markets = {ticker: market_seen(machine, ticker, *stakes.get(ticker, (0, 0))) for ticker in machine.markets}
    return Seen(
        machine.now, machine.heard, machine.drift.ns, machine.disk_free, machine.comparison.stranger,
        machine.comparison.cash_apart, markets, machine.unfit, machine.ledger.left(),
    )  # fmt: skip


def market_seen(machine: Watched, ticker: str, buys: int = 0, sells: int = 0) -> MarketSeen:
    """One market as a guard sees it; what rests there costs so much if it fills."""
    market, held = machine.markets[ticker], machine.ledger.holding(ticker)
    now = machine.side.standing(ticker)
    return MarketSeen(
        ticker, market.event, market.listed.exclusive, held.position, held.cash, market.live.mid, held.day_cash,
        now.refused, now.unknown_since, machine.comparison.disagreed(ticker), machine.collared.get(ticker),
        now.group_stopped, now.unpaid, buys, sells, now.untold_since,
        machine.comparison.differences(ticker, machine.now), machine.comparison.ghosts.get(ticker),
    )  # fmt: skip
