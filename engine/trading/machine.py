"""The deterministic heart of a session: lines come in, lines go out, and nothing else is looked at.

It reads no clock, no socket and no file. The same lines give the same lines, to the byte: that is the audit, and what
is known after a crash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ...io.ground.errors import CheckError
from ...io.ground.units import NS_PER_SECOND
from ...io.kalshi.stream.frames import FillFrame, Frame, GroupFrame, Lifecycle, OrderFrame, decode_frame, reference_of
from ...io.kalshi.stream.stream import FILLS, GROUPS, ORDERS, Gap
from ...strategies.own_file import Trust
from ..live.live import model_of
from ..live.others import OtherMarkets
from ..live.served import served_signals
from ..results.params import load_params
from . import guards
from .choosing.roster import Roster
from .journal import JournalLine
from .ledger import ENDING, LedgerState, OwnOrder, TradeLedger, side_of
from .lines import INCOMING, Command, RunHeader, Scan, Tick
from .market import Listed, ReadMarket, TradedMarket
from .orders.drift import Drift
from .orders.jobs import Answer, Job, TokenBudget, encode
from .orders.payouts import Payouts
from .orders.reconcile import Comparison, fills_told
from .orders.room import Room
from .orders.sent_orders import Take, Wish, reducing
from .orders.side import PaperSide, SentSide, VenueSide, is_collared
from .orders.way_out import way_out
from .orders.wished import shown_of, wish_of
from .seen import market_seen, seen_of
from .settings import TradeSettings

_LOOK_NS, _FILLED_NS = 250_000_000, 50_000_000  # from one look at the limits to the next, and where something filled
_DAY_NS = 86_400 * NS_PER_SECOND
_NEVER = 1 << 62
#: Kinds of lines that come in: who takes each, and what it says.
_TOLD: dict[str, tuple[str, Any]] = {
    "gap": ("miss", Gap), "ans": ("answer", Answer), "cmd": ("command", Command), "tick": ("tick", Tick),
    "scan": ("scan", Scan),
}  # fmt: skip


class Machine:
    """One run of a session."""

    unfit: str | None = None  #: why a trained model may not serve any more

    def __init__(self, header: RunHeader, ledger: TradeLedger, folder: Path, *, trust: Trust = ()) -> None:
        self.settings = TradeSettings().with_options(header.settings)
        self.ledger, self.now, self.wall, self.heard = ledger, header.now, 0, header.now
        self.lines: list[JournalLine] = []
        self.jobs: list[Job] = []
        self.markets: dict[str, TradedMarket] = {}
        self.waits: str | None = None
        self._load(folder / header.params, trust)
        mode, budget = self.settings.mode, TokenBudget(header.write_rate, header.write_capacity)
        self.side: VenueSide = PaperSide() if mode == "paper" else SentSide(self, budget, sends=mode == "production")
        self.comparison, self.room = Comparison(self.settings), Room(self.settings)
        self._touched: dict[str, None] = {}
        self._flattening: dict[str, None] = {}
        self.collared: dict[str, int] = {}
        self._next_look = self._next_read = self._next_close = 0
        self._filled = self._leaving = False
        self.disk_free: int | None = None
        self.payouts, self.drift = Payouts(), Drift()
        self._opening = set[str]()
        self.symbols: dict[str, dict[str, None]] = {}  # symbol of an underlying -> markets whose models read it
        for listed in header.markets:
            self.begin(listed)
        self.roster = None if header.choosing is None else Roster(self, header.choosing)
        self.comparison.begin(header.cash, ledger, self.now)
        self.read = {one.ticker: ReadMarket(one, lambda: self.now) for one in header.read}
        self._others, known = OtherMarkets(), {one.ticker: one for one in header.read}
        known |= {ticker: market.listed.market for ticker, market in self.markets.items()}
        for market in self.markets.values():
            self._others.read(market.live, market.listed.others, known)

    @classmethod
    def of(cls, header: bytes, state: bytes, folder: Path, trust: Trust = ()) -> Machine:
        """A machine as a journal's lines say that it began."""
        ledger = TradeLedger.of(msgspec.json.decode(state, type=LedgerState))
        return cls(msgspec.json.decode(header, type=RunHeader), ledger, folder, trust=trust)

    def _load(self, params: Path, trust: Trust) -> None:
        self._loaded = load_params(params), model_of(params, trust)
        self._served = served_signals(self._loaded[1])

    @property
    def over(self) -> bool:
        """Whether nothing is left to trade."""
        return all(one.closed for one in self.markets.values()) and (self.roster is None or not self.roster.ahead)

    # Lines that come in

    def take(self, line: JournalLine) -> None:
        """Take a line of the journal in."""
        if line.kind == "<":
            self.hear(line.ts, decode_frame(line.payload), line.payload)
        elif line.kind == "turn":
            self.turn(line.ts, msgspec.json.decode(line.payload, type=dict[str, int])["wall"])
        elif line.kind in _TOLD:
            name, kind = _TOLD[line.kind]
            getattr(self, name)(line.ts, msgspec.json.decode(line.payload, type=kind))
        elif line.kind not in INCOMING:
            raise CheckError(f"a journal has no lines of kind {line.kind!r} that come in")

    def hear(self, ts: int, frame: Frame, raw: bytes = b"") -> None:
        """Take a message of the stream in, with its text as it came."""
        self.now = self.heard = max(self.now, ts)
        value = reference_of(frame)
        if value is not None:
            self._price(value.symbol, value.ts_ms * 1_000_000, value.value)
            return
        self.drift.see(ts, getattr(getattr(frame, "msg", None), "ts_ms", 0))
        if isinstance(frame, FillFrame):
            self.side.fill_told(frame)
        elif isinstance(frame, OrderFrame):
            self.side.order_told(frame)
        elif isinstance(frame, GroupFrame):
            if self.side.group_told(frame) is not None:
                self._next_look = 0  # it is stopped, and is halted at once
        else:
            body: Any = getattr(frame, "msg", None)
            market = self.markets.get(getattr(body, "market_ticker", ""))
            if market is None and body is not None and body.market_ticker in self.read:
                self.read[body.market_ticker].take(frame, self.now)
            elif market is not None:
                market.take(frame, self.now)
                self.touch(market.ticker)
                if isinstance(frame, Lifecycle):
                    self._next_close = 0  # it may have been moved
                    self.payouts.hear(frame.msg)

    def tick(self, ts: int, told: Tick) -> None:
        """Take a price from a source of one's own in."""
        self.now = max(self.now, ts)
        self._price(told.symbol, told.time, told.value)

    def scan(self, ts: int, found: Scan) -> None:
        """Take in what a look at the series found."""
        self.now = max(self.now, ts)
        if self.roster is not None:
            self.roster.scanned(found)

    def _price(self, symbol: str, ts: int, value: float) -> None:
        for ticker in self.symbols.get(symbol, ()):
            self.markets[ticker].tick(ts, value)
            self.touch(ticker)

    def miss(self, ts: int, gap: Gap) -> None:
        """Something of the stream was missed."""
        self.now = max(self.now, ts)
        for ticker in gap.tickers or (*self.markets, *self.read):
            if ticker in self.read:
                self.read[ticker].take(gap, self.now)
            elif ticker in self.markets:
                self.markets[ticker].take(gap, self.now)
                self.touch(ticker)
        if gap.channel == FILLS and not self.side.assumed:
            self._ask_fills(gap.start)
        elif gap.channel in (ORDERS, GROUPS):
            self._next_read = self._next_look = 0

    def _ask_fills(self, start: int) -> None:
        since = (start - 60 * NS_PER_SECOND) // NS_PER_SECOND
        self.ask(Job(0, "fills", since=max(since, 0)))

    def answer(self, ts: int, answer: Answer) -> None:
        """Take what the exchange answered in."""
        self.now = max(self.now, ts)
        reading = answer.positions is not None
        booked = len(self.lines)
        self.side.answered(answer)
        if self.roster is not None:
            self.roster.answered(answer)
        if reading and isinstance(self.side, SentSide):
            for ticker, untold in fills_told(self.lines[booked:]).items():
                self._differs({"what": "fill", "market": ticker, "untold": untold})
            for one in self.comparison.read(answer, self.ledger, self.side):
                self._differs(one)

    def _differs(self, told: dict[str, Any]) -> None:
        """Write down what the exchange says otherwise, and see at once whether that stops something."""
        self.say("differs", told)
        self.comparison.count(told, self.now)
        if told.get("ours") == "over" and (order := self.ledger.known(told["client_id"])) is not None:
            self.ask(Job(0, "cancel", order.ticker, order.client_id, order.order_id or ""))
        self._next_look = 0

    def command(self, ts: int, command: Command) -> None:
        """Do what a person says."""
        self.now = max(self.now, ts)
        named = [ticker for ticker in command.tickers or self.markets if ticker in self.markets]
        reason = command.reason or "by hand"
        if command.verb == "kill":
            self._kill(guards.Reason("person", "kill", None, reason))
        elif command.verb in ("halt", "flatten"):
            for ticker in named:
                self._halt(guards.Reason("person", "halt", ticker, reason))
            if command.verb == "flatten":
                self._flattening |= dict.fromkeys(named)
        elif command.verb == "resume":
            self._resume(named, reason, session=not command.tickers)
        elif command.verb == "leave":
            self._leaving = True
            self._touched |= dict.fromkeys(self.markets)
        elif command.verb == "seen":
            self.disk_free = command.disk_free

    def turn(self, ts: int, wall: int) -> None:
        """Decide on everything that came."""
        self.now, self.wall = max(self.now, ts), wall
        self._close_due()
        touched, self._touched = [ticker for ticker in self._touched if ticker in self.markets], {}
        for market in (*self.read.values(), *(self.markets[ticker] for ticker in touched)):
            for live, signal, at, values in self._others.take(market.ticker, *market.gather()):
                live.heard(signal, at, *values)
        for ticker in touched:
            self._decide(self.markets[ticker])
        self._decided()
        for told in self.payouts.pay(self.ledger, self.now):
            self.say("settle", told)
        if self.now >= self._next_look - (_LOOK_NS - _FILLED_NS if self._filled else 0):
            self._look()
        self._act(touched)
        if self.roster is not None and not self._leaving:
            self.roster.turn()

    def _decided(self) -> None:
        """Every market has taken in what it heard."""

    # Lines that go out

    def drain(self) -> tuple[list[JournalLine], list[Job]]:
        """What is to be written down and then sent, since the last time."""
        lines, self.lines = self.lines, []
        jobs, self.jobs = self.jobs, []
        return lines, jobs

    def state(self) -> JournalLine:
        """The ledger as a segment of the journal begins with it."""
        return JournalLine("state", self.now, encode(self.ledger.state()))

    def say(self, kind: str, document: Any, ts: int | None = None) -> None:
        """Write a line."""
        self.lines.append(JournalLine(kind, self.now if ts is None else ts, encode(document)))

    def ask(self, job: Job) -> None:
        """Ask the exchange for what is no market's order."""
        self._send([self.side.ask(job)])

    def _send(self, jobs: list[Job]) -> None:
        for job in jobs:
            self.say("ask", job)
        self.jobs += jobs
        self.side.behind_the_door(jobs)

    # What happens

    def touch(self, ticker: str) -> None:
        """Look at a market in the next turn."""
        self._touched[ticker] = None

    def fill(
        self, ticker: str, side: int, price: int, lots: int, fee: int, ts: int, trade: str, order: OwnOrder | None
    ) -> None:
        """Book a fill, unless it was booked."""
        if trade and self.ledger.is_booked(trade):
            return
        told: dict[str, Any] = {"side": side, "price": price, "lots": lots, "fee": fee}
        if order is not None:
            told |= {"trade": trade, "order": order.order_id, "client_id": order.client_id}
        self.ledger.book(ticker, told, self.now)
        self._filled = True
        held = self.ledger.holding(ticker)
        self.say("fill", {"market": ticker, **told, "position": held.position, "cash": held.cash}, ts)
        market = self.markets.get(ticker)
        if market is not None and not self.side.assumed:
            if is_collared(self.settings, price, market.live.mid):
                self.collared[ticker] = price
            taker = isinstance(self.side, SentSide) and order is not None and self.side.orders[ticker].took is order
            market.filled(ts, side_of(side), price, lots, fee, taker=taker)

    def ended(self, order: OwnOrder, why: str) -> None:
        """Say that an order is over."""
        self.say("end", {"client_id": order.client_id, "filled": order.filled, "why": why})

    def begin(self, listed: Listed) -> None:
        """Begin to trade a market."""
        ticker = listed.market.ticker
        market = self.markets[ticker] = self._market(listed)
        if market.live.model.needs_underlying and listed.market.underlying:
            self.symbols.setdefault(listed.market.underlying, {})[ticker] = None
        if ticker not in self.ledger.holdings:
            self.ledger.holding(ticker).position = listed.held
        self.side.add(market)
        self._next_close = 0
        if listed.held:
            self._opening.add(ticker)

    def _market(self, listed: Listed) -> TradedMarket:
        return TradedMarket(
            listed, self._loaded, self.ledger, lambda: self.now, assumed=self.side.assumed,
            resting=lambda: self.side.resting(listed.market.ticker), served=self._served,
        )  # fmt: skip

    def is_over(self, ticker: str) -> bool:
        """Whether nothing of a market is waited for but its last fills."""
        return self.markets[ticker].closed or self.ledger.holding(ticker).standing == ENDING

    def forget(self, ticker: str) -> None:
        """Let go of a market that has left: the account alone remembers it."""
        market = self.markets.pop(ticker)
        self.symbols.get(market.listed.market.underlying or "", {}).pop(ticker, None)
        for kept in (self.collared, self._flattening):
            kept.pop(ticker, None)
        self._opening.discard(ticker)
        self.side.forget(ticker)

    def _close_due(self) -> None:
        if self.now < self._next_close:
            return
        self._next_close = _NEVER
        for ticker, market in self.markets.items():
            stops, close = market.stops, market.close_ts
            if market.closed or stops is None or close is None:
                continue
            market.closed = close <= self.now
            if stops <= self.now:
                self.touch(ticker)
            self._next_close = min([self._next_close, *(at for at in (stops, close) if at > self.now)])

    def _decide(self, market: TradedMarket) -> None:
        ticker = market.ticker
        stopped = self._stopped(ticker)
        market.live.hold(stopped)
        told = market.decide(self.now)
        for fill in told.fills:
            self.fill(ticker, int(fill.side), fill.price, fill.lots, fill.fee, fill.ts, "", None)
        for quote in told.quotes:
            self.say("quote", shown_of(ticker, quote), quote.ts)
        if ticker in self._opening and market.live.mid:
            self._opening.remove(ticker)
            self._open(ticker)
        if stopped:
            market.withdraw()

    def _open(self, ticker: str) -> None:
        """What was held before the session began counts from what it is worth now."""
        held, market = self.ledger.holding(ticker), self.markets[ticker]
        if not held.fills and not held.cash:
            held.cash = -market.listed.held * market.live.mid
            self.say("open", {"market": ticker, "cash": held.cash})

    def _stopped(self, ticker: str) -> bool:
        held = self.ledger.holding(ticker)
        over = held.standing == ENDING and (self.settings.ending == "hold" or not held.position)
        return bool(self._leaving or self.ledger.killed or self.waits or held.halted or over)

    def _act(self, touched: list[str]) -> None:
        """Send what brings the touched markets nearer to their quotes."""
        if self.side.assumed:
            return
        wishes: dict[str, Wish] = {}
        taken: dict[str, tuple[int, int]] = {}
        for ticker in touched:
            market = self.markets[ticker]
            stops = market.stops
            quotes = not (self._stopped(ticker) or market.closed or (stops is not None and stops <= self.now))
            asked = wish_of(market.live.quote) if quotes else {}
            if quotes and (take := market.live.taking) is not None and (int(take.side), take.price) not in asked:
                asked = {(int(take.side), take.price): take.lots, **asked}
                taken[ticker] = int(take.side), take.price
            if self.ledger.holding(ticker).standing == ENDING:
                asked = reducing(self.ledger.holding(ticker).position, asked)
            wishes[ticker] = self.side_limits(ticker, asked)
            if self.room.is_limited:
                wishes[ticker] = self.room.cut(market_seen(self, ticker), wishes[ticker])
        takes = {
            ticker: Take(*place, lots) for ticker, place in taken.items() if (lots := wishes[ticker].pop(place, 0))
        }
        jobs = self.side.next_jobs(wishes, takes)
        for job in jobs:
            if job.now:
                self.markets[job.ticker].live.taking = None
        self._send(jobs)
        for ticker in list(self._flattening):
            self._flatten(ticker)

    def side_limits(self, ticker: str, wish: Wish) -> Wish:
        """A wish within the limits of single orders."""
        side, mid = self.side, self.markets[ticker].live.mid
        return side.orders[ticker].allowed(wish, mid) if isinstance(side, SentSide) else wish

    def _flatten(self, ticker: str) -> None:
        """Sell what is held, at once and no worse than the collar, when nothing rests any more."""
        market, held = self.markets[ticker], self.ledger.holding(ticker).position
        mid = market.live.mid
        if not held or market.closed:
            del self._flattening[ticker]
            return
        side, price = way_out(market, held, self.settings)
        allowed = self.side_limits(ticker, reducing(held, {(side, price): abs(held)}))
        if mid and allowed:
            lots = allowed[side, price]
            order = Job(0, "create", ticker, side=side, price=price, lots=lots, reduce_only=True, now=True)
            job = self.side.take_now(order)
            self._send([] if job is None else [job])
        self.touch(ticker)

    # Limits

    def seen(self) -> guards.Seen:
        """The session as the guards see it."""
        return seen_of(self)

    def _look(self) -> None:
        """Hold what is seen against the limits, and ask for the exchange's own lists when that is due."""
        self._next_look, self._filled = self.now + _LOOK_NS, False
        if not self.side.assumed:
            self._compare()
        self.unfit = self.unfit if self._served is None else self._served.refusal(self.now)
        seen = self.seen()
        self.room.look(seen)
        self._new_day(seen)
        waits = None
        for reason in guards.reasons(seen, self.settings):
            if reason.severity == "kill":
                self._kill(reason)
            elif reason.severity == "halt":
                self._halt(reason)
            else:
                waits = reason.text
                if self.waits is None:
                    self.say("wait", {"guard": reason.guard, "text": reason.text})
        if self.waits is not None and waits is None:
            self.say("go", {})
        if (self.waits is None) != (waits is None):
            self._touched |= dict.fromkeys(self.markets)
        self.waits = waits

    def _compare(self) -> None:
        """Ask for the exchange's own lists when that is due, and for fills that an order tells and nobody else."""
        self.comparison.note(self.now, self.ledger)
        if self.now >= self._next_read:
            every = round(self.settings.reconcile_s * NS_PER_SECOND)
            self._next_read = self.now + every
            lag = round(self.settings.list_lag_s * NS_PER_SECOND)
            since = (self.now - lag - 2 * every) // NS_PER_SECOND - 60
            self.ask(Job(0, "read", since=max(since, 0)))
        if self.side.overdue():
            self._ask_fills(self.now)

    def _new_day(self, seen: guards.Seen) -> None:
        day = self.now // _DAY_NS
        if day != self.ledger.day:
            worth = {ticker: market.worth for ticker, market in seen.markets.items()}
            self.say("day", {"day": day, "worth": self.ledger.begin_day(day, worth)})

    def _halt(self, reason: guards.Reason) -> None:
        held = self.ledger.holding(reason.ticker or "")
        if held.halted is None:
            held.halted = f"{reason.guard}: {reason.text}"
            self.say("halt", {"market": reason.ticker, "guard": reason.guard, "text": reason.text})
            self.touch(reason.ticker or "")

    def _kill(self, reason: guards.Reason) -> None:
        if self.ledger.killed is not None:
            return
        self.ledger.killed = f"{reason.guard}: {reason.text}"
        self.say("kill", {"guard": reason.guard, "text": reason.text})
        for ticker in self.markets:
            group = self.ledger.holding(ticker).group
            if group and not self.side.quiet(ticker):
                self.ask(Job(0, "trigger", ticker, group=group))
            self.touch(ticker)

    def _resume(self, tickers: list[str], reason: str, *, session: bool) -> None:
        """Lift halts, and with ``session`` the kill: the comparison and the counts begin anew."""
        if session:
            self.ledger.killed = None
        for ticker in tickers:
            self.ledger.holding(ticker).halted = None
            self.collared.pop(ticker, None)
            self._flattening.pop(ticker, None)
            self.comparison.resume(ticker)
            if isinstance(self.side, SentSide) and (group := self.side.resume(ticker)):
                self.ask(Job(0, "group", ticker, group=group))
            self.touch(ticker)
        self.comparison.forget_account()
        self.say("lift", {"markets": tickers, "session": session, "reason": reason})
