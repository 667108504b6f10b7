"""Reading a whole file at once, for tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from touchline.io.importers.base import Options
from touchline.io.importers.recognise import recognise
from touchline.io.store.chunk import BadRow
from touchline.io.store.schema import TABLES


@dataclass
class Read:
    """Everything an importer gave."""

    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    facts: list[str] = field(default_factory=list)


def read(path: Path, options: Options | None = None) -> Read:
    """Recognise and read a file; check that every frame has its table's columns and order."""
    options = options or Options()
    result = Read()
    for chunk in recognise(path, options).importer.read(path, options):
        for name, frame in chunk.tables.items():
            assert dict(frame.schema) == TABLES[name].columns
            result.tables[name] = pl.concat([result.tables[name], frame]) if name in result.tables else frame
        result.bad += chunk.bad
        result.notes.update(chunk.notes)
        result.facts += chunk.facts
    return result


def read_text(folder: Path, name: str, text: str | bytes, options: Options | None = None) -> Read:
    """Write a file and read it."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path, options)
