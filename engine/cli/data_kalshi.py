"""`engine data pull`, `record` and `scan`: markets from the exchange itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .console import JSON_OPTION, emit_facts, emit_json, say

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from ...io.kalshi.client import Client
    from ...io.kalshi.journal import Journal

_STORE = typer.Option("data", "--store", help="The store: a folder or s3://bucket/prefix.")
_SERIES = typer.Option([], "--series", metavar="SERIES", help="Every market of a series, new ones too; repeatable.")
_TICKERS = typer.Argument([], metavar="TICKER…", help="Single markets.")
_RATE = typer.Option(10.0, "--rate", help="Requests a second at most.")


def data_record(
    tickers: list[str] = _TICKERS,
    series: list[str] = _SERIES,
    store: str = _STORE,
    journal: Path | None = typer.Option(None, "--journal", help="Folder of the journal; else STORE/journal."),
    poll: float | None = typer.Option(None, "--poll", metavar="SECONDS", help="Read over REST instead of the stream."),
    duration: str | None = typer.Option(None, "--for", metavar="TIME", help="Stop after this long: 90s, 30m, 8h."),
    keep: bool = typer.Option(False, "--keep", help="Keep the journal after its rows are in the store."),
    rate: float = _RATE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Record order books and trades: first into a journal, which survives anything, then into the store."""
    from ...io.errors import InputError
    from ...io.kalshi.client import Client
    from ...io.kalshi.compact import Compactor
    from ...io.kalshi.journal import mend, segments
    from ...io.kalshi.recorder import Recorder
    from ...io.kalshi.watcher import Watcher

    if not tickers and not series:
        raise InputError("nothing to record: name markets, or a series with --series")
    if poll is not None and poll <= 0:
        raise InputError(f"--poll {poll} must be above 0 seconds")
    seconds = None if duration is None else _seconds(duration)
    folder = journal or _journal_folder(store)
    with _client(rate) as client, _stop_on_signals() as stop:
        recording = _begin(folder, client, series, tickers, poll)
        compactor = Compactor(store, keep=keep, tell=say)
        leftover = [path for path in segments(folder) if path != recording.path]
        for path in leftover:
            if mend(path):
                say(f"{path.name}: its recorder was killed; everything it wrote is kept")
        compactor.add(leftover)
        source = _source(client, poll)
        watcher = Watcher(client, series, tickers)
        recorder = Recorder(
            source, recording, watcher, series=series, tell=say, closed=lambda path: compactor.add([path])
        )
        say(f"recording into {folder}; Ctrl-C ends it cleanly")
        totals = recorder.run(stop, seconds)
        compactor.add([path for path in segments(folder) if path not in leftover])
        compactor.finish()
    facts = {
        "messages": totals.messages,
        "book changes": totals.changes,
        "trades": totals.trades,
        "markets": totals.markets,
        "holes": totals.holes,
        "seconds without trusted books": round(totals.missed_seconds, 1),
        "journal bytes": totals.bytes,
        **{f"{table} rows stored": rows for table, rows in compactor.rows.items()},
    }
    if as_json:
        emit_json({name.replace(" ", "_"): value for name, value in facts.items()})
    else:
        emit_facts("recorded", facts)
    if compactor.failed:
        raise typer.Exit(1)


def _begin(folder: Path, client: Client, series: list[str], tickers: list[str], poll: float | None) -> Journal:
    from ...io.kalshi.journal import Journal

    header = {
        "version": 1,
        "environment": client.settings.environment,
        "use_yes_price": poll is None,
        "poll_seconds": poll,
        "series": series,
        "tickers": tickers,
    }
    return Journal(folder, header)


def _source(client: Client, poll: float | None) -> Any:
    from ...io.kalshi.poller import Poller
    from ...io.kalshi.stream import BOOK, LIFECYCLE, TRADES, Stream

    if poll is not None:
        return Poller(client, every=poll)
    return Stream(client.settings, channels=(BOOK, TRADES, LIFECYCLE))


def _client(rate: float) -> Client:
    from ...io.errors import InputError
    from ...io.kalshi.client import Client

    if rate <= 0:
        raise InputError(f"--rate {rate} must be above 0 requests a second")
    return Client(requests_per_second=rate)


def _journal_folder(store: str) -> Path:
    from ...io.errors import InputError

    if "://" in store:
        raise InputError("a journal is written to this machine's disk: name a folder with --journal")
    return Path(store) / "journal"


def _seconds(text: str) -> float:
    """Read a span of time.

    >>> _seconds("30m"), _seconds("90")
    (1800.0, 90.0)
    """
    from ...io.errors import InputError

    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:].lower())
    number = text if unit is None else text[:-1]
    try:
        seconds = float(number) * (unit or 1)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise InputError(f"{text!r} is no span of time; expected such as 90s, 30m, 8h, 2d")
    return seconds


def _stop_on_signals() -> Any:
    """Give an event that SIGINT and SIGTERM set; a second signal ends the process as usual."""
    import signal
    import threading
    from contextlib import contextmanager

    @contextmanager
    def guarded() -> Iterator[threading.Event]:
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

    return guarded()
