"""Incentive programs at the local exchange: it looks at its own books every second, and pays when a period ends."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...io.ground.grids import grid_levels
from ...io.ground.units import NS_PER_SECOND
from ...io.store.schema import Side
from ..rewards.exact import SideScore, side_score
from ..rewards.payout import amount, paid
from ..rewards.programs import LIQUIDITY, Program
from ..rewards.rules import RewardRules, rules_at
from ..rewards.snapshots import snapshot_times
from . import wire
from .market.venue import TradingVenue, VenueMarket

#: What programs can be asked for by.
STATES = ("all", "active", "upcoming", "closed", "paid_out")
KINDS = ("all", "liquidity", "volume")
#: Seconds whose moments are drawn at once.
_AT_ONCE = 3_600


@dataclass
class VenueProgram:
    """A program under way: what the client's orders have scored so far."""

    program: Program
    rules: RewardRules
    own_sum: Fraction = Fraction(0)
    included: int = 0
    paid: int | None = None  #: micros, once the period is over


class Incentives:
    """Takes the snapshots of all programs of a venue and pays its account. Runs on the venue's own timers."""

    def __init__(self, venue: TradingVenue, programs: Sequence[Program], seed: int = 0) -> None:
        self._venue, self._seed = venue, seed
        self.programs = [VenueProgram(one, rules_at(one.start)) for one in programs if one.ticker in venue.markets]
        self._pay_for = [one for one in self.programs if one.program.kind == LIQUIDITY]
        self._grids: dict[str, list[int]] = {}
        for one in self._pay_for:
            venue.at(one.program.end, lambda one=one: self._pay(one))
        if self._pay_for:
            self._plan(max(venue.now, min(one.program.start for one in self._pay_for)))

    def _plan(self, since: int) -> None:
        """Put the snapshots of the next hour on the venue's clock, up to the last period's end."""
        last = min(max(one.program.end for one in self._pay_for), self._venue.horizon)
        until = min(since + _AT_ONCE * NS_PER_SECOND, last)
        for moment in snapshot_times(since, until, self._seed).tolist():
            self._venue.at(moment, self._look, is_seen=False)
        if until < last:
            self._venue.at(until, lambda: self._plan(until), is_seen=False)

    def _look(self) -> None:
        now = self._venue.now
        for one in self._pay_for:
            if one.program.start <= now < one.program.end:
                market = self._venue.markets[one.program.ticker]
                if not one.rules.scaled or next(market.book.own(), None) is not None:
                    self._score(one, market)

    def _score(self, one: VenueProgram, market: VenueMarket) -> None:
        if not market.book.known or not self._venue.matching(market):
            return
        scores = [self._side(one, market, side) for side in (Side.BID, Side.ASK)]
        if scores[0] is None or scores[1] is None:
            return
        one.included += 1
        one.own_sum += scores[0].share + scores[1].share

    def _side(self, one: VenueProgram, market: VenueMarket, side: Side) -> SideScore | None:
        """Score a side as bids at levels of the grid; None too where the rules leave its snapshot out."""
        ticks = self._grid(market.listing.grid)
        top = len(ticks) - 1

        def level(price: int) -> int:
            return bisect_left(ticks, price) if side is Side.BID else top - bisect_left(ticks, price)

        book, own = Counter[int](), Counter[int]()
        for price, lots in market.book.shown(side).items():
            book[level(price)] += lots
        for order in market.book.own():
            if order.side is side:
                own[level(order.price)] += order.remaining
        book.subtract(own)
        if one.rules.highest == "excluded" and max(book, default=0) >= top - 1:
            return None

        def distance(reference: int, price: int) -> Fraction:
            if one.rules.unit == "ticks":
                return Fraction(reference - price)
            pair = (reference, price) if side is Side.BID else (top - price, top - reference)
            return Fraction(ticks[pair[0]] - ticks[pair[1]], 100)

        return side_score(book, own, one.program.target, one.program.discount, one.rules, distance)

    def _grid(self, name: str) -> list[int]:
        """The prices of a grid in ticks."""
        if name not in self._grids:
            self._grids[name] = grid_levels(name).tolist()
        return self._grids[name]

    def _pay(self, one: VenueProgram) -> None:
        program = one.program
        earned = amount(one.own_sum, one.included, program.seconds, program.reward, scaled=one.rules.scaled)
        one.paid = paid(earned, program.cap)
        self._venue.account.cash += one.paid

    def listed(self, status: str | None, kind: str | None) -> list[tuple[str, dict[str, Any]]]:
        """The programs of a state and type, as the exchange writes them, by id."""
        return [
            (one.program.id, self._view(one))
            for one in sorted(self.programs, key=lambda one: one.program.id)
            if kind in (None, "all", one.program.kind) and status in (None, "all", self._status(one))
        ]

    def _status(self, one: VenueProgram) -> str:
        if self._venue.now < one.program.start:
            return "upcoming"
        if self._venue.now < one.program.end:
            return "active"
        return "paid_out" if one.paid is not None else "closed"

    def _view(self, one: VenueProgram) -> dict[str, Any]:
        program = one.program
        shown = {
            "id": program.id, "market_id": program.ticker, "market_ticker": program.ticker,
            "incentive_type": program.kind, "incentive_description": "series_lip",
            "start_date": wire.stamp(program.start), "end_date": wire.stamp(program.end),
            "period_reward": program.reward // 100, "paid_out": one.paid is not None,
            "discount_factor_bps": program.discount, "target_size_fp": wire.count(program.target),
        }  # fmt: skip
        return shown if program.cap is None else shown | {"max_reward_per_account": program.cap // 100}
