"""Bringing rows into a store: batch by batch, each durable when it is done, all of them visible at once at the end."""

from __future__ import annotations

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, takewhile

import msgspec
import polars as pl

from ...ground.checksums import is_whole, with_checksum
from ...ground.errors import DamagedError, InputError, SourceChangedError, note
from ...ground.names import plain
from ..chunk import BadRow, Chunk
from ..files.intact import whole
from ..files.manifest import ImportRecord, Ledger, Manifest, StoredFile, StoreState, commit
from ..files.place import Place
from ..reading import read
from ..schema import MARKETS, TABLES, StoredTable
from .keys import StoredKeys
from .market_rows import changed, known_of, without_contradictions
from .rows import conform, put_rows, stored
from .twins import emptied, twins

UNFINISHED, QUARANTINE = "unfinished", "quarantine"
#: A batch is written when it has this many rows ...
BATCH_ROWS = 1 << 20
#: ... or this many rows that could not be read.
BATCH_BAD = 50_000
#: A file has at most so many rows: its first reader reads all of it, to see that it is as it was written.
FILE_ROWS = 1 << 19

Chunks = Iterable[Chunk] | Callable[[int], Iterable[Chunk]]


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    import_id: str
    source: str
    new: bool  # False: this content was imported before and nothing changed
    rows: dict[str, int]  # by table
    duplicates: dict[str, int]  # rows whose key was stored already, by table
    quarantined: int
    quarantine: str | None  # where the bad rows are
    tickers: int
    start: int | None  # ns UTC of the first and the last row
    end: int | None
    seconds: float
    resumed: int = 0  # chunks that an earlier, killed import had finished
    conflicts: list[str] = field(default_factory=list)  # results that contradict those known before, quarantined
    same_as: str | None = None  # the id of an earlier import that brought the same rows; they are not stored again
    grown_from: str | None = None  # the id of the import of this file's beginning, whose rows were left out


class _Batch(msgspec.Struct):
    """One line of the journal: what is durable once this record is."""

    after: int  # the imports that were committed when its keys were checked, as ``State.epoch``
    chunks: int
    files: list[StoredFile]
    duplicates: dict[str, int]
    bad: list[BadRow]
    seconds: float
    conflicts: int = 0  # how many of the bad rows are results that contradict those known before


@dataclass
class _Progress:
    """An import under way: what its finished batches add up to."""

    chunks: int = 0
    batches: list[str] = field(default_factory=list)
    files: list[StoredFile] = field(default_factory=list)
    duplicates: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    conflicts: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, name: str, batch: _Batch) -> None:
        self.batches.append(name)
        self.chunks += batch.chunks
        self.files += batch.files
        self.quarantined += len(batch.bad)
        self.conflicts += [bad.reason for bad in batch.bad[len(batch.bad) - batch.conflicts :]]
        self.seconds += batch.seconds
        for table, count in batch.duplicates.items():
            self.duplicates[table] = self.duplicates.get(table, 0) + count


def import_id_of(digest: str) -> str:
    """The id of the import of this content: the same whenever and wherever it runs."""
    return hashlib.sha256(digest.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Origin:
    """What an import is of: its name, its content's digest, a word on it, and the file's size if it is one alone."""

    source: str
    digest: str
    label: str = ""
    size: int = 0
    grown_from: str | None = None  # the import of the file's beginning


def still_there(state: StoreState, imports: Iterable[str | None]) -> None:
    """Raise if an import that others build on has been taken back."""
    gone = {one for one in imports if one is not None} - {record.import_id for record in state.imports}
    if gone:
        raise InputError(f"import {min(gone)} was taken back meanwhile; run the same command again")


def ingest(place: Place, ledger: Ledger, origin: Origin, chunks: Chunks) -> ImportReport:
    """Import chunks under the store's lock; see ``Store.ingest``."""
    if not origin.digest:
        raise InputError("an import needs the digest of what it imports")

    with place.lock(f"import of {origin.source}", waiting):
        state = ledger.state()
        known = state.imported(origin.digest)
        if known is not None:
            drop_journal(place, _journal(known.import_id))
            return report_of(place, known, new=False)
        still_there(state, [origin.grown_from])
        return _Import(place, ledger, origin).run(chunks)


def waiting(holder: str) -> None:
    """Tell the person who waits for another writer what is going on."""
    sys.stderr.write(f"waiting for {plain(holder)} …\n")


def unfinished_files(place: Place) -> set[str]:
    """The files that killed imports had finished: the same imports will go on from them."""
    return {
        file.name
        for folder in place.folders(UNFINISHED)
        for batch in _batches_of(place, folder)
        for file in batch.files
    }


def drop_abandoned(place: Place, ledger: Ledger) -> None:
    """Remove the journals that no import can go on from, as others were committed since, and the files they name."""
    epoch = ledger.state().epoch
    for folder in place.folders(UNFINISHED):
        batches = _batches_of(place, folder)
        if any(batch.after != epoch for batch in batches):
            drop_journal(place, folder)
            place.remove(file.name for batch in batches for file in batch.files)


def report_of(place: Place, record: ImportRecord, *, new: bool, resumed: int = 0) -> ImportReport:
    """Say what an import brought."""
    return ImportReport(
        import_id=record.import_id,
        source=record.source,
        new=new,
        rows=record.rows,
        duplicates=record.duplicates,
        quarantined=record.quarantined,
        quarantine=place.url(record.quarantine) if record.quarantine else None,
        tickers=record.tickers,
        start=record.start,
        end=record.end,
        seconds=record.seconds,
        resumed=resumed,
        conflicts=record.conflicts,
        same_as=record.same_as,
        grown_from=record.grown_from,
    )


class _Import:
    """One import, from its journal to its manifest."""

    def __init__(self, place: Place, ledger: Ledger, origin: Origin) -> None:
        self.place, self.ledger, self.origin = place, ledger, origin
        self.state = ledger.state()
        self.id = import_id_of(origin.digest)
        self.done = _Progress()
        self.keys = StoredKeys(place)
        self.tickers: set[str] = set()
        self.clock = 0.0

    def run(self, chunks: Chunks) -> ImportReport:
        self._resume()
        resumed = self.done.chunks
        rest = chunks(resumed) if callable(chunks) else islice(chunks, resumed, None)
        self.clock = time.perf_counter()
        try:
            self._write_all(rest)
        except SourceChangedError:  # what was read is of no known content: nothing may go on from it
            drop_journal(self.place, _journal(self.id))
            self.place.remove(file.name for file in self.done.files)
            raise
        return self._commit(resumed)

    def _write_all(self, chunks: Iterable[Chunk]) -> None:
        with ThreadPoolExecutor(1) as writer:  # the next batch is read while one is written
            writing: Future[None] | None = None
            for batch in _batches(chunks):
                if writing:
                    writing.result()
                writing = writer.submit(self._finish, batch)
            if writing:
                writing.result()

    def _finish(self, batch: _Chunks) -> None:
        """Write a batch and its line of the journal: from here on a kill does not lose it."""
        record = self._write(batch)
        record.seconds = self._lap()
        name = f"{_journal(self.id)}/{len(self.done.batches):06d}.json"
        self.place.put(name, with_checksum(msgspec.json.encode(record)))
        self.done.add(name, record)

    def _lap(self) -> float:
        """Seconds since this was last asked."""
        clock, self.clock = self.clock, time.perf_counter()
        return self.clock - clock

    def _resume(self) -> None:
        """Take over what a killed import of this content finished; start afresh if another was committed since."""
        folder = _journal(self.id)
        batches = _batches_of(self.place, folder)
        if any(batch.after != self.state.epoch for batch in batches):
            drop_journal(self.place, folder)
            return
        names = self.place.names(folder)
        for name, batch in zip(names, batches, strict=False):
            try:
                whole(self.place, batch.files)
            except DamagedError as error:
                note(f"{str(error).partition(';')[0]}; the import goes on from before it")
                break
            self.done.add(name, batch)
        self.place.remove(reversed(names[len(self.done.batches) :]))
        for file in self.done.files:
            frame = pl.scan_parquet(self.place.url(file.name), storage_options=self.place.storage_options)
            who = TABLES[file.table].sort[0]
            if who == "ticker":
                self.tickers.update(frame.select(pl.col(who).unique()).collect().get_column(who))

    def _write(self, batch: _Chunks) -> _Batch:
        files: list[StoredFile] = []
        duplicates = dict(batch.before)
        conflicts: list[BadRow] = []
        for name, frames in batch.tables.items():
            table = TABLES[name]
            frame = pl.concat(frames)
            fresh = self._fresh(table, frame, conflicts)
            if fresh.height < frame.height:
                duplicates[name] = duplicates.get(name, 0) + frame.height - fresh.height
            if not fresh.height:
                continue
            rows = stored(table, fresh, self.origin.source, self.id)
            path = f"{name}/{self.id}-{len(self.done.batches):06d}"
            for part, some in enumerate(rows.iter_slices(FILE_ROWS)):
                own = f"{part:03d}" if part else ""
                files.append(put_rows(self.place, table, some, f"{path}{own}.parquet"))
            if table.sort[0] == "ticker":
                self.tickers.update(rows.get_column("ticker").unique())
        return _Batch(self.state.epoch, batch.chunks, files, duplicates, [*batch.bad, *conflicts], 0.0, len(conflicts))

    def _fresh(self, table: StoredTable, frame: pl.DataFrame, conflicts: list[BadRow]) -> pl.DataFrame:
        """Leave out rows that are stored already, in this import or before it, and results that contradict those."""
        if table is MARKETS:
            known = known_of(self.place, self._files(MARKETS), frame.get_column("ticker"))
            frame, found = without_contradictions(frame, known)
            conflicts += found
            return changed(frame, known)
        return self.keys.fresh(table, frame, self._files(table)) if table.key else frame

    def _files(self, table: StoredTable) -> list[StoredFile]:
        return [*self.state.files.get(table.name, ()), *(f for f in self.done.files if f.table == table.name)]

    def _commit(self, resumed: int) -> ImportReport:
        done = self.done
        quarantine = f"{QUARANTINE}/{self.id}.jsonl" if done.quarantined else None
        if quarantine:
            self.place.put(quarantine, b"".join(self._bad_lines()))
        rows: dict[str, int] = {}
        for file in done.files:
            rows[file.table] = rows.get(file.table, 0) + file.rows
        timed = [file for file in done.files if TABLES[file.table].day]
        record = ImportRecord(
            import_id=self.id,
            digest=self.origin.digest,
            source=self.origin.source,
            label=self.origin.label,
            size=self.origin.size,
            grown_from=self.origin.grown_from,
            finished=time.time_ns(),
            seconds=done.seconds + self._lap(),
            rows=rows,
            duplicates=done.duplicates,
            quarantined=done.quarantined,
            quarantine=quarantine,
            tickers=len(self.tickers),
            start=min((file.low[0] for file in timed), default=None),
            end=max((file.high[0] for file in timed), default=None),
            conflicts=done.conflicts,
        )
        files, given = done.files, {table: [file for file in done.files if file.table == table] for table in rows}
        again = {name: read(self.place, TABLES[name], listed) for name, listed in given.items()}
        for twin in twins(self.place, self.state, [record], again).values():
            record, files = emptied(record, twin), list[StoredFile]()
        manifest = Manifest(self.state.number + 1, False, [record], files, made=record.finished)
        if not commit(self.place, manifest):
            raise InputError(f"another import was committed to {self.place.root} meanwhile; run this one again")
        drop_journal(self.place, _journal(self.id))
        if not files:
            self.place.remove(file.name for file in done.files)
        if self.place.exclusive:
            drop_abandoned(self.place, self.ledger)
        return report_of(self.place, record, new=True, resumed=resumed)

    def _bad_lines(self) -> Iterator[bytes]:
        for name in self.done.batches:
            batch = _batch_of(self.place, name)
            if batch is None:
                raise DamagedError(f"{self.place.url(name)} is damaged; import {self.origin.source} again")
            for bad in batch.bad:
                yield msgspec.json.encode(bad) + b"\n"


@dataclass
class _Chunks:
    """Chunks gathered until they are worth a file."""

    chunks: int = 0
    rows: int = 0
    tables: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    before: Counter[str] = field(default_factory=Counter)  # rows that an import of the file's beginning has


def _batches(chunks: Iterable[Chunk]) -> Iterator[_Chunks]:
    batch = _Chunks()
    for chunk in chunks:
        batch.chunks += 1
        batch.bad += chunk.bad
        batch.before.update(chunk.before)
        for name, frame in chunk.tables.items():
            if name not in TABLES:
                raise InputError(f"there is no table {name!r}; there are {', '.join(TABLES)}")
            if frame.height:
                batch.tables.setdefault(name, []).append(conform(TABLES[name], frame))
                batch.rows += frame.height
        if batch.rows >= BATCH_ROWS or len(batch.bad) >= BATCH_BAD:
            yield batch
            batch = _Chunks()
    if batch.chunks:
        yield batch


def _journal(import_id: str) -> str:
    return f"{UNFINISHED}/{import_id}"


def _batches_of(place: Place, journal: str) -> list[_Batch]:
    """The records of a journal, up to the first that is damaged."""
    found = takewhile(lambda batch: batch is not None, (_batch_of(place, name) for name in place.names(journal)))
    return [batch for batch in found if batch is not None]


def _batch_of(place: Place, name: str) -> _Batch | None:
    """A record of a journal; None if it is not as it was written."""
    document = place.read(name)
    if is_whole(document) is False:
        return None
    try:
        return msgspec.json.decode(document, type=_Batch)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def drop_journal(place: Place, journal: str) -> None:
    """Forget an import's journal, last record first, so that what remains is always a beginning."""
    for name in reversed(place.names(journal)):
        place.remove([name])
