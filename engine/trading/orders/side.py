"""How decisions become orders: on paper not at all, in the shadow up to the door, in production all the way.

All three are one small interface, and the machine knows no more of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from ....io.ground.units import MICROS_PER_DOLLAR, TICKS_PER_CENT, exact
from ....io.kalshi.rest.wire import read_count, read_price
from ....io.kalshi.stream.frames import FillFrame, GroupFrame, OrderFrame
from ....io.store.schema import Side
from ..ledger import OwnOrder, TradeLedger
from ..market import TradedMarket
from ..settings import TradeSettings
from .jobs import Answer, FoundFill, Job, TokenBudget, cost_of
from .sent_orders import SentOrders, Take, Wish
from .settling import settled
from .untold import UntoldFills

#: Refusals that say nothing of our orders: nobody may trade now.
_CLOSED = ("EXCHANGE_PAUSED", "TRADING_PAUSED", "MARKET_INACTIVE")
#: The exchange's reasons to end an order: what they say of us.
_REFUSING = ("PostOnlyCrossCancel", "SelfTradeCancel", "ReduceOnlyCancel")
_PAUSING = ("CloseCancel", "HaltCancel")
_UNPAID = "MarginCancel"


class OrderStanding(NamedTuple):
    """What a guard asks of the orders of a market."""

    unknown_since: int | None = None
    refused: int = 0  #: in a row
    group_stopped: bool = False
    unpaid: bool = False
    untold_since: int | None = None  #: an order says since then that it filled, and the fill was not told


class Host(Protocol):
    """What a side asks of the machine."""

    now: int
    wall: int
    ledger: TradeLedger
    settings: TradeSettings
    markets: dict[str, TradedMarket]

    def fill(
        self, ticker: str, side: int, price: int, lots: int, fee: int, ts: int, trade: str, order: OwnOrder | None
    ) -> None:
        """Book a fill that the exchange told, unless it was booked."""
        ...

    def ended(self, order: OwnOrder, why: str) -> None:
        """Say that an order is over."""
        ...

    def touch(self, ticker: str) -> None:
        """Look at a market again in this turn."""
        ...


class VenueSide(Protocol):
    """Where a decision goes."""

    assumed: bool  #: fills are assumed by the kernel, not told by the exchange

    def add(self, market: TradedMarket) -> None:
        """Begin with a market."""
        ...

    def forget(self, ticker: str) -> None:
        """Let go of a market where nothing is under way."""
        ...

    def resting(self, ticker: str) -> Iterable[tuple[Side, int, int]]:
        """What rests of ours in a market: side, price, lots."""
        ...

    def next_jobs(self, wishes: dict[str, Wish], takes: dict[str, Take]) -> list[Job]:
        """The requests that bring the markets of these wishes nearer to them, the most urgent first."""
        ...

    def budget(self) -> dict[str, float] | None:
        """How much may still be sent; None where nothing is sent."""
        ...

    def answered(self, answer: Answer) -> None:
        """Take an answer in."""
        ...

    def fill_told(self, frame: FillFrame) -> None:
        """Take a fill of the stream in."""
        ...

    def order_told(self, frame: OrderFrame) -> None:
        """Take news of an order in."""
        ...

    def behind_the_door(self, jobs: list[Job]) -> None:
        """Take what was to be sent for accepted, where nothing is sent."""
        ...

    def ask(self, job: Job) -> Job:
        """Number a job that is no market's order."""
        ...

    def take_now(self, job: Job) -> Job | None:
        """Send an order of a market that takes at once and never rests, if nothing else is under way there."""
        ...

    def group_told(self, frame: GroupFrame) -> str | None:
        """Take news of an order group in; returns the market that it stopped, if it did."""
        ...

    def standing(self, ticker: str) -> OrderStanding:
        """What speaks against the orders of a market."""
        ...

    def overdue(self) -> bool:
        """Whether an order filled and nobody told the fill."""
        ...

    def quiet(self, ticker: str) -> bool:
        """Whether nothing rests and nothing is under way in a market."""
        ...


class PaperSide:
    """Nothing is sent: the kernel assumes the fills."""

    assumed = True
    _n = 0

    def add(self, market: TradedMarket) -> None:
        """Begin with a market."""

    def forget(self, ticker: str) -> None:
        """Nothing was kept."""

    def resting(self, ticker: str) -> Iterable[tuple[Side, int, int]]:
        """Nothing of ours rests at the exchange."""
        return ()

    def budget(self) -> dict[str, float] | None:
        """Nothing is sent, so nothing is spent."""
        return None

    def next_jobs(self, wishes: dict[str, Wish], takes: dict[str, Take]) -> list[Job]:
        """Nothing is sent."""
        return []

    def answered(self, answer: Answer) -> None:
        """No answer comes."""

    def fill_told(self, frame: FillFrame) -> None:
        """A fill of the account is none of the paper's."""

    def order_told(self, frame: OrderFrame) -> None:
        """Nor is an order."""

    def behind_the_door(self, jobs: list[Job]) -> None:
        """There are no jobs."""

    def ask(self, job: Job) -> Job:
        """Number what is asked: about no order."""
        self._n += 1
        job.n = self._n
        return job

    def take_now(self, job: Job) -> Job | None:
        """Nothing is sent."""
        return None

    def group_told(self, frame: GroupFrame) -> str | None:
        """Nor is an order group."""
        return None

    def standing(self, ticker: str) -> OrderStanding:
        """Nothing speaks against no orders."""
        return OrderStanding()

    def overdue(self) -> bool:
        """No fill is told."""
        return False

    def quiet(self, ticker: str) -> bool:
        """Nothing rests at the exchange."""
        return True


class SentSide:
    """Orders are made, checked and sent; in the shadow the door stays shut and each is taken for accepted."""

    assumed = False

    def __init__(self, host: Host, budget: TokenBudget, *, sends: bool) -> None:
        self._host, self._budget, self._sends = host, budget, sends
        self.orders: dict[str, SentOrders] = {}
        self._jobs: dict[int, Job] = {}
        self._n = 0
        self._untold = UntoldFills()
        self._rank: dict[str, int] = {}  # the best market has the lowest
        self._by_group: dict[str, str] = {}

    def add(self, market: TradedMarket) -> None:
        """Begin with a market."""
        host, assumed = self._host, market.live.assumptions
        self._rank[market.ticker] = len(self._rank)
        self._by_group[host.ledger.holding(market.ticker).group or ""] = market.ticker
        self.orders[market.ticker] = SentOrders(
            market.ticker, host.ledger, host.settings, assumed.post_only, assumed.amend == "keep",
            group=host.ledger.holding(market.ticker).group or "",
        )  # fmt: skip
        if host.ledger.of_market(market.ticker):  # left by the process before
            self.orders[market.ticker].lose(host.now)
            host.touch(market.ticker)

    def forget(self, ticker: str) -> None:
        """Let go of a market where nothing is under way."""
        self._by_group.pop(self.orders.pop(ticker).group, None)

    def resting(self, ticker: str) -> Iterable[tuple[Side, int, int]]:
        """What rests of ours in a market; in the shadow nothing does."""
        return self.orders[ticker].resting() if self._sends and ticker in self.orders else ()

    def next_jobs(self, wishes: dict[str, Wish], takes: dict[str, Take]) -> list[Job]:
        """Cancels of all markets first, then the best markets, as far as the budget goes; the others come next time.

        What creates leaves a share of the bucket to the cancels that may have to follow.
        """
        host, out = self._host, list[Job]()
        ready: list[tuple[bool, int, Job]] = []
        for ticker, wish in wishes.items():
            orders = self.orders.get(ticker)
            job = orders.next_job(wish, host.now, takes.get(ticker)) if orders is not None else None
            if job is not None:
                ready.append((job.do not in ("cancel", "settle"), self._rank[ticker], job))
        spent = False
        for creates, _, job in sorted(ready, key=lambda one: one[:2]):
            cost = cost_of(job)
            if (creates and spent) or not self._budget.has(cost, host.wall, spares=creates):
                spent |= creates  # a worse market does not go before a better one
                host.touch(job.ticker)
                continue
            self._budget.pay(cost)
            out.append(self._sent(job))
        return out

    def budget(self) -> dict[str, float] | None:
        """How much may still be sent, in the shadow as if it were."""
        return self._budget.told(self._host.wall)

    def behind_the_door(self, jobs: list[Job]) -> None:
        """Take what was to be sent for accepted, where nothing is sent."""
        for job in jobs:
            if not self._sends:
                self.answered(Answer(job.n, "done", order_id=job.order_id or f"shadow-{job.n}", filled=0))

    def take_now(self, job: Job) -> Job | None:
        """Send an order of a market that takes at once and never rests, if nothing else is under way there."""
        if not self.quiet(job.ticker) or self._host.now < self.orders[job.ticker].not_before:
            return None
        if not self._budget.has(cost_of(job), self._host.wall):
            return None
        self._budget.pay(cost_of(job))
        job.client_id = self._host.ledger.name()
        return self._sent(job)

    def ask(self, job: Job) -> Job:
        """Number a job that is no market's order; it goes out whatever the budget says, which pays for it."""
        self._budget.pay(cost_of(job))
        return self._number(job)

    def _number(self, job: Job) -> Job:
        self._n += 1
        job.n = self._n
        self._jobs[job.n] = job
        return job

    def lose(self, ticker: str) -> None:
        """Ask what became of the orders of a market: cancel, read back, book."""
        if ticker in self.orders:
            self.orders[ticker].lose(self._host.now)
            self._host.touch(ticker)

    def _sent(self, job: Job) -> Job:
        orders = self.orders[job.ticker]
        self._number(job)
        orders.busy = job
        if job.do == "create":
            order = OwnOrder(job.client_id, job.ticker, job.side, job.price, job.lots, job.expires, self._host.now)
            self._host.ledger.placed(order)
            if job.now:
                orders.took, orders.took_lots = order, None
            else:
                orders.working[job.client_id] = order
        return job

    # What comes back

    def answered(self, answer: Answer) -> None:
        """Take an answer in."""
        job = self._jobs.pop(answer.n, None)
        if job is None:
            return
        if job.do in ("fills", "read"):
            self._book(answer.fills)
        orders = self.orders.get(job.ticker)
        if orders is None or orders.busy is not job:
            return
        orders.busy = None
        self._host.touch(job.ticker)
        getattr(self, f"_after_{job.do}")(orders, job, answer)

    def _after_create(self, orders: SentOrders, job: Job, answer: Answer) -> None:
        order = self._host.ledger.known(job.client_id)
        if job.now and job.reduce_only:
            orders.pause(self._host.now)
        if order is None:
            return
        if job.now:
            orders.took_lots = 0 if answer.is_ == "refused" else answer.filled
        if answer.is_ == "done" and answer.order_id:
            orders.accepted()
            self._host.ledger.confirmed(job.client_id, answer.order_id)
            if job.now and job.client_id in self._host.ledger.orders and orders.is_told:
                self._gone(orders, order, "taken at once")
        elif answer.is_ == "refused":
            self._refused(orders, answer.text)
            orders.group_stopped |= "EXCEEDED_ORDER_GROUP_RISK_LIMIT" in answer.text
            self._gone(orders, order, answer.text)
        else:
            orders.lose(self._host.now)

    def _after_amend(self, orders: SentOrders, job: Job, answer: Answer) -> None:
        order = self._host.ledger.orders.get(job.client_id)
        if order is None:
            return
        if answer.is_ == "done":
            orders.accepted()
            order.price, order.lots, order.expires = job.price, max(job.lots, order.filled), job.expires
            if order.left <= 0:
                self._gone(orders, order, "filled")
        elif answer.is_ == "refused":  # it still rests where it was; what it was to become does not
            self._refused(orders, answer.text)
            self._host.markets[orders.ticker].gone(order.side, job.price)
        else:
            orders.lose(self._host.now)

    def _after_cancel(self, orders: SentOrders, job: Job, answer: Answer) -> None:
        order = self._host.ledger.orders.get(job.client_id)
        if order is None:
            return
        if answer.is_ == "done" and answer.status != "executed":
            orders.ended(order)
            self._host.ended(order, "cancelled")
        elif answer.is_ == "refused":  # closed or paused: the exchange ends it, and says so
            self._refused(orders, answer.text)
            orders.pause(self._host.now)
        else:
            orders.lose(self._host.now)

    def _after_settle(self, orders: SentOrders, job: Job, answer: Answer) -> None:
        host = self._host
        if answer.is_ == "done":
            self._confirm(answer)
            self._book(answer.fills)
            for order in settled(host.ledger, orders.ticker, answer, host.now, host.settings):
                orders.ended(order)
                host.ended(order, "settled")
        if answer.is_ != "done" or host.ledger.of_market(orders.ticker):
            orders.not_settled(host.now)
            return
        orders.settled()
        host.markets[orders.ticker].withdraw()

    def _refused(self, orders: SentOrders, text: str) -> None:
        """A refusal counts, but not that nobody may trade now: then it is asked again, ever later."""
        if any(word in text for word in _CLOSED):
            orders.pause(self._host.now, longer=True)
        else:
            orders.refused += 1

    def _confirm(self, answer: Answer) -> None:
        for found in answer.orders:
            if found.client_id in self._host.ledger.orders:
                self._host.ledger.confirmed(found.client_id, found.order_id)

    def _gone(self, orders: SentOrders, order: OwnOrder, why: str) -> None:
        """The exchange refused or ended an order: nothing rests there until the next decision."""
        was_working = orders.ended(order)
        self._host.ended(order, why)
        if was_working:
            self._host.markets[orders.ticker].gone(order.side, order.price)

    def fill_told(self, frame: FillFrame) -> None:
        """Take a fill of the stream in."""
        body = frame.msg
        order = self._host.ledger.by_order_id(body.order_id)
        if order is None and self._host.ledger.owns(body.client_order_id):
            order = self._host.ledger.known(body.client_order_id or "")
            if order is not None:
                self._host.ledger.confirmed(order.client_id, body.order_id)
        if order is None:
            return  # a stranger's: the comparison of positions notices it
        fee = exact(body.fee, MICROS_PER_DOLLAR, "fee")
        self._fill(order, read_price(body.price), read_count(body.count), fee, body.ts_ms * 1_000_000, body.trade_id)

    def order_told(self, frame: OrderFrame) -> None:
        """Take news of an order in."""
        body = frame.msg
        order = self._host.ledger.by_order_id(body.order_id) or self._host.ledger.orders.get(body.client_order_id or "")
        if order is None:
            return
        filled = read_count(body.filled)
        self._untold.told(order, filled, self._host.now)
        orders = self.orders.get(order.ticker)
        if orders is None or body.status != "canceled" or order.client_id not in self._host.ledger.orders:
            return
        reason = body.last_update_reason or ""
        self._host.ledger.confirmed(order.client_id, body.order_id)
        orders.unpaid |= reason == _UNPAID
        if reason in _REFUSING:
            orders.refused += 1
        elif reason in _PAUSING:
            orders.pause(self._host.now)
        self._host.touch(order.ticker)
        if order is orders.took and order.filled < filled:
            orders.took_lots = filled  # it ends when its fills are told
        else:
            self._gone(orders, order, reason or "cancelled")

    def group_told(self, frame: GroupFrame) -> str | None:
        """Take news of an order group in; returns the market that it stopped, if it did."""
        ticker = self._by_group.get(frame.msg.order_group_id)
        if ticker is None or frame.msg.event_type not in ("triggered", "deleted"):
            return None
        if self._host.ledger.killed is None:  # then it was we who triggered it
            self.orders[ticker].group_stopped = True
        return ticker

    def _book(self, fills: list[FoundFill]) -> None:
        for one in sorted(fills, key=lambda fill: (fill.ts, fill.trade)):
            order = self._host.ledger.by_order_id(one.order)
            if order is not None:
                self._fill(order, one.price, one.lots, one.fee, one.ts, one.trade)

    def _fill(self, order: OwnOrder, price: int, lots: int, fee: int, ts: int, trade: str) -> None:
        host = self._host
        host.fill(order.ticker, order.side, price, lots, fee, ts, trade, order)
        orders = self.orders.get(order.ticker)
        if orders is not None and order.left <= 0:
            orders.working.pop(order.client_id, None)
        elif orders is not None and orders.took is order and orders.is_told and order.client_id in host.ledger.orders:
            self._gone(orders, order, "taken at once")  # not before: a killed process would not look for its fills
        host.touch(order.ticker)

    # What a guard asks

    def standing(self, ticker: str) -> OrderStanding:
        """What speaks against the orders of a market."""
        orders = self.orders.get(ticker)
        if orders is None:
            return OrderStanding()
        since = self._untold.since(ticker)
        return OrderStanding(orders.unknown_since, orders.refused, orders.group_stopped, orders.unpaid, since)

    def resume(self, ticker: str) -> str:
        """Begin to count anew what speaks against a market; returns its order group, if it has one."""
        orders = self.orders[ticker]
        orders.refused, orders.unknown_since = 0, None
        orders.group_stopped = orders.unpaid = False
        self._untold.forget(ticker)
        return orders.group

    def overdue(self) -> bool:
        """Whether an order filled and nobody told the fill."""
        return self._untold.overdue(self._host.ledger, self._host.now)

    def quiet(self, ticker: str) -> bool:
        """Whether nothing rests and nothing is under way in a market."""
        orders = self.orders.get(ticker)
        return orders is None or not (orders.working or orders.busy or orders.unsettled or not orders.is_told)


def is_collared(settings: TradeSettings, price: int, mid: int) -> bool:
    """Whether a price is farther from the mid than it may be."""
    return bool(settings.collar is not None and mid and abs(price - mid) > settings.collar * TICKS_PER_CENT)
