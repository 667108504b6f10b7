"""How much faster than real time a day's audit is: ``python -m bench.trading_audit [markets] [scale]``.

A session on paper of the synthetic day's busiest markets, on a local exchange as fast as both can, and then ``engine
trade audit`` of it as a person types it, twin and start of the process included, and the replay of the journal alone.
``scale`` is the share of the day's events; 1 is a day as it is. Printed: how many hours the journal spans, its lines,
and by how much real time is beaten, by the wall clock and by the processor's time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from touchline.engine.trading.audit import audit
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.runner import SessionRunner

from tests.engine.trading.conftest import begun, opened, write_quick_params
from tests.engine.trading.day import chosen, sample_day, series_of

from .exchange_process import ENGINE


def main() -> None:
    """Run and print, for one market and for many."""
    markets = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    scale = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    with tempfile.TemporaryDirectory() as top:
        store = sample_day(Path(top), scale)
        for count in dict.fromkeys((1, markets)):
            tickers = chosen(store, count)
            params = write_quick_params(Path(top) / f"{count}.toml", series_of(tickers), queue="power@3", size=1.0)
            session = begun(Path(top) / f"session-{count}", params, mode="paper")
            with (
                opened(store, tickers=tickers, speed="max") as (exchange, client),
                SessionRunner(session, client, tickers) as runner,
            ):
                while not exchange.finished():
                    runner.step(0.1)
                runner.step(0.1)
            sys.stdout.write(json.dumps({"markets": len(tickers), **timed(session)}) + "\n")
            sys.stdout.flush()


def timed(session: SessionFolder) -> dict[str, object]:
    """Audit a session in this process, and by the command."""
    begun_at, worked = time.perf_counter(), time.process_time()
    done = audit(session.path)
    took, worked = time.perf_counter() - begun_at, time.process_time() - worked
    span = done.span_ns / 1e9
    begun_at = time.perf_counter()
    with subprocess.Popen([*ENGINE, "trade", "audit", str(session.path), "--json"], stdout=subprocess.PIPE) as asked:
        process = psutil.Process(asked.pid)
        assert asked.stdout is not None
        said = asked.stdout.read()
        times = process.cpu_times()  # it has closed its output, and is not waited for yet
    whole = time.perf_counter() - begun_at
    return {
        "hours": round(span / 3600, 2), "lines": done.lines,
        "equal": done.difference is None and bool(json.loads(said)["equal"]),
        "command times real time": round(span / whole, 1),
        "command times real time, processor": round(span / (times.user + times.system), 1),
        "replay times real time": round(span / took, 1), "replay times real time, processor": round(span / worked, 1),
    }  # fmt: skip


if __name__ == "__main__":
    main()
