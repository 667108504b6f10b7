"""A store of small markets, an exchange that replays it, and sessions on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from touchline.engine.exchanges import Exchange
from touchline.engine.results.params import FORMAT, VERSION, Applies, Params, Provenance, Validity, write_params
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.runner import SessionRunner
from touchline.engine.trading.settings import TradeSettings
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..exchanges.conftest import START, random_frames

SECOND = 1_000_000_000
MARKETS = 3


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three markets of one event for some minutes."""
    store = Store(tmp_path_factory.mktemp("trade-day"))
    markets, books, trades = random_frames(7, tickers=MARKETS, rows=150)
    store.ingest("made up", "day", [Chunk({"markets": markets, "book": books, "trades": trades})])
    return store


def tickers_of(count: int = MARKETS) -> list[str]:
    return [f"KXTEST-26SEP21-B{number}" for number in range(count)]


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """Parameters of a quick model for the series."""
    return write_quick_params(tmp_path / "params.toml")


def write_quick_params(
    path: Path, series: tuple[str, ...] = ("KXTEST",), queue: str = "touch+cross@1", size: float = 0.05
) -> Path:
    """Write parameters, by default under a queue that fills as an exchange does; orders are less than what crosses."""
    until = datetime.fromtimestamp(START // SECOND + 100 * 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    parameters: dict[str, bool | int | float | str | list[float | str]] = {
        "half_spread": 2.0, "skew": 0.1, "size": size
    }  # fmt: skip
    venue = {"queue": queue, "horizon": "fixed"}
    write_params(
        path,
        Params(
            FORMAT, VERSION, "fixed-spread", [Applies(parameters, series=one) for one in series], {}, venue,
            Validity("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", until),
            Provenance("robust", "0.2.0", "d", 1, 1, 1, 1, 0),
        ),
    )  # fmt: skip
    return path


@contextmanager
def opened(day: Store, **more: Any) -> Iterator[tuple[Exchange, Client]]:
    """An exchange that stands still until it is told, and a client of it."""
    given: dict[str, Any] = {"speed": 0, "tier": "unlimited", "queue": "touch+cross@1", "cash_dollars": 100_000} | more
    with Exchange(day.path, **given) as exchange:
        settings = Settings.from_env(exchange.environment, dotenv=None)
        with Client(settings) as client:
            client.market_data.status()  # an answer with the replay's time in it
            yield exchange, client


def begun(folder: Path, params: Path, **settings: Any) -> SessionFolder:
    made = SessionFolder(folder)
    made.begin(params, TradeSettings().with_options(settings))
    return made


@pytest.fixture
def session(tmp_path: Path, params: Path) -> Callable[..., SessionFolder]:
    return lambda **settings: begun(tmp_path / "session", params, **settings)


def walked(exchange: Exchange, runner: SessionRunner, moments: int | None = None) -> None:
    """Let an exchange go on moment by moment, to its end or for some moments."""
    runner.catch_up()
    while not exchange.finished() and moments != 0:
        exchange.step()
        runner.catch_up()
        moments = None if moments is None else moments - 1
