"""Whether a session could trade now: keys, clock, rates, leftovers, disk, markets, parameters, one line each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from ...io.ground.errors import TouchlineError
from ...io.ground.times import iso, nanoseconds
from ...io.ground.units import NS_PER_SECOND
from ...io.kalshi.client import Client
from ..results.params import load_params
from .folder import SessionFolder
from .orders.sending import Sender

_ENOUGH_WRITES = 50.0


class Checkup(NamedTuple):
    """One thing that was looked at: whether it is well, and what was seen."""

    name: str
    ok: bool
    text: str


def examine(client: Client, folder: SessionFolder | None = None) -> list[Checkup]:
    """Look at everything that a session needs; nothing is changed."""
    own = 0 if folder is None else folder.settings().subaccount
    checks: list[tuple[str, Callable[[], tuple[bool, str]]]] = [
        ("key", lambda: _key(client, own)), ("clock", lambda: _clock(client)), ("rates", lambda: _rates(client)),
        ("exchange", lambda: _exchange(client)),
    ]  # fmt: skip
    if folder is not None:
        checks += [
            ("parameters", lambda: _parameters(client, folder)), ("leftovers", lambda: _leftovers(client, folder)),
            ("disk", lambda: _disk(folder)), ("markets", lambda: _markets(client, folder)),
            ("latch", lambda: _latch(folder)),
        ]  # fmt: skip
    found: list[Checkup] = []
    for name, check in checks:
        try:
            found.append(Checkup(name, *check()))
        except TouchlineError as error:
            found.append(Checkup(name, False, str(error)))
    return found


def _key(client: Client, subaccount: int) -> tuple[bool, str]:
    client.settings.require_signer("a session")
    cash = client.portfolio.balance(subaccount=subaccount).cash
    return True, f"{client.settings.environment}: ${cash / 1e6:,.2f} to spend"


def _clock(client: Client) -> tuple[bool, str]:
    sent = time.time_ns()
    told = client.portfolio.as_of()
    if client.transport.is_replay:
        return True, f"a replay: it is {iso(client.now(), 0)} there"
    behind = (sent - told) / NS_PER_SECOND
    return behind > -2, f"{behind:+.1f} s against what the exchange shows of the account"


def _rates(client: Client) -> tuple[bool, str]:
    limits = client.portfolio.limits()
    rate = limits.write.refill_rate
    return rate >= _ENOUGH_WRITES, f"{rate / 10:g} orders or {rate / 2:g} cancels a second"


def _exchange(client: Client) -> tuple[bool, str]:
    status = client.market_data.status()
    return status.trading_active, "trading" if status.trading_active else "no trading now"


def _parameters(client: Client, folder: SessionFolder) -> tuple[bool, str]:
    if folder.is_of_bets:
        return True, "a pipeline, which does not end; the age of its trained models counts at each bar"
    until = load_params(folder.params).validity.valid_until
    return client.now() < nanoseconds(until, "valid_until"), f"valid until {until}"


def _leftovers(client: Client, folder: SessionFolder) -> tuple[bool, str]:
    document = folder.document()
    resting = Sender(client, document["prefix"], folder.settings().subaccount).resting()
    if folder.is_running:
        return True, f"{len(resting)} orders of the running session rest"
    return not resting, f"{len(resting)} orders of a session that does not run rest"


def _disk(folder: SessionFolder) -> tuple[bool, str]:
    room = os.statvfs(folder.path)
    free = room.f_bavail * room.f_frsize
    least = (folder.settings().disk_mb or 0) * 1e6
    return free > least, f"{free / 1e9:,.1f} GB free"


def _markets(client: Client, folder: SessionFolder) -> tuple[bool, str]:
    named = list(folder.status().get("markets", {}))
    if not named:
        return True, "none was traded yet"
    found = [one for page in client.market_data.markets(tickers=",".join(named[:100]), limit=1000) for one in page]
    trading = sum(one.status == "active" for one in found)
    return bool(trading), f"{trading} of {len(named)} trade now"


def _latch(folder: SessionFolder) -> tuple[bool, str]:
    status = folder.status()
    halted = [ticker for ticker, one in status.get("markets", {}).items() if one["halted"]]
    if status.get("killed"):
        return False, f"killed: {status['killed']}"
    return not halted, f"{len(halted)} markets are halted" if halted else "nothing is halted"
