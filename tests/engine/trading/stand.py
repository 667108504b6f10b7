"""A machine on its own: messages go in by hand, every request is answered as a calm exchange would, unless told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from touchline.engine.simulator.tape.tape import TapeMarket
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import JournalLine
from touchline.engine.trading.ledger import OwnOrder, TradeLedger
from touchline.engine.trading.lines import Command, RunHeader
from touchline.engine.trading.machine import Machine
from touchline.engine.trading.market import Listed
from touchline.engine.trading.orders.jobs import Answer, FoundOrder, Job, encode
from touchline.engine.trading.settings import TradeSettings

from ..exchanges.conftest import START
from .conftest import write_quick_params

SECOND, CASH, LEVELS = 1_000_000_000, 10**10, 3
A, B = "KXTEST-A", "KXTEST-B"


class Stand:
    """Two exclusive markets around 45 cents; ``held`` lots of the first before the session began."""

    def __init__(self, top: Path, *, held: int = 0, budget: float = 1e9, **settings: Any) -> None:
        folder = SessionFolder(top / "session")
        given = TradeSettings().with_options({"mode": "production", **settings})
        folder.begin(write_quick_params(top / "params.toml"), given)
        self.now, self.drift, self.seq, self.trades = START, 0, 0, 0
        listed = [
            Listed(
                TapeMarket(name, "KXTEST", "E", open_ts=START - SECOND, close_ts=START + 10**14), exclusive=True,
                held=held if name == A else 0,
            ) for name in (A, B)
        ]  # fmt: skip
        header = RunHeader(1, given.document(), folder.params.name, listed, START, budget, budget, cash=CASH)
        ledger = TradeLedger("tl-")
        for name in (A, B):
            ledger.holding(name).group = f"g-{name}"
            ledger.holding(name).position = held if name == A else 0
        self.machine = Machine(header, ledger, folder.path)
        self.lines: list[JournalLine] = []
        self.jobs: list[Job] = []
        self.other: dict[str, Callable[[Job], Answer]] = {}  #: kinds of jobs that are answered otherwise
        self.deposit = 0
        self.mids = dict.fromkeys((A, B), 4500)
        for name in (A, B):
            self.book(name)
        self.turn(0)
        self.goes_on(2)

    # What comes in

    def hear(self, kind: str, numbered: bool = False, **body: Any) -> None:
        self.seq += numbered
        document = {"type": kind, "msg": body} | ({"sid": 1, "seq": self.seq} if numbered else {})
        self.machine.take(JournalLine("<", self.now + self.drift, encode(document)))

    @property
    def ms(self) -> int:
        return self.now // 1_000_000

    def book(self, name: str, mid: int | None = None) -> None:
        """A snapshot with others' orders two cents from the mid."""
        mid = self.mids[name] = mid or self.mids[name]
        sides = {"yes": range(mid - 200, mid - 200 - 100 * LEVELS, -100), "no": range(mid + 200, mid + 500, 100)}
        levels = {
            f"{side}_dollars_fp": [[f"{price / 10_000:.4f}", "50.00"] for price in sorted(prices)]
            for side, prices in sides.items()
        }
        self.hear("orderbook_snapshot", numbered=True, market_ticker=name, ts_ms=self.ms, **levels)

    def tick(self, name: str = A, change: int = 1) -> None:
        """Others' order at the best bid changes by some contracts."""
        price = f"{(self.mids[name] - 200) / 10_000:.4f}"
        more = {"price_dollars": price, "side": "yes", "delta_fp": f"{change}.00", "ts_ms": self.ms}
        self.hear("orderbook_delta", numbered=True, market_ticker=name, **more)

    def order(self, name: str = A, side: int = 1) -> OwnOrder:
        return next(one for one in self.ledger.orders.values() if (one.ticker, one.side) == (name, side))

    def fill(self, name: str = A, side: int = 1, price: int | None = None, lots: int | None = None) -> None:
        """An order of ours trades, at its price unless another is given."""
        one, self.trades = self.order(name, side), self.trades + 1
        self.hear(
            "fill", trade_id=f"t{self.trades}", order_id=one.order_id, market_ticker=name, ts_ms=self.ms,
            yes_price_dollars=f"{(price or one.price) / 10_000:.4f}", count_fp=f"{(lots or one.left) / 100:.2f}",
            book_side="bid" if side > 0 else "ask", client_order_id=one.client_id,
        )  # fmt: skip

    def ended(self, reason: str, name: str = A, side: int = 1, status: str = "canceled", filled: str = "0.00") -> None:
        """The exchange says how an order of ours stands."""
        one = self.order(name, side)
        more = {"last_update_reason": reason, "fill_count_fp": filled, "client_order_id": one.client_id}
        self.hear("user_order", order_id=one.order_id, ticker=name, status=status, **more)

    def command(self, verb: str, **more: Any) -> None:
        self.machine.command(self.now, Command(verb, **more))

    def turn(self, seconds: float = 0.3) -> None:
        """Let time pass, decide, and see every request answered."""
        self.now += round(seconds * SECOND)
        self.machine.turn(self.now, self.now)
        for _ in range(20):
            lines, jobs = self.machine.drain()
            self.lines += lines
            self.jobs += jobs
            if not jobs:
                return
            for job in jobs:
                self.machine.answer(self.now, self.other.get(job.do, self.calm)(job))
            self.machine.turn(self.now, self.now)

    def goes_on(self, seconds: int, *, ticks: bool = True) -> None:
        """Let calm seconds pass."""
        for _ in range(seconds):
            for name in (A, B) if ticks else ():
                self.tick(name)
            self.turn(1)

    def calm(self, job: Job) -> Answer:
        """What a calm exchange answers."""
        if job.do == "create":
            return Answer(job.n, "done", order_id=f"o-{job.client_id}")
        if job.do == "settle":
            known = [(one, self.ledger.known(one)) for one, _, _ in job.orders]
            found = [FoundOrder(one, f"o-{one}", "canceled", order.filled if order else 0) for one, order in known]
            return Answer(job.n, "done", orders=found)
        if job.do == "read":
            return self.reading(job)
        return Answer(job.n, "done", order_id=job.order_id)

    def reading(self, job: Job, **more: Any) -> Answer:
        """The account's lists as they are here, but for what is given."""
        held = self.ledger.holdings
        positions = {ticker: one.position for ticker, one in held.items()}
        began = sum(min(listed.held, 0) for listed in (one.listed for one in self.machine.markets.values()))
        cash = CASH + self.deposit + sum(self.spent(ticker) for ticker in held) - began * 10_000
        found = [FoundOrder(one.client_id, one.order_id or "", "resting", one.filled) for one in self.orders()]
        known: dict[str, Any] = {"positions": positions, "cash": cash, "orders": found, "asked": self.now}
        return Answer(job.n, "done", **(known | more))

    def spent(self, ticker: str) -> int:
        one, market = self.ledger.holdings[ticker], self.machine.markets[ticker]
        opened = -market.listed.held * self.opened.get(ticker, 0)
        return one.cash - opened + min(one.position, 0) * 10_000

    @property
    def opened(self) -> dict[str, int]:
        return {told["market"]: -told["cash"] // max(self.held(told["market"]), 1) for told in self.told("open")}

    def held(self, ticker: str) -> int:
        return self.machine.markets[ticker].listed.held

    # What came of it

    @property
    def ledger(self) -> TradeLedger:
        return self.machine.ledger

    def orders(self, name: str | None = None) -> list[OwnOrder]:
        return [one for one in self.ledger.orders.values() if one.order_id and name in (None, one.ticker)]

    def told(self, *kinds: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line.payload) for line in self.lines if line.kind in kinds]

    def guards(self, *kinds: str) -> list[str]:
        return [one["guard"] for one in self.told(*(kinds or ("halt", "kill", "wait")))]
