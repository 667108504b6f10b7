"""A session of bets under way: the loop of every session, with a pipeline in the place of parameters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ....io.ground.errors import InputError
from ....io.kalshi.client import Client
from ....io.kalshi.rest.errors import KalshiError
from ....strategies.models.join_touch import JoinTouch
from ....strategies.own_file import Trust, trusting
from ....strategies.pipeline.pipeline import Pipeline, recorded_pipeline
from ...bets.backtest import MINUTE_NS, maker_of
from ...bets.portfolio.portfolio import rules
from ...bets.served import check_live
from ...simulator.assumptions.queue import queue_model
from ...version import __version__
from ..choosing.lookout import Lookout
from ..folder import SessionFolder
from ..journal import JournalLine
from ..ledger import TradeLedger
from ..lines import Choosing
from ..listing import listed_markets
from ..machine import Machine
from ..orders.jobs import Answer, Job, encode
from ..runner import SessionRunner
from ..settings import TradeSettings
from .account import BetHeader, folded, state_of
from .bar import bar_in_short
from .history import LATE_NS, listed_now
from .machine import BetMachine

_QUIET_S = 1.0


def check_bets(pipeline: Pipeline) -> None:
    """Refuse what a session of bets does not do."""
    if pipeline.limits().get("close_at_end") == "yes":
        raise InputError("a session has no last bar: set close_at_end=no in the pipeline")
    maker = maker_of((pipeline,))
    if maker is not None and queue_model(maker[0]).rate > 0:
        raise InputError("fills by chance need the whole history; set another queue in the pipeline")


class BetRunner(SessionRunner):
    """A session of bets by its folder; a pipeline that a user named himself is given, another one needs his trust."""

    def __init__(
        self, folder: SessionFolder, client: Client, tickers: Iterable[str], *, pipeline: Pipeline | None = None,
        clock: Callable[[], int] | None = None, inline: bool = False, trust: Trust = (),
        tell: Callable[[str], None] = lambda line: None, choosing: Choosing | None = None,
    ) -> None:  # fmt: skip
        if pipeline is None:
            with trusting(trust, folder.path):
                pipeline = recorded_pipeline(folder.pipeline())
        self._pipeline, self._rule = pipeline, rules(pipeline.limits())
        self._told_by, self._quiet_since, self._seen, self._asked_now = clock, time.monotonic(), 0, 0
        super().__init__(folder, client, tickers, clock=clock, inline=inline, trust=trust, tell=tell, choosing=choosing)

    @property
    def bets(self) -> BetMachine:
        """The machine as one of bets."""
        assert isinstance(self.machine, BetMachine)
        return self.machine

    def _check(self) -> None:
        """Refuse a trained model that has expired."""
        check_live(self._pipeline, self._client.now())

    def _look_out(self, choosing: Choosing | None, trust: Trust) -> Lookout:
        held = folded(self.folder, self._rule, None).held
        return _BetLookout(self._client, self.settings, choosing, held)

    def _machine(
        self, ledger: TradeLedger, tickers: list[str], held: dict[str, int], cash: int | None,
        rates: tuple[float, float], trust: Trust,
    ) -> Machine:  # fmt: skip
        if not tickers and self._lookout.choosing is None:
            raise InputError("no market to bet on is open: name markets, or another series")
        listed, now = listed_markets(self._client, tickers, held), self.now()
        for one in listed:
            if one.market.ticker not in ledger.holdings:
                ledger.holding(one.market.ticker).position = one.held
        bets = folded(self.folder, self._rule, BetMachine.keeps(self._pipeline))
        rows = listed_now(self._client, tickers, now if bets.runs else 0)
        replays = self._client.transport.is_replay or self._told_by is not None
        header = BetHeader(
            1, self.settings.document(), self.folder.params.name, listed, now, *rates, engine=__version__, cash=cash,
            pipeline=self._pipeline.as_dict(), rows=rows, late_ns=0 if replays else LATE_NS,
            step=int(self._pipeline.source.values["step_minutes"]) * MINUTE_NS, choosing=self._lookout.choosing,
        )  # fmt: skip
        self._lookout.begin(ledger, listed)
        BetMachine(header, TradeLedger(ledger.prefix), self.folder.path, pipeline=self._pipeline).warm()
        now = self.now()
        header = msgspec.structs.replace(header, now=now)
        state = state_of(ledger, bets)
        self.journal.append(JournalLine("state", now, encode(state)))
        self.journal.append(JournalLine("run", now, encode(header)))
        self.journal.commit()
        return BetMachine(header, ledger, self.folder.path, bets=state.bets, pipeline=self._pipeline)

    def step(self, timeout: float = 0.25) -> None:
        """Take in what came, decide, and send; a replay that says nothing is asked how late it is there."""
        super().step(timeout)
        if self.messages != self._seen:
            self._seen, self._quiet_since, self._asked_now = self.messages, time.monotonic(), 0
        elif self._told_by is None and self._stream_now and time.monotonic() - self._quiet_since > _QUIET_S:
            self._stream_now = max(self._stream_now, self._asked_now)  # nothing came since it was asked
            self._client.market_data.status()
            self._asked_now, self._quiet_since = self._client.now(), time.monotonic()

    def _decide(self) -> None:
        bars = self.bets.bets.bars
        super()._decide()
        if self.bets.bets.bars != bars:
            self.folder.write_bar(bar_in_short(self.bets.bets, self.bets.scores))

    def status(self) -> dict[str, Any]:
        """How the session stands: money in micros, sizes in lots, prices in ticks."""
        return {**super().status(), **self.bets.bet_status()}


class _BetLookout(Lookout):
    """Markets as they are named or open in a series, and those in which something is held."""

    def __init__(self, client: Client, settings: TradeSettings, choosing: Choosing | None, held: Iterable[str]) -> None:
        super().__init__(client, settings, choosing, JoinTouch)
        self._held = list(held)

    def begins_with(self, ledger: TradeLedger, named: list[str]) -> list[str]:
        """The named and chosen markets, and those in which something is held."""
        first = super().begins_with(ledger, named)
        held = [ticker for ticker, one in ledger.holdings.items() if one.position]
        return list(dict.fromkeys([*first, *held, *self._held]))

    def join(self, job: Job) -> Answer:
        """Look a market up, with what the table of markets has of it."""
        answer = super().join(job)
        if answer.is_ != "done":
            return answer
        try:
            return msgspec.structs.replace(answer, rows=listed_now(self._client, [job.ticker], 0))
        except (KalshiError, InputError) as error:
            return Answer(job.n, "unknown", text=str(error))
