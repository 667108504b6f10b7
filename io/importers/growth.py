"""Files that have grown since they were imported: what was read then is left out, and what is new comes in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..ground.errors import InputError
from ..store.chunk import Chunk

if TYPE_CHECKING:
    from ..store.files.manifest import ImportRecord

#: Imports of files of other names that are looked at: the last so many.
_OTHERS = 100
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Beginning:
    """The import that read the beginning of a file, and how many rows of each table that gave."""

    import_id: str
    rows: dict[str, int]


def beginning(path: Path, said: bytes, records: Sequence[ImportRecord]) -> Beginning | None:
    """Find the longest import whose content, read in the same way, is the beginning of a file.

    ``said`` is what the digest of an import begins with: its format and options.
    """
    size = path.stat().st_size
    near = {*(one.digest for one in records[-_OTHERS:])}
    shorter = [one for one in records if 0 < one.size < size]
    held = {one.size: one for one in shorter if one.digest in near or Path(one.source).name == path.name}
    if not held:
        return None
    digests = {one.digest: one for one in shorter}
    found = [digests[digest] for digest in _digests(path, said, sorted(held)) if digest in digests]
    if not found:
        return None
    last = found[-1]
    if last.quarantined:
        raise InputError(
            f"{path}: begins with what import {last.import_id} read, {last.quarantined:,} records of it quarantined; "
            f"take that one back first: engine data forget {last.import_id} --yes"
        )
    if not _ends_a_line(path, last.size):
        raise InputError(
            f"{path}: begins with what import {last.import_id} read, which ended in the middle of a line; "
            f"take that one back first: engine data forget {last.import_id} --yes"
        )
    tables = {*last.rows, *last.duplicates}
    return Beginning(last.import_id, {one: last.rows.get(one, 0) + last.duplicates.get(one, 0) for one in tables})


def grown(chunks: Iterable[Chunk], begun: Beginning, path: Path) -> Iterator[Chunk]:
    """Leave the rows of a file's beginning out of its chunks, and count them."""
    left = dict(begun.rows)
    for chunk in chunks:
        taken = {name: min(left.get(name, 0), frame.height) for name, frame in chunk.tables.items()}
        for name, count in taken.items():
            left[name] = left.get(name, 0) - count
        tables = {name: frame[taken[name] :] for name, frame in chunk.tables.items()}
        yield replace(chunk, tables=tables, before={name: count for name, count in taken.items() if count})
    if any(left.values()):
        raise InputError(
            f"{path}: begins with what import {begun.import_id} read, but gives fewer rows now; "
            f"take that one back first: engine data forget {begun.import_id} --yes"
        )


def _digests(path: Path, said: bytes, sizes: Sequence[int]) -> Iterator[str]:
    """Give the digest of the first bytes of a file, for each of some sizes."""
    hashed, at = hashlib.sha256(said), 0
    with path.open("rb") as file:
        for size in sizes:
            while at < size and (block := file.read(min(_BLOCK, size - at))):
                hashed.update(block)
                at += len(block)
            yield hashed.copy().hexdigest()


def _ends_a_line(path: Path, size: int) -> bool:
    """Whether a line ends there; of a compressed file, a part of it does."""
    with path.open("rb") as file:
        if file.read(2) == b"\x1f\x8b":
            return True
        file.seek(size - 1)
        return b"\n" in file.read(2)
