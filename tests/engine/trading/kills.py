"""Kills a trading process at random moments and starts it again: ``python -m tests.engine.trading.kills 100``.

The exchange lives on meanwhile. After each start no order may be unknown, no market may have two orders of ours on one
side, positions must be even, and a dead process may leave nothing that rests after its lease and a second.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import msgspec
from touchline.engine.api.trade import audit
from touchline.engine.exchanges import Exchange
from touchline.engine.trading.folder import SessionFolder, recovered
from touchline.engine.trading.journal import read, segments
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..exchanges.conftest import random_frames
from .conftest import tickers_of, write_quick_params
from .warmed import forking

LEASE_S, SPEED, MARKETS = 10, 4.0, 3
_STARTED_S = 120.0
#: What a start takes, about, and how long a process trades before it is killed, s.
_STARTS_S, _TRADES_S = 1.5, 1.0


@dataclass
class Killed:
    """What some kills came to."""

    kills: int = 0
    during_start: int = 0
    fills: int = 0
    orders: int = 0
    left_at_kill: int = 0
    faults: list[str] = field(default_factory=list)


def run(folder: Path, kills: int, seed: int) -> Killed:
    """Kill and start again ``kills`` times, then end in peace and look at everything."""
    store = Store(folder / "store")
    markets, books, trades = random_frames(seed, tickers=MARKETS, rows=2_000 + 400 * kills, step=0.25)
    store.ingest("made up", "kills", [Chunk({"markets": markets, "book": books, "trades": trades})])
    params = write_quick_params(folder / "params.toml")
    draw, made = random.Random(seed), Killed()
    with Exchange(store.path, speed=SPEED, tier="unlimited", queue="touch+cross@1", cash_dollars=100_000) as exchange:
        guard_against_doubles(exchange, made)
        session = SessionFolder(folder / "session")
        for number in range(kills):
            with started(exchange, params, session) as process:
                in_start = draw.random() < 0.2
                if in_start:
                    time.sleep(draw.uniform(0.0, _STARTS_S))
                else:
                    wait_until_trading(session, process)
                    time.sleep(draw.uniform(0.0, _TRADES_S))
                process.kill()
            made.kills, made.during_start = made.kills + 1, made.during_start + in_start
            made.left_at_kill += exchange.call(lambda: open_orders(exchange))
            if number % 10 == 4:
                outlive(exchange, made)
        with started(exchange, params, session) as process:
            wait_until_trading(session, process)
            time.sleep(1.0)
            os.kill(process.pid or 0, signal.SIGTERM)
            process.join(60)
            if process.exitcode:
                made.faults.append(f"the last process ended with {process.exitcode}")
        judge(exchange, session, made)
    return made


@contextmanager
def started(exchange: Exchange, params: Path, session: SessionFolder) -> Iterator[ForkServerProcess]:
    """A trading process of its own, as the command begins it; it is over at the end."""
    words = ["trade", str(params), *tickers_of(MARKETS), "--production", "--session", str(session.path)]
    words += ["--limit", f"lease-s={LEASE_S}", "--limit", "reconcile-s=1", "--limit", "clock-drift-s=none"]
    (session.path / "status.json").unlink(missing_ok=True)
    process = forking().Process(target=trade, args=(words, exchange.environment, errors_of(session)))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


def trade(words: list[str], environment: dict[str, str], errors: Path) -> None:
    """The command line, in a process that has loaded it already."""
    from touchline.engine.cli import main as command

    os.environ.update(environment)
    with errors.open("ab") as file, Path(os.devnull).open("wb") as nothing:
        os.dup2(file.fileno(), 2)
        os.dup2(nothing.fileno(), 1)
    sys.argv = ["engine", *words]
    command()


def errors_of(session: SessionFolder) -> Path:
    return session.path.parent / "stderr.txt"


def wait_until_trading(session: SessionFolder, process: ForkServerProcess) -> None:
    until = time.monotonic() + _STARTED_S
    while not (session.path / "status.json").exists() or not session.status()["orders"]:
        if process.exitcode is not None or time.monotonic() > until:
            raise AssertionError(f"the process did not start: {errors_of(session).read_text()[-500:]}")
        time.sleep(0.02)


def open_orders(exchange: Exchange) -> int:
    return sum(one.open for one in exchange.desk.orders.values())


def guard_against_doubles(exchange: Exchange, made: Killed) -> None:
    """After every order that is accepted: no market has two of ours on one side."""
    create = exchange.desk.create

    def watched(body: dict[str, Any]) -> dict[str, Any]:
        answer = create(body)
        resting = Counter((one.ticker, one.side) for one in exchange.desk.orders.values() if one.open)
        made.faults += [f"{count} orders rest on one side of {where}" for where, count in resting.items() if count > 1]
        return answer

    exchange.desk.create = watched  # pyright: ignore[reportAttributeAccessIssue]  # the test looks over its shoulder


def outlive(exchange: Exchange, made: Killed) -> None:
    """Wait for the lease of a dead process, and a second."""
    until = exchange.now() + (LEASE_S + 2) * 1_000_000_000  # a lease ends at a whole second
    while exchange.now() < until:
        time.sleep(0.05)
    if left := exchange.call(lambda: open_orders(exchange)):
        made.faults.append(f"{left} orders rest after the lease")


def judge(exchange: Exchange, session: SessionFolder, made: Killed) -> None:
    """What must hold at the end."""
    if left := exchange.call(lambda: open_orders(exchange)):
        made.faults.append(f"{left} orders rest at the end")
    ledger, account = recovered(session), exchange.venue.account
    for ticker, held in ledger.holdings.items():
        if (there := account.position(ticker).lots) != held.position:
            made.faults.append(f"{ticker}: we hold {held.position} lots, the exchange says {there}")
        if held.halted:
            made.faults.append(f"{ticker} was halted: {held.halted}")
    if ledger.killed or ledger.orders:
        made.faults.append(f"killed: {ledger.killed}; unknown orders: {list(ledger.orders)}")
    for line in read(segments(session.journal)):
        if line.kind == "start":
            step = msgspec.json.decode(line.payload)
            if step.get("left") or step.get("uneven") or step.get("clean") is False:
                made.faults.append(f"a start left something: {step}")
    made.fills = sum(one.fills for one in ledger.holdings.values())
    made.orders = len(exchange.desk.orders)
    found = audit(session.path)
    if found.difference is not None:
        made.faults.append(f"the journal does not replay: {found.difference}")


def main() -> None:
    """Run it as a command: how many kills, and the seed."""
    kills, seed = int(sys.argv[1]) if len(sys.argv) > 1 else 100, int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        made = run(Path(folder), kills, seed)
    sys.stdout.write(f"{made}\n{time.monotonic() - begun:.0f} s\n")
    raise SystemExit(bool(made.faults))


if __name__ == "__main__":
    main()
