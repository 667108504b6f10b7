"""Checksums that tell a damaged file: CRC-32 of its bytes, kept by whoever names the file.

CRC-32 is in the standard library, reads four gigabytes a second, and misses no damage of up to 32 bits in a row. A file
is read for it before its first use, and again once its size, its times or its place on the disk have changed; what was
found whole is remembered in the cache folder.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from contextlib import suppress
from pathlib import Path

from .cache import cache_dir

_BLOCK = 1 << 20
_MARK = b',\n "checksum": "'
_END = b'"\n}\n'
#: Lines of a list of whole files before it is written anew from the younger half.
_MAX_LINES = 20_000


def checksum(content: bytes) -> str:
    """Return the checksum of some bytes.

    >>> checksum(b"123456789")
    'cbf43926'
    """
    return f"{zlib.crc32(content):08x}"


def file_checksum(path: Path) -> str:
    """Return the checksum of a file's bytes."""
    found, block = 0, bytearray(_BLOCK)
    view = memoryview(block)
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            found = zlib.crc32(view[:size], found)
    return f"{found:08x}"


def with_checksum(document: bytes) -> bytes:
    """Add to a JSON object, as its last member, the checksum of all that stands before."""
    body = document.rstrip()[:-1].rstrip()
    return body + _MARK + checksum(body).encode() + _END


def is_whole(document: bytes) -> bool | None:
    """Say whether a document is as ``with_checksum`` left it; None if it has no checksum.

    >>> whole = with_checksum(b'{"a": 1}')
    >>> is_whole(whole), is_whole(whole.replace(b"1", b"2", 1)), is_whole(b'{"a": 1}')
    (True, False, None)
    """
    body, mark, end = document.rpartition(_MARK)
    return end == checksum(body).encode() + _END if mark else None


def stamp(path: Path) -> str:
    """What changes when a file is written to or put in another's place."""
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


class CheckedFiles:
    """The files of one folder that were found whole, with their stamps; remembered from one process to the next."""

    def __init__(self, folder: str) -> None:
        self._file = cache_dir() / "checked" / hashlib.blake2b(folder.encode(), digest_size=12).hexdigest()
        self._known: dict[str, str] = {}
        with suppress(OSError):
            lines = self._file.read_bytes().decode(errors="replace").splitlines()
            self._known = dict(line.split("\t", 1) for line in lines if "\t" in line)
            if len(lines) > _MAX_LINES:
                self._shorten()

    def knows(self, name: str, stamp: str, checksum: str) -> bool:
        """Whether a file with this stamp was found to have this checksum."""
        return self._known.get(name) == f"{stamp}\t{checksum}"

    def add(self, name: str, stamp: str, checksum: str) -> None:
        """Remember a file that was found whole; where the cache takes no more, only in this process."""
        self._known[name] = f"{stamp}\t{checksum}"
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            line = f"{name}\t{self._known[name]}\n".encode()
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)

    def _shorten(self) -> None:
        from .atomic import write

        self._known = dict(list(self._known.items())[-_MAX_LINES // 2 :])
        write(self._file, "".join(f"{name}\t{rest}\n" for name, rest in self._known.items()))
