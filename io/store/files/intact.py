"""Whether a store's files are as they were written: before they are read, and all of them when asked."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from ...ground.checksums import CheckedFiles, is_whole
from ...ground.errors import DamagedError
from ...ground.progress import Progress
from .manifest import FOLDER, Ledger, StoredFile, read_manifest
from .place import Place, Written

if TYPE_CHECKING:
    import polars as pl

INTACT, DAMAGED, NOT_CHECKED = "intact", "damaged", "not checked"
HELP = "bring back a copy of it, or import the sources into a new store (engine data imports lists them)"
ROW_GROUP = 32_768
_AT_ONCE = 2


@dataclass(frozen=True)
class FileState:
    """What a full check says of one file of a store; ``not checked``: it is of before 0.2.0 and has no checksum."""

    name: str
    state: str
    detail: str = ""


def whole(place: Place, files: Sequence[StoredFile]) -> list[str]:
    """Return where to read files, each of which was found as it was written, at this or at an earlier use."""
    known = _checked(place.root)
    for file in files:
        if file.checksum is None:
            continue
        try:
            stamp = place.stamp(file.name)
            if known.knows(file.name, stamp, file.checksum):
                continue
            found = place.checksum(file.name)
        except FileNotFoundError:
            raise DamagedError(f"{place.url(file.name)} is missing; {HELP}") from None
        if found != file.checksum:
            raise DamagedError(f"{place.url(file.name)} is damaged; {HELP}")
        known.add(file.name, stamp, found)
    return [place.url(file.name) for file in files]


def put_whole(place: Place, name: str, frame: pl.DataFrame) -> Written:
    """Write a frame as a file of the store; its first reader need not check it again."""
    written = place.put_frame(name, frame, ROW_GROUP)
    _checked(place.root).add(name, place.stamp(name), written.checksum)
    return written


def checked(place: Place, file: StoredFile) -> StoredFile:
    """Give a file of before 0.2.0 the checksum of what it holds now; others must hold what they did."""
    if file.checksum is None:
        return msgspec.structs.replace(file, checksum=place.checksum(file.name))
    whole(place, [file])
    return file


def check_files(place: Place, ledger: Ledger, step: Progress) -> list[FileState]:
    """Read every byte of a store's manifests and files, whatever was found before; ``step`` hears of bytes."""
    state = ledger.state()
    files = [file for table in state.files.values() for file in table]
    found = [_manifest_state(place, name) for name in place.names(FOLDER)]
    total, done = sum(file.size for file in files), 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for file, one in zip(files, pool.map(lambda file: _file_state(place, file), files), strict=True):
            found.append(one)
            done += file.size
            step(done, total)
    return found


def _manifest_state(place: Place, name: str) -> FileState:
    try:
        read_manifest(place, name)
    except DamagedError as error:
        return FileState(name, DAMAGED, str(error))
    return FileState(name, INTACT if is_whole(place.read(name)) else NOT_CHECKED)


def _file_state(place: Place, file: StoredFile) -> FileState:
    if file.checksum is None:
        return FileState(file.name, NOT_CHECKED, "it has no checksum; engine data compact gives it one")
    try:
        found = place.checksum(file.name)
    except FileNotFoundError:
        return FileState(file.name, DAMAGED, f"it is missing; {HELP}")
    return FileState(file.name, INTACT) if found == file.checksum else FileState(file.name, DAMAGED, HELP)


@cache
def _checked(root: str) -> CheckedFiles:
    return CheckedFiles(root)
