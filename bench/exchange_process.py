"""A local exchange in a process of its own, for benches of sessions."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.store import Store

ENGINE = [sys.executable, "-c", "from touchline.engine.cli import main; main()"]


@contextmanager
def exchange_process(store: Store, keys: Path, speed: float) -> Iterator[Settings]:
    """Serve a store at some speed to an account of the highest tier; gives what a client needs."""
    command = [*ENGINE, "exchange", "--store", store.path, "--speed", str(speed), "--keys", str(keys)]
    command += ["--tier", "prestige", "--queue", "touch+cross@1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as served:
        assert served.stdout is not None
        address = json.loads(served.stdout.readline())
        environ = {
            "KALSHI_KEY_ID": (keys / "key-id").read_text().strip(),
            "KALSHI_PRIVATE_KEY_PATH": str(keys / "private.pem"),
            "KALSHI_REST_URL": address["rest"],
            "KALSHI_WS_URL": address["ws"],
        }
        try:
            yield Settings.from_env(environ, dotenv=None)
        finally:
            served.send_signal(signal.SIGTERM)


def apart(frame: pl.DataFrame, step_s: float, markets: int) -> pl.DataFrame:
    """Move the moments of each made-up market a little, so that no two fall together."""
    number = pl.col("ticker").str.extract(r"B(\d+)$").cast(pl.Int64)
    return frame.with_columns(ts=pl.col("ts") + number * round(step_s * 1e9 / markets)).sort("ts", maintain_order=True)
