"""From a message on the wire to the order that answers it: ``python -m bench.trading_wire [seconds]``.

A session in production on a local exchange in a process of its own. Timed is what is ours: from the socket's receiving
a message to the moment at which the request that it led to is handed to the HTTP session. What waits for the answer to
an earlier request, as the second side of a quote does, waits for the exchange and is not timed.
"""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import tempfile
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

ENGINE = [sys.executable, "-c", "from touchline.engine.cli import main; main()"]
MARKETS, SPEED = 10, 10.0


def main() -> None:
    """Run and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    with tempfile.TemporaryDirectory() as top:
        store = Store(Path(top) / "store")
        markets, books, trades = random_frames(5, tickers=MARKETS, rows=int(60 * SPEED * 4), step=0.25)
        store.ingest("made up", "wire", [Chunk({"markets": markets, "book": books, "trades": trades})])
        keys = Path(top) / "keys"
        command = [*ENGINE, "exchange", "--store", store.path, "--speed", str(SPEED), "--keys", str(keys)]
        command += ["--tier", "prestige", "--queue", "touch+cross@1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as served:
            assert served.stdout is not None
            address = json.loads(served.stdout.readline())
            environ = {
                "KALSHI_KEY_ID": (keys / "key-id").read_text().strip(),
                "KALSHI_PRIVATE_KEY_PATH": str(keys / "private.pem"),
                "KALSHI_REST_URL": address["rest"],
                "KALSHI_WS_URL": address["ws"],
            }
            try:
                took = timed(Path(top), Settings.from_env(environ, dotenv=None), seconds)
            finally:
                served.send_signal(signal.SIGTERM)
    took.sort()
    out = {"orders": len(took), "median ms": statistics.median(took), "99 % ms": took[int(0.99 * len(took))]}
    sys.stdout.write(json.dumps(out) + "\n")


def timed(top: Path, settings: Settings, seconds: float) -> list[float]:
    """Trade for some seconds; ms from each message to the request that it led to."""
    took: list[float] = []
    folder = SessionFolder(top / "session")
    folder.begin(write_quick_params(top / "params.toml"), TradeSettings().with_options({"mode": "production"}))
    with Client(settings) as client:
        client.market_data.status()  # an answer with the replay's time in it
        with SessionRunner(folder, client, tickers_of(MARKETS)) as runner:
            fresh: dict[str, int] = {}  # markets with messages that no turn has decided on yet, and when they came
            began: dict[int, int] = {}
            hear, send, do = runner._hear, runner._send, runner.sender.do

            def hearing(messages: list[Message]) -> bool:
                fresh.update((getattr(one.frame.msg, "market_ticker", ""), one.recv_ts) for one in messages)
                return hear(messages)

            def sending() -> None:
                began.update((job.n, fresh[job.ticker]) for job in runner._jobs if job.ticker in fresh)
                fresh.clear()
                send()

            def doing(job: Job) -> Answer:
                if job.n in began and job.do in ("create", "amend", "cancel"):
                    took.append((time.time_ns() - began.pop(job.n)) / 1e6)
                return do(job)

            replaced: dict[str, Callable[..., Any]] = {"_hear": hearing, "_send": sending}
            vars(runner).update(replaced)
            vars(runner.sender)["do"] = doing
            runner.run(seconds=seconds)
            del vars(runner.sender)["do"]
    return took


if __name__ == "__main__":
    main()
