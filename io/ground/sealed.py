"""Files that only this user's programs can have written: whatever else stands there reads as if there was no file.

Machine code is run as it is read, so a checksum is not enough. The seal is a digest with a key that nobody else knows.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path

from . import atomic
from .cache import cache_dir, config_dir

KEY_FILE = "kernel-key"
_LENGTH = 32


def sealed_name(*parts: str) -> str:
    """Return a name for a file by all that its content comes from; other users' names are others."""
    return hmac.digest(_key(), "\0".join(parts).encode(), "sha256").hex()[:24]


def read_sealed(path: Path) -> bytes | None:
    """Read what ``write_sealed`` wrote there; None if there is nothing, or if it is not what was written."""
    try:
        found = path.read_bytes()
    except OSError:
        return None
    seal, content = found[:_LENGTH], found[_LENGTH:]
    return content if hmac.compare_digest(seal, _seal(path, content)) else None


def write_sealed(path: Path, content: bytes) -> None:
    """Write a file with its seal: beside its place, then renamed."""
    atomic.write(path, _seal(path, content) + content, mode=0o600)


def _seal(path: Path, content: bytes) -> bytes:
    """The name belongs to it: a file put in another's place is another."""
    seal = hmac.new(_key(), path.name.encode() + b"\0", "sha256")
    seal.update(content)
    return seal.digest()


@cache
def _key() -> bytes:
    """This user's key, made at first use. Where there is no place for one, it lasts as long as the process."""
    place = (config_dir() or cache_dir()) / KEY_FILE
    fresh = secrets.token_bytes(_LENGTH)
    with suppress(OSError):
        was_there = os.path.lexists(place)
        if (known := _read_key(place)) is not None:
            return known
        if was_there:  # and is no key, or others know it
            place.unlink(missing_ok=True)
        atomic.create(place, fresh, mode=0o600)  # unless another process was faster
        return _read_key(place) or fresh
    return fresh


def _read_key(place: Path) -> bytes | None:
    """A key that is whole, ours, and nobody else's to read."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        is_own = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
        content = file.read(_LENGTH + 1) if is_own else b""
    return content if len(content) == _LENGTH else None
