"""Tapes on disk: columns that are mapped into memory, kept in the cache folder for the next command.

``tape.json`` has the checksum of every column and its own. A tape that is not as it was written is made again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ....io.ground import atomic
from ....io.ground.checksums import Checked, checksum, file_checksum, is_whole, stamp, with_checksum
from ....io.ground.errors import note
from ..state import Columns
from .tape import Coverage, Market, Tape

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
        (beside / FACTS).write_bytes(with_checksum(json.dumps(facts).encode()))


def load(folder: Path) -> Tape | None:
    """Map a saved tape into memory; None if there is none, or if it is damaged: then it is removed."""
    if not folder.exists():
        return None
    try:
        facts = _checked_facts(folder)
        if facts is not None:
            return _mapped_tape(folder, facts)
    except OSError:  # a file of it is gone or cannot be read
        pass
    note(f"the kept tape {folder} is damaged and is made again")
    atomic.discard(folder)
    return None


def _checked_facts(folder: Path) -> dict[str, Any] | None:
    """What ``tape.json`` says, once it and all columns were found to be as they were written."""
    document = (folder / FACTS).read_bytes()
    if not is_whole(document):
        return None
    facts: dict[str, Any] = json.loads(document)
    paths = {name: folder / f"{name}.npy" for name in COLUMNS}
    stamps, total = " ".join(map(stamp, paths.values())), checksum(document)
    known = _checked(folder.parent)
    if not known.knows(folder.name, stamps, total):
        if any(file_checksum(path) != facts["files"][name] for name, path in paths.items()):
            return None
        known.add(folder.name, stamps, total)
    return facts


@cache
def _checked(folder: Path) -> Checked:
    return Checked(str(folder))


def _mapped_tape(folder: Path, facts: dict[str, Any]) -> Tape:
    columns = Columns(*(_mapped(folder / f"{name}.npy") for name in Columns._fields))
    named = facts["market"] | {"fee_history": tuple(tuple(row) for row in facts["market"]["fee_history"])}
    market, coverage = Market(**named), Coverage(**facts["coverage"])
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
