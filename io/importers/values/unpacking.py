"""Files that hold other files, tables or one long JSON list: unpacked beside, into what the importers read.

A zip gives its members, an SQLite database its tables, a JSON list its items, one a line. All of it is bounded: what
unpacks to far more than it should ends with a line, and so does what holds containers in containers.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import msgspec

from ...ground.errors import InputError
from .lines import Unzipped, blocks, open_bytes, read_into

#: Endings of files that may hold data; what else lies in a folder or a zip is not looked at.
ENDINGS = (
    ".csv", ".jsonl", ".ndjson", ".json", ".parquet", ".txt", ".log", ".feather", ".arrow", ".zip",
    ".sqlite", ".sqlite3", ".db",
)  # fmt: skip
COMPRESSED = (".gz", ".bz2", ".xz")
#: A document that is one JSON list may be so long; a longer one has to be cut into lines.
_LONGEST_LIST = 1 << 30
#: Lists in lists are opened so deep.
_DEEPEST = 3
_LARGEST_MEMBER, _MOST_TIMES, _PIECE = 256 << 20, 500, 1 << 20
_HISTORY = re.compile(rb'{\s*"history"\s*:\s*\[')
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class _History(msgspec.Struct):
    """An answer with the prices of one market over time."""

    history: list[msgspec.Raw]


class ScratchFolder:
    """A folder that lasts as long as this object."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="touchline-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True)
class FilePart:
    """A file to read, and what it is called: itself, or a part of another, for as long as ``folder`` is kept."""

    path: Path
    name: str
    folder: ScratchFolder | None = None


def may_hold_data(path: Path) -> bool:
    """Whether a file in a folder is looked at."""
    name = path.name.lower()
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    return name.endswith(ENDINGS)


def unpacked(path: Path) -> Iterator[FilePart]:
    """Give the parts of a container, or the file itself."""
    try:
        with path.open("rb") as file:
            begin = file.read(16)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if begin.startswith(b"PK\x03\x04"):
        yield from _members(path)
    elif begin == b"SQLite format 3\0":
        yield from _tables(path)
    elif _is_list(path):
        folder = ScratchFolder()
        yield FilePart(_listed(path, _beside(folder, path, path.name)), str(path), folder)
    else:
        yield FilePart(path, str(path))


def _beside(folder: ScratchFolder, path: Path, name: str) -> Path:
    """Where a part is unpacked: its file and folder keep their names, which may say a ticker."""
    place = folder.path / (path.parent.name or "root")
    place.mkdir(exist_ok=True)
    stem = re.sub(r"[^\w.\-]", "_", name)
    for ending in (*COMPRESSED, ".json", ".zip"):
        stem = stem.removesuffix(ending)
    return place / f"{stem}.jsonl"


def _members(path: Path) -> Iterator[FilePart]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir() and may_hold_data(Path(one.filename))]
            if not members:
                raise InputError(f"{path}: the zip holds no data file; known endings: {', '.join(ENDINGS)}")
            for one in members:
                yield _member(path, archive, one)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError) as error:
        raise InputError(f"{path}: not a readable zip: {error}") from None


def _member(path: Path, archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> FilePart:
    name = f"{path}/{one.filename}"
    if one.flag_bits & 1:
        raise InputError(f"{name}: is encrypted; unpack it yourself")
    folder = ScratchFolder()
    target = _beside(folder, path, Path(one.filename).name).with_suffix("")
    most, written = max(_LARGEST_MEMBER, _MOST_TIMES * one.compress_size), 0
    with archive.open(one) as source, target.open("wb") as copy:
        while piece := source.read(_PIECE):
            written += len(piece)
            if written > most:
                raise InputError(f"{name}: unpacks to over {_MOST_TIMES} times its size, as no recording does")
            copy.write(piece)
    with target.open("rb") as file:
        begin = file.read(16)
    if begin.startswith(b"PK\x03\x04") or begin == b"SQLite format 3\0":
        raise InputError(f"{name}: holds files or tables inside a zip; unpack the zip first")
    if _is_list(target):
        listed = target.with_name(f"{target.name}.listed.jsonl")
        return FilePart(_listed(target, listed, name), name, folder)
    return FilePart(target, name, folder)


def _tables(path: Path) -> Iterator[FilePart]:
    database = None
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        database.text_factory = lambda text: text.decode("utf-8", errors="replace")
        query = (
            "select name from sqlite_master where type = 'table' and name not like 'sqlite^_%' escape '^' order by 1"
        )
        tables = [name for (name,) in database.execute(query)]
        if not tables:
            raise InputError(f"{path}: the database holds no table")
        for table in tables:
            yield _table(database, path, table)
    except sqlite3.Error as error:
        raise InputError(f"{path}: not a readable SQLite database: {error}") from None
    finally:
        if database is not None:
            database.close()


def _table(database: sqlite3.Connection, path: Path, table: str) -> FilePart:
    folder = ScratchFolder()
    target = _beside(folder, path, table)
    quoted = table.replace('"', '""')
    rows = database.execute(f'select * from "{quoted}"')
    columns = [str(column[0]) for column in rows.description]
    with target.open("wb") as file:
        for row in rows:
            values = (None if isinstance(value, bytes) else value for value in row)
            file.write(msgspec.json.encode(dict(zip(columns, values, strict=True))) + b"\n")
    return FilePart(target, f"{path}/{table}", folder)


def _is_list(path: Path) -> bool:
    with open_bytes(path) as file:
        head = _head(path, file)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"[") or _HISTORY.match(text) is not None


def _head(path: Path, file: Unzipped | BufferedReader) -> bytes:
    parts: list[bytes] = []
    try:
        read_into(parts, file, 4096)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be decompressed: {error}") from None
    return b"".join(parts)


def _listed(path: Path, target: Path, name: str | None = None) -> Path:
    """Write the items of a JSON list, or of a list a line, one a line, their numbers as they stand."""
    said = name or str(path)
    with target.open("wb") as file:
        first = True
        for block in blocks(path, quoted=False):
            for line in block.text.split(b"\n"):
                if first and line.strip():
                    first = False
                    if not _is_whole(line):
                        file.writelines(_items(_whole(path, said), said))
                        return target
                file.writelines(_items_or_line(line, said))
            if block.damage:
                raise InputError(f"{said}: {block.damage}")
    return target


def _is_whole(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _whole(path: Path, said: str) -> bytes:
    parts: list[bytes] = []
    with open_bytes(path) as file:
        try:
            read_into(parts, file, _LONGEST_LIST + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{said}: cannot be decompressed: {error}") from None
    text = b"".join(parts)
    if len(text) > _LONGEST_LIST:
        raise InputError(f"{said}: a JSON list of over 1 GB; write an item a line (jq -c '.[]') and import that")
    return text.removeprefix(b"\xef\xbb\xbf")


def _items_or_line(line: bytes, said: str) -> Iterator[bytes]:
    """Open a line that is a list; any other line is left to the importer, which says what is wrong with it."""
    if line.lstrip().startswith(b"[") or _HISTORY.match(line.lstrip()):
        yield from _items(line, said)
    elif line.strip():
        yield line + b"\n"


def _items(text: bytes, said: str, depth: int = 1) -> Iterator[bytes]:
    try:
        history = _HISTORY.match(text.lstrip()) is not None
        items = msgspec.json.decode(text, type=_History).history if history else _LIST.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{said}: not a JSON list: {error}") from None
    for item in items:
        raw = bytes(item)
        if raw.startswith(b"["):
            if depth == _DEEPEST:
                raise InputError(f"{said}: lists more than {_DEEPEST} deep; write an object a line")
            yield from _items(raw, said, depth + 1)
        elif raw.startswith(b"{"):
            yield (msgspec.json.format(raw, indent=-1) if b"\n" in raw else raw) + b"\n"
        else:
            raise InputError(
                f"{said}: lists of values without names; write a CSV with a header, or an object a line that names each"
            )
