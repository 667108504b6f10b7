"""The manifests: which files are committed, what is in them, and which imports they came from.

A manifest is one small JSON file with a number. An import adds the files it wrote; a snapshot (made by
compaction) states all files and imports anew, and the manifests before it no longer count. What the last
snapshot and the manifests after it say is the store; a file that none of them names does not exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import msgspec

from ...ground.checksums import is_whole, with_checksum
from ...ground.errors import DamagedError, InputError
from .place import Place

#: Manifests of format 2 carry a checksum; those of format 1, of before 0.2.0, have none.
FORMAT = 2
FOLDER = "manifests"
#: Stands for a missing sequence number: before all others.
NO_SEQ = -(2**63)
#: Files that a snapshot replaced are kept this long for readers that asked for them earlier.
KEEP_SECONDS = 3600.0


class StoredFile(msgspec.Struct, frozen=True):
    """One committed Parquet file and the bounds that spare opening it."""

    table: str
    name: str
    rows: int
    size: int  # bytes
    first: tuple[str, int, int]  # (name, time, seq) of the first row in the table's order
    last: tuple[str, int, int]
    low: tuple[int, int]  # least (time, seq) of any row
    high: tuple[int, int]
    keyed: bool  # whether some row has a natural key
    checksum: str | None = None  # of the file's bytes; None in stores of before 0.2.0


class ImportRecord(msgspec.Struct, frozen=True):
    """What one import brought."""

    import_id: str
    digest: str
    source: str
    label: str
    finished: int  # ns UTC
    seconds: float
    rows: dict[str, int]
    duplicates: dict[str, int]
    quarantined: int
    quarantine: str | None  # name of the file of bad rows
    tickers: int
    start: int | None  # ns UTC of the first and last row
    end: int | None
    conflicts: list[str] = []  # results that contradict those known before
    same_as: str | None = None  # the import whose rows are the same, so that none were stored again
    size: int = 0  # bytes of the file, if it is one and stands alone; 0: not known
    grown_from: str | None = None  # the import of the beginning of this file, whose rows were left out


class Manifest(msgspec.Struct, frozen=True):
    """One committed change."""

    number: int
    snapshot: bool
    imports: list[ImportRecord]
    files: list[StoredFile]
    replaced: list[str] = []  # files a snapshot no longer names; removed later
    made: int = 0  # ns UTC
    format: int = FORMAT


@dataclass(frozen=True)
class StoreState:
    """What is committed at one moment; files in the order in which they were imported."""

    number: int = 0
    imports: tuple[ImportRecord, ...] = ()
    files: dict[str, tuple[StoredFile, ...]] = field(default_factory=dict)
    manifests: tuple[str, ...] = ()

    def imported(self, digest: str) -> ImportRecord | None:
        """The import of this content, if it was committed."""
        return next((record for record in self.imports if record.digest == digest), None)

    @property
    def epoch(self) -> int:
        """A number that changes with the imports that are committed; compaction leaves it as it is."""
        told = hashlib.sha256("".join(record.import_id for record in self.imports).encode()).digest()
        return int.from_bytes(told[:7])

    def select(
        self, table: str, tickers: Collection[str] | None, start: int | None, end: int | None
    ) -> list[StoredFile]:
        """The files that may hold rows of these tickers with start <= time < end."""
        return [
            file
            for file in self.files.get(table, ())
            if (start is None or file.high[0] >= start)
            and (end is None or file.low[0] < end)
            and (tickers is None or any(file.first[0] <= ticker <= file.last[0] for ticker in tickers))
        ]


def fingerprint(files: Sequence[StoredFile]) -> str:
    """A hash of the files' identities and contents; names alone may stand for other rows in a store made anew."""
    said = sorted(f"{f.name} {f.rows} {f.size} {f.checksum}" for f in files)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def name_of(number: int) -> str:
    """The name of the manifest with a number."""
    return f"{FOLDER}/{number:08d}.json"


def commit(place: Place, manifest: Manifest) -> bool:
    """Make a change visible; False if another writer took the number."""
    return place.create(name_of(manifest.number), with_checksum(msgspec.json.encode(manifest)))


def read_manifest(place: Place, name: str) -> Manifest:
    """Read a manifest and see that it is as it was written."""
    document, url = place.read(name), place.url(name)
    whole = is_whole(document)
    damaged = DamagedError(f"{url} is damaged; bring back a copy of it, or import the sources into a new store")
    if whole is False:
        raise damaged
    try:
        manifest = msgspec.json.decode(document, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{url} is not a manifest of this store: {error}") from None
    if manifest.format > FORMAT:
        raise InputError(f"{url} has format {manifest.format}, this version reads up to {FORMAT}; upgrade touchline")
    if whole is None and manifest.format > 1:
        raise damaged
    return manifest


class Ledger:
    """Reads the manifests of a place, each only once."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._read: dict[str, Manifest] = {}
        self._state = StoreState()

    def state(self) -> StoreState:
        """What is committed now."""
        while True:
            names = tuple(self._place.names(FOLDER))
            if names == self._state.manifests:
                return self._state
            try:
                self._state = _fold(names, self._since_snapshot(names))
            except FileNotFoundError:  # removed since we listed, so that a newer snapshot has taken its place
                continue
            return self._state

    def snapshots(self) -> list[Manifest]:
        """The snapshots whose manifests are still there, oldest first."""
        return [manifest for name in self._place.names(FOLDER) if (manifest := self._load(name)).snapshot]

    def _since_snapshot(self, names: Sequence[str]) -> list[Manifest]:
        """The last snapshot, if there is one, and what follows it."""
        manifests: list[Manifest] = []
        for name in reversed(names):
            manifests.insert(0, self._load(name))
            if manifests[0].snapshot:
                break
        return manifests

    def _load(self, name: str) -> Manifest:
        if name in self._read:
            return self._read[name]
        self._read[name] = manifest = read_manifest(self._place, name)
        return manifest


def _fold(names: tuple[str, ...], manifests: list[Manifest]) -> StoreState:
    imports: list[ImportRecord] = []
    files: dict[str, list[StoredFile]] = {}
    for manifest in manifests:
        imports += manifest.imports
        for file in manifest.files:
            files.setdefault(file.table, []).append(file)
    number = manifests[-1].number if manifests else 0
    return StoreState(number, tuple(imports), {table: tuple(found) for table, found in files.items()}, names)
