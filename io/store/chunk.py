"""What a store takes in: rows by table, and the records that were refused."""

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
    ``notes`` counts what was left out for a reason that is no fault of a row (a repeated frame); ``facts`` says what
    was decided about the file (its price unit, its time zone).
    """

    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    before: dict[str, int] = field(default_factory=dict)  #: rows that an import of the file's beginning brought
