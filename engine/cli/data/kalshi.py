"""`engine data pull`, `record` and `scan`: markets from the exchange itself."""

from __future__ import annotations

import dataclasses
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ....io.ground.errors import InputError
from ..console import JSON_OPTION, emit, emit_facts, say, stoppable
from ..options import END, REWARD, STORE

if TYPE_CHECKING:
    from ....io.kalshi.pull import Pulled
    from ....io.kalshi.scan import Candidate

_SERIES = typer.Option([], "--series", help="Every market of a series, new ones too; repeatable.")
_TICKERS = typer.Argument([], help="Single markets.")
_JOURNAL = typer.Option(None, "--journal", help="Folder of the journal; else STORE/journal.")
_UNDERLYING = typer.Option([], "--underlying", help="Reference values too: BRTI, BRTI@5hz, EURUSD@pyth; repeatable.")
_RATE = typer.Option(10.0, "--rate", help="Requests a second at most.")


def data_pull(
    series: list[str] = _SERIES,
    start: str | None = typer.Option(None, "--start", help="Begin: 2026-01-01 or 2026-01-01T12:00:00Z."),
    end: str | None = END,
    markets: bool = typer.Option(False, "--markets", help="Markets with their results and fees."),
    trades: bool = typer.Option(False, "--trades", help="Every trade."),
    candles: bool = typer.Option(False, "--candles", help="Best bid and ask at every minute, into table quotes."),
    incentives: bool = typer.Option(
        False, "--incentives", help="Incentive programs of all states, into table programs."
    ),
    store: str = STORE,
    rate: float = _RATE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Download a series into the store; without a choice, markets and trades. Run again, it fetches what is new."""
    from ...api.kalshi import pull

    with stoppable("stopped; run the same command again to go on from here"):
        pulled = pull(
            series, start, end, store, markets=markets, trades=trades, candles=candles, incentives=incentives,
            rate=rate, tell=say, progress=not as_json,
        )  # fmt: skip
    emit(as_json, lambda: dataclasses.asdict(pulled), lambda: _tell_pulled(pulled))


def _tell_pulled(pulled: Pulled) -> None:
    facts = {f"{table} fetched": count for table, count in pulled.fetched.items()}
    facts |= {f"{table} stored": count for table, count in pulled.stored.items()}
    emit_facts("downloaded", {"markets": pulled.markets, **facts})


def data_scan(
    *,
    series: list[str] = _SERIES,
    every: float = typer.Option(15.0, "--every", metavar="SECONDS", help="Look again after this time; Ctrl-C ends."),
    once: bool = typer.Option(False, "--once", help="Look once."),
    top: int = typer.Option(30, "--top", help="Markets to show."),
    rewards: bool = typer.Option(False, "--rewards", help="By rewards a day and dollar locked up, less fills' losses."),
    size: float = typer.Option(100.0, "--size", help="With --rewards: contracts an order."),
    distance: float = typer.Option(0.0, "--distance", help="With --rewards: cents behind the best price."),
    loss: float | None = typer.Option(None, "--loss", help="With --rewards: cents that a filled contract loses."),
    history: str | None = typer.Option(None, "--history", help="With --rewards: a store that says the loss of fills."),
    store: str | None = typer.Option(None, "--store", help="With --rewards: look at stored markets."),
    reward: list[str] = REWARD,
    rate: float = _RATE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show candidate markets, best first: spread, volume, range and volatility of the last hour, and their score."""
    from ...api.kalshi import scan
    from ..tell import scans

    if not every > 0 or top < 1:
        raise InputError(f"every= must be above 0 seconds and top= at least 1, not {every:g} and {top}")
    if rewards:
        found = scan(
            series, rate=rate, tell=say, rewards=True, size=size, distance=distance, loss=loss, store=store,
            reward=reward, history=history,
        )  # fmt: skip
        emit(as_json, lambda: scans.paying(found), lambda: scans.tell_paying(found[:top]))
        return
    again, look = not once and sys.stdout.isatty(), partial(scan, series, rate=rate, tell=say)
    emit(as_json, lambda: scans.document(look()), lambda: _watch(look, top, every, again=again))


def _watch(look: Callable[[], list[Candidate]], top: int, every: float, *, again: bool) -> None:
    """Show the candidates, ``again`` and again until an interrupt from the keyboard."""
    from ..tell import scans

    with suppress(KeyboardInterrupt):
        scans.tell(look(), top, again=again)
        while again:
            time.sleep(every)
            scans.tell(look(), top, again=again)


def data_record(
    tickers: list[str] = _TICKERS,
    series: list[str] = _SERIES,
    store: str = STORE,
    journal: Path | None = _JOURNAL,
    *,
    poll: float | None = typer.Option(None, "--poll", metavar="SECONDS", help="Read over REST instead of the stream."),
    duration: str | None = typer.Option(None, "--for", metavar="TIME", help="Stop after this long: 90s, 30m, 8h."),
    keep: bool = typer.Option(False, "--keep", help="Keep the journal after its rows are in the store."),
    no_import: bool = typer.Option(False, "--no-import", help="Only write the journal; import it later."),
    underlying: list[str] = _UNDERLYING,
    rate: float = _RATE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Record order books and trades: first into a journal, which survives anything, then into the store."""
    from ...api.kalshi import record

    seconds = None if duration is None else _seconds(duration)
    with _stop_on_signals() as stop:
        made = record(
            tickers, store, series=series, journal=journal, poll=poll, duration=seconds, keep=keep,
            no_import=no_import, rate=rate, stop=stop, tell=say, underlying=underlying,
        )  # fmt: skip
    document = {name.replace(" ", "_"): value for name, value in made.facts.items()}
    emit(as_json, lambda: document, lambda: emit_facts("recorded", made.facts))
    if made.failed:
        raise typer.Exit(1)


def _seconds(text: str) -> float:
    """Read a span of time.

    >>> _seconds("30m"), _seconds("90")
    (1800.0, 90.0)
    """
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:].lower())
    number = text if unit is None else text[:-1]
    try:
        seconds = float(number) * (unit or 1)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise InputError(f"{text!r} is no span of time; expected such as 90s, 30m, 8h, 2d")
    return seconds


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set; a second signal ends the process as usual."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
