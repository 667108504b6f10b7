"""A session's journal: what came in and what went out, a checksummed line each, on disk before it has any effect.

A line is ``crc32 kind ts payload``: eight digits over the rest of the line, a word, ns UTC, and JSON or a message as it
came. ``commit`` writes what was appended; no request leaves before. A killed process loses nothing of that; the disk is
asked to keep it every second by a thread of its own, so that a power failure loses no more. A full segment is closed,
compressed and followed by the next, whose first line is the state as it then was.
"""

from __future__ import annotations

import gzip
import os
import shutil
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from ...io.ground import atomic
from ...io.ground.errors import CheckError, DiskError, InputError
from ...io.ground.locks import take_lock

SUFFIX, PACKED = ".log", ".log.gz"
_SYNC_SECONDS = 1.0
_SCAN_BYTES = 1 << 16


class JournalLine(NamedTuple):
    """One line: its kind, its time (ns UTC) and its payload, which is JSON."""

    kind: str
    ts: int
    payload: bytes


@dataclass(frozen=True)
class SegmentLimits:
    """When a segment is full."""

    max_bytes: int = 64 << 20


def encoded(line: JournalLine) -> bytes:
    """Write a line with its checksum and its end.

    >>> encoded(JournalLine("turn", 5, b"{}"))
    b'3af97a60 turn 5 {}\\n'
    """
    body = b"%s %d %s" % (line.kind.encode(), line.ts, line.payload)
    if b"\n" in body:  # between the parts of a message, where it means nothing
        body = body.replace(b"\n", b" ")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decoded(raw: bytes) -> JournalLine | None:
    """Read a line; None if it is torn or damaged."""
    body = raw[9:-1]
    if len(raw) < 12 or raw[-1:] != b"\n" or raw[8:9] != b" ":
        return None
    kind, _, rest = body.partition(b" ")
    ts, _, payload = rest.partition(b" ")
    if b"%08x" % zlib.crc32(body) != raw[:8] or not ts.lstrip(b"-").isdigit():
        return None
    return JournalLine(kind.decode("ascii", "replace"), int(ts), payload)


class SessionJournal:
    """Appends to the newest segment of a folder, which no other process may write meanwhile."""

    def __init__(self, folder: Path, limits: SegmentLimits | None = None) -> None:
        self.folder, self.limits = folder, limits or SegmentLimits()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = locked(folder)
        self._waiting: list[bytes] = []
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._failure: OSError | None = None
        self._handle = threading.Lock()
        self.lines = self.bytes = 0
        mend(folder)
        for path in folder.glob(f"*{SUFFIX}"):
            pack(path)
        self._number = max((int(path.name.partition(".")[0]) for path in segments(folder)), default=0)
        self._file = -1
        self._begin()
        self._syncer = threading.Thread(target=self._keep_synced, name="journal", daemon=True)
        self._syncer.start()

    def append(self, line: JournalLine) -> None:
        """Take a line; it is written by the next `commit`."""
        self._waiting.append(encoded(line))

    def commit(self) -> None:
        """Write what was appended."""
        if self._failure is not None:
            raise self._cannot(self._failure)
        if not self._waiting:
            return
        data = b"".join(self._waiting)
        view, written = memoryview(data), 0
        try:
            while written < len(data):
                written += os.write(self._file, view[written:])
        except OSError as error:
            os.ftruncate(self._file, self._size + data.rfind(b"\n", 0, written) + 1)
            raise self._cannot(error) from None
        self.lines += len(self._waiting)
        self._waiting.clear()
        self._size += len(data)
        self.bytes += len(data)
        self._dirty.set()

    @property
    def full(self) -> bool:
        """Whether it is time for the next segment."""
        return self._size >= self.limits.max_bytes

    def rotate(self, state: JournalLine) -> None:
        """Close the segment and begin the next with the state as it is; the closed one is compressed meanwhile."""
        self.commit()
        self.sync()
        closed = self.folder / f"{self._number:08d}{SUFFIX}"
        self._begin()
        self.append(state)
        self.commit()
        threading.Thread(target=pack, args=(closed,), name="journal-pack", daemon=True).start()

    def sync(self) -> None:
        """Wait until the disk has everything that was written."""
        self._dirty.clear()
        try:
            with self._handle:
                if self._file >= 0:
                    os.fsync(self._file)
        except OSError as error:
            raise self._cannot(error) from None

    def close(self) -> None:
        """Write and sync what is left, and let another process in."""
        if self._lock < 0:
            return
        try:
            self.commit()
            self.sync()
        finally:
            self._closing.set()
            self._dirty.set()
            self._syncer.join()
            os.close(self._file)
            os.close(self._lock)
            self._file = self._lock = -1

    def _begin(self) -> None:
        self._number += 1
        path = self.folder / f"{self._number:08d}{SUFFIX}"
        try:
            fresh = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise self._cannot(error) from None
        with self._handle:
            before, self._file, self._size = self._file, fresh, 0
        if before >= 0:
            os.close(before)
        atomic.sync(self.folder)

    def _keep_synced(self) -> None:
        while self._dirty.wait() and not self._closing.wait(_SYNC_SECONDS):
            try:
                self.sync()
            except DiskError as error:
                self._failure = OSError(str(error))
                return

    def _cannot(self, error: OSError) -> DiskError:
        return DiskError(
            f"cannot write the journal in {self.folder}: {error.strerror or error}; what was written before is safe. "
            "Free some space and start again"
        )


def locked(folder: Path) -> int:
    """Take a session's journal for this process alone."""
    handle = take_lock(folder / ".lock", 0o600)
    if handle is None:
        raise InputError(f"a process is trading this session ({folder.parent}); stop it first, or name another")
    return handle


def is_locked(folder: Path) -> bool:
    """Whether a process is writing a journal now."""
    if not (folder / ".lock").exists():
        return False
    handle = take_lock(folder / ".lock", 0o600)
    if handle is not None:
        os.close(handle)
    return handle is None


def segments(folder: Path) -> list[Path]:
    """The segments of a journal, oldest first, each once however far its compression came."""
    found = {path.name.partition(".")[0]: path for path in folder.glob(f"*{PACKED}")}
    found |= {path.name.partition(".")[0]: path for path in folder.glob(f"*{SUFFIX}")}
    return [found[number] for number in sorted(found)]


def pack(path: Path) -> None:
    """Compress a closed segment; the plain one goes when the other is safe."""
    if not path.exists():
        return
    packed_path = path.with_name(path.stem + PACKED)
    with (
        path.open("rb") as plain,
        atomic.writing(packed_path, durable=True, mode=0o600) as beside,
        gzip.open(beside, "wb", compresslevel=1) as packed,
    ):
        shutil.copyfileobj(plain, packed, 1 << 20)
    path.unlink()


def mend(folder: Path) -> bool:
    """Cut what a killed process left of its last line; returns whether there was something to cut."""
    newest = next(reversed(segments(folder)), None)
    if newest is None or newest.name.endswith(PACKED):
        return False
    with newest.open("r+b") as file:
        end = at = file.seek(0, os.SEEK_END)
        tail = b""
        while at and b"\n" not in tail:
            at = max(0, at - _SCAN_BYTES)
            file.seek(at)
            tail = file.read(end - at)
        keep = at + tail.rfind(b"\n") + 1
        if keep == end:
            return False
        file.truncate(keep)
        os.fsync(file.fileno())
    return True


def read(paths: list[Path]) -> Iterator[JournalLine]:
    """Every line of some segments; a damaged one is an error, but for the torn end of a segment still being written."""
    for place, path in enumerate(paths):
        with _opened(path) as file:
            for number, raw in enumerate(file, 1):
                line = decoded(raw)
                if line is not None:
                    yield line
                elif place == len(paths) - 1 and path.name.endswith(SUFFIX) and not raw.endswith(b"\n"):
                    return
                else:
                    raise CheckError(f"{path}: line {number} is damaged; nothing after it was read")


def latest_state(folder: Path) -> tuple[JournalLine | None, list[Path]]:
    """The state that the newest segment begins with, and the segments from there on."""
    found = segments(folder)
    for at in range(len(found) - 1, -1, -1):
        first = next(read(found[at : at + 1]), None)
        if first is not None and first.kind == "state":
            return first, found[at:]
    return None, found


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.name.endswith(PACKED) else path.open("rb")  # pyright: ignore[reportReturnType]  # a gzip file reads like one
