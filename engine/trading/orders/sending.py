"""Carries jobs out: the only place of a session that speaks to the exchange about orders."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from ....io.ground.units import TICKS_PER_CENT, TICKS_PER_DOLLAR
from ....io.kalshi.client import Client
from ....io.kalshi.rest.errors import (
    ConflictError,
    GoneError,
    KalshiError,
    NotFoundError,
    RateLimitError,
    RefusedRequestError,
)
from ....io.kalshi.rest.orders import NewOrder
from ....io.kalshi.rest.portfolio import FillRecord, OrderRecord
from ....io.kalshi.stream.stream import chunks
from .jobs import Answer, FoundFill, FoundOrder, Job
from .reconcile import FILL_LAG_NS

_WORDS = {1: "bid", -1: "ask"}
#: Markets in one question for queue positions.
_QUEUES = 100
_FINAL = (RefusedRequestError, ConflictError, GoneError, RateLimitError)


class Sender:
    """Does one job after the other, in whatever thread; never raises."""

    def __init__(self, client: Client, prefix: str, subaccount: int = 0) -> None:
        self._client, self._prefix, self._subaccount = client, prefix, subaccount

    def do(self, job: Job) -> Answer:
        """Carry a job out and say what came of it."""
        try:
            return getattr(self, f"_{job.do}")(job)
        except NotFoundError as error:
            return Answer(job.n, "refused" if job.do == "create" else "missing", text=str(error))
        except _FINAL as error:
            return Answer(job.n, "refused", text=str(error))
        except KalshiError as error:
            return Answer(job.n, "unknown", text=str(error))

    def _create(self, job: Job) -> Answer:
        answer = self._client.orders.create(
            NewOrder(
                job.ticker, _WORDS[job.side], job.price, job.lots,
                "immediate_or_cancel" if job.now else "good_till_canceled", post_only=job.post_only and not job.now,
                reduce_only=job.reduce_only, expiration=None if job.now else job.expires,
                client_order_id=job.client_id, order_group_id=job.group or None, cancel_on_pause=not job.now,
                subaccount=self._subaccount,
            )
        )  # fmt: skip
        if not answer.order_id:  # some answer so, and nobody knows what it means
            return Answer(job.n, "unknown", text="the exchange took the order and gave it no id")
        filled = answer.fill_count if job.now else None
        return Answer(job.n, "done", answer.order_id, filled=None if filled is None else int(filled))

    def _amend(self, job: Job) -> Answer:
        answer = self._client.orders.amend(
            job.order_id, ticker=job.ticker, side=_WORDS[job.side], price=job.price, count=job.lots,
            expiration=job.expires, subaccount=self._subaccount,
        )  # fmt: skip
        return Answer(job.n, "done", answer.order_id)

    def _cancel(self, job: Job) -> Answer:
        answer = self._client.orders.cancel(job.order_id, ticker=job.ticker, subaccount=self._subaccount)
        return Answer(job.n, "done", job.order_id, left=answer.reduced_by, status=answer.status)

    def _settle(self, job: Job) -> Answer:
        """Cancel everything of ours in a market and read back what became of it.

        The name of an order that no list shows is used up by a harmless one: whether it never arrived is then certain,
        for a name is taken only once.
        """
        portfolio = self._client.portfolio
        known = {client_id: order_id for client_id, order_id, _ in job.orders if order_id}
        listed = [
            order
            for page in portfolio.orders(ticker=job.ticker, min_ts=job.since, subaccount=self._subaccount)
            for order in page
        ]
        asked = {client_id for client_id, _, _ in job.orders}
        for order in listed:
            if self._is_ours(order.client_order_id) and (order.status == "resting" or order.client_order_id in asked):
                known.setdefault(order.client_order_id or "", order.order_id)
        found: list[FoundOrder] = []
        for client_id, _, side in job.orders:
            if client_id not in known and (burnt := self._use_up(job.ticker, client_id, side)) is not None:
                found.append(burnt)
        for client_id, order_id in known.items():
            with contextlib.suppress(NotFoundError, RefusedRequestError):
                self._client.orders.cancel(order_id, ticker=job.ticker, subaccount=self._subaccount)
            with contextlib.suppress(NotFoundError):  # not yet shown, or archived
                found.append(_found(portfolio.order(order_id), client_id))
        return Answer(job.n, "done", orders=found, fills=self._fills_of(job.ticker, job.since))

    def _use_up(self, ticker: str, client_id: str, side: int) -> FoundOrder | None:
        """Use a name up at a price that nobody meets; None if it is taken, or nothing can be ordered now."""
        price = TICKS_PER_CENT if side > 0 else TICKS_PER_DOLLAR - TICKS_PER_CENT
        order = NewOrder(
            ticker, _WORDS[side], price, 1, "immediate_or_cancel", client_order_id=client_id,
            subaccount=self._subaccount,
        )  # fmt: skip
        try:
            answer = self._client.orders.create(order)
        except (ConflictError, RefusedRequestError, NotFoundError):
            return None
        return FoundOrder(client_id, answer.order_id, "canceled", int(answer.fill_count or 0))

    def _fills(self, job: Job) -> Answer:
        return Answer(job.n, "done", fills=self._fills_of(None, job.since))

    def _group(self, job: Job) -> Answer:
        self._client.order_groups.reset(job.group, subaccount=self._subaccount)
        return Answer(job.n, "done")

    def _trigger(self, job: Job) -> Answer:
        self._client.order_groups.trigger(job.group, subaccount=self._subaccount)
        return Answer(job.n, "done")

    def _read(self, job: Job) -> Answer:
        """Read the account's own lists."""
        portfolio, asked = self._client.portfolio, self._client.now()
        positions = self.positions()
        resting = [one for page in portfolio.orders(status="resting", subaccount=self._subaccount) for one in page]
        orders = [_found(order, order.client_order_id or "") for order in resting]
        old = asked - FILL_LAG_NS  # a younger one may be under way on the stream
        fills = [one for one in self._fills_of(None, job.since) if one.ts < old]
        cash, queued = self.cash(), self._client.now()
        own = sorted({one.ticker for one in resting if self._is_ours(one.client_order_id)})
        return Answer(
            job.n, "done", orders=orders, fills=fills, positions=positions, cash=cash, asked=asked,
            queues=self._queues(own), queued=queued,
        )  # fmt: skip

    def cash(self) -> int:
        """What may be spent, micros."""
        return self._client.portfolio.balance(subaccount=self._subaccount).cash

    def _queues(self, tickers: list[str]) -> dict[str, int]:
        """What stands before each order that rests: what queue models guess. Nothing else hangs on it."""
        found: dict[str, int] = {}
        with contextlib.suppress(KalshiError):
            for some in chunks(tickers, _QUEUES):
                told = self._client.portfolio.queue_positions(tickers=some, subaccount=self._subaccount)
                found |= {one.order_id: int(one.ahead) for one in told}
        return found

    def positions(self) -> dict[str, int]:
        """Lots held in each market, NO counts negative; settled ones too, as positions leave lists at settlement."""
        pages = self._client.portfolio.positions(settlement_status="all", subaccount=self._subaccount)
        return {one.ticker: int(one.position) for page in pages for one in page}

    def resting(self) -> list[tuple[str, str]]:
        """Order id and ticker of everything that rests with our name on it."""
        pages = self._client.portfolio.orders(status="resting", subaccount=self._subaccount)
        return [(one.order_id, one.ticker) for page in pages for one in page if self._is_ours(one.client_order_id)]

    def _fills_of(self, ticker: str | None, since: int) -> list[FoundFill]:
        pages: Iterable[list[FillRecord]] = self._client.portfolio.fills(
            ticker=ticker, min_ts=since, subaccount=self._subaccount
        )
        return [
            FoundFill(
                one.order_id, one.trade_id or one.fill_id or "", one.price, one.count, one.fee or 0,
                one.created_time or 0,
            )
            for page in pages for one in page
        ]  # fmt: skip

    def _is_ours(self, client_id: str | None) -> bool:
        return bool(client_id) and str(client_id).startswith(self._prefix)


def _found(order: OrderRecord, client_id: str) -> FoundOrder:
    return FoundOrder(client_id, order.order_id, order.status, int(order.fill_count or 0))
