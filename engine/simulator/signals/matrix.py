"""A tape's signals as one matrix, a row an event: computed once, kept with the tapes, shared by all cells.

It is computed again only when the tape, a definition, a file or another market has changed.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from ....features.signals.signal import Signal, column_names, definitions
from ....io.ground import atomic
from ....io.ground.cache import cache_dir
from ....io.ground.checksums import CheckedFiles, checksum, file_checksum, is_whole, stamp, with_checksum
from ....io.ground.errors import note
from ....io.ground.made_of import made_of
from ....io.ground.progress import Progress
from ..state import F64
from ..tape.tape import Tape
from .book import change_nb, near_nb
from .build import EVENT, WALK
from .course import Course
from .elsewhere import known_elsewhere, values_of, versions

COLUMNS, FACTS = "signals.npy", "signals.json"
#: Matrices that this process holds open: a sweep asks for the same one for every block.
MOST_OPEN = 8
#: Events that are walked at once, so that what is written is still near.
SLICE = 1 << 16

_open: dict[str, F64] = {}
_lock = threading.Lock()


def signal_matrix(tape: Tape, signals: Mapping[str, Signal]) -> F64:
    """Return the values of a tape's signals after each event, a column a value."""
    key = _key(tape, signals)
    with _lock:
        if key in _open:
            return _open[key]
        made = _along(tape, signals) if tape.until is not None else _kept(tape, signals, key)
        while len(_open) >= MOST_OPEN:
            del _open[next(iter(_open))]
        _open[key] = made
        return made


def check_kept(matrices: Path, step: Progress) -> tuple[int, int]:
    """Read every byte of the kept signals in a folder and remove the damaged ones. Returns how many there are and were.

    ``step`` hears of tapes done and in all.
    """
    folders = sorted(path for path in matrices.glob("[!.]*") if path.is_dir())
    damaged = 0
    for index, folder in enumerate(folders):
        try:
            _mapped(folder, again=True)
        except (OSError, ValueError, KeyError, TypeError):
            damaged += 1
            atomic.discard(folder)
        step(index + 1, len(folders))
    return len(folders), damaged


def _key(tape: Tape, signals: Mapping[str, Signal]) -> str:
    said = [f"{name} {told}" for name, told in definitions(signals).items()]
    made = [_code(), tape.digest, str(tape.until), *said, *versions(tape, signals)]
    return hashlib.sha256("\0".join(made).encode()).hexdigest()[:24]


@cache
def _code() -> str:
    return "\0".join([WALK, EVENT, *made_of(change_nb, near_nb)])


def _along(tape: Tape, signals: Mapping[str, Signal], out: F64 | None = None) -> F64:
    width = len(column_names(signals))
    rows = np.empty((len(tape), width)) if out is None else out
    course = Course(signals, tape.grid, known_elsewhere(tape, signals))
    for at in range(0, len(tape), SLICE):
        stop = min(at + SLICE, len(tape))
        course.take(tape.columns, values_of(tape), rows[at:stop], at, stop)
    return rows


def _kept(tape: Tape, signals: Mapping[str, Signal], key: str) -> F64:
    """The matrix from the cache folder, made and kept there at its first use; where that takes no more, in memory."""
    folder = cache_dir() / "signals" / key
    if (found := _loaded(folder)) is not None:
        return found
    try:
        with atomic.writing_folder(folder) as beside:
            shape = (len(tape), len(column_names(signals)))
            rows = np.lib.format.open_memmap(beside / COLUMNS, "w+", np.float64, shape)
            _along(tape, signals, rows.view(np.ndarray))
            rows.flush()
            del rows
            facts = {"names": column_names(signals), "file": file_checksum(beside / COLUMNS)}
            document = with_checksum(json.dumps(facts).encode())
            (beside / FACTS).write_bytes(document)
            told = stamp(beside / COLUMNS)
        _checked(folder.parent).add(folder.name, told, checksum(document))
    except OSError as error:
        note(f"the signals of {tape.market.ticker} are not kept in {folder.parent}: {error.strerror or error}")
        return _along(tape, signals)
    return found if (found := _loaded(folder)) is not None else _along(tape, signals)


def _loaded(folder: Path) -> F64 | None:
    """Map a kept matrix into memory; None if there is none, or if it is damaged: then it is removed."""
    if not folder.exists():
        return None
    try:
        return _mapped(folder)
    except (OSError, ValueError, KeyError, TypeError):  # a file of it is gone, cannot be read, or is another's
        note(f"the kept signals {folder} are damaged and are made again")
        atomic.discard(folder)
        return None


def _mapped(folder: Path, *, again: bool = False) -> F64:
    """A kept matrix; ``again`` reads what was found whole before, too."""
    document = (folder / FACTS).read_bytes()
    if not is_whole(document):
        raise ValueError(FACTS)
    known, told, total = _checked(folder.parent), stamp(folder / COLUMNS), checksum(document)
    if again or not known.knows(folder.name, told, total):
        if file_checksum(folder / COLUMNS) != json.loads(document)["file"]:
            raise ValueError(COLUMNS)
        known.add(folder.name, told, total)
    return np.asarray(np.load(folder / COLUMNS, mmap_mode="c")).view(np.ndarray)  # kernels may write, in their words


@cache
def _checked(folder: Path) -> CheckedFiles:
    return CheckedFiles(str(folder))
