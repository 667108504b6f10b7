"""Bringing many small sources into a store together: a file a table for all, one manifest, a record for each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import msgspec
import polars as pl

from ...ground.errors import InputError
from ..chunk import BadRow, Chunk
from ..files.manifest import ImportRecord, Ledger, Manifest, StoredFile, commit
from ..files.place import Place
from ..schema import MARKETS, TABLES, StoredTable
from .ingest import QUARANTINE, ImportReport, drop_abandoned, import_id_of, report_of, still_there, waiting
from .keys import StoredKeys
from .market_rows import changed, known_of, learned, without_contradictions
from .rows import conform, ordered, put_rows
from .twins import emptied, twins


@dataclass(frozen=True)
class SmallSource:
    """Something to import: its name, the digest of its content, a word on it for people, and how to read it."""

    name: str
    digest: str
    label: str
    chunks: Callable[[], Iterable[Chunk]]
    size: int = 0  # bytes of the file, if it is one and stands alone
    grown_from: str | None = None  # the import of the file's beginning


@dataclass
class _Taken:
    """A source that was read to its end."""

    source: SmallSource
    import_id: str
    tables: dict[str, pl.DataFrame]  # with the provenance of its rows
    bad: list[BadRow]
    seconds: float
    duplicates: Counter[str] = field(default_factory=Counter)
    conflicts: list[str] = field(default_factory=list)


def ingest_small(place: Place, ledger: Ledger, sources: Sequence[SmallSource]) -> list[ImportReport]:
    """Import sources that fit into memory together; see ``Store.ingest_small``."""
    with place.lock(f"import of {len(sources)} files", waiting):
        state = ledger.state()
        held = {record.digest: record for record in state.imports}
        fresh: dict[str, _Taken] = {}
        stopped: Exception | None = None
        asked: list[SmallSource] = []
        for one in sources:
            try:
                if one.digest not in held and one.digest not in fresh:
                    fresh[one.digest] = _read(one)
            except Exception as error:  # raised again when what was read before it is safe
                stopped = error
                break
            asked.append(one)
        still_there(state, [one.source.grown_from for one in fresh.values()])
        records = _Group(place, ledger, list(fresh.values())).commit() if fresh else {}
        if stopped is not None:
            raise stopped
        new = dict(records)
        reports: list[ImportReport] = []
        for one in asked:  # the first of several with one content is the one that was imported
            record = new.pop(one.digest, None)
            reports.append(
                report_of(place, record or records.get(one.digest) or held[one.digest], new=record is not None)
            )
        return reports


def _read(source: SmallSource) -> _Taken:
    clock = time.perf_counter()
    import_id, frames, bad = import_id_of(source.digest), dict[str, list[pl.DataFrame]](), list[BadRow]()
    before = Counter[str]()
    for chunk in source.chunks():
        bad += chunk.bad
        before.update(chunk.before)
        for name, frame in chunk.tables.items():
            if frame.height:
                frames.setdefault(name, []).append(conform(TABLES[name], frame))
    told = (pl.lit(source.name).alias("source"), pl.lit(import_id).alias("import_id"))
    tables = {name: pl.concat(parts).with_columns(told) for name, parts in frames.items()}
    return _Taken(source, import_id, tables, bad, time.perf_counter() - clock, before)


class _Group:
    """Sources on their way into one manifest."""

    def __init__(self, place: Place, ledger: Ledger, taken: list[_Taken]) -> None:
        self.place, self.ledger, self.taken, self.state = place, ledger, taken, ledger.state()

    def commit(self) -> dict[str, ImportRecord]:
        """Store the rows of all sources and give their records by digest."""
        rows = {name: self._fresh(TABLES[name]) for name in TABLES}
        rows = {name: ordered(TABLES[name], frame) for name, frame in rows.items() if frame.height}
        records = self._records(rows)
        same = twins(self.place, self.state, records, {name: frame.lazy() for name, frame in rows.items()})
        if same:
            records = [emptied(one, same[one.import_id]) if one.import_id in same else one for one in records]
            rows = {name: frame.filter(~pl.col("import_id").is_in(list(same))) for name, frame in rows.items()}
        files = [self._write(TABLES[name], frame) for name, frame in rows.items() if frame.height]
        for one, record in zip(self.taken, records, strict=True):
            if record.quarantine:
                self.place.put(record.quarantine, b"".join(msgspec.json.encode(bad) + b"\n" for bad in one.bad))
        if not commit(self.place, Manifest(self.state.number + 1, False, records, files, made=time.time_ns())):
            raise InputError(f"another import was committed to {self.place.root} meanwhile; run this one again")
        if self.place.exclusive:
            drop_abandoned(self.place, self.ledger)
        return {record.digest: record for record in records}

    def _fresh(self, table: StoredTable) -> pl.DataFrame:
        """The rows of a table that are not stored yet, in the order of their sources."""
        given = [one for one in self.taken if table.name in one.tables]
        if not given:
            return pl.DataFrame(schema=table.schema)
        if table is MARKETS:
            kept = self._markets(given)
        else:
            kept = pl.concat([one.tables[table.name] for one in given])
            if table.key:
                kept = StoredKeys(self.place).fresh(table, kept, self.state.files.get(table.name, ()))
        left = dict(kept.group_by("import_id").len().iter_rows())
        for one in given:
            gone = one.tables[table.name].height - left.get(one.import_id, 0)
            if gone:
                one.duplicates[table.name] += gone
        return kept

    def _markets(self, given: Sequence[_Taken]) -> pl.DataFrame:
        """What each source in turn adds to what is known of the markets."""
        tickers = pl.concat([one.tables[MARKETS.name].get_column("ticker") for one in given])
        known = known_of(self.place, self.state.files.get(MARKETS.name, ()), tickers)
        kept: list[pl.DataFrame] = []
        for one in given:
            frame, conflicts = without_contradictions(one.tables[MARKETS.name].select(list(MARKETS.columns)), known)
            one.bad += conflicts
            one.conflicts += [bad.reason for bad in conflicts]
            added = changed(frame, known)
            if added.height:
                known = learned(known, added)
                told = one.tables[MARKETS.name].select(pl.col("source", "import_id").first())
                kept.append(pl.concat([added, pl.concat([told] * added.height)], how="horizontal"))
        return pl.concat(kept) if kept else pl.DataFrame(schema=MARKETS.schema)

    def _records(self, rows: dict[str, pl.DataFrame]) -> list[ImportRecord]:
        counts: dict[str, dict[str, int]] = {}
        spans: dict[str, list[int]] = {}
        tickers: dict[str, set[str]] = {}
        for name, frame in rows.items():
            who, when = TABLES[name].sort[0], pl.col(TABLES[name].day or TABLES[name].sort[1])
            parts = frame.group_by("import_id").agg(
                pl.len().cast(pl.Int64),
                when.min().alias("low"),
                when.max().alias("high"),
                pl.col(who).unique().alias("who"),
            )
            for import_id, count, low, high, names in parts.iter_rows():
                counts.setdefault(import_id, {})[name] = count
                if TABLES[name].day:
                    spans.setdefault(import_id, []).extend((low, high))
                if who == "ticker":
                    tickers.setdefault(import_id, set()).update(names)
        finished = time.time_ns()
        return [
            ImportRecord(
                import_id=one.import_id,
                digest=one.source.digest,
                source=one.source.name,
                label=one.source.label,
                finished=finished,
                seconds=one.seconds,
                rows=counts.get(one.import_id, {}),
                duplicates=one.duplicates,
                quarantined=len(one.bad),
                quarantine=f"{QUARANTINE}/{one.import_id}.jsonl" if one.bad else None,
                tickers=len(tickers.get(one.import_id, ())),
                start=min(spans.get(one.import_id, ()), default=None),
                end=max(spans.get(one.import_id, ()), default=None),
                conflicts=one.conflicts,
                size=one.source.size,
                grown_from=one.source.grown_from,
            )
            for one in self.taken
        ]

    def _write(self, table: StoredTable, frame: pl.DataFrame) -> StoredFile:
        path = f"{table.name}/group{self.state.number + 1:06d}-{uuid4().hex[:12]}.parquet"
        return put_rows(self.place, table, frame, path)
