"""Each limit stops what it is for, says so, and leaves a healthy session alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from touchline.engine.trading.audit import audit
from touchline.engine.trading.folder import SessionFolder, recovered
from touchline.engine.trading.guards import OF_MARKETS, OF_SESSION, MarketSeen, Seen, reasons
from touchline.engine.trading.lines import Command
from touchline.engine.trading.runner import SessionRunner
from touchline.engine.trading.session import TradingSession
from touchline.engine.trading.settings import TradeSettings
from touchline.io.ground.errors import InputError
from touchline.io.kalshi.rest.orders import NewOrder
from touchline.io.store.store import Store

from .conftest import opened, tickers_of, walked
from .test_production import even, resting, told

SECOND = 1_000_000_000
NOW = 1_000 * SECOND
LIMITS: dict[str, Any] = {
    "loss_market": 0.5, "loss_session": 1, "loss_day": 8, "exposure_market": 20, "exposure_event": 30,
    "exposure_account": 60, "cash_apart": 1, "mode": "production",
}  # fmt: skip
SETTINGS = TradeSettings().with_options(LIMITS)
#: 10 contracts bought at 45 cents in one outcome, 10 sold at 52 in the other; mids have moved little.
HEALTHY = {
    "A": MarketSeen("A", "E", True, 1_000, -4_500_000, 4_500),
    "B": MarketSeen("B", "E", True, -1_000, 5_200_000, 5_200),
}
WELL = Seen(NOW, NOW - SECOND, 100_000_000, 10**9, None, 0, HEALTHY)


def seen(**more: Any) -> Seen:
    """A healthy session in which something of market A, or of the session, is otherwise."""
    own = {name: more.pop(name) for name in list(more) if hasattr(HEALTHY["A"], name)}
    return replace(WELL, **more, markets={**HEALTHY, "A": structs.replace(HEALTHY["A"], **own)})


#: Guard -> what sets it off, and what just does not.
CASES: dict[str, tuple[Seen, Seen]] = {
    "loss-market": (seen(mid=4_000), seen(mid=4_001)),
    "exposure-market": (seen(position=5_000, cash=-20_000_000, mid=4_000), seen(position=5_000, cash=-19_999_999)),
    "exposure-event": (
        seen(position=-6_000, cash=24_800_000 - 250_000, mid=4_100), seen(position=-1_000, cash=4_500_000)
    ),
    "disagreement": (seen(disagreed=2), seen(disagreed=1)),
    "unknown": (seen(unknown_since=NOW - 60 * SECOND), seen(unknown_since=NOW - 59 * SECOND)),
    "refusals": (seen(refused=10), seen(refused=9)),
    "collar": (seen(collared=7_000), seen(collared=None)),
    "group": (seen(group_stopped=True), seen(group_stopped=False)),
    "margin": (seen(unpaid=True), seen(unpaid=False)),
    "untold": (seen(untold_since=NOW - 35 * SECOND), seen(untold_since=NOW - 34 * SECOND)),
    "differences": (seen(differences=5), seen(differences=4)),
    "ghost": (seen(ghost="tl-1"), seen(ghost=None)),
    "cash": (seen(cash_apart=-1_000_000), seen(cash_apart=9_000_000)),
    "loss-session": (seen(mid=3_500), seen(mid=3_501)),
    "loss-day": (seen(day_start=8_000_000), seen(day_start=7_999_999)),
    "exposure-account": (seen(position=15_000, cash=-65_200_000, mid=4_340), seen(position=10_000, cash=-45_000_000)),
    "clock": (seen(drift_ns=-2 * SECOND), seen(drift_ns=2 * SECOND - 1)),
    "stranger": (seen(stranger="tl-1"), seen(stranger=None)),
    "model": (seen(unfit="fair expired"), seen(unfit=None)),
    "disk": (seen(disk_free=199_999_999), seen(disk_free=200_000_000)),
    "feed-age": (seen(heard=NOW - 30 * SECOND), seen(heard=NOW - 30 * SECOND + 1)),
}  # fmt: skip


def test_every_guard_has_a_case():
    assert set(CASES) == {*OF_MARKETS, *OF_SESSION}


@pytest.mark.parametrize("name", CASES)
def test_a_guard_fires_at_its_limit_and_not_before(name: str):
    fires, holds = CASES[name]
    found = {reason.guard: reason for reason in reasons(fires, SETTINGS)}
    assert name in found and found[name].text
    assert found[name].ticker == (None if name in OF_SESSION else "A") or name == "exposure-event"
    assert name not in {reason.guard for reason in reasons(holds, SETTINGS)}


def test_what_moves_in_the_account_of_a_shadow_is_not_the_shadows():
    shadow = SETTINGS.with_options({"mode": "shadow"})
    assert "cash" not in {reason.guard for reason in reasons(CASES["cash"][0], shadow)}


def test_a_healthy_session_has_no_reason_to_stop():
    assert reasons(WELL, SETTINGS) == []


@pytest.mark.parametrize(
    "name",
    [
        name for name in CASES
        if name not in ("disagreement", "group", "margin", "stranger", "unknown", "untold", "ghost", "model")
    ],
)  # fmt: skip
def test_a_limit_that_is_lifted_does_not_fire(name: str):
    setting = {"cash": "cash_apart", "clock": "clock_drift_s", "disk": "disk_mb", "feed-age": "feed_age_s"}.get(
        name, name.replace("-", "_")
    )
    if name == "collar":  # its fill was judged when it came
        return
    lifted = SETTINGS.with_options({setting: "none"})
    assert name not in {reason.guard for reason in reasons(CASES[name][0], lifted)}


def test_exclusive_outcomes_lose_together_what_the_worst_of_them_leaves():
    """Both sold at 60 cents: at most one can pay, so 20 cents a contract are never at risk."""
    sold = {name: MarketSeen(name, "E", True, -100, 600_000, 6_000) for name in "AB"}
    at_most = SETTINGS.with_options({"exposure_event": 0.01})
    assert "exposure-event" not in {one.guard for one in reasons(replace(WELL, markets=sold), at_most)}
    apart = {name: structs.replace(one, exclusive=False) for name, one in sold.items()}
    assert "exposure-event" in {one.guard for one in reasons(replace(WELL, markets=apart), at_most)}


#: Of the day's: its markets are open yet. A session that leaves closed ones waits ten seconds for its cancels.
OPEN_MOMENTS = 140


def test_a_healthy_day_halts_nothing(day: Store, session: Callable[..., SessionFolder]):
    folder = session(**LIMITS)
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        walked(exchange, runner, OPEN_MOMENTS)
    assert told(folder, "halt", "kill", "wait") == []


def test_a_loss_halts_its_market_and_takes_its_orders_away(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="production", loss_market=0.01)
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        walked(exchange, runner, OPEN_MOMENTS)
        halted = [one["market"] for _, one in told(folder, "halt")]
        assert halted and not any(resting(exchange, ticker) for ticker in halted)
        assert {one["guard"] for _, one in told(folder, "halt")} == {"loss-market"}
    assert audit(folder.path).difference is None


def test_a_kill_survives_restarts_until_a_person_gives_a_reason(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="production")
    with opened(day) as (exchange, client):
        watched = TradingSession(folder)
        with SessionRunner(folder, client, tickers_of(), inline=True) as runner:
            walked(exchange, runner, 20)
            watched.kill("something is wrong")
            runner._next_status = 0.0
            walked(exchange, runner, 2)
            assert not any(resting(exchange, ticker) for ticker in tickers_of())
            assert exchange.call(lambda: [one.triggered for one in exchange.desk.groups.values()]) == [True] * 3
        assert recovered(folder).killed == "person: something is wrong"
        with SessionRunner(folder, client, tickers_of(), inline=True) as runner:
            walked(exchange, runner, 10)
            assert not any(resting(exchange, ticker) for ticker in tickers_of())
            with pytest.raises(InputError, match="lifted with a reason"):
                watched.resume("")
            watched.resume("looked at it")
            runner._next_status = 0.0
            walked(exchange, runner, 10)
            assert any(resting(exchange, ticker) for ticker in tickers_of())
    assert [one["reason"] for _, one in told(folder, "lift")] == ["looked at it"]
    assert audit(folder.path).difference is None


def test_flatten_sells_what_is_held(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="production")
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        cash = exchange.venue.account.cash
        walked(exchange, runner, 60)
        assert any(one.position for one in runner.machine.ledger.holdings.values())
        runner.order(Command("flatten", "the day is over"))
        walked(exchange, runner, 30)
        assert not any(one.position for one in runner.machine.ledger.holdings.values())
        even(exchange, runner, cash)
        assert not any(resting(exchange, ticker) for ticker in tickers_of())
    assert audit(folder.path).difference is None


def test_a_strangers_trade_halts_its_market_after_two_readings(day: Store, session: Callable[..., SessionFolder]):
    folder, ticker = session(mode="production", reconcile_s=0.3, list_lag_s=1), tickers_of()[1]
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        walked(exchange, runner, 10)
        client.orders.create(NewOrder(ticker, "bid", 9900, 3, time_in_force="immediate_or_cancel"))
        walked(exchange, runner, 10)
        assert "disagreement" in (runner.machine.ledger.holding(ticker).halted or "")
        assert not resting(exchange, ticker) and resting(exchange, tickers_of()[0])


def test_an_order_of_our_name_that_we_do_not_know_kills(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="production", reconcile_s=0.3)
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        walked(exchange, runner, 5)
        prefix = runner.machine.ledger.prefix
        client.orders.create(NewOrder(tickers_of()[0], "bid", 1000, 3, client_order_id=f"{prefix}999999"))
        walked(exchange, runner, 10)
        assert (runner.machine.ledger.killed or "").startswith("stranger: order")
