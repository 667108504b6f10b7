"""Orders at the local exchange: what rests is what was decided, the account is even, and the journal replays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from touchline import engine
from touchline.engine.exchanges import Exchange
from touchline.engine.trading.audit import audit
from touchline.engine.trading.folder import SessionFolder, recovered
from touchline.engine.trading.journal import read, segments
from touchline.engine.trading.runner import SessionRunner
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import Side
from touchline.io.store.store import Store

from ..exchanges.conftest import random_frames
from .conftest import begun, opened, tickers_of, walked
from .test_paper import lines_of, replayed

#: Of the exchange's fees and the replay's: an amended order keeps what rounding took too much.
GRID_MICROS = 100


def resting(exchange: Exchange, ticker: str) -> dict[int, tuple[int, int]]:
    return {int(one.side): (one.price, one.remaining) for one in exchange.venue.markets[ticker].book.own()}


def told(folder: SessionFolder, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    return [(line.kind, json.loads(line.payload)) for line in read(segments(folder.journal)) if line.kind in kinds]


def even(exchange: Exchange, runner: SessionRunner, cash: int) -> None:
    """Position by position and to the micro-dollar: the exchange's account and the session's own."""
    ledger = runner.machine.ledger
    account = exchange.venue.account
    held = {ticker: account.position(ticker).lots for ticker in ledger.holdings}
    assert held == {ticker: one.position for ticker, one in ledger.holdings.items()}
    short = sum(min(lots, 0) for lots in held.values()) * 10_000
    assert sum(one.cash for one in ledger.holdings.values()) + short == account.cash - cash


def test_orders_do_what_the_backtest_did(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="production")
    with opened(day) as (exchange, client):
        closes = {ticker: exchange.venue.markets[ticker].close_ts for ticker in tickers_of()}
        first = min(closes.values())
        cash = exchange.venue.account.cash
        with SessionRunner(folder, client, tickers_of(), inline=True) as runner:
            runner.catch_up()
            while (ts := exchange.step()) < first:
                runner.catch_up()
                for ticker, market in runner.machine.markets.items():
                    quote = market.live.quote
                    wanted = {1: (quote.bid, quote.bid_size), -1: (quote.ask, quote.ask_size)}
                    there = exchange.call(lambda ticker=ticker: resting(exchange, ticker))
                    assert there == {side: one for side, one in wanted.items() if one[0] is not None}, (ticker, ts)
            exchange.advance(2)
            runner.catch_up()
            even(exchange, runner, cash)
    for ticker, close in closes.items():
        run = replayed(day, folder.params, ticker)
        shown = [
            (line.ts, one["bid"], one["bid_size"], one["ask"], one["ask_size"])
            for line, one in lines_of(folder, "quote", ticker)
        ]
        there = list(run.quotes.select("ts", "bid", "bid_size", "ask", "ask_size").iter_rows())
        assert [row for row in shown if row[0] < close] == [row for row in there if row[0] < close]
        fills = [(line.ts, one["side"], one["price"], one["lots"]) for line, one in lines_of(folder, "fill", ticker)]
        assert fills == run.fills.select("ts", "side", "price", "size").rows()
        paid = sum(one["fee"] for _, one in lines_of(folder, "fill", ticker))
        assert abs(paid - (run.totals.fees - run.totals.rebates)) <= GRID_MICROS * len(fills)
    done = audit(folder.path)
    assert done.difference is None and done.counts["ask"] > 50


def test_every_order_has_a_lease_a_group_and_a_name_of_its_own(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="production", lease_s=20)
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        walked(exchange, runner, 60)
        orders = exchange.call(lambda: list(exchange.desk.orders.values()))
        groups = exchange.call(lambda: dict(exchange.desk.groups))
        assert len(groups) == len(tickers_of()) and len(orders) > 10
        prefix = runner.machine.ledger.prefix
        assert len({one.client_id for one in orders}) == len(orders)
        for order in orders:
            assert order.client_id.startswith(prefix) and order.group in groups
            assert order.cancel_on_pause and order.post_only
            assert order.expires is not None
        live = [one for one in orders if one.open]
        assert live and all(one.expires is not None and one.expires > exchange.now() for one in live)
        runner.stream.close()
        runner.machine.side.quiet = lambda ticker: True  # pyright: ignore[reportAttributeAccessIssue]  # a dead process cancels nothing
        exchange.advance(21)
        assert not any(one.open for one in orders)
    assert not any(
        kind == "ask" and one["do"] == "create" and not one.get("expires") for kind, one in told(folder, "ask")
    )


def test_leaving_cancels_everything_and_the_next_start_finds_nothing(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="production")
    with opened(day) as (exchange, client):
        with SessionRunner(folder, client, tickers_of(), inline=True) as runner:
            walked(exchange, runner, 30)
            assert any(resting(exchange, ticker) for ticker in tickers_of())
            before = {ticker: one.position for ticker, one in runner.machine.ledger.holdings.items()}
        assert not any(resting(exchange, ticker) for ticker in tickers_of())
        ledger = recovered(folder)
        assert ledger.orders == {}
        assert {ticker: one.position for ticker, one in ledger.holdings.items()} == before
        with SessionRunner(folder, client, tickers_of(), inline=True) as runner:
            assert runner.machine.ledger.counter > ledger.counter
            walked(exchange, runner, 10)
    steps = [one for _, one in told(folder, "start")]
    assert [one["step"] for one in steps] == ["journal", "cancel", "sweep", "positions"] * 2
    assert steps[4]["unknown"] == [] and steps[7]["uneven"] == {}
    assert audit(folder.path).difference is None


def crashed(runner: SessionRunner) -> None:
    """Let go of what a killed process would let go of, and of nothing more."""
    import os

    runner.stream.close()
    os.close(runner.journal._lock)
    os.close(runner.journal._file)
    runner.journal._lock = runner.journal._file = -1


def test_the_start_finds_and_settles_what_a_killed_process_left(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="production")
    with opened(day) as (exchange, client):
        cash = exchange.venue.account.cash
        runner = SessionRunner(folder, client, tickers_of(), inline=True)
        walked(exchange, runner, 30)
        crashed(runner)
        left = sum(len(resting(exchange, ticker)) for ticker in tickers_of())
        assert left > 0
        for _ in range(20):  # some of it fills meanwhile
            exchange.step()
        with SessionRunner(folder, client, tickers_of(), inline=True) as runner:
            assert runner.machine.ledger.orders == {}
            even(exchange, runner, cash)
            walked(exchange, runner, 20)
            even(exchange, runner, cash)
        even(exchange, runner, cash)
    steps = [one for _, one in told(folder, "start")][4:]
    assert len(steps[0]["unknown"]) >= left and steps[1]["left"] == [] and steps[2]["cancelled"] == []
    assert audit(folder.path).difference is None


def test_the_start_sweeps_an_order_of_our_name_that_the_journal_does_not_know(
    day: Store, session: Callable[..., SessionFolder]
):
    from touchline.io.kalshi.rest.orders import NewOrder

    folder = session(mode="production")
    with opened(day) as (exchange, client):
        exchange.step()
        prefix = folder.document()["prefix"]
        client.orders.create(NewOrder(tickers_of()[0], "bid", 3000, 100, client_order_id=f"{prefix}77"))
        client.orders.create(NewOrder(tickers_of()[0], "bid", 2900, 100, client_order_id="a-stranger"))
        with SessionRunner(folder, client, tickers_of(), inline=True):
            own = {one.client_id for one in exchange.desk.orders.values() if one.open}
            assert own == {"a-stranger"}
    assert [len(one["cancelled"]) for _, one in told(folder, "start") if one["step"] == "sweep"] == [1]


def test_a_market_that_does_not_come_out_even_stays_closed_until_a_person_says_so(
    day: Store, session: Callable[..., SessionFolder], monkeypatch: pytest.MonkeyPatch
):
    from touchline.engine.trading import startup
    from touchline.io.kalshi.rest.orders import NewOrder

    monkeypatch.setattr(startup, "_PAUSE_S", 0.0)
    folder, ticker = session(mode="production"), tickers_of()[1]
    with opened(day) as (exchange, client):
        with SessionRunner(folder, client, tickers_of(), inline=True) as runner:
            walked(exchange, runner, 10)
        client.orders.create(NewOrder(ticker, "bid", 9900, 100, time_in_force="immediate_or_cancel"))  # by hand
        with SessionRunner(folder, client, tickers_of(), inline=True) as runner:
            walked(exchange, runner, 5)
            assert "uneven" in (runner.machine.ledger.holding(ticker).halted or "")
            assert not resting(exchange, ticker) and resting(exchange, tickers_of()[0])
    assert audit(folder.path).difference is None


def test_shadow_sends_nothing_and_computes_everything(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="shadow")
    with opened(day) as (exchange, client):
        with SessionRunner(folder, client, tickers_of(), inline=True) as runner:
            walked(exchange, runner, 80)
        assert exchange.call(lambda: list(exchange.desk.orders)) == []
    asked = [one for _, one in told(folder, "ask")]
    assert {one["do"] for one in asked} >= {"create", "amend", "read"}
    assert audit(folder.path).difference is None


def test_sides_of_one_book_are_the_exchanges(day: Store):
    assert (int(Side.BID), int(Side.ASK)) == (1, -1)


@pytest.mark.parametrize(("result", "value"), [("yes", 10_000), ("no", 0), ("scalar", 3_333)])
def test_the_account_is_even_at_settlement(result: str, value: int, tmp_path: Path, params: Path):
    """To the micro-dollar, whatever the market settles at."""
    store = Store(tmp_path / "store")
    more = {"result": result, "settlement": value}
    markets, books, trades = random_frames(3, tickers=2, rows=80, **more)
    store.ingest("made up", "settled", [Chunk({"markets": markets, "book": books, "trades": trades})])
    folder = begun(tmp_path / "session", params, mode="production")
    with opened(store) as (exchange, client):
        cash = exchange.venue.account.cash
        with SessionRunner(folder, client, tickers_of(2), inline=True) as runner:
            walked(exchange, runner)
            assert sum(one.fills for one in runner.machine.ledger.holdings.values()) > 10
            even(exchange, runner, cash)
            assert not any(one.position for one in runner.machine.ledger.holdings.values())
    settled = [one for _, one in told(folder, "settle")]
    assert settled and all(one["value"] == value for one in settled)
    assert {ticker: one.cash for ticker, one in recovered(folder).holdings.items()} == {
        ticker: one.cash for ticker, one in runner.machine.ledger.holdings.items()
    }
    assert told(folder, "halt") == [] and audit(folder.path).difference is None


def test_the_report_holds_settlements_against_the_exchanges_and_names_a_difference(
    tmp_path: Path, params: Path, monkeypatch: pytest.MonkeyPatch
):
    store = Store(tmp_path / "store")
    markets, books, trades = random_frames(3, tickers=2, rows=40, result="scalar", settlement=3_333)
    store.ingest("made up", "settled", [Chunk({"markets": markets, "book": books, "trades": trades})])
    folder = begun(tmp_path / "session", params, mode="production")
    with opened(store) as (exchange, client), SessionRunner(folder, client, tickers_of(2), inline=True) as runner:
        walked(exchange, runner)
        for name, value in exchange.environment.items():
            monkeypatch.setenv(name, value)
        ours = [one for _, one in told(folder, "settle")]
        assert len(ours) == 2 and all(one["position"] for one in ours)
        even_page = engine.report(folder.path, settlements=True).read_text()
        paid = exchange.call(lambda: exchange.venue.account.settlements[0])
        exchange.call(lambda: exchange.venue.account.settlements.__setitem__(0, replace(paid, value=9_900)))
        page = engine.report(folder.path, settlements=True).read_text()
    held = next(one["position"] / 100 for one in ours if one["market"] == paid.ticker)
    named = f"{paid.ticker}: our account has {held:g} contracts paid at 33.33 cents, the exchange {held:g} contracts"
    assert "our account has" not in even_page and f"{named} paid at 99 cents" in page
