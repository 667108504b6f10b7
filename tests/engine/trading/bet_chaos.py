"""Sessions that bet on an exchange that misbehaves by a seed: ``python -m tests.engine.trading.bet_chaos 6``.

Whatever happens: no position is wrong without a halt, no order is beyond a limit, every halt has a reason, nothing
rests after the end, and the journal replays to the byte. Half of the sessions take, the others let their entries rest.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from touchline.engine.exchanges import Exchange
from touchline.engine.trading.bets.runner import BetRunner
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.settings import TradeSettings
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.pipeline.pipeline import load_pipeline

from ..exchanges.conftest import random_frames
from .bet_kills import MAKER, PIPELINE
from .chaos import LIMITS, MARKETS, Weathered, events, happen, judge, schedule, watch
from .conftest import tickers_of

#: A bar of a minute is half a second.
SPEED = 120.0
WIDE: dict[str, Any] = {"lease_s": 900, "reconcile_s": 30, "unknown_s": 600, "collar": 90, "clock_drift_s": 40}


def bet_store(folder: Path) -> Store:
    """Three markets for an hour."""
    store = Store(folder / "store")
    markets, books, trades = random_frames(11, tickers=MARKETS, rows=3_600, step=1.0)
    store.ingest("made up", "chaos", [Chunk({"markets": markets, "book": books, "trades": trades})])
    return store


def bet_weather(folder: Path, store: Store, seed: int) -> Weathered:
    """Run one schedule, let it calm down, end in peace and look at everything."""
    draw = random.Random(seed)
    faults = schedule(draw)
    made = Weathered(seed, ", ".join(f"{name}={value:g}" for name, value in vars(faults).items() if value))
    file = folder / "pipeline.toml"
    file.write_text(PIPELINE + (MAKER if seed % 2 else ""), encoding="utf-8")
    pipeline, session = load_pipeline(file), SessionFolder(folder / "session")
    session.begin_bets(pipeline.as_dict(), TradeSettings().with_options({**LIMITS, **WIDE, "feed_age_s": "none"}))
    given: dict[str, Any] = {"tier": "advanced", "queue": "touch+cross@1", "cash_dollars": 100_000}
    with Exchange(store.path, speed=SPEED, faults=faults, seed=seed, **given) as exchange:
        watch(exchange, session, made)
        settings = Settings.from_env(exchange.environment, dotenv=None)
        with Client(settings) as client, Client(settings) as stranger:
            begin = lambda: BetRunner(session, client, tickers_of(MARKETS), pipeline=pipeline)  # noqa: E731 - tried again
            happen(exchange, begin, events(draw, exchange, stranger))
        exchange.call(exchange.venue.resume)
        judge(exchange, session, made, 0)
    return made


def main() -> None:
    """Run it as a command: how many schedules, and the first seed."""
    count, first = int(sys.argv[1]) if len(sys.argv) > 1 else 6, int(sys.argv[2]) if len(sys.argv) > 2 else 0
    failed, begun = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as top:
        store = bet_store(Path(top))
        for seed in range(first, first + count):
            folder = Path(top) / str(seed)
            folder.mkdir()
            made = bet_weather(folder, store, seed)
            failed += bool(made.faults)
            sys.stdout.write(f"{made}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{count - failed} of {count} well, {time.monotonic() - begun:.0f} s\n")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
