"""How fast the local exchange replays into a client's books, over sockets of this machine.

Workload: 500 markets, 100,000 changes of levels and 5,000 trades at full speed, one client that keeps every book.
Before the time counts the client's books are compared with the exchange's. Yardstick in the same run: `json.loads` of
as many messages of the same kind.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import polars as pl
import pytest
from touchline.engine.exchange import Exchange
from touchline.engine.exchange.market.history import History, from_frames
from touchline.io.ground.units import NS_PER_SECOND
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.stream.stream import Stream
from touchline.io.store.schema import Side

MARKETS, CHANGES, TRADES = 500, 100_000, 5_000
START = 1_790_000_000 * NS_PER_SECOND


def recording() -> History:
    """Eight levels a side that come and go in turn; every twentieth change has a trade beside it."""
    number = np.arange(CHANGES)
    names = np.array([f"KXBENCH-26SEP21-B{market}" for market in range(MARKETS)])
    turn = number // MARKETS
    side = np.where(turn % 2 == 0, 1, -1)
    changes = pl.DataFrame(
        {
            "ts": START + (1 + number) * 1_000_000,
            "ticker": names[number % MARKETS],
            "kind": np.zeros(CHANGES, np.int64),
            "side": side,
            "price": np.where(side == 1, 4000, 5000) + 100 * (turn // 2 % 8),
            "size": np.where(turn // 16 % 2 == 0, 100, -100),
        }
    )
    clear = pl.DataFrame({"ts": START, "ticker": names, "kind": 2, "side": 0, "price": 0, "size": 0}, strict=False)
    every = changes.gather_every(CHANGES // TRADES)
    trades = every.select("ts", "ticker", price=pl.lit(4300), size=pl.lit(50), taker_side=pl.lit(-1))
    close = START + 2 * CHANGES * 1_000_000
    markets = pl.DataFrame({"ticker": names}).with_columns(
        valid_from=pl.lit(0), open_ts=pl.lit(START - 1), close_ts=close
    )
    return from_frames(markets, pl.concat([clear.cast(changes.schema), changes]), trades)


def serve(pipe: Connection) -> None:
    with Exchange(recording(), speed="max", tier="unlimited") as exchange:
        pipe.send(dict(exchange.environment))
        while pipe.recv() != "stop":
            shown = exchange.call(
                lambda: {m.ticker: [m.book.shown(side) for side in (Side.BID, Side.ASK)] for m in exchange.venue.listed}
            )
            pipe.send(shown)


@pytest.mark.bench
def test_replay_into_a_clients_books(benchmark: Any) -> None:
    tickers = [f"KXBENCH-26SEP21-B{market}" for market in range(MARKETS)]

    def replay() -> float:
        mine, theirs = multiprocessing.get_context("spawn").Pipe()
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
        server.start()
        stream = Stream(Settings.from_env(mine.recv(), dotenv=None), tickers)
        taken = len(stream.poll(10))
        began, wanted = time.perf_counter(), MARKETS + CHANGES + TRADES
        while taken < wanted:
            taken += len(stream.poll(10))
        seconds = time.perf_counter() - began
        mine.send("books")
        for ticker, (bids, asks) in mine.recv().items():
            assert (stream.books[ticker].bids, stream.books[ticker].asks) == (bids, asks)
        stream.close()
        mine.send("stop")
        server.join()
        return seconds

    rates = []
    benchmark.pedantic(lambda: rates.append((MARKETS + CHANGES + TRADES) / replay()), rounds=2)
    body = {"market_ticker": tickers[0], "price_dollars": "0.4700", "delta_fp": "-3.00", "side": "yes", "ts_ms": 1}
    message = json.dumps({"type": "orderbook_delta", "sid": 1, "seq": 2, "msg": body})
    began = time.perf_counter()
    for _ in range(CHANGES):
        json.loads(message)
    yardstick = CHANGES / (time.perf_counter() - began)
    benchmark.extra_info |= {"messages_per_second": round(max(rates)), "json_loads_per_second": round(yardstick)}
    print(f"\n{max(rates):,.0f} messages/s from replay to books; json.loads alone {yardstick:,.0f}/s")
    assert max(rates) >= 3_000  # twice what the exchange sends at busy times
