"""Find results, stores and sessions in folders, and say in a line what each is; nothing is run for that."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ...io.ground.errors import InputError, TouchlineError
from ...strategies.pipeline.scorers.trained import RECORD as MODEL_RECORD
from ...strategies.pipeline.scorers.trained import read_trained
from ..results.result_files import RECORD, SWEEP_RECORD, read_json

#: How deep folders are looked through, and how many of them.
DEEP, MOST = 6, 20_000
#: What marks a store: the list of its committed files; and a live session.
_STORE, _SESSION = "manifests", "settings.toml"


@dataclass(frozen=True)
class Found:
    """One thing that was found: its name in addresses, where it lies, what it is."""

    id: str
    folder: Path
    kind: str  #: replay, replays, bets, sweep, model, store, session, or damaged
    record: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""  #: why it cannot be read
    changed: float = 0.0  #: when its record was written, seconds since 1970


def name_of(folder: Path) -> str:
    """Return the name that stands for a folder in addresses.

    >>> len(name_of(Path("results/replay")))
    12
    """
    return hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]


class Folders:
    """What lies in the folders that a user named; read again when it has changed."""

    def __init__(self, roots: Sequence[Path], stores: Sequence[str] = ()) -> None:
        self.roots = [root.expanduser().absolute() for root in roots]
        self.stores = {name_of(Path(store)): store for store in stores}
        self._known: dict[Path, tuple[float, Found]] = {}
        self._others: dict[str, Found] = {}  #: stores and sessions

    def list(self) -> list[Found]:
        """Look again, and return what is there, the newest first."""
        found = {one.id: one for root in self.roots for one in self._below(root)}
        return sorted(found.values(), key=lambda one: -one.changed)

    def get(self, name: str) -> Found:
        """Return what has a name."""
        if (other := self._others.get(name)) is not None and other.folder.is_dir():
            return other
        for folder, (_, one) in self._known.items():
            if one.id == name and (found := self._read(folder)) is not None:
                return found
        for one in self.list():
            if one.id == name:
                return one
        raise InputError(f"there is no result {name[:20]!r} in the folders that are shown; look at the list again")

    def store(self, name: str) -> str:
        """Return the place of a store that has a name: of those found, and of those that were named."""
        if name in self.stores:
            return self.stores[name]
        found = self.get(name)
        if found.kind != "store":
            raise InputError(f"{found.folder} is no store")
        return str(found.folder)

    def _below(self, root: Path) -> Iterator[Found]:
        looked = 0
        for here, below, files in os.walk(root):
            looked += 1
            folder = Path(here)
            deep = len(folder.parts) - len(root.parts)
            names = {*below, *files}
            if kind := kind_of(folder, names):
                below.clear()
                found = Found(name_of(folder), folder, kind, changed=folder.stat().st_mtime)
                self._others[found.id] = found
                yield found
                continue
            if (one := self._read(folder)) is not None:
                yield one
                if one.kind != "replays":  # its markets lie below it
                    below.clear()
            below[:] = [] if deep >= DEEP or looked > MOST else sorted(b for b in below if not b.startswith("."))

    def _read(self, folder: Path) -> Found | None:
        for name in (SWEEP_RECORD, RECORD, MODEL_RECORD):
            path = folder / name
            try:
                changed = path.stat().st_mtime
            except OSError:
                continue
            if (known := self._known.get(folder)) and known[0] == changed:
                return known[1]
            found = _told(folder, path, changed)
            self._known[folder] = changed, found
            return found
        return None


def kind_of(folder: Path, names: set[str]) -> str:
    """Return whether a folder is a store, a live session, or neither: empty."""
    if _STORE in names and (folder / _STORE).is_dir():
        return "store"
    return "session" if _SESSION in names and (folder / "journal").is_dir() else ""


def _told(folder: Path, path: Path, changed: float) -> Found:
    name = name_of(folder)
    try:
        if path.name == MODEL_RECORD:
            return Found(name, folder, "model", msgspec.to_builtins(read_trained(folder)), changed=changed)
        record = read_json(path)
    except (TouchlineError, OSError) as error:
        return Found(name, folder, "damaged", problem=str(error), changed=changed)
    kind = "sweep" if path.name == SWEEP_RECORD else str(record.get("kind", "replay"))
    if kind not in ("replay", "replays", "bets", "sweep"):
        return Found(name, folder, "damaged", problem=f"a result of kind {kind!r}, of another version", changed=changed)
    return Found(name, folder, kind, record, changed=changed)
