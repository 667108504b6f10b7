"""Which format a file is of: the registry of importers, and why one was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..ground.errors import InputError
from .base import Importer, Options, Sample
from .recordings.events import EventCsv
from .recordings.level_files import KALSHIEYE, PMXT, POLYMARKET, PREDICTIONDATA
from .recordings.pages import Pages
from .recordings.polled import PolledBooks
from .stream.polymarket import POLYMARKET_STREAM, POLYMARKET_TRADES
from .stream.websocket import WebSocketCapture
from .tables.markets import MARKETS
from .tables.own import OWN, SETTLED
from .tables.programs import PROGRAMS
from .tables.quotes import BID_QUOTES, QUOTES, SPOT_QUOTES
from .tables.trades import TRADES
from .tables.underlying import BARS, UNDERLYING
from .values.beginning import listed, sample_of
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
    PROGRAMS,
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
            raise InputError(f"{path}: format {importer.name} needs {listed(lacking)}; {_found(sample)}; see map=")
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
        f"which lacks {listed(nearest.lacks(sample))}; name columns with map= or the format with format="
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


def _found(sample: Sample) -> str:
    return f"found columns {listed(sample.columns)}"
