"""Whether a session stays as small as it began: ``python -m bench.trading_hours [hours] [speed]``.

A session in production with counters and a log, five markets and two messages a second in all, on a local exchange in
a process of its own that replays that many hours at that speed: eight in four minutes unless told otherwise. Printed:
the session's resident memory and open files after each hour of the exchange's time, and by how much both grow in an
hour after the first. Limits that a fast clock makes meaningless, on the age of the feed and the drift of clocks, are
lifted; leases, comparisons with the exchange's lists and the status file go on as they do.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from touchline import engine
from touchline.engine.trading.audit import audit
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from tests.engine.exchanges.conftest import START, random_frames
from tests.engine.trading.conftest import tickers_of, write_quick_params

from .exchange_process import exchange_process

MARKETS, STEP_S, HOUR = 5, 4.0, 3_600 * 1_000_000_000
LIMITS: dict[str, Any] = {
    "feed_age_s": "none", "clock_drift_s": "none", "collar": "none", "lease_s": 1200, "reconcile_s": 60,
    "list_lag_s": 600, "unknown_s": 3600,
}  # fmt: skip


def main() -> None:
    """Run and print."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    speed = float(sys.argv[2]) if len(sys.argv) > 2 else 120.0
    with tempfile.TemporaryDirectory() as top:
        store = Store(Path(top) / "store")
        rows = int((hours + 0.2) * 3600 / STEP_S)
        markets, books, trades = random_frames(5, tickers=MARKETS, rows=rows, step=STEP_S)
        store.ingest("made up", "hours", [Chunk({"markets": markets, "book": books, "trades": trades})])
        with exchange_process(store, Path(top) / "keys", speed) as settings:
            out = grown(Path(top), settings, hours, 3600 / speed)
    sys.stdout.write(json.dumps(out) + "\n")


def grown(top: Path, settings: Settings, hours: float, hour_s: float) -> dict[str, Any]:
    """Trade for some hours of the exchange's time; what was resident and open after each."""
    samples: list[tuple[float, float, int]] = []
    process, over = psutil.Process(), threading.Event()

    def look() -> None:
        since = time.monotonic()
        while not over.wait(max(0.0, since + hour_s * len(samples) - time.monotonic())) and len(samples) <= hours:
            gc.collect()
            seen = (session.status()["now"] - START) / HOUR
            samples.append((round(seen, 2), round(process.memory_info().rss / 1e6, 1), process.num_fds()))
            sys.stdout.write(json.dumps(dict(zip(("hour", "MB", "files"), samples[-1], strict=True))) + "\n")
            sys.stdout.flush()
        session.stop.set()

    params = write_quick_params(top / "params.toml")
    given: dict[str, Any] = {"production": True, "session": top / "session", "limits": LIMITS, "metrics": 0}
    with Client(settings) as client, engine.trade(params, tickers_of(MARKETS), client=client, **given) as session:
        client.market_data.status()  # an answer with the replay's time in it
        _ = session.runner
        session.runner.step()
        session.runner.folder.write_status(session.runner.status())
        watcher = threading.Thread(target=look)
        watcher.start()
        last = session.run()
        over.set()
        watcher.join()
    (_, early, opened), (late_at, late, left) = samples[1], samples[-1]
    spent = max(late_at - samples[1][0], 1e-9)
    told = {"fills": sum(one["fills"] for one in last["markets"].values()), "messages": last["messages"]}
    stopped = [last["killed"], *(one["halted"] for one in last["markets"].values())]
    return {
        "hours": late_at, **told, "MB an hour": round((late - early) / spent, 2), "files more": left - opened,
        "stopped": [one for one in stopped if one], "audit": audit(top / "session").difference,
    }  # fmt: skip


if __name__ == "__main__":
    main()
