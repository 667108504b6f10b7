"""Bringing files into a store: which files, by which importer, and what came of each."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..ground.errors import InputError, SourceChangedError
from ..store.chunk import Chunk
from ..store.ingest.grouping import SmallSource
from ..store.ingest.ingest import Origin
from .base import Options
from .by_type import framed, joined
from .folder_units import agreed
from .growth import Beginning, beginning, grown
from .recognise import Recognised, recognise
from .stored_units import ask_where_stored_differs
from .values.unpacking import FilePart, may_hold_data, unpacked

if TYPE_CHECKING:
    from ..store.files.manifest import ImportRecord
    from ..store.ingest.ingest import ImportReport
    from ..store.store import Store

#: Within this time of a change another one may leave a file's times as they are.
_MARK_NS = 2_000_000_000
#: A file of up to so many bytes is small; so many small files are stored together.
SMALL_BYTES, GROUP_FILES = 1 << 18, 500


@dataclass
class Imported:
    """What came of one file."""

    recognised: Recognised
    report: ImportReport
    reasons: Counter[str] = field(default_factory=Counter)  #: why rows were quarantined, the first of each kind
    notes: Counter[str] = field(default_factory=Counter)
    facts: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether a file was read and nothing came of it: no row stored or known before, quarantined or left out."""
        report = self.report
        return report.new and not (report.rows or report.duplicates or report.quarantined or self.notes)


def files(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """List files in a fixed order, and whether each was named itself; a folder gives its data files."""
    for path in paths:
        if path.is_dir():
            for found in sorted(path.rglob("*")):
                if found.is_file() and may_hold_data(found):
                    yield found, False
        elif path.exists():
            yield path, True
        else:
            raise InputError(f"{path}: there is no such file or folder")


def plan(paths: Iterable[Path], options: Options) -> tuple[list[Recognised], list[tuple[Path, str]]]:
    """Recognise every file before anything is imported; what no format fits in a folder is set aside."""
    if not (paths := list(paths)):
        raise InputError("nothing to import: name files or folders")
    given = [_Given(path, named) for path, named in files(paths)]
    parts = [(one, part) for one in given for part in one.parts]
    if options.format is None:
        whole = framed([part for _, part in parts])
        parts = [(one, part) for (one, _), part in zip(parts, whole, strict=True)]
    known: list[Recognised] = []
    for one, part in parts:
        try:
            known.append(replace(recognise(part.path, options), name=part.name, part=part))
            one.read = True
        except InputError as error:
            one.refused.append((part.name, InputError(str(error).replace(str(part.path), part.name))))
    for one in given:
        if one.named and not one.read:
            raise one.refused[0][1]
    aside = [(Path(name), str(error).removeprefix(f"{name}: ")) for one in given for name, error in one.refused]
    if not known:
        first = f"; for example {aside[0][0]}: {aside[0][1]}" if aside else ""
        raise InputError(f"nothing to import was found in {', '.join(map(str, paths))}{first}")
    return agreed(joined(known), options), aside


class _Given:
    """A file that was given or found: its parts, and what of it no format fits, with the reason."""

    def __init__(self, path: Path, named: bool) -> None:
        self.named, self.read = named, False
        self.parts: list[FilePart] = []
        self.refused: list[tuple[str, InputError]] = []
        try:
            self.parts.extend(unpacked(path))
        except InputError as error:
            self.refused.append((str(path), error))


class Content:
    """What a file, and those read with it, held when an import began: the import stands or falls with it."""

    def __init__(self, recognised: Recognised, options: Options) -> None:
        self.path = recognised.path
        self._paths = (recognised.path, *recognised.importer.beside(recognised.path))
        beside = f" {options.unit_beside}" if options.unit_beside else ""
        self._said = f"{recognised.importer.name} {options}{beside}".encode()
        self.size = recognised.path.stat().st_size if len(self._paths) == 1 else 0
        self._looked = time.time_ns()
        self._marks = self._mark()
        self.digest = self._digest()

    def beginning(self, records: Sequence[ImportRecord]) -> Beginning | None:
        """Find the import of what the file held before it grew; none if it is read with others or was imported."""
        if not self.size or any(one.digest == self.digest for one in records):
            return None
        return beginning(self.path, self._said, records)

    def check(self) -> None:
        """Raise if the files no longer hold what they held: what was read may be neither the old nor the new."""
        try:
            marks = self._mark()
            settled = all(max(mark[-2:]) < self._looked - _MARK_NS for mark in marks)
            same = (settled and marks == self._marks) or self._digest() == self.digest
        except InputError:
            same = False
        if not same:
            raise SourceChangedError(
                f"{self.path}: the file changed while it was read, so nothing of it was imported; "
                "import it again when nothing writes to it"
            )

    def _digest(self) -> str:
        """A digest of the content and of all else that decides what is read from it."""
        hashed = hashlib.sha256(self._said)
        for path in self._paths:
            try:
                with path.open("rb") as file:
                    while block := file.read(1 << 22):
                        hashed.update(block)
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
        return hashed.hexdigest()

    def _mark(self) -> list[tuple[int, int, int, int]]:
        """What the file system changes with the content, but for changes in quick succession."""
        try:
            stats = [path.stat() for path in self._paths]
        except OSError as error:
            raise InputError(f"{error.filename}: cannot be read: {error.strerror or error}") from None
        return [(one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in stats]


def import_files(
    store: Store,
    recognised: Iterable[Recognised],
    options: Options,
    *,
    strict: bool = False,
    seen: Callable[[Chunk], None] = lambda chunk: None,
) -> Iterator[Imported]:
    """Read recognised files into the store in their order; small ones that follow each other are stored together."""
    listed = list(recognised)
    ask_where_stored_differs(store, listed, options, lambda one: _is_stored(store, one, options))
    small: list[Recognised] = []
    for one in listed:
        large = one.path.stat().st_size > SMALL_BYTES
        if not large:
            small.append(one)
        if large or len(small) == GROUP_FILES:
            yield from _import_small(store, small, options, strict=strict, seen=seen)
            small = []
        if large:
            yield import_file(store, one, options, strict=strict, seen=seen)
    yield from _import_small(store, small, options, strict=strict, seen=seen)


def _is_stored(store: Store, one: Recognised, options: Options) -> bool:
    """Whether a file was imported as it is now."""
    digest = Content(one, replace(options, unit_beside=one.unit_beside)).digest
    return any(record.digest == digest for record in store.records(one.importer.name))


def _import_small(
    store: Store, files: list[Recognised], options: Options, *, strict: bool, seen: Callable[[Chunk], None]
) -> list[Imported]:
    if len(files) < 2:
        return [import_file(store, one, options, strict=strict, seen=seen) for one in files]
    readings = [_Reading(store, one, options, strict, seen) for one in files]
    reports = store.ingest_small(
        [SmallSource(one.name, reading.content.digest, one.importer.name, reading.chunks, reading.content.size,
                reading.grown_from) for one, reading in zip(files, readings, strict=True)]
    )  # fmt: skip
    return [reading.imported(report) for reading, report in zip(readings, reports, strict=True)]


def import_file(
    store: Store,
    recognised: Recognised,
    options: Options,
    *,
    strict: bool = False,
    seen: Callable[[Chunk], None] = lambda chunk: None,
) -> Imported:
    """Read a recognised file into the store; with ``strict`` the first bad row ends the import with an error."""
    reading = _Reading(store, recognised, options, strict, seen)
    content, label = reading.content, recognised.importer.name
    origin = Origin(recognised.name, content.digest, label, content.size, reading.grown_from)
    return reading.imported(store.ingest_file(origin, reading.chunks))


class _Reading:
    """The reading of one file, and what is to be told of it."""

    def __init__(
        self, store: Store, recognised: Recognised, options: Options, strict: bool, seen: Callable[[Chunk], None]
    ) -> None:
        self.recognised, self.strict, self.seen = recognised, strict, seen
        self.options = replace(options, unit_beside=recognised.unit_beside)
        self.content = Content(recognised, self.options)
        self.begun = self.content.beginning(store.records(recognised.importer.name))
        self.reasons, self.notes, self.facts = Counter[str](), Counter[str](), list[str]()
        self._kinds: dict[str, str] = {}

    @property
    def grown_from(self) -> str | None:
        """The import of the file's beginning."""
        return self.begun.import_id if self.begun else None

    def _read(self, skip: int) -> Iterator[Chunk]:
        path, read = self.recognised.path, self.recognised.importer.read
        if self.begun is None:
            return read(path, self.options, skip)
        return islice(grown(read(path, self.options), self.begun, path), skip, None)

    def chunks(self, skip: int = 0) -> Iterator[Chunk]:
        """Read the file; an error at its end if it changed meanwhile."""
        name = self.recognised.name
        try:
            for chunk in self._read(skip):
                if self.strict and chunk.bad:
                    first = chunk.bad[0]
                    raise InputError(f"{name}: line {first.line}: {first.reason}: {first.raw[:200]}")
                for bad in chunk.bad:
                    self._count(bad.reason)
                self.notes.update(chunk.notes)
                self.facts.extend(fact for fact in chunk.facts if fact not in self.facts)
                self.seen(chunk)
                yield chunk
        except Exception:
            self.content.check()  # a change explains whatever went wrong
            raise
        self.content.check()

    def imported(self, report: ImportReport) -> Imported:
        """Say what came of the file."""
        for conflict in report.conflicts if report.new else ():
            self._count(conflict)
        if report.grown_from is not None:
            self.facts.append(f"its beginning is what import {report.grown_from} brought; only what follows is new")
        if report.same_as is not None:
            self.facts.append(f"its rows are those of import {report.same_as}, so none were stored again")
        done = Imported(self.recognised, report, self.reasons, self.notes, self.facts)
        if done.empty:
            self.facts.append("nothing was read from it: no row was stored, quarantined or left out")
        return done

    def _count(self, reason: str) -> None:
        """Count a reason with those of its kind, under the first of them."""
        self.reasons[self._kinds.setdefault(_kind(reason), reason[:200])] += 1


def _kind(reason: str) -> str:
    """Return a reason without the values in it, so that rows with the same fault count together.

    >>> _kind("price '0.47001' is finer than the smallest unit")
    'price … is finer than the smallest unit'
    """
    return re.sub(r"'[^']*'|\"[^\"]*\"|(?<![\w])-?\d[\d.,eE+-]*", "…", reason)[:120]
