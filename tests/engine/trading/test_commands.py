"""`engine trade` and its verbs as a person calls them, and what a session's folder holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from touchline import engine
from touchline.engine.cli.app import app
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.runner import SessionRunner
from touchline.io.ground.errors import CheckError, InputError
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.store import Store
from typer.testing import CliRunner

from .conftest import opened, tickers_of, walked


def said(*words: str) -> Any:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_session_from_the_command_line(day: Store, params: Path, place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("touchline.engine.cli.trade.app._stop_on_signals", lambda session: None)
    with opened(day, speed="max") as (exchange, _):
        for name, value in exchange.environment.items():
            monkeypatch.setenv(name, value)
        last = said("trade", str(params), "--series", "KXTEST", "--session", "s", "--for", "6", "--json")
        assert (last["mode"], set(last["markets"])) == ("paper", set(tickers_of()))
        assert sum(one["fills"] for one in last["markets"].values()) > 10
        found = {one.name: one.ok for one in engine.doctor("s")}
        with pytest.raises(CheckError, match="1 of 9 are not well"):
            CliRunner().invoke(app, ["trade", "doctor", "s"], catch_exceptions=False)
    well = ("key", "clock", "rates", "exchange", "parameters", "leftovers", "disk", "latch")
    assert found == {**dict.fromkeys(well, True), "markets": False}  # they have closed
    assert said("trade", "audit", "s", "--json")["equal"] is True
    assert said("status", "s", "--json") == said("trade", "status", "s", "--json")
    assert said("trade", "halt", "s", "--market", tickers_of()[0], "--reason", "news", "--json")["running"] is False
    assert said("status", "s", "--json")["commands_waiting"] == 1
    ((_, command),) = SessionFolder("s").commands()
    assert (command.verb, command.reason, command.tickers) == ("halt", "news", tickers_of()[:1])
    with pytest.raises(InputError, match="is no market of the session"):
        engine.halt("s", market="KXOTHER")
    text = CliRunner().invoke(app, ["status", "s"]).stdout
    assert "KXTEST-26SEP21-B0" in text and "paper" in text


def test_an_audit_names_the_first_difference(day: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="paper")
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(), inline=True) as runner:
        walked(exchange, runner, 40)
    from touchline.engine.trading.journal import JournalLine, encoded, read, segments

    path = segments(folder.journal)[-1]
    lines = list(read([path]))
    at = next(k for k, line in enumerate(lines) if line.kind == "quote" and k > 60)
    other = lines[at]._replace(payload=lines[at].payload.replace(b'"bid_size":5', b'"bid_size":6'))
    path.write_bytes(b"".join(encoded(JournalLine(*line)) for line in [*lines[:at], other, *lines[at + 1 :]]))
    done = engine.audit(folder.path)
    assert done.difference is not None
    assert done.difference.startswith(f"line {at + 1}: the journal has quote at") and '"bid_size":5' in done.difference
    with pytest.raises(CheckError, match="the replay differs at line"):
        CliRunner().invoke(app, ["trade", "audit", str(folder.path)], catch_exceptions=False)


def test_real_money_is_not_traded_without_saying_so(day: Store, params: Path, place: Path):
    with opened(day) as (exchange, client):
        found = client.settings
        real = Settings("production", found.rest_url, found.ws_url, found.signer)
        with Client(real) as dear:
            with pytest.raises(InputError, match="real money needs yes_really='PRODUCTION'"):
                engine.trade(params, tickers_of(), production=True, client=dear)
            engine.trade(
                params, tickers_of(), production=True, yes_really="PRODUCTION", client=dear, session="s"
            ).close()
        with pytest.raises(InputError, match="a session keeps its mode"):
            engine.trade(params, tickers_of(), client=client, session="s")
        with pytest.raises(InputError, match="has one mode, not paper and shadow"):
            engine.trade(params, tickers_of(), paper=True, shadow=True, client=client)
        with pytest.raises(InputError, match="lists no market KXNONE"):
            _ = engine.trade(params, "KXNONE", client=client, session="t").runner
        assert exchange.desk.orders == {}
