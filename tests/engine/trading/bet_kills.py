"""Kills a process that bets at random moments and starts it again: ``python -m tests.engine.trading.bet_kills 10``.

The exchange lives on meanwhile. After each start no order may be unknown, positions must be even, no bet may be sent
twice in a bar, and the journal replays to the byte; half of the sessions take, the others let their entries rest.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from touchline.engine.exchanges import Exchange
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import read, segments
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..exchanges.conftest import random_frames
from .conftest import tickers_of
from .kills import Killed, errors_of, guard_against_doubles, judge, open_orders, trade
from .warmed import forking

SPEED, MARKETS = 60.0, 3
_STARTED_S, _BETS_S = 120.0, 4.0
PIPELINE = """
[source]
step_minutes = 1
[scorer]
name = "momentum"
window_bars = 1
strength = 1.0
[selector]
name = "top-k"
k = 3
min_score = 0.0001
[executor]
sizing = "fixed-fraction"
fraction = 0.01
capital = 1000
max_hold_hours = 0.05
"""
MAKER = 'entry = "maker"\nmaker_bars = 3\n'


def run(folder: Path, kills: int, seed: int) -> Killed:
    """Kill and start again ``kills`` times, then end in peace and look at everything."""
    store = Store(folder / "store")
    markets, books, trades = random_frames(seed, tickers=MARKETS, rows=4_000 + 2_000 * kills, step=0.6)
    store.ingest("made up", "kills", [Chunk({"markets": markets, "book": books, "trades": trades})])
    pipeline = folder / "pipeline.toml"
    pipeline.write_text(PIPELINE + (MAKER if seed % 2 else ""), encoding="utf-8")
    draw, made = random.Random(seed), Killed()
    given: dict[str, Any] = {"tier": "unlimited", "queue": "touch+cross@1", "cash_dollars": 100_000}
    session = SessionFolder(folder / "session")
    words = ["trade", str(pipeline), *tickers_of(MARKETS), "--production", "--session", str(session.path)]
    words += [
        "--limit",
        "lease-s=3000",
        "--limit",
        "reconcile-s=10",
        "--limit",
        "collar=90",
        "--limit",
        "clock-drift-s=none",
    ]
    with Exchange(store.path, speed=SPEED, **given) as exchange:
        guard_against_doubles(exchange, made)
        for _ in range(kills + 1):
            last = made.kills == kills
            (session.path / "status.json").unlink(missing_ok=True)
            process = forking().Process(target=trade, args=(words, exchange.environment, errors_of(session)))
            process.start()
            try:
                in_start = not last and draw.random() < 0.2
                if in_start:
                    time.sleep(draw.uniform(0.0, 2.0))
                else:
                    wait_until_it_bets(session, process)
                    time.sleep(draw.uniform(0.0, _BETS_S))
                if last:
                    os.kill(process.pid or 0, signal.SIGTERM)
                    process.join(60)
                    if process.exitcode:
                        made.faults.append(f"the last process ended with {process.exitcode}")
                    break
                process.kill()
                made.kills, made.during_start = made.kills + 1, made.during_start + in_start
                made.left_at_kill += exchange.call(lambda: open_orders(exchange))
            finally:
                process.kill()
                process.join()
                process.close()
        judge(exchange, session, made)
        made.faults += doubles(session)
    return made


def wait_until_it_bets(session: SessionFolder, process: Any) -> None:
    """Until a bar is over since the start."""
    until, before = time.monotonic() + _STARTED_S, bars_in(session)
    while not (session.path / "status.json").exists() or bars_in(session) <= before:
        if process.exitcode is not None or time.monotonic() > until:
            raise AssertionError(f"the process did not start: {errors_of(session).read_text()[-500:]}")
        time.sleep(0.1)


def bars_in(session: SessionFolder) -> int:
    """The end of the last bar that is told."""
    return (session.bar() or {"bar": 0})["bar"] if session.path.exists() else 0


def doubles(session: SessionFolder) -> list[str]:
    """Of each bar, markets in which more than one order was to take: one that was refused is none."""
    found, since, asked = list[str](), Counter[str](), dict[int, str]()
    for line in read(segments(session.journal)):
        told = msgspec.json.decode(line.payload) if line.kind in ("ask", "ans") else {}
        if line.kind == "bar":
            found += [
                f"{count} orders in {ticker} before the bar of {line.ts}"
                for ticker, count in since.items()
                if count > 1
            ]
            since.clear()
        elif line.kind == "run":
            asked.clear()
        elif line.kind == "ask" and told["do"] == "create" and told.get("now"):
            since[told["ticker"]] += 1
            asked[told["n"]] = told["ticker"]
        elif line.kind == "ans" and told["is"] == "refused" and told["n"] in asked:
            since[asked.pop(told["n"])] -= 1
    return found


def bets_in(session: SessionFolder) -> int:
    return sum(line.kind == "bet" for line in read(segments(session.journal)))


def main() -> None:
    """Run it as a command: how many kills, and the seed."""
    kills, seed = int(sys.argv[1]) if len(sys.argv) > 1 else 10, int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        made = run(Path(folder), kills, seed)
        bets = bets_in(SessionFolder(Path(folder) / "session"))
    sys.stdout.write(f"{made}, {bets} lines of bets\n{time.monotonic() - begun:.0f} s\n")
    raise SystemExit(bool(made.faults))


if __name__ == "__main__":
    main()
