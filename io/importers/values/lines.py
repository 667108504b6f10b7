"""Text files as blocks of whole lines, in bounded memory, compressed or not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from ...ground.errors import InputError

BLOCK_BYTES = 32 << 20
_LONGEST_LINE = 256 << 20
_PIECE = 1 << 17
#: A compressed file may unpack to so many bytes, or to so many times its own size if that is more.
_UNPACKED_BYTES, _UNPACKED_TIMES = 256 << 20, 500
_COMPRESSED: Mapping[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_BOM = b"\xef\xbb\xbf"
#: A quoted field may hold this many line ends; a quote open for longer is a stray one.
QUOTED_LINES = 50


@dataclass(frozen=True)
class TextBlock:
    """Whole lines of a file: the number of the first, how many, and why the file stops here if it is damaged."""

    text: bytes
    line: int
    count: int
    damage: str | None = None


class Unzipped:
    """The text of a compressed file; reading stops where it unpacks to far more than any recording does."""

    def __init__(self, path: Path, file: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile) -> None:
        self._path, self._file, self._read = path, file, 0
        self._most = max(_UNPACKED_BYTES, _UNPACKED_TIMES * path.stat().st_size)

    def __enter__(self) -> Unzipped:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read1(self, size: int) -> bytes:
        """Read some bytes, at most ``size``; none at the end."""
        return self._counted(lambda: self._file.read1(size))

    def readline(self, size: int) -> bytes:
        """Read on to the end of the line."""
        return self._counted(lambda: self._file.readline(size))

    def _counted(self, read: Callable[[], bytes]) -> bytes:
        try:
            part = read()
        except lzma.LZMAError as error:
            raise OSError(str(error)) from None
        self._read += len(part)
        if self._read > self._most:
            raise InputError(
                f"{self._path}: unpacks to over {_UNPACKED_TIMES} times its size, as no recording does; "
                "unpack it yourself and import what it holds"
            )
        return part


def open_bytes(path: Path) -> Unzipped | BufferedReader:
    """Open a file for reading, through gzip, bzip2 or xz if its first bytes say so."""
    try:
        with path.open("rb") as file:
            begin = file.read(6)
        for magic, opener in _COMPRESSED.items():
            if begin.startswith(magic):
                return Unzipped(path, opener(path))
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def blocks(path: Path, size: int | None = None, *, quoted: bool = True) -> Iterator[TextBlock]:
    """Cut a file into blocks of whole lines of about ``size`` bytes; the last line needs no line end.

    With ``quoted`` a line end inside a quoted field ends no line.
    """
    size, line, damage = size or BLOCK_BYTES, 1, None
    with open_bytes(path) as file:
        while damage is None:
            parts: list[bytes] = []
            try:
                _read_lines(file, size, parts, quoted)
            except (OSError, EOFError, zlib.error) as error:
                damage = f"the file is damaged after this line ({error}); what follows is lost"
            text = b"".join(parts)
            if line == 1:
                text = text.removeprefix(_BOM)
            if not text and damage is None:
                return
            if len(text) > size + _LONGEST_LINE:
                raise InputError(f"{path}: line {line} or later is longer than {_LONGEST_LINE >> 20} MB: no text file")
            count = count_lines(text)
            yield TextBlock(text, line, count, damage)
            line += count


def _read_lines(file: Unzipped | BufferedReader, size: int, parts: list[bytes], quoted: bool) -> None:
    """Read about ``size`` bytes and on to the end of the line, and of the quoted field if one is open there."""
    read_into(parts, file, size)
    quotes = sum(part.count(b'"') for part in parts) if quoted else 0
    if not quotes:
        if parts and not parts[-1].endswith(b"\n"):
            parts.append(file.readline(_LONGEST_LINE + 1))
        return
    for _ in range(QUOTED_LINES):
        line = file.readline(_LONGEST_LINE + 1)
        parts.append(line)
        quotes += line.count(b'"')
        if not line or quotes % 2 == 0:
            return


def read_into(parts: list[bytes], file: Unzipped | BufferedReader, size: int) -> None:
    """Read about ``size`` bytes; what came before an error in a compressed file stays in ``parts``."""
    if isinstance(file, BufferedReader):
        parts.append(file.read(size))
        return
    while size > 0 and (part := file.read1(_PIECE)):
        parts.append(part)
        size -= len(part)


def count_lines(text: bytes) -> int:
    """Count lines; the last needs no line end."""
    ends = int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == 10))
    return ends + (1 if text and not text.endswith(b"\n") else 0)
