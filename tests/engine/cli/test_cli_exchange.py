"""`engine exchange` from the outside: what it prints, where it listens, what it refuses."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime

import polars as pl
import pytest
import requests
from touchline.engine.cli import main
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "data"
    rows = {"ts": [10**18], "ticker": ["KXA-1-B5"], "price": [5600], "size": [300], "taker_side": [1]}
    book = {"ts": [10**18] * 2, "ticker": ["KXA-1-B5"] * 2, "kind": [2, 1], "side": [0, 1]}
    book |= {"price": [0, 5500], "size": [0, 100]}
    Store(path).ingest("hand", "1", [Chunk({"trades": pl.DataFrame(rows), "book": pl.DataFrame(book)})])
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from touchline.engine.cli import main; main()", "exchange", *map(str, arguments)]


def test_it_says_where_it_is_and_stops_when_told(store, tmp_path):
    keys = tmp_path / "keys"
    options = ("--store", store, "--keys", keys, "--fault", "gap=0.1", "--speed", "max")
    with subprocess.Popen(command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            addresses = json.loads(process.stdout.readline())
            status = requests.get(f"{addresses['rest']}/exchange/status", timeout=10).json()
            markets = requests.get(f"{addresses['rest']}/markets", timeout=10).json()["markets"]
        finally:
            process.send_signal(signal.SIGTERM)
        errors = process.stderr.read()
    assert process.returncode == 0
    assert status["trading_active"]
    assert [market["ticker"] for market in markets] == ["KXA-1-B5"]
    assert addresses["rest"].startswith("http://127.0.0.1:")
    assert addresses["ws"].endswith("/trade-api/ws/v2")
    told = dict(line.split("=", 1) for line in errors.splitlines() if line.startswith("KALSHI_"))
    assert {told[f"KALSHI_{name}"] for name in ("REST_URL", "API_BASE_URL", "BASE_URL")} == {addresses["rest"]}
    assert {told[f"KALSHI_{name}"] for name in ("WS_URL", "WS_BASE_URL")} == {addresses["ws"]}
    key_id = (keys / "key-id").read_text().strip()
    assert {told[f"KALSHI_{name}"] for name in ("KEY_ID", "API_KEY_ID", "ACCESS_KEY")} == {key_id}
    assert {told[f"KALSHI_PRIVATE_KEY_{name}"] for name in ("PATH", "FILE")} == {str(keys / "private.pem")}
    assert stat.S_IMODE((keys / "private.pem").stat().st_mode) == 0o600
    assert "PRIVATE KEY" not in errors


def test_its_keys_lie_in_the_users_settings_not_in_the_current_folder(store, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    paths: list[str] = []
    for _ in range(2):
        with subprocess.Popen(command("--store", store), stdout=-1, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            told = dict(line.split("=", 1) for line in process.stderr.read().splitlines() if "=" in line)
        paths.append(told["KALSHI_PRIVATE_KEY_PATH"] + told["KALSHI_KEY_ID"])
    pem = tmp_path / "config/touchline/exchange-keys/private.pem"
    assert paths[0] == paths[1]
    assert paths[0].startswith(str(pem))
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--fault", "gapp=1"), "unknown fault 'gapp'"),
        (("--fault", "gap=2"), "fault gap must lie between 0 and 1"),
        (("--fault", "gap=x"), "fault gap needs a number"),
        (("--speed", "fast"), "speed must be a number or 'max', not 'fast'"),
        (
            ("--start", "yesterday"),
            "start 'yesterday' is not an ISO 8601 time; write 2025-06-15 or 2025-06-15T15:06:40Z, or 'end'",
        ),
        (("--tier", "gold"), "usage tier 'gold' is not known"),
        (("--queue", "powr@2"), "queue model 'powr@2' is unknown"),
        (("--queue", "poisson@1,1"), "an exchange fills by its book and its trades"),
        (("--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),  # an address that nobody has
        (
            ("--shift", "then"),
            "shift 'then' is not an ISO 8601 time; write 2025-06-15 or 2025-06-15T15:06:40Z, or 'now'",
        ),
        (("--shift", "now", "--start", "end"), "a replay that begins at the end cannot be shifted"),
        (("--port", "65536"), "port must be from 0 to 65535"),
        (("--cash", "-5"), "cash must not be below 0"),
        (("--live-days", "0"), "live days must be above 0"),
        (("KXNONE",), "has nothing of KXNONE"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(store, tmp_path, arguments, says, monkeypatch, capsys):
    given = ["engine", "exchange", "--store", str(store), "--keys", str(tmp_path / "k"), *arguments]
    monkeypatch.setattr(sys, "argv", given)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    lines = [line for line in said.err.splitlines() if not line.startswith("warning: listening on")]
    assert len(lines) == 1 and lines[0].startswith("error: ")
    assert says in said.err


def test_a_shifted_replay_starts_now_and_says_when_it_has_ended(store, tmp_path):
    options = ("--store", store, "--keys", tmp_path / "keys", "--shift", "now", "--speed", "1000")
    with subprocess.Popen(command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            json.loads(process.stdout.readline())
            ended = next(line for line in process.stderr if "the recording has ended at" in line)
        finally:
            process.send_signal(signal.SIGTERM)
    assert f"{datetime.now(UTC):%Y-%m-%d}" in ended
