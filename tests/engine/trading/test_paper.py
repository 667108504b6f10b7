"""A session on paper comes to what the backtest of the same recording comes to, market by market."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from touchline.engine.results.params import load_params
from touchline.engine.simulator.replay import Replay, replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.trading.audit import audit
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import JournalLine, read, segments
from touchline.engine.trading.runner import SessionRunner
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.registry import quoting_model

from ..exchanges.conftest import random_frames
from .conftest import MARKETS, opened, tickers_of, walked

MS = 1_000_000


def replayed(day: Store, path: Path, ticker: str) -> Replay:
    params = load_params(path)
    tape = compile_tape(day, ticker)
    given = params.for_market(ticker, tape.market.series)
    return replay(tape, quoting_model(params.strategy), given, params.assumptions)


def lines_of(folder: SessionFolder, kind: str, ticker: str) -> list[tuple[JournalLine, dict[str, Any]]]:
    found = [(line, json.loads(line.payload)) for line in read(segments(folder.journal)) if line.kind == kind]
    return [(line, told) for line, told in found if told["market"] == ticker]


def equals_backtest(day: Store, folder: SessionFolder, ticker: str, close: int) -> int:
    """Every quote, fill, position and the cash of a session against the backtest of the same recording.

    A stream's times are whole milliseconds, a recording's may be finer.
    """
    run = replayed(day, folder.params, ticker)
    shown = [
        (line.ts // MS, told["bid"], told["bid_size"], told["ask"], told["ask_size"])
        for line, told in lines_of(folder, "quote", ticker)
    ]
    whole = run.quotes.select(run.quotes["ts"] // MS, "bid", "bid_size", "ask", "ask_size")
    there = list(whole.iter_rows())
    assert [row for row in shown if row[0] < close // MS] == [row for row in there if row[0] < close // MS]
    fills = [
        (line.ts // MS, told["side"], told["price"], told["lots"], told["fee"], told["position"])
        for line, told in lines_of(folder, "fill", ticker)
    ]
    columns = run.fills.select(
        run.fills["ts"] // MS, "side", "price", "size", run.fills["fee"] - run.fills["rebate"], "position"
    )
    assert fills == list(columns.iter_rows())
    last = lines_of(folder, "fill", ticker)[-1][1]
    assert (last["position"], last["cash"]) == (run.totals.position, run.totals.cash)
    return len(fills)


@pytest.fixture
def paper(session: Callable[..., SessionFolder]) -> SessionFolder:
    return session(mode="paper")


def test_a_paper_session_is_the_backtest_of_its_recording(day: Store, paper: SessionFolder):
    with opened(day) as (exchange, client):
        closes = {ticker: exchange.venue.markets[ticker].close_ts for ticker in tickers_of()}
        with SessionRunner(paper, client, tickers_of(), inline=True) as runner:
            walked(exchange, runner)
    for ticker, close in closes.items():
        assert equals_backtest(day, paper, ticker, close) > 10
    done = audit(paper.path)
    assert (done.difference, done.runs) == (None, 1)
    assert done.counts["quote"] > 50


def test_an_exchange_at_two_thousand_times_serves_a_session_without_fault(tmp_path: Path, paper: SessionFolder):
    """It waits for nobody: a session begins somewhere on the way, and all that it hears is whole."""
    store = Store(tmp_path / "store")
    markets, books, trades = random_frames(5, tickers=MARKETS, rows=150, step=40.0)
    store.ingest("made up", "long", [Chunk({"markets": markets, "book": books, "trades": trades})])
    with (
        opened(store, speed=2_000.0) as (exchange, client),
        SessionRunner(paper, client, tickers_of()) as runner,
    ):
        while not exchange.finished():
            runner.step(0.1)
        runner.step(0.1)
        assert runner.messages > 100 and runner.stream.connections == 1
        assert all(one.live.count > 20 for one in runner.machine.markets.values())
    lines = [line.kind for line in read(segments(paper.journal))]
    assert not {"gap", "halt", "kill"} & {*lines} and audit(paper.path).difference is None


def test_a_paper_session_is_the_backtest_however_fast_the_exchange_is(day: Store, paper: SessionFolder):
    with opened(day, speed="max") as (exchange, client):
        closes = {ticker: exchange.venue.markets[ticker].close_ts for ticker in tickers_of()}
        with SessionRunner(paper, client, tickers_of()) as runner:
            while not exchange.finished():
                runner.step(0.1)
            for _ in range(3):
                runner.step(0.1)
    for ticker, close in closes.items():
        assert equals_backtest(day, paper, ticker, close) > 10
    assert audit(paper.path).difference is None
