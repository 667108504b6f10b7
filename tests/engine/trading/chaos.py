"""Sessions on an exchange that misbehaves by a seed: ``python -m tests.engine.trading.chaos 300``.

Whatever happens: no position is wrong without a halt, no order is beyond a limit, every halt has a reason, nothing
rests after the end, and the journal replays to the byte.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec
from touchline.engine.api.trade import audit
from touchline.engine.exchanges import Exchange, Faults
from touchline.engine.trading.folder import SessionFolder, recovered
from touchline.engine.trading.guards import OF_MARKETS, OF_SESSION
from touchline.engine.trading.journal import read, segments
from touchline.engine.trading.runner import SessionRunner
from touchline.engine.trading.settings import TradeSettings
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.errors import KalshiError
from touchline.io.kalshi.rest.orders import NewOrder
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..exchanges.conftest import random_frames
from .conftest import tickers_of, write_quick_params
from .warmed import forking, warm

#: Schedules that run at once: they wait more than they work.
AT_ONCE = 8
SPEED, BAD_S, CALM_S, MARKETS, LARGEST = 20.0, 4.0, 3.0, 3, 10
GUARDS = {*OF_MARKETS, *OF_SESSION, "person", "uneven"}
LIMITS: dict[str, Any] = {
    "mode": "production", "lease_s": 30, "reconcile_s": 5, "unknown_s": 60, "list_lag_s": 35,
    "largest_order": LARGEST / 100, "clock_drift_s": 20, "loss_day": 50, "exposure_account": 200,
}  # fmt: skip


@dataclass
class Weathered:
    """What one schedule came to."""

    seed: int
    what: str
    halts: list[str] = field(default_factory=list)
    fills: int = 0
    orders: int = 0
    faults: list[str] = field(default_factory=list)


def store_of(folder: Path) -> Store:
    warm()  # no schedule waits for a compiler
    store = Store(folder / "store")
    markets, books, trades = random_frames(11, tickers=MARKETS, rows=1_500, step=0.25)
    store.ingest("made up", "chaos", [Chunk({"markets": markets, "book": books, "trades": trades})])
    return store


def schedule(draw: random.Random) -> Faults:
    """Some of what can go wrong, each now and then."""

    def some(most: float, share: float = 0.4) -> float:
        return round(draw.uniform(0, most), 4) if draw.random() < share else 0.0

    return Faults(
        gap=some(0.02), drop=some(0.02), dup=some(0.05), overflow=some(0.002), disconnect=some(0.004),
        missing_side=1.0, too_many=some(0.2), server_error=some(0.2), lost_ack=some(0.3), delay=some(60),
        lag=some(1_500), close_in_cancel=some(0.01, 0.2), cancel_all=some(0.5),
    )  # fmt: skip


def events(draw: random.Random, exchange: Exchange, client: Client) -> list[tuple[float, Callable[[], object]]]:
    """What happens at a moment: pauses, an inactive market, an early close, a stranger's orders."""
    markets = [exchange.venue.markets[ticker] for ticker in tickers_of(MARKETS)]
    one, other = draw.choice(markets), draw.choice(markets)

    def stranger() -> None:
        order = NewOrder(other.ticker, draw.choice(["bid", "ask"]), draw.choice([4000, 4500, 5000]), 20)
        try:
            client.orders.create(order)
        except KalshiError:
            return

    venue, call = exchange.venue, exchange.call
    kinds: list[list[Callable[[], object]]] = [
        [lambda: call(venue.pause), lambda: call(venue.resume)],
        [lambda: call(lambda: venue.pause(exchange=True)), lambda: call(venue.resume)],
        [lambda: call(lambda: venue.deactivate(one)), lambda: call(lambda: venue.activate(one))],
        [lambda: call(lambda: venue.close(one, early=True))],
        [stranger, stranger],
    ]
    found: list[tuple[float, Callable[[], object]]] = []
    for kind in draw.sample(kinds, draw.randint(0, 2)):
        moments = sorted(draw.uniform(0.3, BAD_S) for _ in kind)
        found += zip(moments, kind, strict=True)
    return sorted(found, key=lambda pair: pair[0])


def weather(folder: Path, store: Store, seed: int) -> Weathered:
    """Run one schedule, let it calm down, end in peace and look at everything."""
    draw = random.Random(seed)
    faults = schedule(draw)
    drift_s = random.Random(f"clock{seed}").choice((0, 0, 0, 0, 0, 60, -60))  # of our clock, ahead of the exchange's
    told = {**vars(faults), "drift_s": drift_s}
    made = Weathered(seed, ", ".join(f"{name}={value:g}" for name, value in told.items() if value))
    params = write_quick_params(folder / "params.toml")
    session = SessionFolder(folder / "session")
    session.begin(params, TradeSettings().with_options(LIMITS))
    given: dict[str, Any] = {"tier": "advanced", "queue": "touch+cross@1", "cash_dollars": 100_000}
    with Exchange(store.path, speed=SPEED, faults=faults, seed=seed, **given) as exchange:
        watch(exchange, session, made)
        settings = Settings.from_env(exchange.environment, dotenv=None)
        with Client(settings) as client, Client(settings) as stranger:
            clock = (lambda: exchange.now() + drift_s * 1_000_000_000) if drift_s else None
            begin = lambda: SessionRunner(session, client, tickers_of(MARKETS), clock=clock)  # noqa: E731 - tried again
            happen(exchange, begin, events(draw, exchange, stranger))
        exchange.call(exchange.venue.resume)
        judge(exchange, session, made, max(drift_s, 0))
    return made


def happen(
    exchange: Exchange, begin: Callable[[], SessionRunner], coming: list[tuple[float, Callable[[], object]]]
) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            runner = begin()
            break
        except KalshiError:  # a start that the weather does not allow is tried again
            if time.monotonic() > until:
                raise
    with runner:
        runner.step(0.1)
        begun = time.monotonic()

        def act() -> None:
            for at, action in coming:
                time.sleep(max(0.0, begun + at - time.monotonic()))
                action()

        helper = threading.Thread(target=act, daemon=True)
        helper.start()
        while time.monotonic() < begun + BAD_S:
            runner.step(0.05)
        helper.join()
        exchange.call(exchange.dice.calm)
        while time.monotonic() < begun + BAD_S + CALM_S:
            runner.step(0.05)


def watch(exchange: Exchange, session: SessionFolder, made: Weathered) -> None:
    """Look at every order that is accepted: its size, its lease, and that it is alone on its side."""
    create, prefix = exchange.desk.create, session.document()["prefix"]

    def watched(body: dict[str, Any]) -> dict[str, Any]:
        answer = create(body)
        order = exchange.desk.orders[answer["order_id"]]
        if order.client_id.startswith(prefix):
            made.orders += 1
            if order.initial > LARGEST or (order.rests and (order.expires is None or order.group is None)):
                made.faults.append(f"an order beyond its limits: {body}")
            own = [one for one in exchange.desk.orders.values() if one.open and one.client_id.startswith(prefix)]
            resting = Counter((one.ticker, one.side) for one in own)
            made.faults += [f"{count} orders on one side: {where}" for where, count in resting.items() if count > 1]
        return answer

    exchange.desk.create = watched  # pyright: ignore[reportAttributeAccessIssue]  # the test looks over its shoulder


def judge(exchange: Exchange, session: SessionFolder, made: Weathered, drift_s: int) -> None:
    """What must hold whatever happened; leases that a fast clock gave are as much longer."""
    ledger, account = recovered(session), exchange.venue.account
    lines = [line for line in read(segments(session.journal)) if line.kind in ("halt", "kill")]
    for line in lines:
        reason = msgspec.json.decode(line.payload)
        made.halts.append(reason["guard"])
        if reason["guard"] not in GUARDS or not reason["text"]:
            made.faults.append(f"a halt without a reason: {reason}")
    for ticker, held in ledger.holdings.items():
        there = account.position(ticker).lots
        if there != held.position and not (held.halted or ledger.killed):
            made.faults.append(f"{ticker}: we hold {held.position}, the exchange says {there}, and nothing is halted")
        made.fills += held.fills
    until = exchange.now() + (40 + drift_s) * 1_000_000_000
    prefix = session.document()["prefix"]
    while exchange.now() < until and _resting(exchange, prefix):
        time.sleep(0.02)
    if left := _resting(exchange, prefix):
        made.faults.append(f"{left} orders rest after their lease")
    found = audit(session.path)
    if found.difference is not None:
        made.faults.append(f"the journal does not replay: {found.difference}")


def _resting(exchange: Exchange, prefix: str) -> int:
    return sum(one.open and one.client_id.startswith(prefix) for one in exchange.desk.orders.values())


def weathered(top: Path, store: str, seed: int) -> Weathered:
    """One schedule in a folder of its own, whatever becomes of it."""
    folder = top / str(seed)
    folder.mkdir()
    try:
        return weather(folder, Store(store), seed)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Weathered(seed, "", faults=[f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Run it as a command: how many schedules, the first seed, and how many at once."""
    count, first, at_once = (
        int(sys.argv[k]) if len(sys.argv) > k else usual for k, usual in ((1, 300), (2, 0), (3, AT_ONCE))
    )
    failed, halts = list[Weathered](), Counter[str]()
    begun, fills, orders, done = time.monotonic(), 0, 0, 0
    with tempfile.TemporaryDirectory() as top, ProcessPoolExecutor(min(at_once, count), forking()) as pool:
        store = store_of(Path(top)).path
        seeds = range(first, first + count)
        for made in pool.map(weathered, repeat(Path(top)), repeat(str(store)), seeds):
            fills, orders, done = fills + made.fills, orders + made.orders, done + 1
            halts.update(made.halts)
            if made.faults:
                failed.append(made)
                sys.stdout.write(f"{made}\n")
            if done % 25 == 0:
                sys.stdout.write(f"{done} schedules, {len(failed)} failed, {time.monotonic() - begun:.0f} s\n")
            sys.stdout.flush()
    took = time.monotonic() - begun
    sys.stdout.write(
        f"{count - len(failed)} of {count} well, {orders} orders, {fills} fills, {dict(halts)}, {took:.0f} s\n"
    )
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
