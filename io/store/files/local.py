"""A store in a local folder: files that are there whole or not at all, and one writer at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...ground.atomic import write_frame, writing
from ...ground.checksums import file_checksum, stamp
from ...ground.errors import DISK_FULL, DiskError, InputError, TouchlineError
from .place import Written, own_name

if TYPE_CHECKING:
    import polars as pl


class LocalPlace:
    """A folder on this machine."""

    storage_options: dict[str, Any] | None = None
    exclusive = True
    filesystem = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        self.root = str(self.folder)

    def url(self, name: str) -> str:
        """The absolute path."""
        return str(self._at(name))

    def exists(self) -> bool:
        """Whether the folder holds manifests."""
        return (self.folder / "manifests").is_dir()

    def names(self, folder: str) -> list[str]:
        """Names of the finished files in a folder, in order."""
        return self._list(folder, lambda entry: entry.is_file() and not entry.name.startswith("."))

    def leftovers(self, folder: str) -> list[str]:
        """Names of files that were being written."""
        return self._list(folder, lambda entry: entry.is_file() and entry.name.startswith("."))

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in a folder, in order."""
        return self._list(folder, lambda entry: entry.is_dir())

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        return self._at(name).read_bytes()

    def put(self, name: str, data: bytes) -> None:
        """Write a whole file, its name included, to the disk."""
        self._write(name, lambda beside: beside.write_bytes(data))

    def create(self, name: str, data: bytes) -> bool:
        """Write only if the name is free; the lock makes looking and writing one step."""
        if self._at(name).exists():
            return False
        self.put(name, data)
        return True

    def put_frame(self, name: str, frame: pl.DataFrame, row_group: int) -> Written:
        """Write a whole Parquet file to the disk."""
        how = {"compression": "zstd", "row_group_size": row_group}
        return self._write(name, lambda beside: write_frame(frame, beside, **how))

    def stamp(self, name: str) -> str:
        """Size, times and number of the file."""
        return stamp(self._at(name))

    def checksum(self, name: str) -> str:
        """The checksum of a file's bytes."""
        return file_checksum(self._at(name))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and folders that this leaves empty."""
        folders: set[Path] = set()
        for name in names:
            path = self._at(name)
            path.unlink(missing_ok=True)
            folders.add(path.parent)
        for folder in folders - {self.folder}:
            with suppress(OSError):
                folder.rmdir()

    @contextmanager
    def lock(self, holder: str, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the kernel's lock on ``.lock``; it is released when the process ends, however that happens."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise self._refused(error) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting(os.pread(descriptor, 4096, 0).decode(errors="replace") or "another writer")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._clear()
            os.ftruncate(descriptor, 0)
            with suppress(OSError):  # who holds it is said to others; a full disk is noticed where it matters
                os.pwrite(descriptor, holder.encode(), 0)
            yield
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def _at(self, name: str) -> Path:
        """The path of a file."""
        return self.folder / own_name(self.root, name)

    def _clear(self) -> None:
        """Remove what killed writers left: who holds the lock is the only writer."""
        for pattern in ("*/.*.tmp", "*/*/.*.tmp"):
            for left in self.folder.glob(pattern):
                with suppress(OSError):
                    left.unlink()

    def _list(self, folder: str, wanted: Callable[[os.DirEntry[str]], bool]) -> list[str]:
        try:
            with os.scandir(self.folder / folder) as entries:
                return sorted(f"{folder}/{entry.name}" for entry in entries if wanted(entry))
        except FileNotFoundError:
            return []

    def _write(self, name: str, fill: Callable[[Path], Any]) -> Written:
        path = self._at(name)
        try:
            with writing(path, durable=True) as beside:
                fill(beside)
                written = Written(beside.stat().st_size, file_checksum(beside))
        except OSError as error:
            raise self._refused(error) from None
        return written

    def _refused(self, error: OSError) -> TouchlineError:
        """What a failed write means to the user: a full disk is no mistake of his."""
        said = f"cannot write to the store {self.root}: {error.strerror or error}"
        if error.errno in DISK_FULL:
            return DiskError(f"{said}; what it had before is safe. Free some space and run the same command again")
        return InputError(said)
