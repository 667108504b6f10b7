"""The deterministic heart of a session of bets: that of every session, with bars that decide in the place of quotes.

At each bar's end a pipeline scores, enters, holds and leaves as its backtest does. On paper its fills are assumed, and
in production they are the exchange's, by orders that take or rest as those of quotes do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from ....io.ground.errors import InputError
from ....io.kalshi.stream.frames import Frame, Lifecycle
from ....io.store.schema import Side
from ....strategies.own_file import Trust, trusting
from ....strategies.pipeline.pipeline import Pipeline, recorded_pipeline
from ...bets.panel.build import ends_of
from ...bets.served import Moves, check_live
from ...bets.types import Exit
from ...live.live import Taking
from ...simulator.tape.tape import kernel_grid
from ..journal import JournalLine
from ..ledger import TradeLedger
from ..lines import Command
from ..machine import Machine
from ..market import Listed
from ..orders.jobs import Answer, encode
from ..orders.way_out import way_out
from ..orders.wished import wish_of
from .account import BetAccount, BetHeader, BetLedgerState, BetState, Want, state_of, told_bet
from .deciding import Decided, Decider, GotResting, MarketScore
from .history import MarketsHeard, again
from .market import BetMarket
from .paper import got_on_paper
from .rows import BarRow, MarketRows

#: Bets that are over and that the status shows.
_SHOWN = 50
_PAID = {"yes": 10_000, "no": 0}


class BetMachine(Machine):
    """One run of a session of bets."""

    def __init__(
        self, header: BetHeader, ledger: TradeLedger, folder: Path, *, trust: Trust = (), bets: BetState | None = None,
        pipeline: Pipeline | None = None,
    ) -> None:  # fmt: skip
        if pipeline is None:
            with trusting(trust, folder):
                pipeline = recorded_pipeline(header.pipeline)
        self.pipeline, self._late_ns = pipeline, header.late_ns
        self.decider = Decider(pipeline, assumed=header.settings["mode"] == "paper")
        self.bets = BetAccount(bets or BetState(), self.decider.rule, self.decider.keep)
        self.bets.began(header.now, header.step)
        self.known = MarketsHeard.of(pipeline.source.keep(), self.bets.log)
        self.known.list(header.rows)
        self.bets.log = self.known.log
        self.scores: list[MarketScore] = []
        self._paid: dict[str, int] = {}  # as of the last bar's end
        self._moves = Moves(pipeline, self.bets.moved)
        super().__init__(header, ledger, folder, trust=trust)

    @classmethod
    def of(cls, header: bytes, state: bytes, folder: Path, trust: Trust = ()) -> BetMachine:
        """A machine as a journal's lines say that it began."""
        stood = msgspec.json.decode(state, type=BetLedgerState)
        told = msgspec.json.decode(header, type=BetHeader)
        return cls(told, TradeLedger.of(stood), folder, trust=trust, bets=stood.bets)

    def state(self) -> JournalLine:
        """The account as a segment of the journal begins with it."""
        return JournalLine("state", self.now, encode(state_of(self.ledger, self.bets)))

    @property
    def over(self) -> bool:
        """Whether every market has paid and nothing is held."""
        if not self.bets.bars or self.bets.held or (self.roster is not None and self.roster.ahead):
            return False
        markets = self.known.at(self.bets.until)
        paid = markets["settlement"].is_not_null() | markets["result"].is_in(["yes", "no"])
        over = (markets["settled_ts"] <= self.bets.until).fill_null(value=True)
        return bool((paid.fill_null(value=False) & over).all())

    def warm(self) -> None:
        """Compile what a bar needs before the stream begins."""
        if not self.markets:
            return
        self.decider.warm(self.known.at(self.now))
        market = next(iter(self._bet_markets().values()))
        spare = BetMarket(market.listed, self.ledger, lambda: self.now, MarketRows(), told=lambda *_: None)
        spare.bar(0, self.now - self.bets.step, self.now)
        if self.decider.orders is not None and self.side.assumed:
            spare.show(4_900, 5_100)
            spare.placed(self.now)
            got_on_paper(spare, 1, self.now, self.now + self.bets.step, self.bets.step, self.decider.orders[0])

    @staticmethod
    def keeps(pipeline: Pipeline) -> int | None:
        """How many bars of a market a pipeline needs; None: all."""
        return Decider(pipeline, assumed=True).keep

    def paid(self, end: int) -> dict[str, int]:
        """What one YES of each market paid, in ticks, where that was known at a bar's end."""
        markets = self.known.at(end)
        payout = pl.coalesce("settlement", pl.col("result").replace_strict(_PAID, default=None, return_dtype=pl.Int32))
        found = markets.filter(pl.coalesce("settled_ts", "close_ts") <= end).select("ticker", payout.alias("paid"))
        return dict(found.drop_nulls().iter_rows())

    def _load(self, params: Path, trust: Trust) -> None:
        """A pipeline was loaded already, and looks after its own models."""
        self._served = None

    def _market(self, listed: Listed) -> BetMarket:
        ticker = listed.market.ticker
        return BetMarket(
            listed, self.ledger, lambda: self.now, self.bets.rows.setdefault(ticker, MarketRows()),
            resting=lambda: self.side.resting(ticker), told=self._filled_bet,
        )  # fmt: skip

    def hear(self, ts: int, frame: Frame, raw: bytes = b"") -> None:
        """Take a message of the stream in, with its text as it came."""
        if isinstance(frame, Lifecycle) and frame.msg.market_ticker in self.known.listed:
            self.known.hear(ts, raw.replace(b"\n", b" "))
        super().hear(ts, frame, raw)

    def answer(self, ts: int, answer: Answer) -> None:
        """Take what the exchange answered in; a market that joins is listed, and what was known of it before stays."""
        if answer.rows:
            self.known.list(again(answer.rows, self.known.listed, ts))
        super().answer(ts, answer)

    def is_over(self, ticker: str) -> bool:
        """A market is waited for until a bar has seen what it paid, as it tells of bets that are over, too."""
        return ticker in self._paid

    def command(self, ts: int, command: Command) -> None:
        """Do what a person says."""
        if command.verb == "flatten":
            self.bets.by_hand(command.tickers)
        super().command(ts, command)

    # Bars

    def _decided(self) -> None:
        """Decide on the bars that are over, when all that was heard is taken in."""
        bets = self.bets
        while bets.until + bets.step < self.now - self._late_ns:
            self._bar(bets.until + bets.step)

    def _bar(self, end: int) -> None:
        bets = self.bets
        markets = self.known.at(end)
        ends = dict(zip(markets["ticker"], ends_of(markets).to_list(), strict=True))
        rows: dict[str, BarRow] = {}
        late = 0
        for ticker, market in self._bet_markets().items():
            over = ends.get(ticker)
            row, came = market.bar(bets.bars, bets.until, end)
            late += came
            if row is not None and (over is None or over > bets.until) and ticker in ends:
                rows[ticker] = row
        if not rows and not bets.bars:  # bars begin with the first that has a book
            bets.begin = end
            return
        decided = self.decider.bar(bets, markets, rows, self._got(end), self._closed(), self._is_shut)
        self._take_bar(decided, late, end)

    def _take_bar(self, decided: Decided, late: int, end: int) -> None:
        """Write a bar down, and want what it asks for."""
        line = decided.line
        if late:
            line["late"] = late
        self._refuse(end, decided)
        line["moved"] = self._moves.state()
        self._paid = self.paid(end)
        line["paid"] = {ticker: paid for ticker, paid in self._paid.items() if ticker in self.bets.unpaid}
        self.bets.bar(line)
        for told in decided.changed:
            self.say("bet", told, end)
        for one in decided.fills:
            self.fill(one.ticker, one.side, one.price, one.lots, one.fee, end, "", None)
        self.say("bar", line, end)
        self.scores = decided.scores
        leaving = {one.ticker: one for one in decided.leaving}
        for ticker, market in self._bet_markets().items():
            h, want = self.bets.held.get(ticker), self.bets.wants.get(ticker)
            market.live.nothing()
            if h is not None and h["reserved"]:
                self._rest(market, h, end)
            else:
                market.left()
            if (one := leaving.get(ticker)) is not None:
                self._leave(market, one.side, one.lots)
            elif want is not None:
                self._enter(market, want)
            self.touch(ticker)

    def _rest(self, market: BetMarket, h: Any, end: int) -> None:
        market.live.rests(int(h["side"]), _yes(h), int(h["ordered"]))
        if h["entry_bar"] == self.bets.bars - 1 and self.side.assumed:
            market.placed(end)

    def _enter(self, market: BetMarket, want: Want) -> None:
        """Take up to what the backtest pays, which has its slippage in it."""
        ticks = kernel_grid(market.listed.market.grid).ticks
        if want.side > 0:
            price = int(ticks[np.searchsorted(ticks, want.price, side="right") - 1])
        else:
            price = int(ticks[np.searchsorted(ticks, 10_000 - want.price, side="left")])
        market.live.taking = Taking(Side(want.side), price, want.lots)

    def _leave(self, market: BetMarket, side: int, lots: int) -> None:
        """Sell no worse than the collar."""
        if market.live.mid:
            market.live.taking = Taking(Side(-side), way_out(market, side, self.settings)[1], lots)

    def _bet_markets(self) -> dict[str, BetMarket]:
        return {ticker: one for ticker, one in self.markets.items() if isinstance(one, BetMarket)}

    def _closed(self) -> list[str]:
        """Markets in which nothing is entered or left now; on paper what a person sells is sold at the next bar."""
        by_hand = {ticker for ticker, h in self.bets.held.items() if self.side.assumed and h["reason"] == Exit.BY_HAND}
        return [ticker for ticker in self.markets if self._stopped(ticker) and ticker not in by_hand]

    def _is_shut(self, ticker: str) -> bool:
        market = self.markets.get(ticker)
        return not isinstance(market, BetMarket) or not market.is_open

    def _got(self, end: int) -> dict[str, GotResting]:
        """What orders that rest got since the last bar: as the exchange told it, or as the venue's model has it."""
        if not self.side.assumed:
            return {ticker: GotResting(lots, fee) for ticker, (lots, fee) in self.bets.got.items()}
        assert self.decider.orders is not None or not any(h["reserved"] for h in self.bets.held.values())
        found: dict[str, GotResting] = {}
        for ticker, h in self.bets.held.items():
            market = self.markets.get(ticker)
            if h["reserved"] and isinstance(market, BetMarket) and self.decider.orders is not None:
                first = self.bets.begin + (int(h["entry_bar"]) + 1) * self.bets.step
                found[ticker] = GotResting(
                    got_on_paper(market, int(h["side"]), first, end, self.bets.step, self.decider.orders[0]), None
                )
        return found

    def _refuse(self, end: int, decided: Decided) -> None:
        """Stop where a trained model has expired, or what it reads has moved: before anything is sent."""
        self.unfit = None
        try:
            check_live(self.pipeline, end)
            self._moves.see(decided.window.panel)
        except InputError as error:
            self.unfit, self._next_look = str(error), 0

    # Orders

    def _act(self, touched: list[str]) -> None:
        """Send what bets ask for; a lease is renewed though nothing happens in its market."""
        asking = [ticker for ticker, market in self.markets.items() if market.live.taking or wish_of(market.live.quote)]
        super()._act(list(dict.fromkeys([*touched, *asking])))

    def _filled_bet(self, ticker: str, side: int, price: int, lots: int, fee: int) -> None:
        h = self.bets.held.get(ticker)
        for told in self.bets.filled(ticker, side, price, lots, fee):
            self.say("bet", told)
        if h is not None and h["reserved"]:  # what filled is wished for no more
            rest = int(h["ordered"]) - self.bets.got[ticker][0]
            self._bet_markets()[ticker].live.rests(int(h["side"]), _yes(h), max(rest, 0))

    def bet_status(self) -> dict[str, Any]:
        """The bets as the session's status tells them."""
        bets = self.bets
        return {
            "kind": "bets", "bar": bets.until, "cash": int(bets.account["cash"]), "equity": int(bets.account["equity"]),
            "bets": [told_bet(ticker, h, bets) for ticker, h in bets.held.items() if not h["reserved"]],
            "bets_resting": [
                {"market": ticker, "side": "yes" if h["side"] > 0 else "no", "price": int(h["price"]),
                 "lots": int(h["ordered"])} for ticker, h in bets.held.items() if h["reserved"]
            ],
            "bets_over": bets.over, "bets_made": bets.made, "bets_lately": list(bets.lately)[-_SHOWN:],
        }  # fmt: skip


def _yes(h: Any) -> int:
    """The price of a holding as one of YES."""
    return int(h["price"]) if h["side"] > 0 else 10_000 - int(h["price"])
