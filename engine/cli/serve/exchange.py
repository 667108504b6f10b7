"""`engine exchange`: a local exchange that replays recorded markets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..console import say

if TYPE_CHECKING:
    from ...exchanges.network.server import Exchange

app = typer.Typer(add_completion=False)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@app.command()
def exchange(
    tickers: Annotated[list[str] | None, typer.Argument(help="Only these markets (default: all of the store).")] = None,
    *,
    store: Annotated[str, typer.Option("--store", help="The store whose markets are replayed.")] = "data",
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
    start: Annotated[
        str | None, typer.Option("--start", help="Simulated time to begin at, ISO 8601, or 'end'.")
    ] = None,
    shift: Annotated[str | None, typer.Option(help="Move the recording in time to start 'now', or at a time.")] = None,
    queue: Annotated[str, typer.Option(help="Queue model of resting orders, as in backtest.")] = "pessimistic",
    legacy: Annotated[bool, typer.Option("--legacy", help="Add the integer fields removed in 2026.")] = False,
) -> None:
    """Serve a store as an exchange: REST and stream, signed requests, orders, fills, faults on demand."""
    from ...exchanges.serving import exchange as opened

    _announce(host, store)
    _serve(
        opened(
            store, tickers or (), speed=speed, port=port, host=host, keys=keys, fault=fault, seed=seed, cash=cash,
            tier=tier, live_days=live_days, start=start, shift=shift, queue=queue, legacy=legacy,
        )
    )  # fmt: skip


def _announce(host: str, store: str) -> None:
    if host not in _LOOPBACK:
        say(f"warning: listening on {host}: anybody who reaches this machine can try the exchange")
    if sys.stderr.isatty():
        say(f"reading {store} …")


def _serve(served: Exchange) -> None:
    """Serve until a signal comes; say where, and when the recording has ended."""
    from ...exchanges.wire import stamp

    with contextlib.ExitStack() as stack:

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

        asyncio.run(served.run(ready, ended))
