"""The markets that a session chose: which join, which are wound down, and which have left."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from ....io.ground.units import NS_PER_SECOND
from ..ledger import CHOSEN, ENDING, LEFT, TradeLedger
from ..lines import Choosing, Scan, ScoredMarket
from ..market import Listed, TradedMarket
from ..orders.jobs import Answer, Job
from ..orders.side import VenueSide
from ..settings import TradeSettings
from .choice import choose, rules_of


class RosterHost(Protocol):
    """What a roster asks of the machine."""

    ledger: TradeLedger
    settings: TradeSettings
    now: int
    markets: dict[str, TradedMarket]
    side: VenueSide

    def say(self, kind: str, document: Any) -> None:
        """Write a line."""
        ...

    def ask(self, job: Job) -> None:
        """Send a request."""
        ...

    def begin(self, listed: Listed) -> None:
        """Begin to trade a market."""
        ...

    def is_over(self, ticker: str) -> bool:
        """Whether nothing of a market is waited for but its last fills."""
        ...

    def forget(self, ticker: str) -> None:
        """Let go of a market."""
        ...

    def touch(self, ticker: str) -> None:
        """Look at a market in the next turn."""
        ...


class Roster:
    """Chooses at each scan, and whenever a place becomes free."""

    def __init__(self, host: RosterHost, choosing: Choosing) -> None:
        self._host, self._rules = host, rules_of(choosing, host.settings)
        self._found: list[ScoredMarket] = []
        self._asked: dict[int, str] = {}  # requests whose answers begin a market
        self.ahead = True  #: whether there may be more to trade than there is
        self._due = False
        self._empty: dict[str, int] = {}  # markets that are over, with nothing held or resting, and since when
        for ticker in host.markets:
            if host.ledger.holding(ticker).standing == ENDING:
                self._wind_down(ticker)

    def scanned(self, scan: Scan) -> None:
        """Take in what a look at the series found."""
        self._found, self._due = scan.candidates, True
        self.ahead = scan.ahead or bool(scan.candidates)

    def answered(self, answer: Answer) -> None:
        """Begin a market that was looked up; one that could not be is asked for again after the next scan."""
        ticker = self._asked.pop(answer.n, None)
        if ticker is None:
            return
        if answer.is_ != "done" or answer.listed is None:
            self._host.say("stay", {"market": ticker, "text": answer.text})
            self._found = [one for one in self._found if one.ticker != ticker]
            return
        listed, ledger = answer.listed, self._host.ledger
        ledger.join(ticker, listed.held, answer.order_group)
        self._host.say("join", {"market": ticker, "held": listed.held, "group": answer.order_group})
        self._host.begin(msgspec.structs.replace(listed, held=ledger.holding(ticker).position))

    def turn(self) -> None:
        """Let go of what is over, and choose anew where something changed."""
        host = self._host
        late = round(host.settings.list_lag_s * NS_PER_SECOND)  # until then a fill may be told that nobody heard of
        for ticker in self._held():
            if not (host.is_over(ticker) and not host.ledger.holding(ticker).position and host.side.quiet(ticker)):
                self._empty.pop(ticker, None)
                continue
            if ticker not in self._empty:
                self._empty[ticker], self._due = host.now, True
            elif host.now - self._empty[ticker] >= late:
                del self._empty[ticker]
                self._stand(ticker, "left", LEFT)
                host.forget(ticker)
        if self._due and self._host.ledger.killed is None:
            self._due = False
            self._choose()

    def _held(self) -> dict[str, bool]:
        """The markets of the choice, and whether each is being wound down."""
        held = {ticker: self._host.ledger.holding(ticker).standing for ticker in self._host.markets}
        return {ticker: now == ENDING for ticker, now in held.items() if now in (CHOSEN, ENDING)}

    def _choose(self) -> None:
        host = self._host
        held = self._held()
        places = {one: ends for one, ends in held.items() if not (host.markets[one].closed or one in self._empty)}
        named = {ticker for ticker in host.markets if not host.ledger.holding(ticker).standing}
        closed = {ticker for ticker, market in host.markets.items() if market.closed}
        free = [one for one in self._found if one.ticker not in named | closed]
        coming = dict.fromkeys(self._asked.values(), False)
        choice = choose(free, {**places, **coming}, self._rules)
        for ticker in choice.part:
            if ticker in places:
                self._stand(ticker, "part", ENDING)
                self._wind_down(ticker)
        for ticker in choice.join:
            if ticker in held:
                self._empty.pop(ticker, None)
                host.markets[ticker].wind_down(False)
                self._stand(ticker, "back", CHOSEN)
            else:
                job = Job(0, "join", ticker, group=host.ledger.holding(ticker).group or "")
                host.ask(job)
                self._asked[job.n] = ticker

    def _wind_down(self, ticker: str) -> None:
        self._host.markets[ticker].wind_down()

    def _stand(self, ticker: str, kind: str, standing: str) -> None:
        self._host.ledger.holding(ticker).standing = standing
        self._host.say(kind, {"market": ticker})
        self._host.touch(ticker)
