"""What a session of bets holds and why, in whole numbers: it changes by the journal's lines alone.

A bar of the journal says all that it changed, so that the account after it is that of the line; a fill says the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ....io.ground.units import LOTS_PER_CONTRACT
from ....io.kalshi.stream.frames import Lifecycle, decode_frame
from ...bets.portfolio.stepping import opened
from ...bets.types import ACCOUNT, HOLDING, NO_PRICE, Exit
from ..folder import SessionFolder
from ..journal import latest_state, read
from ..ledger import LedgerState, TradeLedger
from ..lines import Command, RunHeader
from ..orders.jobs import Answer
from .history import LIFECYCLE, again, listed_in
from .rows import MarketRows

#: Bets that are over and are told in a session's status.
LATELY = 300
#: In the answer of a market that joins.
ROWS = b'"rows":'
_DOLLAR = 10_000


class Want(msgspec.Struct):
    """An entry that a bar decided on: so many lots of a side up to a price, with what is known of it."""

    ticker: str
    side: int  #: 1 YES, -1 NO
    lots: int
    price: int  #: of the own side, ticks
    score: int
    mark: int
    bar: int


class BetState(msgspec.Struct):
    """An account of bets as a segment of the journal begins with it."""

    begin: int = 0
    step: int = 0
    bars: int = 0  #: that are over
    runs: int = 0
    account: list[Any] = []
    held: list[tuple[str, list[Any]]] = []  #: ticker and HOLDING of what is held and of orders that rest
    rows: dict[str, list[Any]] = {}
    wants: list[Want] = []
    got: dict[str, tuple[int, int]] = {}  #: lots and fees of resting orders' fills since the last bar
    log: list[dict[str, Any]] = []  #: what was told of the markets
    moved: dict[str, list[list[int]]] = {}  #: trained model -> of each input how many rows fell into each group
    over: int = 0
    made: int = 0  #: of bets that are over, micros
    fates: dict[str, int] = {}  #: what became of candidates
    unpaid: dict[str, dict[str, list[int]]] = {}  #: ticker -> fate -> contracts of YES, their cost, of NO, their cost
    settled: dict[str, list[int]] = {}  #: fate -> contracts whose market has paid, those that won, what they made
    lately: list[dict[str, Any]] = []


class BetHeader(RunHeader):
    """How a run of a session of bets began."""

    pipeline: dict[str, Any] = msgspec.field(default_factory=dict)
    rows: list[dict[str, Any]] = msgspec.field(default_factory=list)  #: of the table of markets
    step: int = 0  #: ns from bar to bar
    late_ns: int = 0  #: how long after a bar's end it is scored


class BetLedgerState(LedgerState):
    """Both accounts as a segment of the journal begins with them."""

    bets: BetState = msgspec.field(default_factory=BetState)


class BetAccount:
    """The account under way. Bars of holdings count from the session's first."""

    def __init__(self, state: BetState, rule: Any, keep: int | None) -> None:
        self.begin, self.step, self.bars, self.runs = state.begin, state.step, state.bars, state.runs
        self.keep = keep
        self.account = np.array([tuple(state.account)], ACCOUNT)[0] if state.account else opened(rule)
        self.held: dict[str, Any] = {ticker: np.array([tuple(one)], HOLDING)[0] for ticker, one in state.held}
        self.rows = {ticker: MarketRows.of(one) for ticker, one in state.rows.items()}
        self.wants = {one.ticker: one for one in state.wants}
        self.got = dict(state.got)
        self.log, self.moved = list(state.log), dict(state.moved)
        self.over, self.made = state.over, state.made
        self.fates, self.unpaid, self.settled = dict(state.fates), dict(state.unpaid), dict(state.settled)
        self.lately: deque[dict[str, Any]] = deque(state.lately, LATELY)

    def state(self) -> BetState:
        """The account as it stands."""
        return BetState(
            self.begin if self.bars else 0, self.step, self.bars, self.runs, plain(self.account),
            [(ticker, plain(one)) for ticker, one in self.held.items()],
            {ticker: one.state() for ticker, one in self.rows.items()}, list(self.wants.values()), self.got, self.log,
            self.moved, self.over, self.made, self.fates, self.unpaid, self.settled,
            list(self.lately),
        )  # fmt: skip

    @property
    def until(self) -> int:
        """The end of the last bar."""
        return self.begin + self.bars * self.step

    # Lines that change it

    def began(self, now: int, step: int) -> None:
        """A run begins: what the last one wanted and did not get is over."""
        if not self.bars:
            self.begin, self.step = now // step * step, step
        self.runs += 1
        self.wants = {}

    def bar(self, told: dict[str, Any]) -> None:
        """A bar is over: its rows, and what is held after it."""
        for ticker, row in told["rows"].items():
            self.rows.setdefault(ticker, MarketRows()).append(self.bars, row, self.keep)
        self.begin = told["until"] - (self.bars + 1) * self.step
        self.bars += 1
        self.account = np.array([tuple(told["account"])], ACCOUNT)[0]
        self.held = {ticker: np.array([tuple(one)], HOLDING)[0] for ticker, one in told["held"]}
        self.wants = {one["ticker"]: Want(**one) for one in told["wants"]}
        self.got, self.moved = {}, told["moved"]
        for one in told["ended"]:
            self._ended(one)
        for ticker, fate, side, price in told["candidates"]:
            self.fates[fate] = self.fates.get(fate, 0) + 1
            if price is not None:
                sums = self.unpaid.setdefault(ticker, {}).setdefault(fate, [0, 0, 0, 0])
                at = 0 if side > 0 else 2
                sums[at], sums[at + 1] = sums[at] + 1, sums[at + 1] + price
        for ticker, paid in told["paid"].items():
            self._settle(ticker, paid)

    def _settle(self, ticker: str, paid: int) -> None:
        """What one contract of each candidate in a market that has paid would have made."""
        for fate, sums in self.unpaid.pop(ticker, {}).items():
            table = self.settled.setdefault(fate, [0, 0, 0])
            for (count, cost), worth in zip((sums[:2], sums[2:]), (paid, _DOLLAR - paid), strict=True):
                table[0] += count
                table[1] += count if worth * count > cost else 0
                table[2] += (worth * count - cost) * LOTS_PER_CONTRACT
        for one in self.lately:
            if one["market"] == ticker:
                one["result"] = (paid if one["side"] == "yes" else _DOLLAR - paid) / _DOLLAR

    def by_hand(self, tickers: Collection[str]) -> None:
        """A person sells what is held in some markets, or in all where none is named."""
        for ticker, h in self.held.items():
            if not h["reserved"] and (ticker in tickers or not tickers):
                h["reason"] = Exit.BY_HAND

    def filled(self, ticker: str, side: int, price: int, lots: int, fee: int) -> list[dict[str, Any]]:
        """The exchange told a fill: ``side`` 1 buys YES, prices are those of YES. Returns the bet that it changed."""
        h = self.held.get(ticker)
        if h is not None and h["reserved"]:
            before = self.got.get(ticker, (0, 0))
            self.got[ticker] = before[0] + lots, before[1] + fee
            return []
        if h is not None and h["side"] != side:
            return self._sold(ticker, h, _own(price, -side), min(lots, int(h["left"])), fee)
        return self._bought(ticker, h, side, _own(price, side), lots, fee)

    def _sold(self, ticker: str, h: Any, own: int, lots: int, fee: int) -> list[dict[str, Any]]:
        account, money = self.account, own * lots
        account["cash"] += money - fee
        account["fees"] += fee
        h["left"] -= lots
        h["proceeds"] += money
        h["exit_fee"] += fee
        h["exit_bar"] = self.bars - 1
        if h["left"]:
            return [told_bet(ticker, h, self)]
        del self.held[ticker]
        account["locked"] -= int(h["price"]) * int(h["lots"])
        account["trades"] += 1
        return [self._ended(told_bet(ticker, h, self, over=True))]

    def _bought(self, ticker: str, h: Any, side: int, own: int, lots: int, fee: int) -> list[dict[str, Any]]:
        account, cost = self.account, own * lots
        account["cash"] -= cost + fee
        account["fees"] += fee
        account["turnover"] += cost
        if h is None:
            want = self.wants.get(ticker)
            h = self.held[ticker] = np.zeros(1, HOLDING)[0]
            h["side"], h["entry_bar"], h["exit_bar"] = side, self.bars - 1, -1
            h["score"], h["mark"] = (want.score, want.mark) if want is not None else (0, own)
            h["price"], h["best"], h["trigger"] = own, own, NO_PRICE
        paid = int(h["price"]) * int(h["lots"]) + cost
        before, total = int(h["price"]) * int(h["lots"]), int(h["lots"]) + lots
        h["price"] = -(-paid // total)  # of several prices their mean, rounded up
        h["proceeds"] += int(h["price"]) * total - paid  # what the rounding took too much
        h["lots"], h["left"] = total, int(h["left"]) + lots
        h["entry_fee"] += fee
        account["locked"] += int(h["price"]) * total - before
        return [told_bet(ticker, h, self)]

    def _ended(self, told: dict[str, Any]) -> dict[str, Any]:
        self.over += 1
        self.made += told["pnl"]
        self.lately.append(told)
        return told


def told_bet(ticker: str, h: Any, account: BetAccount, *, over: bool = False) -> dict[str, Any]:
    """A bet as the journal and the status tell it: prices in ticks of the own side, sizes in lots, money in micros."""
    begin, step = account.begin, account.step
    chance = min(max(int(h["mark"]) + int(h["side"]) * int(h["score"]), 1), _DOLLAR - 1) / _DOLLAR
    pnl = int(h["proceeds"]) - int(h["price"]) * int(h["lots"]) - int(h["entry_fee"]) - int(h["exit_fee"])
    return {
        "market": ticker, "side": "yes" if h["side"] > 0 else "no",
        "entered": begin + (int(h["entry_bar"]) + 1) * step, "probability": chance, "mark": int(h["mark"]),
        "score": int(h["score"]), "price": int(h["price"]), "lots": int(h["lots"]), "left": int(h["left"]),
        "proceeds": int(h["proceeds"]), "fees": int(h["entry_fee"] + h["exit_fee"]),
        "exit": Exit(int(h["reason"])).name.lower().replace("_", " ") if over else None,
        "left_at": begin + (int(h["exit_bar"]) + 1) * step if over else None,
        "pnl": pnl if over else None,
    }  # fmt: skip


def plain(record: Any) -> list[Any]:
    """A row of a structured array as plain numbers."""
    return list(record.tolist())


def _own(price: int, side: int) -> int:
    """A YES price as the side that is held has it, and back."""
    return price if side > 0 else _DOLLAR - price


def folded(folder: SessionFolder, rule: Any, keep: int | None) -> BetAccount:
    """The account of bets as the journal's lines leave it, whatever ended the process that wrote them."""
    made, paths, listed = BetAccount(BetState(), rule, keep), list[Path](), set[str]()
    if folder.journal.is_dir():
        _, paths = latest_state(folder.journal)
    is_told = folder.settings().mode != "paper"
    for line in read(paths):
        if line.kind == "state":
            made = BetAccount(msgspec.json.decode(line.payload, type=BetLedgerState).bets, rule, keep)
            listed = listed_in(made.log)
        elif line.kind == "run":
            header = msgspec.json.decode(line.payload, type=BetHeader)
            made.began(header.now, header.step)
            made.log.append({"rows": header.rows})
            listed |= listed_in(made.log[-1:])
        elif line.kind == "ans" and ROWS in line.payload:
            rows = msgspec.json.decode(line.payload, type=Answer).rows
            made.log.append({"rows": again(rows, listed, line.ts)})
            listed |= listed_in(made.log[-1:])
        elif line.kind == "<" and LIFECYCLE in line.payload:
            frame = decode_frame(line.payload)
            if isinstance(frame, Lifecycle) and frame.msg.market_ticker in listed:
                made.log.append({"ts": line.ts, "raw": line.payload.decode()})
        elif line.kind == "bar":
            made.bar(msgspec.json.decode(line.payload))
        elif line.kind == "fill" and is_told:
            told = msgspec.json.decode(line.payload)
            made.filled(told["market"], told["side"], told["price"], told["lots"], told["fee"])
        elif line.kind == "cmd":
            command = msgspec.json.decode(line.payload, type=Command)
            if command.verb == "flatten":
                made.by_hand(command.tickers)
    return made


def state_of(ledger: TradeLedger, bets: BetAccount) -> BetLedgerState:
    """Both accounts as a segment begins with them."""
    told = {name: getattr(ledger.state(), name) for name in LedgerState.__struct_fields__}
    return BetLedgerState(**told, bets=bets.state())
