"""The local exchange as one call: what `engine exchange` does, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from ...io.ground.cache import config_dir
from ...io.ground.errors import InputError
from ...io.ground.times import Moment, nanoseconds
from ...io.store.store import Store
from .faults import Faults
from .market.history import History
from .network.server import Exchange, Speed

Word = TypeVar("Word", bound=str)


def exchange(
    store: str | Path | Store | History = "data", tickers: Sequence[str] = (), *, speed: Speed | str = 1.0,
    port: int = 0, host: str = "127.0.0.1", keys: str | Path | None = None, fault: str | Faults = "", seed: int = 0,
    cash: int = 10_000, tier: str = "basic", live_days: float = 90, start: Moment | None = None,
    shift: Moment | None = None, queue: str = "pessimistic", legacy: bool = False,
) -> Exchange:  # fmt: skip
    """Open a store as an exchange on this machine; it serves in the background while its context lasts.

    Args:
        store: The store whose markets are replayed, or the place of one.
        tickers: Only these markets; all unless given.
        speed: Simulated seconds a second; ``"max"``: as fast as subscribers read; 0 stands still until ``advance``.
        port: Port of REST and stream; 0 is any free one.
        host: Address to listen on.
        keys: Folder of the key pair that it trusts, made at first start; in the user's settings unless given.
        fault: Faults, as in ``"gap=0.01,429=0.05,delay=50"``.
        seed: Of the faults.
        cash: Dollars in the account at the start.
        tier: Usage tier whose rate limits hold.
        live_days: Days before what is older moves to ``/historical``.
        start: Simulated time to begin at, or ``"end"``.
        shift: Move the recording in time so that it starts then, ``"now"`` or at a time.
        queue: Queue model of resting orders.
        legacy: Add the integer fields that old clients read.

    Returns:
        The exchange, a context manager: ``url``, ``ws``, and ``environment``, the settings that clients read.

    Example:
        >>> from touchline import engine
        >>> with engine.exchange(speed=0, keys="keys") as venue:
        ...     venue.url.endswith("/trade-api/v2")
        True
    """
    return Exchange(
        store.path if isinstance(store, Store) else store, tickers, speed=_speed(speed), keys=keys or _own_keys(),
        faults=fault if isinstance(fault, Faults) else Faults.parse(fault), seed=seed, host=host, port=port,
        cash_dollars=cash, tier=tier, live_days=live_days, start=_moment(start, "start", "end"),
        shift=_moment(shift, "shift", "now"), legacy=legacy, queue=queue,
    )  # fmt: skip


def _own_keys() -> Path | None:
    """Where the key pair is kept between runs; None, a pair for this run alone, for a user without such a place."""
    settings = config_dir()
    return None if settings is None else settings / "exchange-keys"


def _speed(speed: Speed | str) -> Speed:
    if speed == "max":
        return "max"
    try:
        return float(speed)
    except ValueError:
        raise InputError(f"speed must be a number or 'max', not {speed!r}") from None


def _moment(given: Moment | None, what: str, word: Word) -> int | Word | None:
    if given is None or given == word:
        return None if given is None else word
    try:
        return nanoseconds(given, what)
    except InputError as error:
        raise InputError(f"{error}, or {word!r}") from None
