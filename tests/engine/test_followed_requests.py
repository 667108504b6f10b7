"""Advice on what was asked for: what a call refuses works once it is asked as the line says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from touchline import engine
from touchline.engine.bets.backtest import maker_of, run_grid
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.bets.panel.maker import with_orders
from touchline.engine.bets.training import known_panel
from touchline.engine.exchanges import Exchange
from touchline.engine.exchanges.network.auth import TrustedKeys
from touchline.engine.fitting.intensity import count_reaches, exponential
from touchline.engine.rewards.programs import assumed
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.training.learning.rows import target_of
from touchline.io.ground.errors import TouchlineError
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.recorder.journal import Journal
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.store import Store
from touchline.strategies.pipeline.pipeline import pipeline_of

from .exchanges.conftest import TICKER, make_history
from .histories import made_up
from .made_books import HOUR, SECOND, START, made_books
from .trading.conftest import write_quick_params


@dataclass
class Place:
    """Where a case works: a folder of its own, a store of books, one of bets, an exchange."""

    folder: Path
    books: Store
    bets: Store
    client: Client


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store, Exchange]]:
    folder = tmp_path_factory.mktemp("asked")
    with Exchange(make_history(), speed=0) as exchange:
        books = made_books(folder / "books", markets=2, seconds=120)
        yield books, made_up(folder / "bets", 1, markets=6, hours=60), exchange


@pytest.fixture
def place(_shared: tuple[Store, Store, Exchange], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    books, bets, exchange = _shared
    for name, value in exchange.environment.items():
        monkeypatch.setenv(name, value)
    return Place(tmp_path, books, bets, Client(Settings.from_env(exchange.environment, dotenv=None)))


MARKET, EVENT, CLOUD = "MADE-00", "KXTEST", "s3://bucket/prefix"
LATE = START + 100 * SECOND
ANY = {"half_spread": [1.0, 2.0]}


def explained(place: Place, ts: int) -> Any:
    return engine.explain("fixed-spread", MARKET, ts, place.books)


def swept(place: Place, **given: Any) -> Any:
    asked = {"store": place.books, "axes": ANY, "out": place.folder / "out", "pictures": False, "threads": 1}
    return engine.sweep("fixed-spread", **asked | given)


def swept_bets(place: Place, axes: dict[str, Any], **given: Any) -> Any:
    return engine.sweep("quant", store=place.bets, axes=axes, out=place.folder / "out", pictures=False, **given)


def recorded(place: Place, **given: Any) -> Any:
    return engine.record(store=place.folder / "store", duration=0.05, no_import=True, **given)


def ranked(place: Place, by: str, **given: Any) -> Any:
    return engine.show(swept(place, market=MARKET, **given).folder, by=by)


def traded(place: Place, **given: Any) -> Any:
    params = write_quick_params(place.folder / "params.toml")
    with engine.trade(params, session=place.folder / "session", client=place.client, inline=True, **given) as session:
        return session.status()


def grid(place: Place, *cells: dict[str, Any]) -> Any:
    return run_grid(build_panel(place.bets), MOMENTUM, list(cells))


def makers(place: Place, panel: Any) -> Any:
    patient = {"scorer": {"name": "momentum"}, "executor": {"entry": "maker", "queue": "power@3", "maker_bars": 2}}
    return run_grid(panel, pipeline_of(patient, "p"), [{}])


def patient(queue: str) -> Any:
    return pipeline_of({"scorer": {"name": "momentum"}, "executor": {"entry": "maker", "queue": queue}}, "p")


def books_panel(place: Place) -> Any:
    return build_panel(place.books, step_ns=10 * SECOND)


def forgotten(store: Store, name: str) -> Any:
    return engine.forget(name, store=store, yes=False)


def some_import(store: Store) -> str:
    return store.imports()[0].import_id


def journals(place: Place, *names: str) -> None:
    held = [Journal(place.folder / name, {"version": 1}) for name in names[:-1]]
    try:
        Journal(place.folder / names[-1], {"version": 1}).close()
    finally:
        for one in held:
            one.close()


def keys(folder: Path) -> None:
    TrustedKeys(folder)


def blocked(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "keys"


def opened(place: Place, begin: bool) -> Any:
    if begin:
        traded(place, tickers=[TICKER])
    return SessionFolder.existing(place.folder / "session")


def intensity(count: int) -> Any:
    ts = START + np.arange(100) * SECOND
    at = ts[:count] + 1
    price, taker = np.full(count, 52.0) + np.arange(count) % 3, np.ones(count, np.int8)
    reaches = count_reaches(ts, np.full(100, 50.0), at, price, taker, SECOND, 1.0)
    return exponential(reaches.reach, 1.0, reaches.seconds)


MOMENTUM = pipeline_of({"scorer": {"name": "momentum"}}, "p")
Step = Callable[[Place], Any]
ASKED: dict[str, tuple[str, Step, Step]] = {
    "no market": (
        "name it with market=",
        lambda p: engine.backtest("fixed-spread", store=p.books),
        lambda p: engine.backtest("fixed-spread", MARKET, p.books),
    ),
    "a sweep without markets": (
        "name them with market=, or choose with series= or category= or where= or score=",
        swept,
        lambda p: [
            swept(p, out=p.folder / name, **{name: value})
            for name, value in {"market": MARKET, "series": "MADE", "category": "Made up", "where": "true"}.items()
        ],
    ),
    "a score without a beginning": (
        "say where it begins with start=",
        lambda p: swept(p, score=1),
        lambda p: swept(p, market=MARKET, start=START),
    ),
    "a rank by rewards": (
        "sweep with assume rewards=recorded",
        lambda p: ranked(p, "pnl-without-rewards"),
        lambda p: ranked(p, "pnl-without-rewards", out=p.folder / "paid", assume={"rewards": "recorded"}),
    ),
    "a moment outside": (
        "pass one between them",
        lambda p: explained(p, START - HOUR),
        lambda p: explained(p, LATE),
    ),
    "a moment before any quote": ("pass a later one", lambda p: explained(p, START), lambda p: explained(p, LATE)),
    "a fit of too little": ("give a longer time", lambda p: intensity(1), lambda p: intensity(60)),
    "nothing to fit": (
        "name what to fit: market=, underlying= or both",
        lambda p: engine.fit(store=p.books),
        lambda p: engine.fit(MARKET, store=p.books),
    ),
    "nothing to download": (
        "name a series with series=",
        lambda p: engine.pull(store=p.folder / "s"),
        lambda p: engine.pull(EVENT, "2026-09-01", store=p.folder / "s"),
    ),
    "no start of a download": (
        "name a time with start=, such as 2026-01-01",
        lambda p: engine.pull(EVENT, store=p.folder / "s"),
        lambda p: engine.pull(EVENT, "2026-01-01", store=p.folder / "s"),
    ),
    "nothing to scan": ("name a series with series=", lambda p: engine.scan(()), lambda p: engine.scan(EVENT)),
    "nothing to record": (
        "name markets, or a series with series=",
        lambda p: engine.record((), store=p.folder / "s"),
        lambda p: [recorded(p, tickers=TICKER), recorded(p, series=EVENT)],
    ),
    "a journal beside a store in the cloud": (
        "name a folder with journal=",
        lambda p: engine.record(TICKER, CLOUD),
        lambda p: engine.record(TICKER, CLOUD, journal=p.folder / "j", no_import=True, duration=0.05),
    ),
    "two recorders": (
        "give this one its own journal=",
        lambda p: journals(p, "j", "j"),
        lambda p: journals(p, "j", "k"),
    ),
    "a sample that keeps nothing": (
        "say where the files go with out=",
        lambda p: engine.sample(no_import=True, scale=0.001),
        lambda p: engine.sample(no_import=True, scale=0.001, out=p.folder / "files"),
    ),
    "an import that is not there": (
        "engine data imports lists them",
        lambda p: forgotten(p.books, "none"),
        lambda p: forgotten(p.books, some_import(p.books)),
    ),
    "keys that cannot lie there": (
        "name another folder with keys=",
        lambda p: keys(blocked(p.folder)),
        lambda p: keys(p.folder / "other"),
    ),
    "no session": ("begins one", lambda p: opened(p, begin=False), lambda p: opened(p, begin=True)),
    "nothing to trade": (
        "name markets, or a series with series=",
        traded,
        lambda p: [traded(p, tickers=[TICKER]), traded(p, series=[EVENT])],
    ),
    "the best of nothing": (
        "name one with series=",
        lambda p: traded(p, tickers=[TICKER], top=3),
        lambda p: traded(p, series=[EVENT], top=3),
    ),
    "a cut before any bar": (
        "name a later until= or an earlier start=",
        lambda p: known_panel(p.books, MOMENTUM, LATE),
        lambda p: known_panel(p.books, MOMENTUM, START + 2 * HOUR),
    ),
    "a target in other words": (
        "target= is outcome or a move such as move:4h",
        lambda p: target_of("profit", 60),
        lambda p: [target_of(one, 60) for one in ("outcome", "move:4h")],
    ),
    "makers on a panel of takers": (
        "put it through with_orders(…, 'power@3', 2)",
        lambda p: makers(p, books_panel(p)),
        lambda p: makers(p, with_orders(p.books, books_panel(p), "power@3", 2)),
    ),
    "makers without books": (
        "use entry = taker",
        lambda p: with_orders(p.bets, build_panel(p.bets), "power@3", 1),
        lambda p: grid(p, {"entry": "taker"}),
    ),
    "two queue models of makers": (
        "so it is one for all of them",
        lambda p: maker_of([patient("power@3"), patient("touch@1")]),
        lambda p: maker_of([patient("touch@1"), patient("touch@1")]),
    ),
    "a grid over the source": (
        "run a grid for each",
        lambda p: grid(p, {"step_minutes": 30}),
        lambda p: grid(p, {"max_positions": 3}),
    ),
    "a sweep over the source": (
        "run a sweep for each value with params=",
        lambda p: swept_bets(p, {"step_minutes": [30, 60]}),
        lambda p: swept_bets(p, {"max_positions": [3, 4]}, params={"step_minutes": 30}),
    ),
    "a reward in other words": (
        "a reward is written such as pool=",
        lambda p: assumed("twenty dollars"),
        lambda p: assumed("pool=20,per=15m,target=300"),
    ),
    "a span in other words": (
        "such as 15m, 90m, 1d or 7d",
        lambda p: assumed("pool=20,per=soon,target=300"),
        lambda p: [assumed(f"pool=20,per={per},target=300") for per in ("15m", "90m", "1d", "7d")],
    ),
    "a delay twice": (
        "latency_ms given twice, by latency_ms= and in assume=; leave one out",
        lambda p: engine.backtest("fixed-spread", MARKET, p.books, latency_ms=5, assume={"entry_ms": 50}),
        lambda p: engine.backtest("fixed-spread", MARKET, p.books, latency_ms=5, assume={"feed_ms": 50}),
    ),
    "rewards twice": (
        "leave one out",
        lambda p: engine.backtest("fixed-spread", MARKET, p.books, reward="recorded", assume={"rewards": "recorded"}),
        lambda p: engine.backtest("fixed-spread", MARKET, p.books, assume={"rewards": "recorded"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ASKED)
def test_what_is_asked_for_as_a_line_advises_works(case: str, place: Place, plain_kernels: None) -> None:
    line, refused, followed = ASKED[case]
    with pytest.raises(TouchlineError, match=re.escape(line)) as error:
        refused(place)
    assert "\n" not in str(error.value)
    followed(place)
