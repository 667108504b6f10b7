"""Bets as orders at the local exchange: what is held is what was sent, the account is even, and the journal replays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from touchline import engine
from touchline.engine.api.trade import audit
from touchline.engine.bets.backtest import backtest
from touchline.engine.exchanges import Exchange
from touchline.engine.trading.journal import read, segments
from touchline.engine.trading.lines import Command
from touchline.engine.trading.runner import SessionRunner
from touchline.io.store.store import Store

from .conftest import opened, tickers_of
from .test_bets_live import PIPELINE, bars_of, bet_day, bet_lines, bets_of, pipeline, walk
from .test_production import crashed, even

__all__ = ["bet_day", "pipeline"]
MAKER = 'entry = "maker"\nmaker_bars = 2\nqueue = "power@3"\n'


def given_to(exchange: Exchange, client: Any, folder: Path, **more: Any) -> dict[str, Any]:
    named = {"session": folder, "client": client, "clock": exchange.now, "inline": True, "production": True}
    return named | {"limits": {"lease-s": 100_000, "clock-drift-s": "none"}} | more


def told(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    return [json.loads(line.payload) for line in read(segments(folder / "journal")) if line.kind in kinds]


@pytest.mark.slow
@pytest.mark.parametrize("more", ["", MAKER])
def test_bets_are_held_as_the_exchange_filled_them(more: str, bet_day: Store, pipeline: Path, tmp_path: Path):
    pipeline.write_text(PIPELINE + more, encoding="utf-8")
    folder = tmp_path / "session"
    with opened(bet_day) as (exchange, client):
        cash = exchange.venue.account.cash
        with engine.trade(pipeline, tickers_of(), **given_to(exchange, client, folder)) as session:
            walk(exchange, session)
            exchange.advance(300)
            session.step()
            runner = session.runner
            even(exchange, runner, cash)
            bets = runner.machine.bets
            assert runner.machine.over and not any(one.position for one in runner.machine.ledger.holdings.values())
            made = sum(one.cash for one in runner.machine.ledger.holdings.values())
            assert int(bets.account["cash"]) - 1_000 * 1_000_000 == made == bets.made
            orders = list(exchange.desk.orders.values())
    lines, there = bet_lines(folder), bets_of(backtest(bet_day, pipeline, end=bars_of(folder)[-1]))
    assert len(lines) > 1 and all(one["left"] == 0 for one in lines.values())
    same = ("side", "price", "mark", "score", "probability")
    assert more or all(
        [one[name] for name in same] == [there[key][name] for name in same] for key, one in lines.items()
    )
    resting = [one for one in orders if one.rests]
    assert bool(resting) == bool(more) and all(one.post_only and one.expires and one.group for one in resting)
    assert len({one.client_id for one in orders}) == len(orders)
    assert told(folder, "halt", "kill") == []
    assert audit(folder).difference is None


@pytest.mark.slow
@pytest.mark.parametrize("more", ["", MAKER])
def test_a_killed_process_bets_no_bet_twice(more: str, bet_day: Store, pipeline: Path, tmp_path: Path):
    pipeline.write_text(PIPELINE + more, encoding="utf-8")
    folder = tmp_path / "session"
    with opened(bet_day) as (exchange, client):
        cash, at = exchange.venue.account.cash, given_to(exchange, client, folder)
        session = engine.trade(pipeline, tickers_of(), **at)
        walk(exchange, session, until=lambda: bool(session.runner.machine.bets.held))
        held = set(session.runner.machine.bets.held)
        crashed(session.runner)
        for _ in range(3):
            exchange.step()
        with engine.trade(pipeline, tickers_of(), **at) as session:
            runner: SessionRunner = session.runner
            assert set(runner.machine.bets.held) == held
            assert runner.machine.ledger.orders == {}
            even(exchange, runner, cash)
            walk(exchange, session)
            exchange.advance(300)
            session.step()
            even(exchange, runner, cash)
            made = sum(one.cash for one in runner.machine.ledger.holdings.values())
            assert int(runner.machine.bets.account["cash"]) - 1_000 * 1_000_000 == made
    entered = [one["market"] for one in told(folder, "bet") if one["exit"] is None]
    assert entered and told(folder, "halt", "kill") == []
    assert audit(folder).difference is None


@pytest.mark.slow
def test_in_the_shadow_bets_are_decided_and_nothing_is_sent(bet_day: Store, pipeline: Path, tmp_path: Path):
    folder = tmp_path / "session"
    with opened(bet_day) as (exchange, client):
        given = given_to(exchange, client, folder, production=False, shadow=True)
        with engine.trade(pipeline, tickers_of(), **given) as session:
            walk(exchange, session)
        assert exchange.call(lambda: list(exchange.desk.orders)) == []
    asked = [one for one in told(folder, "ask") if one["do"] == "create"]
    assert asked and all(one["now"] for one in asked)
    assert told(folder, "bet") == [] and audit(folder).difference is None


@pytest.mark.slow
def test_what_a_person_flattens_is_sold_at_once(bet_day: Store, pipeline: Path, tmp_path: Path):
    folder = tmp_path / "session"
    with (
        opened(bet_day) as (exchange, client),
        engine.trade(pipeline, tickers_of(), **given_to(exchange, client, folder)) as session,
    ):
        walk(exchange, session, until=lambda: bool(session.runner.machine.bets.held))
        session.runner.order(Command("flatten", "enough"))
        walk(exchange, session, until=lambda: not session.runner.machine.bets.held)
        assert not any(one.position for one in session.runner.machine.ledger.holdings.values())
    ended = [one for one in told(folder, "bet") if one["exit"] is not None]
    assert ended and {one["exit"] for one in ended} == {"by hand"}
    assert audit(folder).difference is None


@pytest.mark.slow
def test_what_an_order_took_is_known_before_the_order_is_over(bet_day: Store, pipeline: Path, tmp_path: Path):
    """A process that is killed between the answer and the fill finds the fill at its next start."""
    folder = tmp_path / "session"
    with opened(bet_day) as (exchange, client):
        cash, at = exchange.venue.account.cash, given_to(exchange, client, folder)
        session = engine.trade(pipeline, tickers_of(), **at)
        heard = session.runner.machine.side.fill_told
        session.runner.machine.side.fill_told = lambda frame: None  # the message does not come
        walk(exchange, session, until=lambda: bool(told(folder, "ask", "ans")) and bool(exchange.desk.orders))
        assert heard and session.runner.machine.ledger.orders and told(folder, "end") == []
        crashed(session.runner)
        with engine.trade(pipeline, tickers_of(), **at) as session:
            runner: SessionRunner = session.runner
            assert runner.machine.bets.held and runner.machine.ledger.orders == {}
            even(exchange, runner, cash)
    assert told(folder, "halt", "kill") == []
