"""What keeps a session from beginning, or from ordering: parameters that have ended, prices of the wrong side."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from touchline.engine.exchanges.network import hub
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.listing import listed_markets
from touchline.engine.trading.runner import SessionRunner
from touchline.io.ground.errors import InputError
from touchline.io.kalshi.rest.errors import StreamError
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..exchanges.conftest import START, random_frames
from .conftest import opened, tickers_of, walked

SECOND = 1_000_000_000


@pytest.mark.parametrize(("early", "holds"), [(1, True), (0, False), (-1, False)])
def test_parameters_hold_until_the_last_moment_before_their_end(
    early: int, holds: bool, day: Store, session: Callable[..., SessionFolder]
):
    until = (START // SECOND + 100 * 86_400) * SECOND
    folder = session(mode="paper")
    with opened(day) as (_, client):
        client.now = lambda: until - early  # pyright: ignore[reportAttributeAccessIssue]  # its clock is the matter
        if holds:
            SessionRunner(folder, client, tickers_of(), inline=True).close()
            return
        with pytest.raises(InputError, match="was valid until"):
            SessionRunner(folder, client, tickers_of(), inline=True)


def test_a_mirrored_book_is_noticed_before_anything_is_ordered(
    day: Store, session: Callable[..., SessionFolder], monkeypatch: pytest.MonkeyPatch
):
    """An exchange whose stream ignores which prices were asked for."""
    asked = hub._level_price
    monkeypatch.setattr(hub, "_level_price", lambda side, ticks, yes_price: asked(side, ticks, False))
    folder = session(mode="production")
    with opened(day) as (exchange, client):
        runner = SessionRunner(folder, client, tickers_of(), inline=True)
        with pytest.raises(StreamError, match="nothing was ordered"):
            walked(exchange, runner, 30)
        runner.close()
        assert exchange.call(lambda: list(exchange.desk.orders)) == []


@pytest.mark.parametrize("grid", ["linear_cent", "tapered_deci_cent"])
def test_a_market_is_listed_as_the_exchange_has_it(grid: str, tmp_path: Path):
    store = Store(tmp_path / "store")
    markets, books, trades = random_frames(5, tickers=1, rows=20, grid=grid)
    store.ingest("made up", "listed", [Chunk({"markets": markets, "book": books, "trades": trades})])
    with opened(store) as (exchange, client):
        (found,) = listed_markets(client, tickers_of(1), {tickers_of(1)[0]: 7})
        assert (found.market.ticker, found.market.grid, found.held) == (tickers_of(1)[0], grid, 7)
        assert found.market.close_ts == exchange.venue.markets[found.market.ticker].close_ts


def test_commands_to_a_session_need_its_folders_permissions(session: Callable[..., SessionFolder]):
    """The folder and its letters are their owner's alone; whoever may not write there cannot order anything."""
    from touchline.engine.trading.lines import Command

    folder = session(mode="paper")
    folder.order(Command("halt", "news"))
    for path in (folder.path, folder.path / "commands"):
        assert path.stat().st_mode & 0o077 == 0
    if os.geteuid():  # the system's own user may write everywhere
        folder.path.chmod(0o500)
        (folder.path / "commands").chmod(0o500)
        with pytest.raises(PermissionError):
            folder.order(Command("halt", "more news"))


def test_addresses_of_the_real_exchange_are_production_whatever_the_name_says():
    demo = Settings("demo", "https://external-api.kalshi.com/trade-api/v2", "wss://127.0.0.1/ws")
    assert demo.is_production and not Settings().is_production and Settings("production").is_production
