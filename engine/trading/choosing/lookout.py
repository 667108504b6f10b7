"""Looks at the exchange for a session: which markets of its series are open, what each is worth, and how to begin."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterable, Mapping

import msgspec

from ....features.signals.outside import OtherSignal
from ....io.ground.errors import InputError
from ....io.ground.units import NS_PER_SECOND
from ....io.kalshi.client import Client
from ....io.kalshi.rest.errors import KalshiError
from ....io.kalshi.stream.stream import Stream
from ....strategies.quoting.model import QuotingModel
from ...results.params import Params
from ..journal import JournalLine
from ..ledger import TradeLedger
from ..lines import Choosing, Scan, ScoredMarket
from ..listing import listed_markets, tickers_of, underlying_of
from ..market import Listed
from ..orders.jobs import Answer, Job
from ..settings import TradeSettings
from .choice import choose, rules_of


class Lookout:
    """Scans series and looks up what joins; in whatever thread."""

    def __init__(
        self, client: Client, settings: TradeSettings, choosing: Choosing | None, model: type[QuotingModel], *,
        params: Params | None = None, underlying: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._client, self._settings, self._asked = client, settings, choosing
        self._model, self._params, self._underlying = model, params, underlying or {}
        self._counts = params is not None and params.assumptions.rewards == "recorded"
        reads_others = any(isinstance(one, OtherSignal) for one in self._model.signals.values())
        #: among what is chosen while the session runs; the markets of a model that reads others stay as they are
        self.choosing = None if reads_others else choosing
        self._first: set[str] = set()
        self._next, self._is_looking = 0, False
        self._follow: queue.SimpleQueue[JournalLine] = queue.SimpleQueue()

    def begins_with(self, ledger: TradeLedger, named: list[str]) -> list[str]:
        """The named markets, and those that are chosen: as the last run left them, else as they are best now."""
        for ticker in named:
            if ticker in ledger.holdings:
                ledger.holding(ticker).standing = ""
        if self._asked is None:
            return named
        first = ledger.chosen() if self.choosing is not None else []
        if not first:
            best = choose(self._candidates(self._asked), {}, rules_of(self._asked, self._settings)).join
            first = [ticker for ticker in best if ticker not in named]
        self._first = set(first if self.choosing is not None else ())
        return [*named, *first]

    def begin(self, ledger: TradeLedger, listed: Iterable[Listed]) -> None:
        """Give the chosen markets that a run begins with their places."""
        for one in listed:
            ticker = one.market.ticker
            if ticker in self._first and ticker not in ledger.chosen():
                ledger.join(ticker, one.held, "")

    def symbols(self, read: Iterable[str]) -> list[str]:
        """The underlyings that markets of the session read, and those that markets of its series may come to read."""
        found = dict.fromkeys(read)
        if self.choosing is not None and self._model.needs_underlying:
            names = (underlying_of(one, one, self._underlying) for one in self.choosing.series)
            found |= dict.fromkeys(filter(None, names))
        return list(found)

    # While it runs

    def is_due(self, now: int) -> bool:
        """Whether it is time for the next look."""
        if self.choosing is None or self._is_looking or now < self._next:
            return False
        self._is_looking, self._next = True, now + round(self._settings.choose_s * NS_PER_SECOND)
        return True

    def told(self, line: JournalLine) -> None:
        """Remember what is to be followed from now on, and what no longer."""
        if line.kind in ("join", "left"):
            self._follow.put(line)

    def widen(self, stream: Stream) -> None:
        """Follow the markets that joined, and those that left no longer; in the stream's own thread."""
        with contextlib.suppress(queue.Empty):
            while True:
                line = self._follow.get_nowait()
                (stream.want if line.kind == "join" else stream.drop)([msgspec.json.decode(line.payload)["market"]])

    def scan(self) -> Scan | None:
        """Look at the series; None if the exchange does not answer."""
        assert self.choosing is not None
        listed = self._client.market_data.markets
        try:
            found, series = self._candidates(self.choosing), self.choosing.series
            pages = (page for name in series for page in listed(series_ticker=name, status="unopened", limit=1))
            return Scan(found, any(pages))
        except (KalshiError, InputError):
            return None
        finally:
            self._is_looking = False

    def _candidates(self, choosing: Choosing) -> list[ScoredMarket]:
        series = choosing.series
        if choosing.top is None:
            return [ScoredMarket(ticker) for ticker in tickers_of(self._client, series)]
        if self._counts and self._params is not None:
            from ...runs.reward_scan import scan_live

            sizes = [one.parameters.get("size") for one in self._params.applies]
            size = max((float(one) for one in sizes if isinstance(one, int | float)), default=1.0)
            paid = scan_live(self._client, series, size, 0.0, loss=0.0)
            return [ScoredMarket(one.ticker, one.per_dollar) for one in paid]
        from ....io.kalshi.scan import scan

        return [ScoredMarket(one.ticker, one.score) for one in scan(self._client, series)]

    def join(self, job: Job) -> Answer:
        """Look a market up, with its order group and what the account holds in it."""
        try:
            (listed,) = listed_markets(
                self._client, [job.ticker], self._positions(), self._underlying, programs=self._counts
            )
            if not listed.is_open:
                return Answer(job.n, "refused", text="it is not open")
            if self._model.needs_underlying and not listed.market.underlying:
                return Answer(job.n, "refused", text="nobody named the symbol of its underlying")
            limit, group = self._settings.lots("group_contracts"), job.group
            if self._settings.mode == "production" and limit is not None and not group:
                group = self._client.order_groups.create(limit, subaccount=self._settings.subaccount)
        except (KalshiError, InputError) as error:
            return Answer(job.n, "unknown", text=str(error))
        return Answer(job.n, "done", listed=listed, order_group=group)

    def _positions(self) -> dict[str, int]:
        if self._settings.mode == "paper":
            return {}
        pages = self._client.portfolio.positions(settlement_status="all", subaccount=self._settings.subaccount)
        return {one.ticker: int(one.position) for page in pages for one in page}
