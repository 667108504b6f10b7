"""Markets from the exchange itself: downloads, recordings, and which markets are worth it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from ...io.ground.errors import InputError
from ...io.ground.times import Moment, nanoseconds
from ...io.store.store import Store
from .given import listed, opened
from .showing import board

if TYPE_CHECKING:
    from ...io.kalshi.client import Client
    from ...io.kalshi.pull import Pulled
    from ...io.kalshi.recorder.journal import Journal
    from ...io.kalshi.recorder.poller import Poller
    from ...io.kalshi.recorder.programs import ProgramKeeper
    from ...io.kalshi.recorder.recorder import RecorderTotals
    from ...io.kalshi.scan import Candidate
    from ...io.kalshi.stream.stream import Stream
    from ..runs.reward_scan import RewardCandidate

Tell = Callable[[str], None]
#: Told how many markets are done, of how many, and what is being done.
MarketProgress = Callable[[int, int, str], None]


def pull(
    series: str | Sequence[str] = (), start: Moment | None = None, end: Moment | None = None,
    store: Store | str | Path = "data", *,
    markets: bool = False, trades: bool = False, candles: bool = False, incentives: bool = False, rate: float = 10.0,
    progress: MarketProgress | bool = False, tell: Tell | None = None,
) -> Pulled:  # fmt: skip
    """Download series into a store; without a choice, markets and trades. Run again, it fetches what is new.

    Args:
        series: A series of the exchange, such as ``KXINX``, or several; none for the incentive programs of all markets.
        start: From this time on; incentive programs need none.
        end: Before this time; now unless given.
        store: The store to write to.
        markets: Markets with their results and fees.
        trades: Every trade.
        candles: Best bid and ask at every minute, into table ``quotes``.
        incentives: Incentive programs of all states, into table ``programs``.
        rate: Requests a second at most.
        progress: ``True`` shows a bar; a function is told how many markets are done, of how many, and what is being
            done.
        tell: Told in a line what a person should know.

    Returns:
        How many markets and rows were fetched and stored.

    Example:
        >>> from touchline import engine
        >>> engine.pull("KXINX", "2026-01-01", trades=True).stored  # doctest: +SKIP
    """
    from ...io.kalshi.pull import Pull, Wanted

    named = listed(series)
    everything = not (markets or trades or candles or incentives)
    if not named and (everything or markets or trades or candles):
        raise InputError("nothing to download: name a series with series=")
    if start is None and named and (everything or markets or trades or candles):
        raise InputError("from when on? name a time with start=, such as 2026-01-01")
    begun = 0 if start is None else nanoseconds(start, "start")
    ended = time.time_ns() if end is None else nanoseconds(end, "end")
    if begun >= ended:
        raise InputError(f"start {start} is not before {'now' if end is None else f'end {end}'}")
    wanted = Wanted(named, begun, ended, markets or everything, trades or everything, candles, incentives)
    target = opened(store)
    with _client(rate, named, tell) as client, board(quiet=progress is not True) as shown:
        seen = progress if callable(progress) else lambda done, of, name: shown("markets", done, of, name)
        return Pull(client, target, _state_file(target.path, client), seen).run(wanted)


@overload
def scan(series: str | Sequence[str], *, rate: float = 10.0, tell: Tell | None = None) -> list[Candidate]: ...


@overload
def scan(
    series: str | Sequence[str], *, rate: float = 10.0, tell: Tell | None = None, rewards: Literal[True],
    size: float = 100.0, distance: float = 0.0, loss: float | None = None, store: Store | str | Path | None = None,
    reward: str | Sequence[str] = (), history: Store | str | Path | None = None,
) -> list[RewardCandidate]: ...  # fmt: skip


def scan(
    series: str | Sequence[str], *, rate: float = 10.0, tell: Tell | None = None, rewards: bool = False,
    size: float = 100.0, distance: float = 0.0, loss: float | None = None, store: Store | str | Path | None = None,
    reward: str | Sequence[str] = (), history: Store | str | Path | None = None,
) -> list[Candidate] | list[RewardCandidate]:  # fmt: skip
    """List candidate markets, best first: spread, volume, range and volatility of the last hour, and their score.

    With ``rewards`` by what incentive programs pay instead: dollars a day and dollar locked up, after what fills lose.

    Args:
        series: A series of the exchange, or several.
        rate: Requests a second at most.
        tell: Told in a line what a person should know.
        rewards: List by rewards.
        size: Contracts of an order on each side.
        distance: Cents that it stands behind the best price.
        loss: Cents that a filled contract loses; on a store, what its fills lost within a minute unless given.
        history: A store whose markets of the same series say what a filled contract loses, for the open ones.
        store: Look at stored markets of the series instead of the exchange's open ones.
        reward: Programs to assume on stored markets, as text; the recorded ones unless given.

    Returns:
        A candidate a market; prices in ticks, sizes in lots. With ``rewards`` in dollars, contracts and cents.

    Example:
        >>> from touchline import engine
        >>> engine.scan("KXINX")[0].ticker  # doctest: +SKIP
        >>> best = engine.scan("SYNBTC15M", rewards=True, store="data", size=50)[0]  # doctest: +SKIP
        >>> best.per_dollar  # doctest: +SKIP
    """
    named = listed(series)
    if not rewards and (store is not None or loss is not None or reward or history is not None):
        raise InputError("store=, loss=, history= and reward= belong to a scan for rewards; pass rewards=True too")
    if not named:
        raise InputError("nothing to scan: name a series with series= (all markets together are too many to ask for)")
    if not rewards:
        from ...io.kalshi.scan import scan as look

        with _client(rate, named, tell) as client:
            return look(client, named)
    from ..runs.reward_scan import scan_live, scan_store, stored_losses

    if not size > 0 or not distance >= 0:
        raise InputError(f"size= is above 0 contracts and distance= at least 0 cents, not {size:g} and {distance:g}")
    if loss is not None and history is not None:
        raise InputError("loss= and history= both say what a filled contract loses; pass one of them")
    if store is not None:
        if history is not None:
            raise InputError("history= is for open markets; stored ones have their own, without it")
        programs = ";".join(listed(reward)) or "recorded"
        return scan_store(opened(store), named, size, distance, rewards=programs, loss=loss)
    if reward:
        raise InputError("a scan of open markets counts the exchange's own programs; reward= is for one with store=")
    if loss is None and history is None:
        raise InputError(
            "a scan of open markets for rewards needs what a filled contract loses: loss= in cents, or history=, a "
            "store that says it of the same series"
        )
    lost = loss if history is None else stored_losses(opened(history), named, size, distance)
    with _client(rate, named, tell) as client:
        return scan_live(client, named, size, distance, loss=lost or 0.0)


@dataclass(frozen=True)
class RecordingDone:
    """What a recorder did."""

    totals: RecorderTotals
    rows: dict[str, int]  #: stored by table
    failed: bool  #: whether some of the journal could not be imported, and is kept

    @property
    def facts(self) -> dict[str, float]:
        """Return the counts by name."""
        totals = self.totals
        return {
            "messages": totals.messages,
            "book changes": totals.changes,
            "trades": totals.trades,
            "markets": totals.markets,
            "gaps": totals.gaps,
            "seconds without trusted books": round(totals.missed_seconds, 1),
            "journal bytes": totals.bytes,
            **{f"{table} rows stored": rows for table, rows in self.rows.items()},
        }


def record(
    tickers: str | Sequence[str] = (), store: str | Path = "data", *, series: str | Sequence[str] = (),
    journal: str | Path | None = None, poll: float | None = None, duration: float | None = None, keep: bool = False,
    no_import: bool = False, rate: float = 10.0, stop: threading.Event | None = None, tell: Tell | None = None,
    underlying: str | Sequence[str] = (),
) -> RecordingDone:  # fmt: skip
    """Record order books and trades: first into a journal, which survives anything, then into a store.

    Args:
        tickers: Single markets.
        store: The store to write to.
        series: Every market of a series, new ones too.
        journal: Folder of the journal; ``STORE/journal`` unless given.
        poll: Read over REST every so many seconds instead of the stream.
        duration: Stop after so many seconds; else when ``stop`` is set or on Ctrl-C.
        keep: Keep the journal after its rows are in the store.
        no_import: Only write the journal; import it later.
        rate: Requests a second at most.
        stop: An event that ends the recording cleanly when it is set.
        tell: Told in a line what a person should know.
        underlying: Symbols of reference values to record beside: ``BRTI`` with its settlement averages, ``BRTI@5hz``
            from the fast channel, ``EURUSD@pyth`` of other underlyings, ``all`` for every index.

    Returns:
        What was heard, and what of it was stored.

    Example:
        >>> from touchline import engine
        >>> engine.record(series="KXINX", duration=3600).facts  # doctest: +SKIP
    """
    from ...io.kalshi.recorder.importing import JournalImporter
    from ...io.kalshi.recorder.journal import mend, segments
    from ...io.kalshi.recorder.recorder import Recorder
    from ...io.kalshi.recorder.watcher import Watcher

    named, markets, say = listed(series), listed(tickers), tell or (lambda line: None)
    if not markets and not named:
        raise InputError("nothing to record: name markets, or a series with series=")
    if poll is not None and not 0 < poll < 1e9:
        raise InputError(f"poll= must be above 0 seconds, not {poll}")
    folder = Path(journal) if journal is not None else _journal_folder(str(store))
    with _client(rate, named, tell) as client:
        source = _source(
            client, poll, listed(underlying)
        )  # what it needs and does not have is said before a journal begins
        recording = _begin(folder, client, named, markets, poll)
        importer = JournalImporter(str(store), keep=keep, tell=say)
        for path in segments(folder):
            if path != recording.path and mend(path):
                say(f"{path.name}: its recorder did not end cleanly; everything it wrote is kept")
        if not no_import:
            importer.add([path for path in segments(folder) if path != recording.path])
        keeper = _keeper(client, str(store), named, markets, say) if not no_import else None
        recorder = Recorder(
            source, recording, Watcher(client, named, markets), series=named, tell=say,
            closed=lambda path: None if no_import else importer.add([path]),
        )  # fmt: skip
        say(f"recording into {folder}; Ctrl-C ends it cleanly")
        try:
            totals = recorder.run(stop or threading.Event(), duration)
        finally:
            if keeper is not None:
                keeper.stop()
        if not no_import:
            importer.add(segments(folder))
        importer.finish()
    rows = dict(importer.rows) | ({"programs": keeper.rows} if keeper is not None and keeper.rows else {})
    return RecordingDone(totals, rows, importer.failed)


def _keeper(client: Client, store: str, series: Sequence[str], tickers: Sequence[str], tell: Tell) -> ProgramKeeper:
    """Begin to keep the incentive programs of what is recorded."""
    from ...io.kalshi.recorder.programs import ProgramKeeper as Keeper

    keeper = Keeper(client, Store(store), series, tickers, tell=tell)
    keeper.start()
    return keeper


def _begin(folder: Path, client: Client, series: Sequence[str], tickers: Sequence[str], poll: float | None) -> Journal:
    from ...io.kalshi.recorder.journal import Journal

    header = {
        "version": 1,
        "environment": client.settings.environment,
        "use_yes_price": poll is None,
        "poll_seconds": poll,
        "series": list(series),
        "tickers": list(tickers),
    }
    return Journal(folder, header)


def _source(client: Client, poll: float | None, underlying: Sequence[str]) -> Poller | Stream:
    from ...io.kalshi.recorder.poller import Poller
    from ...io.kalshi.stream.stream import BOOK, LIFECYCLE, TRADES, Stream

    if poll is not None:
        if underlying:
            raise InputError("reference values come on the stream alone: leave poll= or underlying= out")
        return Poller(client, every=poll)
    return Stream(client.settings, channels=(BOOK, TRADES, LIFECYCLE), indices=underlying)


def _client(rate: float, series: Sequence[str], tell: Tell | None) -> Client:
    """Make a client that asks no faster than was said, nor than the account of its key may; look the series up."""
    from ...io.kalshi.client import Client as KalshiClient
    from ...io.kalshi.rest.errors import AuthError, ConfigError, KalshiError, NotFoundError

    if not rate > 0:
        raise InputError(f"rate= must be above 0 requests a second, not {rate}")
    client = KalshiClient(requests_per_second=rate)
    where = client.settings.environment
    if client.settings.signer is not None:
        try:
            client.adopt_limits()
        except AuthError as error:
            hint = f"KALSHI_KEY_ID must be the id of this key, the key one of the {where} exchange, the clock right"
            raise ConfigError(f"{error}: {hint}") from None
        except KalshiError as error:
            (tell or (lambda line: None))(
                f"the account's rate limits could not be read ({error}); asking at most {rate:g} times a second"
            )
    for name in series:
        try:
            client.market_data.series(name)
        except NotFoundError:
            raise InputError(f"there is no series {name} on the {where} exchange; a series is such as KXINX") from None
        except KalshiError:  # whoever needs it now says so; a recorder waits for the exchange to come back
            break
    return client


def _journal_folder(store: str) -> Path:

    if "://" in store:
        raise InputError("a journal is written to this machine's disk: name a folder with journal=")
    return Path(store) / "journal"


def _state_file(store: str, client: Client) -> Path:
    """Where a download keeps what it has not stored yet: in the store, or for a remote one in the user's cache."""
    import hashlib

    from ...io.ground.cache import cache_dir

    if "://" not in store:
        return Path(store) / "pull" / f"{client.settings.environment}.sqlite"
    return (
        cache_dir() / "pull" / f"{client.settings.environment}-{hashlib.sha256(store.encode()).hexdigest()[:16]}.sqlite"
    )
