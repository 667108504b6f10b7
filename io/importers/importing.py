"""Bringing files into a store: which files, by which importer, and what came of each."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .base import Chunk, Options
from .recognise import Recognised, recognise

if TYPE_CHECKING:
    from ..ingest import ImportReport
    from ..store import Store

#: Endings of files that may hold data; what else lies in a folder is not looked at.
ENDINGS = (".csv", ".jsonl", ".ndjson", ".json", ".parquet", ".txt", ".log")


@dataclass
class Imported:
    """What came of one file."""

    recognised: Recognised
    report: ImportReport
    reasons: Counter[str] = field(default_factory=Counter)  #: why rows were quarantined, values left out
    notes: Counter[str] = field(default_factory=Counter)
    facts: list[str] = field(default_factory=list)


def files(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """List files in a fixed order, and whether each was named itself; a folder gives its data files."""
    for path in paths:
        if path.is_dir():
            for found in sorted(path.rglob("*")):
                if found.is_file() and found.name.removesuffix(".gz").endswith(ENDINGS):
                    yield found, False
        elif path.exists():
            yield path, True
        else:
            raise InputError(f"{path}: there is no such file or folder")


def plan(paths: Iterable[Path], options: Options) -> tuple[list[Recognised], list[tuple[Path, str]]]:
    """Recognise every file before anything is imported; what no format fits in a folder is set aside."""
    known: list[Recognised] = []
    aside: list[tuple[Path, str]] = []
    for path, named in files(paths):
        try:
            known.append(recognise(path, options))
        except InputError as error:
            if named:
                raise
            aside.append((path, str(error).removeprefix(f"{path}: ")))
    if not known:
        first = f"; for example {aside[0][0]}: {aside[0][1]}" if aside else ""
        raise InputError(f"nothing to import was found in {', '.join(map(str, paths))}{first}")
    return known, aside


def digest_of(recognised: Recognised, options: Options) -> str:
    """Return a digest of a file's content and of all else that decides what is read from it."""
    hashed = hashlib.sha256(f"{recognised.importer.name} {options}".encode())
    for path in (recognised.path, *recognised.importer.beside(recognised.path)):
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                hashed.update(block)
    return hashed.hexdigest()


def import_file(
    store: Store,
    recognised: Recognised,
    options: Options,
    *,
    strict: bool = False,
    seen: Callable[[Chunk], None] = lambda chunk: None,
) -> Imported:
    """Read a recognised file into the store; with ``strict`` the first bad row ends the import with an error."""
    reasons, notes, facts = Counter[str](), Counter[str](), list[str]()

    def chunks_from(skip: int) -> Iterator[Chunk]:
        for chunk in recognised.importer.read(recognised.path, options, skip):
            if strict and chunk.bad:
                first = chunk.bad[0]
                raise InputError(f"{recognised.path}: line {first.line}: {first.reason}: {first.raw[:200]}")
            reasons.update(_kind(bad.reason) for bad in chunk.bad)
            notes.update(chunk.notes)
            facts.extend(fact for fact in chunk.facts if fact not in facts)
            seen(chunk)
            yield chunk

    name = recognised.importer.name
    report = store.ingest(str(recognised.path), digest_of(recognised, options), chunks_from, label=name)
    return Imported(recognised, report, reasons, notes, facts)


def _kind(reason: str) -> str:
    """Return a reason without the values in it, so that rows with the same fault count together.

    >>> _kind("price '0.47001' is finer than the smallest unit")
    'price … is finer than the smallest unit'
    """
    return re.sub(r"'[^']*'|\"[^\"]*\"|(?<![\w])-?\d[\d.,eE+-]*", "…", reason)[:120]
