"""Alerts that come through, and no more than is bearable, counters for Prometheus, and logs; none tells a secret."""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from touchline import engine
from touchline.engine.trading.around.alerts import FILE, KIND, KINDS, URL, Alerts, alert_url, post
from touchline.engine.trading.around.metrics import MetricsServer, exposition
from touchline.engine.trading.around.word import SessionWord
from touchline.io.ground.errors import CheckError, InputError

SECRET = "a-secret-word"


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A receiver on this machine: its address, and what it got."""
    got: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(302 if self.path.endswith("moved") else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/{SECRET}", got
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_receiver_gets_what_it_reads(kind: str, receiver: tuple[str, list[tuple[str, bytes]]]):
    url, got = receiver
    assert post(url, kind, "killed: é") is None
    content, body = got[0]
    text = json.loads(body) if content.startswith("application/json") else {"text": body.decode()}
    assert "killed: é" in text.values()


def test_what_goes_wrong_is_said_without_the_address(
    receiver: tuple[str, list[tuple[str, bytes]]], monkeypatch: pytest.MonkeyPatch
):
    url, got = receiver
    assert post(f"{url}/moved", "text", "x") == "the receiver answered 302" and len(got) == 1
    wrong = post(f"http://127.0.0.1:1/{SECRET}", "text", "x")
    assert wrong == "the receiver cannot be reached: ConnectionRefusedError"
    monkeypatch.setenv(URL, f"http://127.0.0.1:1/{SECRET}")
    with pytest.raises(CheckError) as told:
        engine.alert()
    assert SECRET not in str(told.value)


def test_alerts_are_no_more_than_is_bearable(receiver: tuple[str, list[tuple[str, bytes]]]):
    url, got = receiver
    now = [0.0]
    alerts = Alerts(url, most=3, within_s=10.0, clock=lambda: now[0])
    assert [alerts.send(f"{k}") for k in range(6)] == [True] * 3 + [False] * 3
    now[0] = 10.0
    assert alerts.send("later")
    alerts.close()
    assert [body for _, body in got] == [b"0", b"1", b"2", b"later (3 more were left out before)"]


def test_the_address_is_its_owners_alone(tmp_path: Path):
    path = tmp_path / "url"
    path.write_text(f"https://127.0.0.1/{SECRET}\n")
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        alert_url({FILE: str(path)})
    path.chmod(0o600)
    assert alert_url({FILE: str(path)}) == f"https://127.0.0.1/{SECRET}"
    assert alert_url({}) is None
    with pytest.raises(InputError) as told:
        alert_url({URL: f"http://example.org/{SECRET}"})
    assert SECRET not in str(told.value)


def test_a_session_tells_log_person_and_receiver(
    receiver: tuple[str, list[tuple[str, bytes]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    url, got = receiver
    monkeypatch.setenv(URL, url)
    monkeypatch.setenv(KIND, "slack")
    said: list[str] = []
    word = SessionWord(tmp_path, said.append)
    word('halt: {"market":"KXA-1","guard":"collar","text":"a fill at 40 cents"}')
    word("metrics: somewhere")
    logging.getLogger("touchline.io.kalshi").warning("connecting again")
    word.close()
    assert said == ["halt KXA-1 collar: a fill at 40 cents", "metrics: somewhere"]
    assert [json.loads(body)["text"] for _, body in got] == [f"{tmp_path.name}: {said[0]}"]
    lines = (tmp_path / "session.log").read_text().splitlines()
    assert [line.split(" ", 2)[1] for line in lines] == ["WARNING", "INFO", "WARNING"]
    assert SECRET not in "".join(lines) and (tmp_path / "session.log").stat().st_mode & 0o077 == 0


STATUS = {
    "running": True, "mode": "paper", "pnl": -1_500_000, "messages": 12, "feed_age_s": 0.5, "drift_s": 0.0, "orders": 2,
    "journal_bytes": 99, "killed": None, "waits": None,
    "markets": {
        'A"1': {
            "position": 250, "worth": 10, "fees": 0, "fills": 3, "halted": "collar: x",
            "quote": {"bid": 4000, "ask": None},
        }
    },
}  # fmt: skip


def test_prometheus_reads_the_counters_on_this_machine():
    server = MetricsServer(lambda: STATUS)
    try:
        where = f"http://127.0.0.1:{server.port}"
        with urllib.request.urlopen(f"{where}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        assert text == exposition(STATUS)
        for line in ("touchline_pnl_dollars -1.5", 'touchline_position_contracts{market="A\\"1"} 2.5',
                     'touchline_halted{market="A\\"1"} 1', 'touchline_quoted_sides{market="A\\"1"} 1'):  # fmt: skip
            assert f"{line}\n" in text
        strange = urllib.request.Request(f"{where}/metrics", headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(strange, timeout=5)
    finally:
        server.close()
