"""A trader's gates: which exchange it may trade at, until when its parameters hold, and the fees it is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from touchline.engine.exchanges import Exchange
from touchline.engine.live.live import Quote
from touchline.engine.live.trader import Trader, listed
from touchline.engine.results.params import FORMAT, VERSION, Applies, Params, Provenance, Validity, write_params
from touchline.io.ground.errors import InputError
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings

from ..exchanges.conftest import START, TICKER, make_history

SECOND = 1_000_000_000
UNTIL = START + 3_600 * SECOND


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """Parameters that hold for an hour."""
    until = datetime.fromtimestamp(UNTIL // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    parameters: dict[str, bool | int | float | str | list[float | str]] = {"half_spread": 0.5, "skew": 0.0, "size": 1.0}
    write_params(
        tmp_path / "params.toml",
        Params(
            FORMAT, VERSION, "fixed-spread", [Applies(parameters, market=TICKER)], {}, {"post_only": False},
            Validity("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", until),
            Provenance("robust", "0.2.0", "d", 1, 1, 1, 1, 0),
        ),
    )  # fmt: skip
    return tmp_path / "params.toml"


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with Exchange(make_history(trades=[(5, 4700, 100, 1)]), speed=0, tier="unlimited") as exchange:
        exchange.advance(0)
        yield exchange


def settings_of(exchange: Exchange, name: str) -> Settings:
    found = Settings.from_env(exchange.environment, dotenv=None)
    return Settings(name, found.rest_url, found.ws_url, found.signer)


@pytest.mark.parametrize(("name", "production", "trades"), [
    ("demo", False, True), ("demo", True, True), ("production", False, False), ("production", True, True),
])  # fmt: skip
def test_only_who_says_so_trades_in_production(
    name: str, production: bool, trades: bool, params: Path, exchange: Exchange
):
    with Client(settings_of(exchange, name)) as client:
        if trades:
            with Trader(params, TICKER, client, clock=exchange.now, production=production) as trader:
                assert trader.live.model.name == "fixed-spread"
            return
        with pytest.raises(InputError, match="is neither the demo nor this machine: pass production=True"):
            Trader(params, TICKER, client, clock=exchange.now, production=production)
        assert exchange.call(lambda: list(exchange.desk.orders)) == []


@pytest.mark.parametrize(("early", "holds"), [(1, True), (0, False), (-1, False)])
def test_parameters_hold_until_the_last_moment_before_their_end(
    early: int, holds: bool, params: Path, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
):
    with Client(settings_of(exchange, "demo")) as client:
        monkeypatch.setattr(client, "now", lambda: UNTIL - early)
        if holds:
            Trader(params, TICKER, client, clock=exchange.now).close()
            return
        with pytest.raises(InputError, match=r"was valid until 2026-.*: sweep newer data and export anew"):
            Trader(params, TICKER, client, clock=exchange.now)


def test_fees_that_the_exchange_charges_leave_the_cash(params: Path, exchange: Exchange):
    with Client(settings_of(exchange, "demo")) as client:
        before = client.portfolio.balance().cash
        with Trader(params, TICKER, client, clock=exchange.now) as trader:
            trader.catch_up()
            trader.orders.want(Quote(0, 4800, 500, None, 0))  # takes what is offered at 48 cents
            exchange.advance(1)
            trader.catch_up()
        reported = trader.live.reported
        true = exchange.call(
            lambda: [(f.ts, f.order.side, f.price, f.lots, f.fee) for f in exchange.venue.portfolio.fills]
        )
        assert reported is not None
        assert [tuple(one)[:5] for one in reported] == true
        assert sum(one.fee for one in reported) > 0
        assert client.portfolio.balance().cash - before == trader.live.cash


@pytest.mark.parametrize("grid", ["deci_cent", "linear_cent"])
def test_a_market_is_listed_as_the_exchange_has_it(grid: str):
    history = make_history(grid=grid, strike_type="greater", floor=50.0)
    with Exchange(history, speed=0, tier="unlimited") as exchange:
        exchange.advance(0)
        with Client(Settings.from_env(exchange.environment, dotenv=None)) as client:
            market, is_open = listed(client, TICKER)
    assert (market.ticker, market.series, market.grid, market.floor, is_open) == (TICKER, "KXTEST", grid, 50.0, True)
    assert (market.open_ts, market.close_ts) == (START - SECOND, START + 1000 * SECOND)
