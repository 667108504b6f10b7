"""`engine data pull`, `record` and `scan`: markets from the exchange itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..console import JSON_OPTION, emit_facts, emit_json, emit_table, progress, say

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from ....io.kalshi.client import Client
    from ....io.kalshi.recorder.journal import Journal
    from ....io.kalshi.scan import Candidate

_STORE = typer.Option("data", "--store", help="The store: a folder or s3://bucket/prefix.")
_SERIES = typer.Option([], "--series", metavar="SERIES", help="Every market of a series, new ones too; repeatable.")
_TICKERS = typer.Argument([], metavar="TICKER…", help="Single markets.")
_JOURNAL = typer.Option(None, "--journal", help="Folder of the journal; else STORE/journal.")
_RATE = typer.Option(10.0, "--rate", help="Requests a second at most.")


def data_pull(
    series: list[str] = _SERIES,
    start: str = typer.Option(..., "--from", metavar="TIME", help="Begin: 2026-01-01 or 2026-01-01T12:00:00Z."),
    end: str | None = typer.Option(None, "--to", metavar="TIME", help="End, not included; else now."),
    markets: bool = typer.Option(False, "--markets", help="Markets with their results and fees."),
    trades: bool = typer.Option(False, "--trades", help="Every trade."),
    candles: bool = typer.Option(False, "--candles", help="Best bid and ask at every minute, into table quotes."),
    store: str = _STORE,
    rate: float = _RATE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Download a series into the store; without a choice, markets and trades. Run again, it fetches what is new."""
    import time

    from ....io.ground.errors import InputError
    from ....io.ground.times import nanoseconds
    from ....io.kalshi.pull import Pull, Wanted
    from ....io.store.store import Store

    if not series:
        raise InputError("nothing to download: name a series with --series")
    begun, ended = nanoseconds(start, "--from"), time.time_ns() if end is None else nanoseconds(end, "--to")
    if begun >= ended:
        raise InputError(f"--from {start} is not before {'now' if end is None else f'--to {end}'}")
    everything = not (markets or trades or candles)
    wanted = Wanted(tuple(series), begun, ended, markets or everything, trades or everything, candles)
    with _client(rate, series) as client, progress(quiet=as_json) as bar:
        task = bar.add_task("markets", total=None)

        def show(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total or None, description=name)

        try:
            pulled = Pull(client, Store(store), _state_file(store, client), show).run(wanted)
        except KeyboardInterrupt:
            bar.stop()
            say("stopped; run the same command again to go on from here")
            raise typer.Exit(130) from None
    facts = {
        "markets": pulled.markets,
        **{f"{table} fetched": count for table, count in pulled.fetched.items()},
        **{f"{table} stored": count for table, count in pulled.stored.items()},
    }
    if as_json:
        emit_json(
            {
                "markets": pulled.markets,
                "fetched": pulled.fetched,
                "stored": pulled.stored,
                "duplicates": pulled.duplicates,
            }
        )
    else:
        emit_facts("downloaded", facts)


def data_scan(
    series: list[str] = _SERIES,
    every: float = typer.Option(15.0, "--every", metavar="SECONDS", help="Look again after this time; Ctrl-C ends."),
    once: bool = typer.Option(False, "--once", help="Look once."),
    top: int = typer.Option(30, "--top", help="Markets to show."),
    rate: float = _RATE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show candidate markets, best first: spread, volume, range and volatility of the last hour, and their score."""
    import sys
    import time

    from ....io.ground.errors import InputError
    from ....io.kalshi.scan import scan

    if not series:
        raise InputError("nothing to scan: name a series with --series (all markets together are too many to ask for)")
    if not every > 0 or top < 1:
        raise InputError(f"--every must be above 0 seconds and --top at least 1, not {every:g} and {top}")
    with _client(rate, series) as client:
        if as_json:
            emit_json({"candidates": [_document(one) for one in scan(client, series)]})
            return
        try:
            while True:
                found = scan(client, series)
                if not once and sys.stdout.isatty():
                    sys.stdout.write("\x1b[2J\x1b[H")  # clears the screen
                shown = [tuple(_document(one).values()) for one in found[:top]]
                columns, shown = _fitting(_SCAN_COLUMNS, shown) if sys.stdout.isatty() else (_SCAN_COLUMNS, shown)
                emit_table(f"{len(found)} open markets", columns, shown)
                if once or not sys.stdout.isatty():
                    return
                time.sleep(every)
        except KeyboardInterrupt:
            return


_SCAN_COLUMNS = (
    "ticker", "bid", "ask", "spread", "bid size", "ask size", "volume 24h", "volume 1h", "high 1h", "low 1h",
    "volatility", "closes", "score",
)  # fmt: skip


#: What a narrow terminal does without, the first first.
_SPARE_COLUMNS = ("closes", "bid size", "ask size", "high 1h", "low 1h", "volume 24h", "volatility", "spread")


def _fitting(
    columns: Sequence[str], rows: Sequence[Sequence[object]], width: int | None = None
) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Leave out columns until a table fits the terminal.

    >>> _fitting(("ticker", "closes", "score"), [("KXA", "2026-10-06", 1.5)], 20)
    (('ticker', 'score'), [('KXA', 1.5)])
    """
    import shutil

    width = width or shutil.get_terminal_size().columns
    left = dict.fromkeys(columns)
    wide = {name: max(len(str(cell)) for cell in (name, *cells)) for name, *cells in zip(columns, *rows, strict=True)}
    for spare in _SPARE_COLUMNS:
        if sum(wide[name] + 3 for name in left) <= width:
            break
        left.pop(spare, None)
    kept = [number for number, name in enumerate(columns) if name in left]
    return tuple(left), [tuple(row[number] for number in kept) for row in rows]


def _document(one: Candidate) -> dict[str, object]:
    """A candidate in cents and contracts."""
    from ....io.kalshi.rest.wire import write_time

    def cents(ticks: float | None) -> float | None:
        return None if ticks is None else round(ticks / 100, 2)

    return {
        "ticker": one.ticker,
        "bid": cents(one.bid),
        "ask": cents(one.ask),
        "spread": cents(one.spread),
        "bid_size": one.bid_size / 100,
        "ask_size": one.ask_size / 100,
        "volume_24h": one.volume_24h / 100,
        "volume_1h": one.volume_1h / 100,
        "high_1h": cents(one.high_1h),
        "low_1h": cents(one.low_1h),
        "volatility": cents(one.volatility),
        "closes": write_time(one.closes) if one.closes else None,
        "score": round(one.score, 3),
    }


def data_record(
    tickers: list[str] = _TICKERS,
    series: list[str] = _SERIES,
    store: str = _STORE,
    journal: Path | None = _JOURNAL,
    poll: float | None = typer.Option(None, "--poll", metavar="SECONDS", help="Read over REST instead of the stream."),
    duration: str | None = typer.Option(None, "--for", metavar="TIME", help="Stop after this long: 90s, 30m, 8h."),
    keep: bool = typer.Option(False, "--keep", help="Keep the journal after its rows are in the store."),
    no_import: bool = typer.Option(False, "--no-import", help="Only write the journal; import it later."),
    rate: float = _RATE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Record order books and trades: first into a journal, which survives anything, then into the store."""
    from ....io.ground.errors import InputError
    from ....io.kalshi.recorder.importing import JournalImporter
    from ....io.kalshi.recorder.journal import mend, segments
    from ....io.kalshi.recorder.recorder import Recorder
    from ....io.kalshi.recorder.watcher import Watcher

    if not tickers and not series:
        raise InputError("nothing to record: name markets, or a series with --series")
    if poll is not None and not 0 < poll < 1e9:
        raise InputError(f"--poll {poll} must be above 0 seconds")
    seconds = None if duration is None else _seconds(duration)
    folder = journal or _journal_folder(store)
    with _client(rate, series) as client, _stop_on_signals() as stop:
        source = _source(client, poll)
        recording = _begin(folder, client, series, tickers, poll)
        importer = JournalImporter(store, keep=keep, tell=say)
        for path in segments(folder):
            if path != recording.path and mend(path):
                say(f"{path.name}: its recorder did not end cleanly; everything it wrote is kept")
        leftover = [path for path in segments(folder) if path != recording.path]
        if not no_import:
            importer.add(leftover)
        watcher = Watcher(client, series, tickers)
        recorder = Recorder(
            source, recording, watcher, series=series, tell=say,
            closed=lambda path: None if no_import else importer.add([path]),
        )  # fmt: skip
        say(f"recording into {folder}; Ctrl-C ends it cleanly")
        totals = recorder.run(stop, seconds)
        if not no_import:
            importer.add(segments(folder))
        importer.finish()
    facts = {
        "messages": totals.messages,
        "book changes": totals.changes,
        "trades": totals.trades,
        "markets": totals.markets,
        "holes": totals.holes,
        "seconds without trusted books": round(totals.missed_seconds, 1),
        "journal bytes": totals.bytes,
        **{f"{table} rows stored": rows for table, rows in importer.rows.items()},
    }
    if as_json:
        emit_json({name.replace(" ", "_"): value for name, value in facts.items()})
    else:
        emit_facts("recorded", facts)
    if importer.failed:
        raise typer.Exit(1)


def _begin(folder: Path, client: Client, series: list[str], tickers: list[str], poll: float | None) -> Journal:
    from ....io.kalshi.recorder.journal import Journal

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
    from ....io.kalshi.recorder.poller import Poller
    from ....io.kalshi.stream.stream import BOOK, LIFECYCLE, TRADES, Stream

    if poll is not None:
        return Poller(client, every=poll)
    return Stream(client.settings, channels=(BOOK, TRADES, LIFECYCLE))


def _client(rate: float, series: Sequence[str]) -> Client:
    """Make a client that asks no faster than was said, nor than the account of its key may; look the series up."""
    from ....io.ground.errors import InputError
    from ....io.kalshi.client import Client
    from ....io.kalshi.rest.errors import AuthError, ConfigError, KalshiError, NotFoundError

    if not rate > 0:
        raise InputError(f"--rate {rate} must be above 0 requests a second")
    client = Client(requests_per_second=rate)
    where = client.settings.environment
    if client.settings.signer is not None:
        try:
            client.adopt_limits()
        except AuthError as error:
            hint = f"KALSHI_KEY_ID must be the id of this key, the key one of the {where} exchange, the clock right"
            raise ConfigError(f"{error}: {hint}") from None
        except KalshiError as error:
            say(f"the account's rate limits could not be read ({error}); asking at most {rate:g} times a second")
    for name in series:
        try:
            client.market_data.series(name)
        except NotFoundError:
            raise InputError(f"there is no series {name} on the {where} exchange; a series is such as KXINX") from None
        except KalshiError:  # whoever needs it now says so; a recorder waits for the exchange to come back
            break
    return client


def _journal_folder(store: str) -> Path:
    from ....io.ground.errors import InputError

    if "://" in store:
        raise InputError("a journal is written to this machine's disk: name a folder with --journal")
    return Path(store) / "journal"


def _state_file(store: str, client: Client) -> Path:
    """Where a download keeps what it has not stored yet: in the store, or for a remote one in the user's cache."""
    import hashlib

    from ....io.ground.cache import cache_dir

    if "://" not in store:
        return Path(store) / "pull" / f"{client.settings.environment}.sqlite"
    return (
        cache_dir() / "pull" / f"{client.settings.environment}-{hashlib.sha256(store.encode()).hexdigest()[:16]}.sqlite"
    )


def _seconds(text: str) -> float:
    """Read a span of time.

    >>> _seconds("30m"), _seconds("90")
    (1800.0, 90.0)
    """
    from ....io.ground.errors import InputError

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
