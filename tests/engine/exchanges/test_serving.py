"""The call that `engine exchange` makes: the same names and defaults, texts as on the command line."""

from __future__ import annotations

import inspect
import socket
from datetime import UTC, datetime

import pytest
import requests
from touchline.engine.cli.serve.exchange import exchange as command
from touchline.engine.exchanges import Faults, exchange
from touchline.io.ground.errors import InputError

from .conftest import SECOND, START, TICKER, make_history


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_the_command_has_the_names_and_defaults_of_the_call():
    called = {name: each.default for name, each in inspect.signature(exchange).parameters.items()}
    offered = {name: each.default for name, each in inspect.signature(command).parameters.items()}
    offered |= {"tickers": offered["tickers"] or (), "speed": float(offered["speed"])}
    assert {name: offered[name] for name in called} == called
    assert offered.keys() == called.keys()


def test_it_serves_while_its_context_lasts(tmp_path):
    with exchange(make_history(), speed=0, tier="unlimited") as venue:
        assert requests.get(f"{venue.url}/exchange/status", timeout=5).json()["trading_active"]
        assert venue.url == venue.environment["KALSHI_REST_URL"]
        assert venue.keys.path == tmp_path / "config/touchline/exchange-keys/private.pem"
        assert repr(venue) == f"<Exchange of 1 markets at 2026-09-21T14:13:20.000000Z: {venue.url}>"
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{venue.url}/exchange/status", timeout=5)


@pytest.mark.parametrize("start", [START + 5 * SECOND, "2026-09-21T14:13:25Z", datetime(2026, 9, 21, 14, 13, 25)])
def test_moments_are_written_in_any_way(start):
    venue = exchange(make_history(), start=start, speed="0", fault=Faults(gap=0.5))
    assert (venue.now(), venue.speed, venue.dice.faults.gap) == (START + 5 * SECOND, 0.0, 0.5)
    shifted = exchange(make_history(), shift=datetime(2030, 1, 1, tzinfo=UTC), fault="gap=0.25")
    assert (shifted.now(), shifted.dice.faults.gap) == (1_893_456_000 * SECOND, 0.25)
    assert exchange(make_history(result="yes", settlement=10_000), start="end").venue.markets[TICKER].settled_ts


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"speed": "fast"}, "speed must be a number or 'max', not 'fast'"),
        ({"start": "then"}, "start 'then' is not an ISO 8601 time; .*, or 'end'"),
        ({"shift": "end"}, "shift 'end' is not an ISO 8601 time; .*, or 'now'"),
        ({"fault": "gapp=1"}, "unknown fault 'gapp'"),
    ],
)
def test_wrong_input_is_one_line(given, says):
    with pytest.raises(InputError, match=says):
        exchange(make_history(), **given)


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(InputError, match=f"cannot listen on 127.0.0.1 port {port}"),
            exchange(make_history(), port=port),
        ):
            pass
