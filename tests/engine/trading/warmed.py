"""Processes that have everything loaded before they begin: a server forks them, with the quick model's kernel ready."""

from __future__ import annotations

import multiprocessing
import tempfile
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path


@cache
def forking() -> ForkServerContext:
    """Make processes that begin with this module as it is after :func:`warm`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__ + "_up"])
    return context


def warm() -> None:
    """Load what a session on the local exchange needs."""
    from touchline.engine.cli.app import app
    from touchline.engine.live.live import Live
    from touchline.engine.simulator.tape.tape import TapeMarket
    from touchline.engine.trading.runner import SessionRunner

    from .conftest import START, write_quick_params

    assert app and SessionRunner
    with tempfile.TemporaryDirectory() as folder:
        params = write_quick_params(Path(folder) / "params.toml")
        market = TapeMarket("KXTEST-1", "KXTEST", close_ts=START + 10**15)
        for fills in ("assumed", "reported"):
            Live.from_params(params, market, fills=fills).warm(START)
