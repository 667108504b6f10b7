"""No secret leaves the process but in the headers of a request, and nobody else may order a session about."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from touchline import engine
from touchline.engine.exchanges import Faults
from touchline.engine.trading.around.alerts import URL
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.lines import Command
from touchline.io.kalshi.rest.signing import Signer
from touchline.io.store.store import Store

from .conftest import begun, opened, tickers_of

TOKEN = "xoxb-token-of-the-receiver"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Somebody who is told of halts, and says no to every second alert."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(500 if len(got) % 2 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv(URL, f"http://127.0.0.1:{server.server_address[1]}/services/{TOKEN}?chat={TOKEN}")
    yield got
    server.shutdown()
    server.server_close()


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every signature that was made."""
    made: list[str] = []
    headers = Signer.headers

    def noting(self: Signer, *given: Any) -> dict[str, str]:
        told = headers(self, *given)
        made.append(told["KALSHI-ACCESS-SIGNATURE"])
        return told

    monkeypatch.setattr(Signer, "headers", noting)
    return made


def test_nothing_that_a_session_tells_or_writes_holds_a_secret(
    day: Store, params: Path, tmp_path: Path, receiver: list[bytes], signed: list[str],
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """A session in production whose requests fail now and then, with alerts, counters, a log and a report."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    faults = Faults(lost_ack=0.1)
    with opened(day) as (exchange, client):
        given: dict[str, Any] = {"client": client, "clock": exchange.now, "inline": True, "metrics": 0}
        with engine.trade(params, tickers_of(), production=True, session="s", tell=said.append, **given) as session:
            session.step()
            exchange.call(lambda: setattr(exchange.dice, "faults", faults))
            for moment in range(60):
                exchange.step()
                session.step()
                if moment in (20, 40):
                    session.runner.order(Command("halt" if moment == 20 else "kill", "for a test"))
            assert session._metrics is not None
            with urllib.request.urlopen(f"http://127.0.0.1:{session._metrics.port}/metrics", timeout=5) as answer:
                counters = answer.read()
            told = [str(session.status()), repr(session), repr(client.settings), repr(vars(client.transport))]
        exchange.call(exchange.dice.calm)
        for name, value in exchange.environment.items():
            monkeypatch.setenv(name, value)
        told.append(str(engine.doctor("s")))
        key_id, pem = exchange.keys.key_id, exchange.keys.path.read_text()
    report = engine.report("s", out="report.html").read_bytes()
    own = (one.getMessage() for one in caplog.records if one.name != "websockets.server")  # that is the exchange
    told += [*said, *own, *capfd.readouterr()]
    with contextlib.suppress(Exception):
        engine.alert()
    written = {str(path): path.read_bytes() for path in Path("s").rglob("*") if path.is_file()}
    assert {Path(name).name for name in written} >= {"settings.toml", "status.json", "session.log", "00000001.log"}
    assert len(receiver) > 3 and b"touchline_pnl_dollars" in counters and len(signed) > 50
    assert b"the receiver answered 500" in written["s/session.log"]
    assert b"unknown" in written["s/journal/00000001.log"]  # requests that failed are among what was written
    secrets = [key_id, TOKEN, *signed, *(line for line in pem.splitlines() if not line.startswith("-----"))]
    places = {"counters": counters, "report": report, "alerts": b"".join(receiver), **written}
    places |= {f"told {number}": one.encode() for number, one in enumerate(told)}
    assert Path("s").stat().st_mode & 0o077 == Path("s/journal").stat().st_mode & 0o077 == 0
    assert [(name, one) for name, text in places.items() for one in secrets if one.encode() in text] == []


def test_who_may_not_write_into_the_folder_orders_nothing(tmp_path: Path, params: Path):
    folder = begun(tmp_path / "session", params, mode="paper")
    folder.order(Command("halt", "by its owner"))
    assert folder.path.stat().st_mode & 0o077 == (folder.path / "commands").stat().st_mode & 0o077 == 0
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    for above in (tmp_path, *tmp_path.parents):
        if above.owner() == "root" and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)
    os.seteuid(65_534)
    try:
        with pytest.raises(PermissionError):
            SessionFolder(folder.path).order(Command("kill", "by somebody else"))
        with pytest.raises(PermissionError):
            list(os.scandir(folder.path))
    finally:
        os.seteuid(0)
    assert [command.reason for _, command in folder.commands()] == ["by its owner"]
