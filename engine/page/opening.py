"""Results and tapes that the page has open: each is read once, and only so many tapes stay."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ...io.ground.errors import InputError
from ...io.store.store import Store
from ...strategies.own_file import Trust, trusting
from ..results.results import Recorded, Sweep, read_results
from ..runs.replayed import ReplaySettings, recorded_settings, tape_and_model
from ..simulator.prepare import parameter_values
from ..simulator.tape.source import compile_tape
from .asked_again import cell_settings
from .folders import Folders, Found
from .timeline import Market, Timeline

if TYPE_CHECKING:
    from ..results.evidence import Evidence

#: Tapes and results that stay open; the one that was not looked at the longest goes.
TAPES, RESULTS = 3, 8
T = TypeVar("T")


class _Shelf:
    """Things that take a while to make, by key: made once, whoever asks meanwhile waits."""

    def __init__(self, room: int) -> None:
        self._room, self._lock = room, threading.Lock()
        self._kept: OrderedDict[Any, Any] = OrderedDict()
        self._making: dict[Any, threading.Lock] = {}

    def get(self, key: object, make: Callable[[], T]) -> T:
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key]
            made = make()
            with self._lock:
                self._kept[key] = made
                while len(self._kept) > self._room:
                    gone, _ = self._kept.popitem(last=False)
                    self._making.pop(gone, None)
            return made


class OpenResults:
    """What the views look at, from the folders that a user named."""

    def __init__(self, folders: Folders, trust: Trust = ()) -> None:
        self.folders, self.trust = folders, trust
        self._results, self._tapes, self._judged = _Shelf(RESULTS), _Shelf(TAPES), _Shelf(RESULTS)

    def result(self, name: str) -> Recorded:
        """Return a result with its frames."""
        found = self.folders.get(name)
        if found.kind in ("store", "session", "model", "damaged"):
            raise InputError(found.problem or f"{found.folder} is no result")
        return self._results.get((name, found.changed), lambda: read_results(found.folder))

    def sweep(self, name: str) -> Sweep:
        """Return a sweep."""
        found = self.result(name)
        if not isinstance(found, Sweep):
            raise InputError(f"{found.folder} is no sweep")
        return found

    def evidence(self, name: str) -> Evidence:
        """Return what the data says of a sweep's choice; weighed once."""
        from ..results.evidence import judge

        found = self.sweep(name)
        return self._judged.get((name, self.folders.get(name).changed), lambda: judge(found))

    def settings(self, name: str, cell: int | None, market: str) -> ReplaySettings:
        """Return what a replay, or a sweep's cell on a market, was asked for."""
        found = self.folders.get(name)
        if found.kind == "sweep":
            if cell is None:
                raise InputError("of a sweep one cell is replayed: the address lacks cell=")
            asked = cell_settings(self.sweep(name), cell, market)
        elif found.kind == "replay":
            asked = recorded_settings(found.record, str(found.folder))
        else:
            raise InputError(f"{found.folder} holds {found.kind}; a replay or a sweep's cell is travelled through")
        return msgspec.structs.replace(asked, store=self.place(asked.store))

    def timeline(self, name: str, cell: int | None, market: str) -> Timeline:
        """Return a replay to travel through, walked on the spot."""
        found = self.folders.get(name)
        return self._tapes.get((name, found.changed, cell, market), lambda: self._walked(found, cell, market))

    def market(self, store: str, ticker: str) -> Market:
        """Return a market of a store to travel through."""
        place = self.folders.store(store)

        def made() -> Market:
            return Market(compile_tape(Store(place), ticker))

        return self._tapes.get((store, ticker), made)

    def place(self, recorded: object) -> str:
        """Return where a recorded store is. A record may be a stranger's: it opens no place beyond this machine."""
        if not isinstance(recorded, str):
            raise InputError("this result was made on data in memory, so there is no store to look into")
        named = list(self.folders.stores.values())
        if recorded in named or ("://" not in recorded and Path(recorded).is_dir()):
            return recorded
        if len(named) == 1:
            return named[0]
        raise InputError(f"the store {recorded} is not there; say where it is now with store=")

    def _walked(self, found: Found, cell: int | None, market: str) -> Timeline:
        asked = self.settings(found.id, cell, market)
        with trusting(self.trust, found.folder):
            tape, model = tape_and_model(asked)
        return Timeline(tape, model, parameter_values(model, tape, asked.parameters), asked.assumptions)
