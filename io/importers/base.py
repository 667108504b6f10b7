"""What every importer gives: chunks of rows in the store's schemas, and the rows that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class BadRow:
    """A record that was not taken: where it stood, why, and its raw text."""

    line: int
    reason: str
    raw: str


@dataclass
class Chunk:
    """A part of a source, read: frames by table name (columns of the schema, without provenance), and bad rows.

    Reading a source twice gives the same chunks in the same order: a killed import resumes by skipping whole chunks.
    """

    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
