"""Which format a file is of: the registry of importers, and why one was chosen."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from pathlib import Path

from ..ground.errors import InputError
from .base import Importer, Options, Sample
from .recordings.events import EventCsv
from .recordings.level_files import KALSHIEYE, PMXT, POLYMARKET, PREDICTIONDATA
from .recordings.pages import Pages, fields_in, whole_document
from .recordings.polled import PolledBooks
from .stream.polymarket import POLYMARKET_STREAM, POLYMARKET_TRADES
from .stream.websocket import WebSocketCapture
from .tables.flat import header, json_records, reach, renamed
from .tables.markets import MARKETS
from .tables.own import OWN, SETTLED
from .tables.quotes import BID_QUOTES, QUOTES, SPOT_QUOTES
from .tables.trades import TRADES
from .tables.underlying import BARS, UNDERLYING
from .values import arrow
from .values.lines import TextBlock, Unzipped, open_bytes, read_into
from .values.unpacking import FilePart

#: Every importer, the particular before the general: the first that recognises a file reads it.
IMPORTERS: tuple[Importer, ...] = (
    WebSocketCapture(),
    PolledBooks(),
    Pages(),
    EventCsv(),
    POLYMARKET,
    POLYMARKET_STREAM,
    POLYMARKET_TRADES,
    PMXT,
    KALSHIEYE,
    PREDICTIONDATA,
    SETTLED,
    OWN,
    SPOT_QUOTES,
    BID_QUOTES,
    QUOTES,
    BARS,
    TRADES,
    MARKETS,
    UNDERLYING,
)

_JSON_ONLY = [importer for importer in IMPORTERS if isinstance(importer, WebSocketCapture | PolledBooks | Pages)]
_HEAD_BYTES = 1 << 20
_HEAD_RECORDS = 50


@dataclass(frozen=True)
class Recognised:
    """A file and the importer that will read it."""

    path: Path
    importer: Importer
    why: str
    unit_beside: str | None = None  #: price unit of the folder's files, where this one leaves it open
    name: str = ""  #: what the file is called: its path, or that of what it is a part of
    part: FilePart | None = None  #: keeps what was unpacked


def by_name(name: str) -> Importer:
    """Return the importer of a ``--format``."""
    for importer in IMPORTERS:
        if importer.name == name:
            return importer
    raise InputError(f"format {name!r} is not known; known: {', '.join(importer.name for importer in IMPORTERS)}")


def recognise(path: Path, options: Options) -> Recognised:
    """Find the importer of a file, or say which columns were found and which format is nearest.

    >>> recognise(Path("/nowhere.csv"), Options())
    Traceback (most recent call last):
    touchline.io.ground.errors.InputError: /nowhere.csv: cannot be read: No such file or directory
    """
    sample = sample_of(path, options)
    if options.format is not None:
        importer = by_name(options.format)
        lacking = importer.lacks(sample)
        if lacking:
            raise InputError(f"{path}: format {importer.name} needs {_listed(lacking)}; {_found(sample)}; see map=")
        return _readable(sample, importer, "named by format=")
    for importer in IMPORTERS:
        why = importer.recognises(sample)
        if why is not None:
            return _readable(sample, importer, why)
    hint = _hint(sample)
    if hint is not None:
        raise InputError(f"{path}: {hint}")
    fitting = [
        importer for importer in IMPORTERS if sample.container in ("json", "jsonl") or importer not in _JSON_ONLY
    ]
    nearest = min(fitting, key=lambda importer: len(importer.lacks(sample)))
    raise InputError(
        f"{path}: no format fits; {_found(sample)}; the nearest is {nearest.name} ({nearest.title}), "
        f"which lacks {_listed(nearest.lacks(sample))}; name columns with map= or the format with format="
    )


def _hint(sample: Sample) -> str | None:
    """Say what to do with what is known and cannot be read as it is."""
    columns = set(sample.columns)
    if columns <= {"t", "p"}:
        return (
            "a history of prices, without bids, sizes or trades, that nothing can trade against; to use it as a signal "
            "read it as an underlying: format='underlying', map={'ts': 't', 'value': 'p'}, underlying='NAME'"
        )
    if "market_ticker" in columns and "side" in columns and columns & {"delta", "delta_fp"}:
        return (
            "changes of books alone, and a book begins with a snapshot; import the folder of the recording at "
            "once, its files named for their types of message (orderbook_snapshot.jsonl, orderbook_delta.jsonl)"
        )
    return None


def _readable(sample: Sample, importer: Importer, why: str) -> Recognised:
    if sample.container == "json" and not isinstance(importer, Pages):
        raise InputError(
            f"{sample.path}: one JSON object over several lines, where {importer.name} has an object a line"
        )
    return Recognised(sample.path, importer, why, name=str(sample.path))


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
                f"{path}: map= names {_listed(missing)}, which the file does not have; "
                f"it has {_listed([*columns, *sorted(held)])}"
            )
    return Sample(path, container, tuple(renamed(columns, renames)), records)


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


def _found(sample: Sample) -> str:
    return f"found columns {_listed(sample.columns)}"


def _listed(names: Iterable[str]) -> str:
    shown = [name[:40] for name in islice(names, 20)]
    return ", ".join(shown)
