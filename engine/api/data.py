"""What goes into a store, what is in it, and what is wrong with it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...io.ground.errors import InputError
from ...io.ground.progress import Progress
from ...io.ground.times import Moment
from ...io.store.store import Store
from .given import opened
from .showing import bars, showing

if TYPE_CHECKING:
    import polars as pl

    from ...io.doctor.doctor import Finding
    from ...io.importers.base import Options
    from ...io.importers.importing import Imported
    from ...io.store.chunk import Chunk
    from ...io.store.compaction import CompactReport
    from ...io.store.forgetting import Forgotten
    from ...io.store.ingest.ingest import ImportReport
    from ...strategies.parameters import Setting
    from ...strategies.pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class SampleDay:
    """A synthetic market day that was made and imported."""

    seed: int
    scale: float
    files: list[Path]  #: none, unless they were to be kept
    bytes: int
    rows: dict[str, int]  #: new rows by table
    seconds_to_make: float
    seconds_to_import: float


def sample(
    store: Store | str | Path = "data", *, seed: int = 7, scale: float = 1.0, out: str | Path | None = None,
    no_import: bool = False, progress: Progress | bool = False,
) -> SampleDay:  # fmt: skip
    """Make a synthetic market day, in the exchange's own capture format, and import it. None of it was ever traded.

    Args:
        store: The store to import into.
        seed: The same seed gives the same bytes.
        scale: How much happens: 1 is over a million frames.
        out: Keep the files of the recording in this folder.
        no_import: Only write the files; needs ``out``.
        progress: ``True`` shows a bar; a function is told how many files are made and imported.

    Returns:
        What was made: its files, rows by table, and how long it took.

    Example:
        >>> from touchline import engine
        >>> engine.sample("made", scale=0.005).rows["trades"]
        500
    """
    from ...io import sample as day

    if no_import and out is None:
        raise InputError("no_import= keeps nothing; say where the files go with out=")
    began, total, done = time.perf_counter(), day.RECORDINGS, 0

    def seen(_: str) -> None:
        nonlocal done
        done += 1
        told(done, total)

    scratch = tempfile.TemporaryDirectory() if out is None else nullcontext(out)
    with scratch as place, showing(progress, "making the synthetic day, importing it") as told:
        written = day.make(seed, scale, place, seen)
        made = time.perf_counter()
        size = sum(path.stat().st_size for path in written)
        total += 0 if no_import else len(written)
        rows = {} if no_import else day.load(opened(store), written, seen)
    kept = written if out is not None else []
    return SampleDay(seed, scale, kept, size, rows, made - began, time.perf_counter() - made)


@dataclass(frozen=True)
class ImportedFiles:
    """What came of an import, file by file."""

    imported: list[Imported]
    skipped: list[tuple[Path, str]]  #: what was no data, and why

    @property
    def rows(self) -> dict[str, int]:
        """Return the rows that were stored, by table."""
        total: dict[str, int] = {}
        for one in self.imported:
            for table, count in one.report.rows.items():
                total[table] = total.get(table, 0) + count
        return total

    @property
    def not_stored(self) -> str:
        """Say what of the files was not stored; empty if all was."""
        lost = {one.recognised.name: one.report.quarantined for one in self.imported if one.report.quarantined}
        empty = [one.recognised.name for one in self.imported if one.empty]
        said = list[str]()
        if lost:
            count = sum(lost.values())
            records = "1 record" if count == 1 else f"{count:,} records"
            said.append(f"{records} of {_files(list(lost))} not stored: see the quarantine")
        if empty:
            said.append(f"nothing was read from {_files(empty)}")
        return "; ".join(said)


def _files(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{len(paths):,} files"


def import_files(
    paths: str | Path | Sequence[str | Path], store: Store | str | Path = "data", *, format: str | None = None,
    map: Mapping[str, str] | None = None, tz: str | None = None, price_unit: str | None = None,
    size_unit: str = "contracts", price_grid: str | None = None, ticker: str | None = None,
    underlying: str | None = None, use_yes_price: bool | None = None, strict: bool = False,
    progress: Progress | bool = False, rows: Progress | None = None,
) -> ImportedFiles:  # fmt: skip
    """Import recorded markets. Rows that cannot be read go to the store's quarantine, counted and with the reason.

    Args:
        paths: Files and folders; packed ones are read as they are.
        store: The store to import into.
        format: Force a format instead of recognising it.
        map: Names of columns, ours to theirs, as in ``{"ts": "timestamp", "price": "px"}``.
        tz: Zone of times that carry none, such as ``America/New_York``.
        price_unit: ``cents`` or ``dollars``, if the file leaves it open.
        size_unit: ``contracts``, or ``lots`` of 1/100 contract.
        price_grid: The price grid that every price must stand on.
        ticker: The market of files that do not name it.
        underlying: Symbol of the underlying's rows, such as ``SPX``.
        use_yes_price: WebSocket captures: how the NO side is priced, where they do not say it.
        strict: Stop at the first row that cannot be read.
        progress: ``True`` shows a bar; a function is told how many files are done.
        rows: A function that is told how many rows are read.

    Returns:
        Each file with its format, rows, duplicates, quarantine and notes; and what was skipped.

    Example:
        >>> from touchline import engine
        >>> engine.import_files("day", "copy").rows["trades"]
        500
    """
    from ...io.importers.importing import import_files as run
    from ...io.importers.importing import plan

    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    options = _options(format, map, tz, price_unit, size_unit, price_grid, ticker, underlying, use_yes_price)
    known, aside = plan([Path(path) for path in listed], options)

    done: list[Imported] = []
    with bars("files", "rows", quiet=progress is not True) as (files_bar, rows_bar):
        tell_files, tell_rows, read = progress if callable(progress) else files_bar, rows or rows_bar, 0

        def seen(chunk: Chunk) -> None:
            nonlocal read
            read += sum(frame.height for frame in chunk.tables.values())
            tell_rows(read, 0)

        for one in run(opened(store), known, options, strict=strict, seen=seen):
            done.append(one)
            tell_files(len(done), len(known))
    return ImportedFiles(done, aside)


def _options(
    format: str | None, map: Mapping[str, str] | None, tz: str | None, price_unit: str | None, size_unit: str,
    price_grid: str | None, ticker: str | None, underlying: str | None, use_yes_price: bool | None,
) -> Options:  # fmt: skip
    """Check what the user said before any file is opened."""
    import zoneinfo

    from ...io.ground.grids import grid_ranges
    from ...io.importers.base import Options
    from ...io.importers.values.convert import PRICE_PLACES, SIZE_PLACES

    if tz is not None and tz not in zoneinfo.available_timezones():
        raise InputError(f"tz= {tz!r} is no time zone; expected a name such as America/New_York or UTC")
    if price_unit is not None and price_unit not in PRICE_PLACES:
        raise InputError(f"price_unit= {price_unit!r} is not known; it is cents or dollars")
    if size_unit not in SIZE_PLACES:
        raise InputError(f"size_unit= {size_unit!r} is not known; it is contracts or lots")
    if price_grid is not None:
        grid_ranges(price_grid)
    return Options(
        format=format, columns=dict(map or {}), tz=tz, price_unit=price_unit, size_unit=size_unit, grid=price_grid,
        ticker=ticker, underlying=underlying, use_yes_price=use_yes_price,
    )  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """What is wrong with a store."""

    findings: list[Finding]
    files: int = 0  #: read and compared with their checksums
    without: int = 0  #: files of before 0.2.0, which have none
    tapes: int = 0  #: kept ones, of all stores, that were compared with their digests
    damaged_tapes: int = 0  #: those of them that are removed; they are made again when needed
    faults: list[Finding] = field(default_factory=list)  #: the findings that are faults; the others are notes
    signals: int = 0  #: tapes' kept signals, of all stores, that were compared with their checksums
    damaged_signals: int = 0  #: those of them that are removed; they are made again when needed


def check(
    store: Store | str | Path = "data", tickers: str | Sequence[str] | None = None, *, deep: bool = False,
    progress: Progress | bool = False,
) -> Checked:  # fmt: skip
    """Look for faults in stored history, and say what each costs in tradable minutes.

    Args:
        store: The store.
        tickers: Tickers to check; all of the store unless given.
        deep: Also read every byte of the store, of kept tapes and signals, and compare it with its checksum; a damaged
            file of the store is an error.
        progress: ``True`` shows a bar; a function is told how many rows are checked.

    Returns:
        The findings, faults and notes, each with its check, market, count and cost.

    Example:
        >>> from touchline import engine
        >>> found = engine.check()
        >>> len(found.findings), found.faults
        (57, [])
    """
    from ...io.doctor.doctor import FAULT
    from ...io.doctor.doctor import check as look
    from ...io.ground.cache import cache_dir
    from ..simulator.signals.matrix import check_kept as check_signals
    from ..simulator.tape.kept import check_kept

    source = opened(store)
    named = [tickers] if isinstance(tickers, str) else list(tickers or ())
    with showing(progress, "checked") as seen:
        files, without = _deep(source, seen) if deep else (0, 0)
        tapes, damaged = check_kept(cache_dir() / "tapes", seen) if deep else (0, 0)
        signals, bad = check_signals(cache_dir() / "signals", seen) if deep else (0, 0)
        found = look(source, named or None, seen)
    faults = [one for one in found if one.severity == FAULT]
    return Checked(found, files, without, tapes, damaged, faults, signals, bad)


def _deep(store: Store, seen: Progress) -> tuple[int, int]:
    """Compare every file with its checksum before its rows are looked at; a damaged one ends the check."""
    from ...io.ground.errors import DamagedError
    from ...io.store.files.intact import DAMAGED, HELP, NOT_CHECKED

    states = store.check_files(seen)
    damaged = [one for one in states if one.state == DAMAGED]
    if damaged:
        names = ", ".join(one.name for one in damaged[:5]) + (", …" if len(damaged) > 5 else "")
        raise DamagedError(f"{len(damaged)} of {len(states)} files of {store.path} are damaged: {names}; {HELP}")
    without = sum(one.state == NOT_CHECKED for one in states)
    return len(states) - without, without


def sql(query: str, store: Store | str | Path = "data") -> pl.DataFrame:
    """Query a store with SQL (DuckDB).

    Args:
        query: One SELECT over trades, book, quotes, underlying, own_fills, markets. Prices are in ticks (1/10,000 $),
            sizes in lots (1/100 contract), times in ns UTC.
        store: The store.

    Returns:
        The rows.

    Example:
        >>> from touchline import engine
        >>> engine.sql("select count(*) from trades").item()
        500
    """
    return opened(store).sql(query)


def tables(store: Store | str | Path = "data") -> pl.DataFrame:
    """Say what each table of a store holds: rows, files, bytes, first and last time.

    Args:
        store: The store.

    Returns:
        A row a table.

    Example:
        >>> from touchline import engine
        >>> engine.tables().select("name", "rows").row(1)
        ('trades', 500)
    """
    import polars as pl

    rows = opened(store).tables()
    named = ("name", "rows", "files", "size", "start", "end")
    return pl.DataFrame({name: [getattr(row, name) for row in rows] for name in named})


def markets(store: Store | str | Path = "data", *, series: str | None = None, like: str | None = None) -> pl.DataFrame:
    """List what is stored by ticker: rows in each table, from when to when, and gaps in its books.

    Args:
        store: The store.
        series: Only markets of this series.
        like: Only tickers like this: % stands for anything, _ for one letter.

    Returns:
        A row a ticker.

    Example:
        >>> from touchline import engine
        >>> engine.markets(series="SYNINX").height
        10
    """
    return opened(store).coverage(series=series, like=like)


def imports(store: Store | str | Path = "data") -> list[ImportReport]:
    """List what was imported, in order.

    Args:
        store: The store.

    Returns:
        A report an import: its file, rows by table, duplicates, what is in quarantine.

    Example:
        >>> from touchline import engine
        >>> engine.imports()[4].rows
        {'book': 2111, 'trades': 223, 'markets': 20}
    """
    return opened(store).imports()


def brought(import_id: str, store: Store | str | Path = "data") -> pl.DataFrame:
    """List what an import brought, by table and ticker.

    Args:
        import_id: Its id, or how it begins.
        store: The store.

    Returns:
        A row a table and ticker: how many rows, from when to when.

    Example:
        >>> from touchline import engine
        >>> last = engine.imports()[-1]
        >>> engine.brought(last.import_id).select("table", "rows").sum().item(0, "rows")
        47
    """
    return opened(store).brought(import_id)


def forget(import_id: str, store: Store | str | Path = "data", *, yes: bool = False) -> Forgotten:
    """Take an import back: its rows leave the store, all at once.

    Args:
        import_id: Its id, or how it begins.
        store: The store.
        yes: Do it; without this nothing is changed, and the answer says what would go.

    Returns:
        The import, and the rows that leave by table.

    Example:
        >>> from touchline import engine
        >>> one = engine.imports()[4]
        >>> engine.forget(one.import_id).rows  # changes nothing without yes=True
        {'book': 2111, 'trades': 223, 'markets': 20}
    """
    return opened(store).forget(import_id, dry_run=not yes)


def compact(store: Store | str | Path = "data", *, progress: Progress | bool = False) -> CompactReport:
    """Merge small and overlapping files of a store into few; the rows stay as they are.

    Args:
        store: The store.
        progress: ``True`` shows a bar; a function is told how many rows are done.

    Returns:
        How many files each table had and has.

    Example:
        >>> from touchline import engine
        >>> done = engine.compact()
        >>> done.before["markets"], done.after["markets"]
        (14, 2)
    """
    with showing(progress, "rows") as seen:
        return opened(store).compact(seen)


def features(
    pipeline: str | Path | Pipeline, until: Moment, store: Store | str | Path = "data", *, start: Moment | None = None,
    features: Sequence[str] = (), params: Mapping[str, Setting] | None = None, out: str | Path | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Return the rows in which a pipeline could have bet, with features, and labels where they were known.

    Args:
        pipeline: A betting pipeline by name, as a TOML file or as a ``Pipeline``.
        until: Only what was known at this time is in it.
        store: A store, or a folder with ``markets.csv`` and ``trades.csv``.
        start: From this time on.
        features: Inputs by name; those that the pipeline's scorer reads unless given.
        params: Parameters of the pipeline by name.
        out: A Parquet file to write, too.

    Returns:
        A row a bar and market: the features, ``label`` (what YES paid, in dollars) and ``label_ts`` (known since).

    Example:
        >>> from touchline import engine
        >>> engine.features("bollinger", "2026-10-06T18:00Z", params={"step_minutes": 5}).height
        597
    """
    from ...io.ground.atomic import write_frame
    from ...strategies.pipeline.pipeline import Pipeline, load_pipeline
    from ..bets.training import training_frame

    named = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(pipeline)
    frame = training_frame(store, named.with_values(**dict(params or {})), until, start=start, features=features)
    if out is not None:
        write_frame(frame, Path(out))
    return frame
