"""Nothing that a command prints or writes, in good days and bad, holds anything of the key."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.errors import KalshiError
from touchline.io.kalshi.rest.orders import NewOrder
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.transport import Transport
from touchline.io.kalshi.stream.socket import StreamSocket
from touchline.io.kalshi.stream.stream import Stream

#: Everything that can be logged is.
LOUD = "import logging; logging.basicConfig(level=1); from touchline.engine.cli import main; main()"


def secrets_of(key: rsa.RSAPrivateKey, pem: bytes, rest: Any) -> list[bytes]:
    numbers = key.private_numbers()
    parts = [number for n in (numbers.d, numbers.p, numbers.q) for number in (str(n), f"{n:x}", f"{n:X}")]
    lines = [line for line in pem.decode().splitlines() if not line.startswith("-")]
    signatures = {request.headers["KALSHI-ACCESS-SIGNATURE"] for request in rest.requests}
    identity = {request.headers["KALSHI-ACCESS-KEY"] for request in rest.requests}
    assert signatures and len(identity) == 1 and len(lines) > 20
    return [part.encode() for part in (*parts, *lines, *signatures, *identity, "PRIVATE KEY")]


@pytest.mark.slow
def test_a_full_run_shows_nothing_of_the_key(
    make_exchange: Any, rest: Any, venue: Any, key: rsa.RSAPrivateKey, pem: bytes,
    environment: dict[str, str], tmp_path: Path,
) -> None:  # fmt: skip
    exchange = make_exchange()
    env = {**environment, "KALSHI_WS_URL": venue.url}
    key_file = Path(env["KALSHI_PRIVATE_KEY_PATH"])
    key_file.chmod(0o644)  # so that there is a warning about it
    work = tmp_path / "work"
    work.mkdir()
    said: list[bytes] = []

    def run(*arguments: str, **other: str) -> None:
        child = subprocess.Popen(
            [sys.executable, "-c", LOUD, "data", *arguments],
            env={**env, **other}, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        time.sleep(0.3)
        said.append(Path(f"/proc/{child.pid}/cmdline").read_bytes())
        said.append(child.communicate(timeout=120)[0])

    run("record", "--series", "KXS", "--store", "store", "--for", "1s", "--keep")
    run("record", "--series", "KXS", "--store", "store", "--for", "1s", "--poll", "0.5", "--no-import")
    run("scan", "--series", "KXS", "--json")
    run("pull", "--series", "KXS", "--start", "2026-01-01", "--store", "store")
    exchange.refuse = True
    run("record", "--series", "KXS", "--store", "store", "--for", "2s", "--no-import")
    run("scan", "--series", "KXS", KALSHI_PRIVATE_KEY_PATH=str(tmp_path))
    broken = tmp_path / "broken.pem"
    broken.write_bytes(pem[: len(pem) // 2])
    run("scan", "--series", "KXS", KALSHI_PRIVATE_KEY_PATH=str(broken))
    said += [path.read_bytes() for path in work.rglob("*") if path.is_file()]
    everything = b"\n".join(said)
    assert b"chmod 600" in everything and b"orderbook_snapshot" in everything and b"401" in everything
    found = [secret for secret in secrets_of(key, pem, rest) if secret in everything and secret != b"PRIVATE KEY"]
    assert not found
    assert b"BEGIN PRIVATE KEY" not in everything


def test_errors_and_reprs_show_nothing_of_the_key(
    rest: Any, settings: Settings, key: rsa.RSAPrivateKey, pem: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rest.answer = lambda request: (401, {"error": {"code": "authentication_error", "message": "m"}})
    shown = []
    nowhere = Settings("production", "http://127.0.0.1:1/v2", "ws://127.0.0.1:1/ws", settings.signer)
    with Client(settings, requests_per_second=1000) as client:
        order = NewOrder("T", "bid", 5000, 100)
        for call in (
            lambda: client.market_data.market("T"),
            client.portfolio.balance,
            lambda: client.orders.create(order),
            lambda: Stream(settings, ["T"]).poll(),
            lambda: Transport(nowhere, attempts=1).get("/markets", None, dict),
            lambda: StreamSocket(nowhere.ws_url, settings.require_signer("x").headers("GET", "/ws")),
        ):
            with pytest.raises(KalshiError) as caught:
                call()
            error: BaseException | None = caught.value
            while error is not None:
                shown += [str(error), repr(error), repr(error.args), repr(vars(error))]
                error = error.__cause__ or error.__context__
        shown += [repr(client), repr(vars(client)), repr(settings), repr(vars(client.transport)), str(settings.signer)]
    everything = ("\n".join(shown) + caplog.text).encode()
    assert not [secret for secret in secrets_of(key, pem, rest) if secret in everything]
