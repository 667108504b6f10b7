"""Whether a session keeps up: ``python -m bench.trading_load [markets] [messages a second] [seconds]``.

A session in production on one core, and on another a local exchange that tells so many messages a second of so many
markets: 200, 1,500 and a minute unless told otherwise. Printed: how much waited to be taken in at most, and at most in
the last tenth, how late messages were decided on, the share of the core, and the journal's share of that.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import JournalLine
from touchline.engine.trading.runner import SessionRunner
from touchline.engine.trading.settings import TradeSettings
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.stream.stream import Message
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from tests.engine.exchanges.conftest import random_frames
from tests.engine.trading.conftest import tickers_of, write_quick_params

from .exchange_process import apart, exchange_process

_A_MOMENT = 1.12  #: messages that a moment of a made-up market makes: changes, trades, and now and then nothing


def main() -> None:
    """Run and print."""
    markets, rate, seconds = (int(sys.argv[k]) if len(sys.argv) > k else n for k, n in ((1, 200), (2, 1_500), (3, 60)))
    step = _A_MOMENT * markets / rate
    with tempfile.TemporaryDirectory() as top:
        store = Store(Path(top) / "store")
        listed, books, trades = random_frames(5, tickers=markets, rows=int((seconds + 40) / step), step=step)
        frames = {"markets": listed, "book": apart(books, step, markets), "trades": apart(trades, step, markets)}
        store.ingest("made up", "load", [Chunk(frames)])
        with exchange_process(store, Path(top) / "keys", 1.0) as settings:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            out = kept_up(Path(top), settings, tickers_of(markets), seconds)
    sys.stdout.write(json.dumps({"markets": markets, **out}) + "\n")


def kept_up(top: Path, settings: Settings, tickers: list[str], seconds: float) -> dict[str, Any]:
    """Trade for some seconds, and look at what waits."""
    folder = SessionFolder(top / "session")
    folder.begin(write_quick_params(top / "params.toml"), TradeSettings().with_options({"mode": "production"}))
    waited: list[int] = []
    late: list[float] = []
    journal = 0
    with Client(settings) as client:
        client.market_data.status()  # an answer with the replay's time in it
        with SessionRunner(folder, client, tickers) as runner:
            hear, append, commit = runner._hear, runner.journal.append, runner.journal.commit

            def hearing(messages: list[Message]) -> bool:
                waited.append(len(messages) + runner._queue.qsize())
                heard = hear(messages)
                now = time.time_ns()
                late.extend((now - one.recv_ts) / 1e6 for one in messages)
                return heard

            def appending(line: JournalLine) -> None:
                nonlocal journal
                since = time.thread_time_ns()
                append(line)
                journal += time.thread_time_ns() - since

            def committing() -> None:
                nonlocal journal
                since = time.thread_time_ns()
                commit()
                journal += time.thread_time_ns() - since

            runner.run(seconds=5)  # all books are there
            vars(runner)["_hear"] = hearing
            vars(runner.journal).update(append=appending, commit=committing)
            heard, spent, since = runner.messages, time.process_time(), time.monotonic()
            runner.run(seconds=seconds)
            spent, took, heard = time.process_time() - spent, time.monotonic() - since, runner.messages - heard
            told = runner.status()
    late.sort()
    return {
        "messages a second": round(heard / took), "seconds": round(took, 1), "orders": told["orders"],
        "fills": sum(one["fills"] for one in told["markets"].values()), "waited at most": max(waited),
        "waited at most in the last tenth": max(waited[-len(waited) // 10 :]),
        "decided on after ms": [round(late[int(part * len(late))], 2) for part in (0.5, 0.99, 0.999)],
        "share of a core": round(spent / took, 3), "journal's share of that": round(journal / 1e9 / spent, 3),
    }  # fmt: skip


if __name__ == "__main__":
    main()
