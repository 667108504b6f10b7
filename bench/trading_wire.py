"""From a message on the wire to the order that answers it: ``python -m bench.trading_wire [seconds] [together]``.

A session in production on a local exchange in a process of its own. Timed is what is ours: from the socket's receiving
a message to the writing of the request that it led to, signed and whole, into the other socket. What waits for the
answer to an earlier request, as the second side of a quote does, waits for the exchange and is not timed. Printed as
well is what a busy machine changes least: the processor's time that the two stages with work in them took, as
``own ms`` (median, 99 %), and the ``share`` of a core that all took.

Markets change one after the other, 400 times a second in all; with ``together`` all ten in the same millisecond, every
25 ms, so that the last of them waits for the decisions on nine others.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.orders.jobs import Answer, Job
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

MARKETS, SPEED, STEP_S = 10, 10.0, 0.25
STAGES = ("read and queued", "heard and decided", "handed over", "signed and written")
Course = list[int]  #: when a request's message was received, heard, its turn over, begun to be sent, written
Own = dict[str, list[int]]  #: the processor's ns in a stage, of every turn or request


def main() -> None:
    """Run and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    together = "together" in sys.argv[2:]
    with tempfile.TemporaryDirectory() as top:
        store = Store(Path(top) / "store")
        markets, books, trades = random_frames(5, tickers=MARKETS, rows=int(3 * seconds * SPEED / STEP_S), step=STEP_S)
        if not together:
            books, trades = (apart(frame, STEP_S, MARKETS) for frame in (books, trades))
        store.ingest("made up", "wire", [Chunk({"markets": markets, "book": books, "trades": trades})])
        with exchange_process(store, Path(top) / "keys", SPEED) as settings:
            courses, own, share = timed(Path(top), settings, seconds)
    out: dict[str, Any] = {"orders": len(courses), "share": round(share, 3)}
    for name, (first, last) in {"": (0, 4), **{one: (k, k + 1) for k, one in enumerate(STAGES)}}.items():
        took = sorted((one[last] - one[first]) / 1e6 for one in courses)
        out[f"{name} median ms".strip()] = round(took[len(took) // 2], 3)
        out[f"{name} 99 % ms".strip()] = round(took[int(0.99 * len(took))], 3)
    for name, spent in own.items():
        spent.sort()
        out[f"{name} own ms"] = [round(spent[int(part * len(spent))] / 1e6, 3) for part in (0.5, 0.99)]
    sys.stdout.write(json.dumps(out) + "\n")


def timed(top: Path, settings: Settings, seconds: float) -> tuple[list[Course], Own, float]:
    """Trade for some seconds; the way from each message to its request, and what it took of the processor."""
    courses: list[Course] = []
    own: Own = {STAGES[1]: [], STAGES[3]: []}
    folder = SessionFolder(top / "session")
    folder.begin(write_quick_params(top / "params.toml"), TradeSettings().with_options({"mode": "production"}))
    with Client(settings) as client:
        client.market_data.status()  # an answer with the replay's time in it
        with SessionRunner(folder, client, tickers_of(MARKETS)) as runner:
            fresh: dict[str, Course] = {}  # markets with messages that no turn has decided on yet, and when they came
            began: dict[int, Course] = {}
            under_way = threading.local()
            under_way.since = 0
            hear, send, do, write = runner._hear, runner._send, runner.sender.do, http.client.HTTPConnection.send

            def hearing(messages: list[Message]) -> bool:
                now, under_way.since = time.time_ns(), time.thread_time_ns()
                fresh.update((getattr(one.frame.msg, "market_ticker", ""), [one.recv_ts, now]) for one in messages)
                return hear(messages)

            def sending() -> None:
                now = time.time_ns()
                if any(job.ticker in fresh for job in runner._jobs):
                    own[STAGES[1]].append(time.thread_time_ns() - under_way.since)
                began.update((job.n, [*fresh[job.ticker], now]) for job in runner._jobs if job.ticker in fresh)
                fresh.clear()
                send()

            def doing(job: Job) -> Answer:
                course = began.pop(job.n, None)
                if course is not None and job.do in ("create", "amend", "cancel"):
                    courses.append([*course, time.time_ns()])
                    under_way.course, under_way.since = courses[-1], time.thread_time_ns()
                return do(job)

            def writing(connection: http.client.HTTPConnection, data: Any) -> None:
                write(connection, data)
                if getattr(under_way, "course", None) is not None:
                    under_way.course[4:] = [time.time_ns()]  # the last part of the request counts
                    under_way.written = time.thread_time_ns()

            def done(job: Job) -> Answer:
                try:
                    return doing(job)
                finally:
                    course, under_way.course = getattr(under_way, "course", None), None
                    if course is not None and len(course) == 5:
                        own[STAGES[3]].append(under_way.written - under_way.since)

            replaced: dict[str, Callable[..., Any]] = {"_hear": hearing, "_send": sending}
            vars(runner).update(replaced)
            vars(runner.sender)["do"] = done
            http.client.HTTPConnection.send = writing
            begun = time.process_time()
            try:
                runner.run(seconds=seconds)
            finally:
                http.client.HTTPConnection.send = write
            share = (time.process_time() - begun) / seconds
            del vars(runner.sender)["do"]
    return [one for one in courses if len(one) == 5], own, share


if __name__ == "__main__":
    main()
