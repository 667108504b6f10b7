"""The recorder's journal: every message as it came with its receive time, in append-only segments.

A line is ``{"recv_ts": ns, "frame": {…}}``, which is the capture format that the importers read. Three frames are the
recorder's own: ``recording`` heads a segment and says how it was made, ``gap`` says which books are unknown from a time
on (no tickers: all), ``missed`` says the same of other channels, ``ended`` that the segment is whole.

What `commit` was given is written at once, so a killed recorder loses nothing of it; it is fsynced at least every
second or every 5,000 messages, so a power failure loses no more than that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...ground import atomic
from ...ground.locks import take_lock
from ..rest.errors import ConfigError, KalshiError

SUFFIX = ".capture.jsonl"
_SYNC_SECONDS, _SYNC_MESSAGES = 1.0, 5000
_SCAN_BYTES = 1 << 16
_ENDED = b'{"type":"ended"}'


class JournalFullError(KalshiError):
    """The journal cannot be written any more; everything committed before is safe."""


@dataclass(frozen=True)
class JournalLimits:
    """When a segment is full."""

    max_bytes: int = 1 << 30
    max_seconds: float = 3600.0


class Journal:
    """Appends to the newest segment of a folder; one recorder at a time."""

    def __init__(self, folder: Path, header: dict[str, Any], limits: JournalLimits | None = None) -> None:
        self.folder, self.limits = folder, limits or JournalLimits()
        self._header = header
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(folder)
        self.path: Path | None = None
        self._file = -1
        self._failed = False
        self._waiting: list[bytes] = []
        self.messages = 0
        self.bytes = 0
        self._open()

    def append(self, recv_ts: int, frame: bytes) -> None:
        """Take one message; it is written by the next `commit`."""
        self._waiting.append(b'{"recv_ts":%d,"frame":%s}\n' % (recv_ts, frame))

    def note(self, kind: str, body: dict[str, Any]) -> None:
        """Take one of the recorder's own messages."""
        self.append(time.time_ns(), msgspec.json.encode({"type": kind, "msg": body}))

    def commit(self) -> None:
        """Write what was appended, and make it durable when that is due."""
        if self._waiting:
            data = b"".join(self._waiting)
            count = len(self._waiting)
            self._waiting.clear()
            self._write(data)
            self.messages += count
            self.bytes += len(data)
            self._unsynced += count
        if self._unsynced >= _SYNC_MESSAGES or (self._unsynced and time.monotonic() - self._synced_at >= _SYNC_SECONDS):
            self.sync()

    def sync(self) -> None:
        """Make everything written durable."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise self._failure(error) from None
        self._unsynced, self._synced_at = 0, time.monotonic()

    @property
    def full(self) -> bool:
        """Whether it is time for the next segment."""
        return self._size >= self.limits.max_bytes or time.monotonic() - self._opened_at >= self.limits.max_seconds

    def rotate(self, keyframes: Iterable[bytes]) -> Path:
        """Close the segment and begin the next with the books as they are; returns the closed one."""
        closed = self.path
        assert closed is not None
        self.append(time.time_ns(), _ENDED)
        self.commit()
        self.sync()
        self._shut()
        self._open()
        now = time.time_ns()
        for frame in keyframes:
            self.append(now, frame)
        self.commit()
        return closed

    def close(self) -> None:
        """Write and sync what is left, and let another recorder in."""
        try:
            if self._file >= 0 and not self._failed:
                self.append(time.time_ns(), _ENDED)
                self.commit()
                self.sync()
        finally:
            self._shut()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    def _shut(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        number = 0
        while True:
            path = self.folder / f"{stamp}-{number:03d}{SUFFIX}"
            try:
                self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
                break
            except FileExistsError:
                number += 1
            except OSError as error:
                raise JournalFullError(f"cannot begin a journal in {self.folder}: {error.strerror}") from None
        atomic.sync(self.folder)
        self.path = path
        self._size, self._unsynced = 0, 0
        self._opened_at = self._synced_at = time.monotonic()
        self.note("recording", self._header)
        try:
            self.commit()
        except JournalFullError:
            self._shut()
            path.unlink()  # nothing stands in it
            raise

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, view[written:])
        except OSError as error:
            # Cut back to whole lines, so that the file reads well to its end.
            whole = data.rfind(b"\n", 0, written) + 1
            os.ftruncate(self._file, self._size + whole)
            self._size += whole
            os.fsync(self._file)
            raise self._failure(error) from None
        self._size += len(data)

    def _failure(self, error: OSError) -> JournalFullError:
        self._failed = True
        return JournalFullError(
            f"cannot write the journal {self.path}: {error.strerror}; what was recorded before is safe. "
            "Free some space and start again"
        )


def _lock(folder: Path) -> int:
    handle = take_lock(folder / ".lock")
    if handle is None:
        raise ConfigError(f"another recorder is writing to {folder}; give this one its own journal=")
    return handle


def segments(folder: Path) -> list[Path]:
    """The segments of a journal, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def mend(segment: Path) -> bool:
    """Finish a segment whose recorder was killed: cut a torn last line, note the gap; returns whether it was needed.

    One without a whole line goes: its recorder was killed before it wrote anything.
    """
    try:
        needed = _mended(segment)
    except OSError as error:
        raise JournalFullError(f"cannot write {segment}: {error.strerror}; free some space and start again") from None
    if not segment.stat().st_size:
        segment.unlink()
    return needed


def _mended(segment: Path) -> bool:
    with segment.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        keep, last = _last_line(file, end)
        if keep == end and last.endswith(_ENDED + b"}"):
            return False
        file.truncate(keep)
        file.seek(keep)
        if last:
            recv_ts = msgspec.json.decode(last)["recv_ts"]
            body = {"market_tickers": [], "start_ts": recv_ts, "reason": "the recorder was killed"}
            note = msgspec.json.encode({"type": "gap", "msg": body})
            file.write(b'{"recv_ts":%d,"frame":%s}\n' % (recv_ts, note))
            file.write(b'{"recv_ts":%d,"frame":%s}\n' % (recv_ts, _ENDED))
        file.flush()
        os.fsync(file.fileno())
    return True


def _last_line(file: Any, end: int) -> tuple[int, bytes]:
    """Where the whole lines end, and the last of them."""
    tail = b""
    position = end
    while position and tail.count(b"\n") < 2:
        position = max(0, position - _SCAN_BYTES)
        file.seek(position)
        tail = file.read(end - position)
    keep = tail.rfind(b"\n") + 1
    whole = tail[:keep].rstrip(b"\n")
    return position + keep, whole[whole.rfind(b"\n") + 1 :]


def read(paths: Iterable[Path]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Receive time and message of every line of some segments."""
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                document = msgspec.json.decode(line)
                yield document["recv_ts"], document["frame"]
