"""`engine exchange`: a local exchange that replays recorded markets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from ...io.ground.cache import config_dir
from ...io.ground.errors import InputError
from .console import say

app = typer.Typer(add_completion=False, rich_markup_mode=None)
Word = TypeVar("Word", bound=str)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@app.command()
def exchange(
    replay: Annotated[str, typer.Option("--replay", help="The store whose markets are replayed.")],
    tickers: Annotated[list[str] | None, typer.Argument(help="Only these markets (default: all of the store).")] = None,
    speed: Annotated[
        str,
        typer.Option(help="Simulated seconds a second; 'max': as fast as subscribers read."),
    ] = "1",
    port: Annotated[int, typer.Option(help="Port of REST and stream. 0: any free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    keys: Annotated[
        Path | None,
        typer.Option(
            help="Folder of private.pem and key-id, made at first start; in the user's settings unless given."
        ),
    ] = None,
    fault: Annotated[str, typer.Option(help="Faults, as in gap=0.01,drop=0.01,429=0.05,delay=50,disconnect=5.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the faults.")] = 0,
    cash: Annotated[int, typer.Option(help="Dollars in the account at the start.")] = 10_000,
    tier: Annotated[str, typer.Option(help="Usage tier whose rate limits hold.")] = "basic",
    live_days: Annotated[float, typer.Option(help="Days before what is older moves to /historical.")] = 90,
    start: Annotated[str, typer.Option("--from", help="Simulated time to begin at, ISO 8601, or 'end'.")] = "",
    shift: Annotated[str, typer.Option(help="Move the recording in time to start 'now', or at a time.")] = "",
    queue: Annotated[str, typer.Option(help="Queue model of resting orders, as in backtest.")] = "pessimistic",
    legacy: Annotated[bool, typer.Option("--legacy", help="Add the integer fields removed in 2026.")] = False,
) -> None:
    """Serve a store as an exchange: REST and stream, signed requests, orders, fills, faults on demand."""
    from ..exchange.faults import Faults
    from ..exchange.network.server import Exchange
    from ..exchange.wire import stamp

    if host not in _LOOPBACK:
        say(f"warning: listening on {host}: anybody who reaches this machine can try the exchange")
    if sys.stderr.isatty():
        say(f"reading {replay} …")
    with contextlib.ExitStack() as stack:
        served = Exchange(
            replay, tickers or [], speed=_speed(speed), keys=keys or _own_keys(), faults=Faults.parse(fault),
            seed=seed, host=host, port=port, cash_dollars=cash, tier=tier, live_days=live_days,
            start=_moment(start, "--from", "end"), shift=_moment(shift, "--shift", "now"), legacy=legacy, queue=queue,
        )  # fmt: skip

        def ready() -> None:
            stack.callback(say, "exchange stopped")
            loop = asyncio.get_running_loop()
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(name, served.stop)
            for name, value in served.environment.items():
                say(f"{name}={value}")
            sys.stdout.write(json.dumps({"rest": served.rest, "ws": served.ws}) + "\n")
            sys.stdout.flush()

        def ended() -> None:
            say(f"the recording has ended at {stamp(served.now())}: no market moves any more")

        try:
            asyncio.run(served.run(ready, ended))
        except OSError as error:
            raise InputError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None


def _own_keys() -> Path | None:
    """Where the key pair is kept between runs; None, a pair for this run alone, for a user without such a place."""
    settings = config_dir()
    return None if settings is None else settings / "exchange-keys"


def _speed(text: str) -> float | Literal["max"]:
    if text == "max":
        return "max"
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--speed must be a number or 'max', not {text!r}") from None


def _moment(text: str, option: str, word: Word) -> int | Word | None:
    from datetime import UTC, datetime

    if not text:
        return None
    if text == word:
        return word
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{option} must be a time such as 2026-06-11T14:30:00 (UTC) or '{word}', not {text!r}"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 1_000_000_000
