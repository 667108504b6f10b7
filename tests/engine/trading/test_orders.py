"""What every order carries, which orders go first, and that the exchange never has to say 429."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.lines import Command
from touchline.engine.trading.orders.jobs import Answer, Job, TokenBudget
from touchline.engine.trading.orders.sending import Sender
from touchline.engine.trading.runner import SessionRunner
from touchline.io.store.store import Store

from .conftest import opened, tickers_of, walked
from .stand import A, B, Stand

SECOND = 1_000_000_000


@pytest.mark.parametrize(("settings", "lots"), [
    ({}, {5}), ({"largest_order": 0.03}, {3}), ({"largest_notional": 0.02}, {4, 3}),
])  # fmt: skip
def test_orders_are_no_larger_than_they_may_be(settings: dict[str, float], lots: set[int], tmp_path: Path):
    """Of two cents, four lots at 43 cents or three at a price of 53 for the other side."""
    assert {one.left for one in Stand(tmp_path, **settings).orders()} == lots


def test_no_order_is_beyond_the_collar(tmp_path: Path):
    """The model quotes two cents from the mid, which is farther than it may be."""
    assert Stand(tmp_path / "near", collar=2).orders() and not Stand(tmp_path / "far", collar=1.9).orders()


def test_flattening_only_reduces_and_takes_at_once(tmp_path: Path):
    stand = Stand(tmp_path)
    stand.fill(A, 1)
    stand.goes_on(1)
    stand.command("flatten", tickers=[A])
    stand.goes_on(3)
    (job, *_) = [job for job in stand.jobs if job.do == "create" and job.now]
    assert (job.side, job.lots, job.reduce_only, job.post_only, job.expires) == (-1, 5, True, False, 0)


def test_orders_are_post_only_and_cancelled_on_a_pause(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="production")
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        bodies: list[dict[str, object]] = []
        create = exchange.desk.create
        exchange.desk.create = lambda body: bodies.append(body) or create(body)  # pyright: ignore[reportAttributeAccessIssue]  # the test looks over its shoulder
        walked(exchange, runner, 10)
    resting = [one for one in bodies if one["time_in_force"] == "good_till_canceled"]
    assert resting and all(one["post_only"] and one["cancel_order_on_pause"] for one in resting)


def test_every_request_names_the_sessions_subaccount():
    """Defaults differ by endpoint."""
    client = MagicMock()
    client.orders.create.return_value.fill_count = 0
    client.portfolio.order.return_value.fill_count = 0
    client.now.return_value = 10**18
    sender = Sender(client, "tl-", 7)
    for job in (
        Job(1, "create", "T", "tl-1", side=1, price=4500, lots=5, expires=10**18), Job(2, "amend", "T", side=1),
        Job(3, "cancel", "T"), Job(4, "settle", "T", orders=[("tl-1", "", 1)]), Job(5, "read"), Job(6, "fills"),
    ):  # fmt: skip
        assert sender.do(job).is_ == "done"
    calls = [
        *client.orders.amend.call_args_list, *client.orders.cancel.call_args_list,
        *client.portfolio.orders.call_args_list, *client.portfolio.fills.call_args_list,
        *client.portfolio.positions.call_args_list, *client.portfolio.balance.call_args_list,
    ]  # fmt: skip
    assert {call.kwargs["subaccount"] for call in calls} == {7} and len(calls) == 9
    assert {call.args[0].subaccount for call in client.orders.create.call_args_list} == {7}


def test_what_rests_is_cancelled_when_the_exchange_pauses_and_comes_back_after_it(
    day: Store, session: Callable[..., SessionFolder]
):
    folder = session(mode="production", refusals=2)
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        walked(exchange, runner, 10)
        rest = lambda: [one for one in exchange.desk.orders.values() if one.open]  # noqa: E731  # asked four times, and clearer so
        assert rest()
        exchange.call(exchange.venue.pause)
        walked(exchange, runner, 30)
        assert not rest() and not any(one.halted for one in runner.machine.ledger.holdings.values())
        exchange.call(exchange.venue.resume)
        walked(exchange, runner, 30)
        assert rest() and runner.machine.ledger.killed is None


def test_a_bucket_gives_what_the_exchanges_gives_to_late_requests_and_spares_some_for_cancels():
    bucket = TokenBudget(100, 120)  # those of a fifth of a second are not used
    bucket.pay(10)
    assert bucket.has(90, SECOND) and not bucket.has(71, SECOND, spares=True) and bucket.has(70, SECOND, spares=True)
    bucket.pay(75)
    assert not bucket.has(10, SECOND, spares=True) and bucket.has(10, SECOND)
    assert bucket.has(20, SECOND + SECOND // 20)


def test_cancels_go_first_and_then_the_best_market(tmp_path: Path):
    """The bucket holds one create and the share of the cancels: the first market has it, whoever asked first."""
    stand = Stand(tmp_path)
    side = stand.machine.side
    side._budget = TokenBudget(0, 15)  # pyright: ignore[reportAttributeAccessIssue]  # production's side has one
    for name in (A, B):
        stand.ended("ExpiryCancel", name)
    stand.machine.drain()
    wishes = {name: {(1, 4300): 5, (-1, 4700): 5} for name in (B, A)}
    assert [(job.do, job.ticker) for job in side.next_jobs(wishes, {})] == [("create", A)]
    side._budget = TokenBudget(0, 15)  # pyright: ignore[reportAttributeAccessIssue]
    stand.machine.side.orders[A].busy = None  # pyright: ignore[reportAttributeAccessIssue]
    wishes = {B: {(1, 4300): 5}, A: {(1, 4400): 5, (-1, 4700): 5}}
    assert [(job.do, job.ticker) for job in side.next_jobs(wishes, {})] == [("cancel", B), ("amend", A)]


def test_a_lost_order_costs_what_using_its_name_up_costs(tmp_path: Path):
    stand = Stand(tmp_path)
    spent: list[int] = []
    side = stand.machine.side
    pay = side._budget.pay  # pyright: ignore[reportAttributeAccessIssue]  # production's side has one
    side._budget.pay = lambda cost: (spent.append(cost), pay(cost))[1]  # pyright: ignore[reportAttributeAccessIssue]
    stand.other["amend"] = lambda job: Answer(job.n, "unknown")
    stand.book(A, 4600)
    stand.goes_on(2)
    settle = next(job for job in stand.jobs if job.do == "settle")
    assert len(settle.orders) == 2 and 4 in spent


@pytest.mark.slow
def test_the_exchange_never_says_429_in_normal_running(day: Store, session: Callable[..., SessionFolder]):
    """The lowest tier at twenty times the speed: more is wanted than may be asked."""
    folder = session(mode="production")
    with opened(day, speed=20, tier="basic") as (exchange, client):
        refused: list[str] = []
        admit = exchange._routes._limits.admit  # of the exchange's own bucket

        def admitting(method: str, path: str, items: int = 1) -> bool:
            admitted = admit(method, path, items)
            refused.extend([] if admitted else [f"{method} {path}"])
            return admitted

        exchange._routes._limits.admit = admitting
        with SessionRunner(folder, client, tickers_of()) as runner:
            runner.run(seconds=5)
        assert refused == [] and len(exchange.desk.orders) > 10


def test_a_halted_paper_market_stays_quiet_in_a_batch_of_several_moments(
    day: Store, session: Callable[..., SessionFolder]
):
    """What comes in one go is decided moment by moment; a halt in its middle leaves no quote and no fill after it."""
    folder = session(mode="paper")
    name = tickers_of()[0]
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        walked(exchange, runner, 20)
        runner.order(Command("halt", "news", [name]))
        runner.catch_up()
        before = runner.machine.ledger.holding(name).fills
        for _ in range(40):
            exchange.step()
        runner.catch_up()
        quote = runner.machine.markets[name].live.quote
        assert (quote.bid, quote.ask) == (None, None)
        assert runner.machine.ledger.holding(name).fills == before
        assert runner.machine.markets[tickers_of()[1]].live.quote.bid is not None
