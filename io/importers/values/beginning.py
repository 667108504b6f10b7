"""The beginning of a file: its container, its columns and first records, which tell the format."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from io import BufferedReader
from itertools import islice
from pathlib import Path

from ...ground.errors import InputError
from ..base import Options, Sample
from . import arrow
from .answers import fields_in, whole_document
from .flat import header, json_records, reach, renamed
from .lines import TextBlock, Unzipped, open_bytes, read_into

_HEAD_BYTES = 1 << 20
_HEAD_RECORDS = 50


def sample_of(path: Path, options: Options) -> Sample:
    """Read the beginning of a file."""
    container = _container_of(path)
    renames = {column: name for name, column in options.columns.items()}
    if container in arrow.CONTAINERS.values():
        columns: list[str] = arrow.columns(path, container)
        records: tuple[dict[str, object], ...] = ()
    else:
        with open_bytes(path) as file:
            head = _read(path, file, _HEAD_BYTES)
        text = head.removeprefix(b"\xef\xbb\xbf")
        if container == "csv":
            columns, records = header(text.partition(b"\n")[0])[0], ()
        else:
            whole = text[: text.rfind(b"\n") + 1] or text
            found = json_records(TextBlock(b"\n".join(whole.split(b"\n")[:_HEAD_RECORDS]), 1, _HEAD_RECORDS))[0]
            if not found:
                document = whole_document(path)
                found, container = ([document] if document is not None else []), "json"
            reach(found, renames)
            records = tuple(islice(found, _HEAD_RECORDS))
            columns = list(dict.fromkeys(key for record in records for key in record))
            if not records:
                raise InputError(f"{path}: no line of the first {_HEAD_RECORDS} is a JSON object")
    missing = [column for column in renames if column not in columns]
    if missing:
        held = fields_in(records, renames)
        missing = [column for column in missing if column not in held]
        if missing:
            raise InputError(
                f"{path}: map= names {listed(missing)}, which the file does not have; "
                f"it has {listed([*columns, *sorted(held)])}"
            )
    return Sample(path, container, tuple(renamed(columns, renames)), records)


def _container_of(path: Path) -> str:
    """Tell CSV, JSON lines, Parquet and Arrow apart by the first bytes, not by the name."""
    with open_bytes(path) as file:
        head = _read(path, file, 4096)
    for magic, container in arrow.CONTAINERS.items():
        if head.startswith(magic):
            return container
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InputError(f"{path}: the file is empty")
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path}: the file is UTF-16; convert it to UTF-8 first")
    if text[:1] in b"{[":
        return "jsonl"
    first = text.partition(b"\n")[0]
    if b"\0" in first or sum(byte < 32 and byte not in b"\t\r" for byte in first) or not _is_text(first):
        raise InputError(
            f"{path}: neither CSV, JSON, Parquet, Feather, SQLite nor zip; it begins with {bytes(text[:16])!r}"
        )
    return "csv"


def _read(path: Path, file: Unzipped | BufferedReader, size: int) -> bytes:
    parts: list[bytes] = []
    try:
        read_into(parts, file, size)
    except (OSError, EOFError, zlib.error) as error:
        if not any(parts):
            raise InputError(f"{path}: cannot be decompressed: {error}") from None
    return b"".join(parts)


def _is_text(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > 4000  # a character may be cut at the end of what was read
    return True


def listed(names: Iterable[str]) -> str:
    """Names for a line of text, the first twenty."""
    shown = [name[:40] for name in islice(names, 20)]
    return ", ".join(shown)
