"""Compaction: few well-filled files in place of many small or overlapping ones, swapped in by one manifest.

The files that are replaced stay for a while, for readers that asked before; a later compaction removes them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from ..ground.errors import InputError
from ..ground.progress import Progress
from ..ground.units import NS_PER_SECOND
from .files.intact import checked
from .files.manifest import FOLDER, KEEP_SECONDS, Ledger, Manifest, StoredFile, StoreState, commit, name_of
from .files.place import Place
from .ingest.ingest import QUARANTINE, drop_abandoned, unfinished_files, waiting
from .ingest.rows import put_rows
from .reading import chained, in_time, scan
from .schema import TABLES, StoredTable

#: Rows of a well-filled file.
FULL_ROWS = 2 << 20


@dataclass(frozen=True)
class CompactReport:
    """What a compaction did."""

    before: dict[str, int]  # files by table
    after: dict[str, int]
    rows: int  # rows written anew
    removed: int  # old files that no reader can need any more


def compact(
    place: Place, ledger: Ledger, progress: Progress | None = None, keep_seconds: float = KEEP_SECONDS
) -> CompactReport:
    """Merge small and overlapping files; see ``Store.compact``."""
    with place.lock("compaction", waiting):
        state = ledger.state()
        plan = {name: _bins(files) for name, files in state.files.items()}
        total = sum(file.rows for bins in plan.values() for files in bins if len(files) > 1 for file in files)
        if total or any(file.checksum is None for files in state.files.values() for file in files):
            _Compaction(place, state, progress, total).run(plan)
        removed = _clean(place, ledger, keep_seconds)
        return CompactReport(_counts(state), _counts(ledger.state()), total, removed)


def _bins(files: Sequence[StoredFile]) -> list[list[StoredFile]]:
    """What becomes of a table's files, in order: a file alone stays as it is, several become new ones.

    Files that overlap in time come into one bin; so do neighbours as long as they fill no more than one file.
    Files of one stretch of time that follow each other by ticker serve as well and are only filled up.
    """
    bins: list[list[StoredFile]] = []
    neighbours: list[list[StoredFile]] = []
    for group in in_time(files):
        by_ticker = chained(group) if len(group) > 1 else None
        if by_ticker is None:
            neighbours.append(group)
            continue
        bins += _packed(neighbours) + _packed([[file] for file in by_ticker])
        neighbours = []
    return bins + _packed(neighbours)


def _packed(bins: list[list[StoredFile]]) -> list[list[StoredFile]]:
    packed: list[list[StoredFile]] = []
    for files in bins:
        if packed and _rows(packed[-1]) + _rows(files) <= FULL_ROWS:
            packed[-1] = packed[-1] + files
        else:
            packed.append(files)
    return packed


class _Compaction:
    """One compaction, from its plan to its manifest."""

    def __init__(self, place: Place, state: StoreState, progress: Progress | None, total: int) -> None:
        self.place, self.state, self.progress, self.total = place, state, progress, total
        self.number = state.number + 1
        self.rows = 0
        self.written = 0

    def run(self, plan: dict[str, list[list[StoredFile]]]) -> None:
        kept: list[StoredFile] = []
        replaced: list[str] = []
        for name, bins in plan.items():
            for files in bins:
                if len(files) == 1:
                    kept.append(checked(self.place, files[0]))
                    continue
                before = self.rows
                kept += [self._write(TABLES[name], frame) for frame in self._slices(TABLES[name], files)]
                if self.rows - before != _rows(files):
                    raise InputError(
                        f"the files of {self.place.root} do not hold what their manifests say; nothing changed"
                    )
                replaced += [file.name for file in files]
        manifest = Manifest(self.number, True, list(self.state.imports), kept, replaced, made=time.time_ns())
        if not commit(self.place, manifest):
            raise InputError(f"an import was committed to {self.place.root} meanwhile; run the compaction again")

    def _slices(self, table: StoredTable, files: Sequence[StoredFile]) -> Iterator[pl.DataFrame]:
        """The rows of overlapping files in slices that do not: by time, or by ticker where time tells little."""
        by = table.sort[0] if table.day is None else table.sort[1]
        slices = -(-_rows(files) // FULL_ROWS)
        rows = scan(self.place, table, files)
        if slices == 1:
            yield rows.collect().sort(table.sort, maintain_order=True)
            return
        column = rows.select(pl.col(by).sort()).collect().to_series()
        cuts = column.gather([column.len() * part // slices for part in range(1, slices)]).unique(maintain_order=True)
        for low, high in zip([None, *cuts], [*cuts, None], strict=True):
            within = [pl.col(by) >= low] if low is not None else []
            within += [pl.col(by) < high] if high is not None else []
            frame = rows.filter(*within).collect()
            if frame.height:
                yield frame.sort(table.sort, maintain_order=True)

    def _write(self, table: StoredTable, frame: pl.DataFrame) -> StoredFile:
        name = f"{table.name}/compact{self.number:06d}-{self.written:06d}.parquet"
        file = put_rows(self.place, table, frame, name)
        self.written += 1
        self.rows += frame.height
        if self.progress:
            self.progress(self.rows, self.total)
        return file


def _clean(place: Place, ledger: Ledger, keep_seconds: float) -> int:
    """Remove what snapshots replaced long enough ago, and what killed writers left behind."""
    snapshots = ledger.snapshots()
    oldest = time.time_ns() - keep_seconds * NS_PER_SECOND
    spared = {file.name for files in ledger.state().files.values() for file in files}
    spared.update(name for snapshot in snapshots if snapshot.made > oldest for name in snapshot.replaced)
    if place.exclusive:  # no other writer, so that what nobody names is nobody's
        drop_abandoned(place, ledger)
        spared |= unfinished_files(place)
        spared.update(record.quarantine for record in ledger.state().imports if record.quarantine)
        folders = (*TABLES, QUARANTINE)
        found = [name for folder in folders for name in (*place.names(folder), *place.leftovers(folder))]
    else:
        found = [name for snapshot in snapshots for name in snapshot.replaced]
    old = [name for name in found if name not in spared]
    place.remove(old)
    if snapshots and snapshots[-1].made <= oldest:
        last = name_of(snapshots[-1].number)
        place.remove([name for name in place.names(FOLDER) if name < last])
    return len(old)


def _rows(files: Sequence[StoredFile]) -> int:
    return sum(file.rows for file in files)


def _counts(state: StoreState) -> dict[str, int]:
    return {table: len(files) for table, files in state.files.items()}
