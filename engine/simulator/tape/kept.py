"""Tapes on disk: columns that are mapped into memory, kept in the cache folder for the next command.

``tape.json`` has the checksum of every column and its own, and the tape's digest, by which results name it. Both are
held against the columns before a tape's first use and after a change of its files. A tape that differs is made again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ....io.ground import atomic
from ....io.ground.checksums import CheckedFiles, checksum, file_checksum, is_whole, stamp, with_checksum
from ....io.ground.errors import note
from ....io.ground.progress import Progress
from ..state import Columns
from .tape import Coverage, Tape, TapeMarket, digest_of

FACTS = "tape.json"
COLUMNS = (*Columns._fields, "values")


def keep(tape: Tape, folder: Path) -> Tape:
    """Save a tape and return it mapped from there; where the cache takes no more, the tape itself."""
    try:
        save(tape, folder)
    except OSError as error:
        note(f"the tape of {tape.market.ticker} is not kept in {folder.parent}: {error.strerror or error}")
        return tape
    return load(folder) or tape


def save(tape: Tape, folder: Path) -> None:
    """Write a tape as memory-mappable columns, all or nothing; one that is there already stays."""
    with atomic.writing_folder(folder) as beside:
        for name, column in zip(COLUMNS, (*tape.columns, tape.values), strict=True):
            np.save(beside / f"{name}.npy", column)
        facts = {"market": asdict(tape.market), "coverage": asdict(tape.coverage), "digest": tape.digest}
        facts |= {"depth": tape.depth, "book": tape.book, "notes": list(tape.notes), "begun": tape.begun}
        facts["files"] = {name: file_checksum(beside / f"{name}.npy") for name in COLUMNS}
        document, stamps = with_checksum(json.dumps(facts).encode()), _stamps(beside)
        (beside / FACTS).write_bytes(document)
    _checked(folder.parent).add(folder.name, stamps, checksum(document))


def load(folder: Path) -> Tape | None:
    """Map a saved tape into memory; None if there is none, or if it is damaged: then it is removed."""
    if not folder.exists():
        return None
    tape = _whole(folder, again=False)
    if tape is None:
        note(f"the kept tape {folder} is damaged and is made again")
        atomic.discard(folder)
    return tape


def check_kept(tapes: Path, step: Progress) -> tuple[int, int]:
    """Read every byte of the tapes in a folder and remove the damaged ones; says how many there are and were damaged.

    ``step`` hears of tapes done and in all.
    """
    folders = sorted(path for path in tapes.glob("[!.]*") if path.is_dir())
    damaged = 0
    for index, folder in enumerate(folders):
        if _whole(folder, again=True) is None:
            damaged += 1
            atomic.discard(folder)
        step(index + 1, len(folders))
    return len(folders), damaged


def _whole(folder: Path, *, again: bool) -> Tape | None:
    """The tape of a folder, or None if it is not what was saved; ``again`` reads what was found whole before, too."""
    try:
        document = (folder / FACTS).read_bytes()
        if not is_whole(document):
            return None
        facts: dict[str, Any] = json.loads(document)
        known, stamps, total = _checked(folder.parent), _stamps(folder), checksum(document)
        is_known = not again and known.knows(folder.name, stamps, total)
        if not is_known and any(file_checksum(folder / f"{name}.npy") != facts["files"][name] for name in COLUMNS):
            return None
        tape = _mapped_tape(folder, facts)
        if not is_known:
            if digest_of(tape.market, tape.columns, tape.values, tape.begun) != tape.digest:
                return None
            known.add(folder.name, stamps, total)
    except (OSError, ValueError, KeyError, TypeError):  # a file of it is gone, cannot be read, or is another's
        return None
    return tape


def _stamps(folder: Path) -> str:
    return " ".join(stamp(folder / f"{name}.npy") for name in COLUMNS)


@cache
def _checked(folder: Path) -> CheckedFiles:
    return CheckedFiles(str(folder))


def _mapped_tape(folder: Path, facts: dict[str, Any]) -> Tape:
    columns = Columns(*(_mapped(folder / f"{name}.npy") for name in Columns._fields))
    listed = {name: tuple(tuple(row) for row in facts["market"][name]) for name in ("fee_history", "closes")}
    market, coverage = TapeMarket(**facts["market"] | listed), Coverage(**facts["coverage"])
    values = _mapped(folder / "values.npy")
    return Tape(
        market, columns, values, coverage, facts["digest"], facts["depth"], facts["book"], tuple(facts["notes"]),
        facts["begun"],
    )  # fmt: skip


def _mapped(path: Path) -> np.ndarray[Any, Any]:
    """Map a column copy-on-write: kernels are compiled for arrays that may be written."""
    if np.load(path, mmap_mode="r").size == 0:
        return np.load(path)
    return np.asarray(np.load(path, mmap_mode="c")).view(np.ndarray)
